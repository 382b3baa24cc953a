//! Work of a known size, for the programs that measure raddle and its rivals.
//!
//! A task that "computes for 300 ns" must not read a clock to know when to stop: reading it costs 22 ns and makes
//! small tasks unequal. So the length of one step of a linear congruential generator is measured once per process,
//! and a task runs a number of steps.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::Instant;

/// An amount of work, in steps of a generator.
///
/// ```
/// let work = raddle_benches::Work::of_ns(1_000);
/// work.run();
/// assert!(work.steps() > raddle_benches::Work::of_ns(10).steps());
/// assert_eq!(raddle_benches::Work::of_ns(0).steps(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work(u32);

impl Work {
    /// No work at all.
    pub const NONE: Self = Self(0);

    /// Work that takes a core about `ns` nanoseconds. The first call calibrates, which takes some milliseconds.
    pub fn of_ns(ns: u32) -> Self {
        Self((f64::from(ns) * steps_per_ns()).round() as u32)
    }

    /// Exactly this many steps, however long they take.
    pub const fn of_steps(steps: u32) -> Self {
        Self(steps)
    }

    /// How many steps this work is.
    pub const fn steps(self) -> u32 {
        self.0
    }

    /// Does the work on the calling thread.
    #[inline]
    pub fn run(self) {
        let mut state = black_box(0x2545_f491_4f6c_dd1d_u64);
        for _ in 0..self.0 {
            state =
                state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        }
        black_box(state);
    }
}

/// Measured once: the best of several runs, because a disturbance can only make a run longer.
fn steps_per_ns() -> f64 {
    static STEPS_PER_NS: OnceLock<f64> = OnceLock::new();
    const STEPS: u32 = 500_000;
    *STEPS_PER_NS.get_or_init(|| {
        let fastest = (0..20)
            .map(|_| {
                let start = Instant::now();
                Work(STEPS).run();
                start.elapsed().as_nanos() as u64
            })
            .min()
            .unwrap_or(1);
        f64::from(STEPS) / fastest.max(1) as f64
    })
}
