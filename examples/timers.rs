//! Deadlines of many kinds, in no time: a cache that forgets, calls that are arranged and cancelled, limits, and a clock
//! that stands still.
//!
//! `cargo run --release --example timers`
//!
//! Time is paused, so an hour of it passes whenever nobody has anything to do: the program ends at once, and prints the same
//! each time.

use raddle::runtime::Builder;
use raddle::sync::mpsc;
use raddle::time::error::SendTimeoutError;
use raddle::time::limits::SendTimeout;
use raddle::time::{self, DelayQueue, Duration, Instant, Key, call_later, sleep};
use std::collections::HashMap;

const MINUTE: Duration = Duration::from_secs(60);

fn main() -> std::io::Result<()> {
    let runtime = Builder::new_multi_thread().worker_threads(2).start_paused(true).build()?;
    runtime.block_on(async {
        forget().await;
        arrange().await;
        limit().await;
        move_the_clock().await;
    });
    Ok(())
}

/// Entries that are forgotten ten minutes after they were last used.
struct Cache {
    entries: HashMap<&'static str, (u32, Key)>,
    forgets: DelayQueue<&'static str>,
}

impl Cache {
    fn insert(&mut self, name: &'static str, value: u32) {
        let key = self.forgets.insert(name, 10 * MINUTE);
        self.entries.insert(name, (value, key));
    }

    fn get(&mut self, name: &'static str) -> Option<u32> {
        let (value, key) = self.entries.get(name)?;
        self.forgets.reset(key, 10 * MINUTE);
        Some(*value)
    }
}

async fn forget() {
    let begun = Instant::now();
    let mut cache = Cache { entries: HashMap::new(), forgets: DelayQueue::new() };
    cache.insert("often", 1);
    cache.insert("seldom", 2);
    for _ in 0..3 {
        sleep(4 * MINUTE).await;
        assert_eq!(cache.get("often"), Some(1));
        // What is due by now; a program would do this in a task beside.
        while let Some(Some(name)) = futures_lite::future::poll_once(cache.forgets.next()).await {
            println!("forgotten after {:?}: {}", begun.elapsed(), name.get_ref());
            cache.entries.remove(name.get_ref());
        }
    }
    println!("left: {:?}", cache.entries.keys());
}

async fn arrange() {
    let begun = Instant::now();
    let (send, mut receive) = mpsc::unbounded_channel();
    let tea = send.clone();
    let ready = call_later(4 * MINUTE, move || tea.send("the tea is ready").unwrap());
    let cold = call_later(30 * MINUTE, move || send.send("the tea is cold").unwrap());
    assert_eq!(cold.when() - ready.when(), 26 * MINUTE);
    println!("{} after {:?}", receive.recv().await.unwrap(), begun.elapsed());
    println!("drunk in time: {}", cold.cancel());
    // The function that would have sent has been dropped, and its sender with it.
    assert_eq!(receive.recv().await, None);
}

async fn limit() {
    let (sender, _receiver) = mpsc::channel(1);
    for letter in ["first", "second"] {
        match sender.send_timeout(letter, MINUTE).await {
            Ok(()) => println!("sent: {letter}"),
            Err(SendTimeoutError::Timeout(letter)) => {
                println!("sent back after a minute: {letter}")
            }
            Err(SendTimeoutError::Closed(_)) => unreachable!("the receiver is here"),
        }
    }
}

async fn move_the_clock() {
    let begun = Instant::now();
    let sleeper = raddle::spawn(async move {
        sleep(60 * MINUTE).await;
        begun.elapsed()
    });
    // Time passes only when nobody has anything to do: after this, the sleeper sleeps.
    sleep(MINUTE).await;
    // All at once, and nobody wakes on the way.
    time::advance(90 * MINUTE).await;
    println!("an hour's sleep took {:?}", sleeper.await.unwrap());
}
