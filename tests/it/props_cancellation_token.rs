//! Cancellation tokens against a forest: who descends from whom, and who has been told to stop.

use crate::props_support::{Waiting, config, pick};
use proptest::{collection::vec, prelude::*};
use raddle_sync::{CancellationToken, DropGuard};

#[derive(Clone, Copy, Debug)]
enum Operation {
    Root,
    Child(u8),
    Clone(u8),
    Cancel(u8),
    /// Drops one handle of one token.
    Drop(u8),
    Guard(u8),
    DropGuard(u8),
    Disarm(u8),
    Wait(u8, bool),
    Poll(u8, bool),
    DropWaiting(u8),
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        1 => Just(Root),
        12 => any::<u8>().prop_map(Child),
        3 => any::<u8>().prop_map(Clone),
        1 => any::<u8>().prop_map(Cancel),
        8 => any::<u8>().prop_map(Drop),
        2 => any::<u8>().prop_map(Guard),
        1 => any::<u8>().prop_map(DropGuard),
        1 => any::<u8>().prop_map(Disarm),
        6 => any::<(u8, bool)>().prop_map(|(which, runs)| Wait(which, runs)),
        4 => any::<(u8, bool)>().prop_map(|(which, another)| Poll(which, another)),
        3 => any::<u8>().prop_map(DropWaiting),
    ]
}

/// A token of the model. It is there until it is cancelled or its last handle is gone; then its children are its
/// parent's.
struct Member {
    parent: Option<usize>,
    handles: usize,
    cancelled: bool,
}

#[derive(Default)]
struct World {
    members: Vec<Member>,
    tokens: Vec<(usize, CancellationToken)>,
    guards: Vec<(usize, DropGuard)>,
    /// Who waits for which token.
    waiting: Vec<(usize, Waiting<'static, bool>)>,
}

impl World {
    fn born(&mut self, parent: Option<usize>, token: CancellationToken) {
        let cancelled = parent.is_some_and(|parent| self.members[parent].cancelled);
        self.members.push(Member { parent, handles: 1, cancelled });
        self.tokens.push((self.members.len() - 1, token));
    }

    fn cancelled(&mut self, member: usize) {
        // Parents come before their children.
        self.members[member].cancelled = true;
        for index in member + 1..self.members.len() {
            let parent = self.members[index].parent;
            let told = parent.is_some_and(|parent| self.members[parent].cancelled);
            self.members[index].cancelled |= told;
        }
    }

    fn handle_gone(&mut self, member: usize) {
        self.members[member].handles -= 1;
        let Member { parent, handles, cancelled } = self.members[member];
        if handles == 0 && !cancelled {
            for other in &mut self.members {
                if other.parent == Some(member) {
                    other.parent = parent;
                }
            }
        }
    }

    fn apply(&mut self, operation: Operation) {
        let (Operation::Child(which)
        | Operation::Clone(which)
        | Operation::Cancel(which)
        | Operation::Drop(which)
        | Operation::Guard(which)
        | Operation::DropGuard(which)
        | Operation::Disarm(which)
        | Operation::Wait(which, _)
        | Operation::Poll(which, _)
        | Operation::DropWaiting(which)) = operation
        else {
            return self.born(None, CancellationToken::new());
        };
        let of_token = pick(which, self.tokens.len());
        let of_guard = pick(which, self.guards.len());
        let of_waiting = pick(which, self.waiting.len());
        match (operation, of_token, of_guard, of_waiting) {
            (Operation::Child(_), Some(index), ..) => {
                let (parent, token) = &self.tokens[index];
                let (parent, child) = (*parent, token.child_token());
                self.born(Some(parent), child);
            }
            (Operation::Clone(_), Some(index), ..) => {
                let (member, token) = self.tokens[index].clone();
                self.members[member].handles += 1;
                self.tokens.push((member, token));
            }
            (Operation::Cancel(_), Some(index), ..) => {
                self.tokens[index].1.cancel();
                self.cancelled(self.tokens[index].0);
            }
            (Operation::Drop(_), Some(index), ..) => {
                let (member, token) = self.tokens.swap_remove(index);
                drop(token);
                self.handle_gone(member);
            }
            (Operation::Guard(_), Some(index), ..) => {
                let (member, token) = self.tokens.swap_remove(index);
                self.guards.push((member, token.drop_guard()));
            }
            (Operation::DropGuard(_), _, Some(index), _) => {
                let (member, guard) = self.guards.swap_remove(index);
                drop(guard);
                self.cancelled(member);
                self.handle_gone(member);
            }
            (Operation::Disarm(_), _, Some(index), _) => {
                let (member, guard) = self.guards.swap_remove(index);
                self.tokens.push((member, guard.disarm()));
            }
            (Operation::Wait(_, runs), Some(index), ..) => {
                let (member, token) = self.tokens[index].clone();
                let cancelled = self.members[member].cancelled;
                // A future of its own that never ends, or just the wait.
                let started = Waiting::start(async move {
                    if runs {
                        let never = std::future::pending::<()>();
                        return token.run_until_cancelled(never).await.is_none();
                    }
                    token.cancelled().await;
                    true
                });
                match started {
                    Ok(told) => assert!(told && cancelled, "nobody has cancelled it"),
                    Err(waiting) => {
                        assert!(!cancelled, "waits for what has happened");
                        self.members[member].handles += 1;
                        self.waiting.push((member, waiting));
                    }
                }
            }
            (Operation::Poll(_, another), .., Some(index)) => {
                let (member, waiting) = &mut self.waiting[index];
                let cancelled = self.members[*member].cancelled;
                assert_eq!(waiting.poll(another).is_ready(), cancelled);
                if cancelled {
                    self.apply(Operation::DropWaiting(index as u8));
                }
            }
            (Operation::DropWaiting(_), .., Some(index)) => {
                let (member, waiting) = self.waiting.swap_remove(index);
                drop(waiting);
                self.handle_gone(member);
            }
            _ => {}
        }
    }

    fn compare(&self) {
        for (member, token) in &self.tokens {
            assert_eq!(token.is_cancelled(), self.members[*member].cancelled, "token {member}");
        }
        for (member, waiting) in &self.waiting {
            let told = self.members[*member].cancelled;
            assert_eq!(waiting.wakes_since_poll(), usize::from(told), "wake-ups for {member}");
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn tokens_are_a_forest(operations in vec(operation(), 1..100)) {
        let mut world = World::default();
        world.apply(Operation::Root);
        for operation in operations {
            world.apply(operation);
            world.compare();
        }
    }
}
