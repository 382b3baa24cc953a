//! Deadlines: giving up, trying again, racing, and ticking.
//!
//! `cargo run --release --example timeouts`

use futures_lite::future::or;
use raddle::time::{Duration, Instant, Interval, MissedTickBehavior, interval, sleep, timeout};

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn main() {
    raddle::block_on(async {
        give_up_and_try_again().await;
        race().await;
        limit_a_task().await;
        tick().await;
    });
}

/// A server that is slow at first.
async fn ask(attempt: u32) -> &'static str {
    sleep(ms(90) / attempt).await;
    "answer"
}

async fn give_up_and_try_again() {
    for attempt in 1.. {
        match timeout(ms(40), ask(attempt)).await {
            Ok(answer) => return println!("attempt {attempt}: {answer}"),
            Err(elapsed) => println!("attempt {attempt}: {elapsed}"),
        }
    }
}

async fn race() {
    let begun = Instant::now();
    // Whichever is ready first wins, and the other is dropped where it stands.
    let winner =
        or(async { (ask(1).await, "mirror 1") }, async { (ask(3).await, "mirror 2") }).await;
    println!("race: {winner:?} after {:?}", begun.elapsed());
}

async fn limit_a_task() {
    let mut task = raddle::spawn(ask(1));
    // Dropping a `JoinHandle` detaches its task; so lend it to `timeout`, and abort by name.
    if timeout(ms(10), &mut task).await.is_err() {
        task.abort();
    }
    match task.await {
        Ok(answer) => println!("task: {answer}, just in time"),
        Err(error) => println!("task: {error}"),
    }
}

async fn tick() {
    let mut ticks: Interval = interval(ms(20));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let begun = Instant::now();
    for count in 0..4 {
        ticks.tick().await; // The first one comes at once.
        println!("tick {count} after {:?}", begun.elapsed());
        if count == 1 {
            sleep(ms(30)).await; // Too long. With `Delay` the ticks after the late one keep their distance.
        }
    }
}
