//! How runnable tasks find a worker, and workers find tasks or sleep.
//!
//! ```text
//!   spawn, wake ──► submit.rs ──► LIFO slot, local queue ──────────────► search.rs ──► worker.rs: run one
//!                       └───────► injector (from outside) ─────────────►     ▲             │
//!                                     │ wake a sleeper?  idle.rs, pace.rs    │ steal       │ nothing found
//!                                     └────────────► park.rs ◄───────────────┴─────────────┘
//! ```
//!
//! A worker is a loop on some thread's stack plus a [`slot`](slot::Slot) in the shared array. The threads of a runtime
//! hold a slot each, and lend it to a spare thread only while a task blocks them and says so; a thread inside `block_on`
//! borrows a *guest* slot and works while it waits.
//!
//! # The parking protocol
//!
//! - **P1** A worker is active or parked, and an active one may be searching. One word counts all three; no more
//!   than `limit` (the number of worker threads) are meant to be active at once, guests included.
//! - **P2** Who submits from outside publishes the task, fences, and reads the word: if nobody searches, somebody is
//!   parked and there is room, it moves one worker from parked to active and searching, and then unparks it. The
//!   submitter does the bookkeeping for the woken, so no second submitter wakes a second worker for the same task.
//! - **P3** Who parks lists itself and leaves the search in one step, fences, and, if nobody searches now, looks at
//!   every queue once more; what it sees there makes it act as a submitter.
//! - **P4** The last searcher to find work wakes another before running it, if there is more to find.
//! - **P5** Unparking is a token: it counts for the next park if it comes early.
//! - **P6** At most half of the allowed workers search, so that they do not get in each other's way. Nothing depends
//!   on it.
//! - **P7** One worker at most waits in the driver, the others in their parkers. An active worker takes a turn
//!   without waiting about every hundred microseconds, if nobody waits there.
//! - **P8** The driver's holder declares itself waiting *before* it reads the deadlines.
//! - **P9** A guest that polls its root future is *rooting*: not active, because that code may block its thread. Its
//!   queue is *called* (Q10) when the poll begins: whoever pushes onto a call takes it back, fences, and wakes a worker
//!   thread to keep watch, unless one does (guests keep none but reliefs). A watch that ends stops being one, fences, and looks
//!   again. So what a root future pushes is watched over, or was there when somebody looked. If no worker thread parks,
//!   each looks for itself when it takes its turn of the driver.
//! - **P10** A guest that leaves hands on what is left in its queue, and wakes somebody for the driver it may have
//!   held.
//! - **P11** A worker that parks while others are awake, and a watch is wanted or tasks are exposed there, keeps *watch*
//!   ([`watch`]), unless somebody does: it sleeps in naps, and takes the tasks of those who have not begun a poll since its last look. Whoever stops
//!   watching or searching because it has found something else to do wakes another, if a root future is left unwatched. An
//!   active worker wants a watch when it stops looking at the clock after each poll, a guest when it pushes onto a call (P9).
//!
//! P12 is in [`standby`]; P13 to P17, about slots that change hands, in [`exchange`]; P18 to P20, about who helps when
//! everybody is stuck, in [`relief`]; P21 to P24, about priorities, in [`lanes`].
//!
//! # Pushing to one's own queue
//!
//! Rules P2 and P3 do not cover a worker that pushes to its own queue: it writes no fence and wakes nobody. Instead
//! it looks again at the end of each window of polls, four microseconds at most once it knows its tasks, after each
//! poll for a tenth of a millisecond after a break, and every few pushes inside a poll, whether its backlog is worth a
//! wake ([`pace`]); between polls without the next one, which it is about to run itself, unless that is long. A wake
//! costs the waker three microseconds and each stolen task two cache-line transfers, so a thousand tasks of eighty
//! nanoseconds are run faster by one worker than by two. While another worker is idle, a task
//! may therefore wait for one long poll of its own worker, and no longer: at the end of the poll, if not half a
//! millisecond into it, somebody comes for it. (Long is a tenth of a millisecond.)
//!
//! # Why nothing is forgotten
//!
//! A task in the injector: P2 and P3 (the argument is at the head of [`idle`]). A task in a local queue: its owner is
//! active and will get to it, or is rooting and watched (P9). A guest that is refused to become active puts what is
//! queued with it into the injector, where those who are look.
//!
//! # Rejected
//!
//! - *A wake on every push* makes more wakes than work: Tokio tried it twice and took it back twice.
//! - *A dedicated I/O thread*: each event pays a hop to a worker, and on two cores the thread competes with them.
//! - *Task counts in one shared registry*: two shared lines written per spawn. See `task/owned.rs`.

pub(crate) mod block_on;
pub(crate) mod context;
pub(crate) mod driver;
pub(crate) mod exchange;
pub(crate) mod gathering;
pub(crate) mod grace;
pub(crate) mod guard;
pub(crate) mod hooks;
pub(crate) mod idle;
pub(crate) mod interrupt;
pub(crate) mod lanes;
pub(crate) mod pace;
pub(crate) mod park;
pub(crate) mod quiet;
pub(crate) mod relief;
pub(crate) mod root;
pub(crate) mod search;
pub(crate) mod shared;
pub(crate) mod shutdown;
pub(crate) mod slack;
pub(crate) mod slot;
pub(crate) mod standby;
pub(crate) mod submit;
pub(crate) mod thrift;
pub(crate) mod watch;
pub(crate) mod worker;
