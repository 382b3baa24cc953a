//! What a run took: wall time, processor time, context switches; and how runs are summed up.
//!
//! Nothing is measured per operation: a run does many, and the clocks are read before the first and after the last.

use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// What a stretch of time took, for the process or for one thread.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Cost {
    pub(crate) wall_ns: u64,
    pub(crate) cpu_ns: u64,
    /// Context switches because a thread waited.
    pub(crate) voluntary: u64,
    /// Context switches because its time was up.
    pub(crate) involuntary: u64,
}

impl Cost {
    /// Both costs, one after the other.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            wall_ns: self.wall_ns + other.wall_ns,
            cpu_ns: self.cpu_ns + other.cpu_ns,
            voluntary: self.voluntary + other.voluntary,
            involuntary: self.involuntary + other.involuntary,
        }
    }

    /// This cost without that of the thread that produced the load; wall time stays.
    pub(crate) fn without(self, load: Self) -> Self {
        Self {
            wall_ns: self.wall_ns,
            cpu_ns: self.cpu_ns.saturating_sub(load.cpu_ns),
            voluntary: self.voluntary.saturating_sub(load.voluntary),
            involuntary: self.involuntary.saturating_sub(load.involuntary),
        }
    }
}

/// A started measurement; made and stopped on the same thread if it is the thread that is measured.
#[derive(Debug)]
pub(crate) struct Meter {
    who: UsageWho,
    clock: ClockId,
    switches: (u64, u64),
    cpu_ns: u64,
    wall: Instant,
}

impl Meter {
    /// Measures every thread of the process.
    pub(crate) fn of_process() -> Self {
        Self::start(UsageWho::RUSAGE_SELF, ClockId::ProcessCPUTime)
    }

    /// Measures the calling thread.
    pub(crate) fn of_thread() -> Self {
        Self::start(UsageWho::RUSAGE_THREAD, ClockId::ThreadCPUTime)
    }

    fn start(who: UsageWho, clock: ClockId) -> Self {
        let switches = switches(who);
        Self { who, clock, switches, cpu_ns: cpu_ns(clock), wall: Instant::now() }
    }

    /// What was spent since the start.
    pub(crate) fn stop(&self) -> Cost {
        let wall_ns = as_ns(self.wall.elapsed());
        let cpu_ns = cpu_ns(self.clock) - self.cpu_ns;
        let (voluntary, involuntary) = switches(self.who);
        Cost {
            wall_ns,
            cpu_ns,
            voluntary: voluntary - self.switches.0,
            involuntary: involuntary - self.switches.1,
        }
    }
}

fn cpu_ns(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn switches(who: UsageWho) -> (u64, u64) {
    let usage: Usage = getrusage(who).expect("the kernel knows both kinds of usage");
    (usage.voluntary_context_switches() as u64, usage.involuntary_context_switches() as u64)
}

/// A duration in nanoseconds; 580 years fit.
pub(crate) fn as_ns(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}

/// One run of one workload by one contender.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// One value for each metric of the workload, in its order and units.
    pub(crate) values: Vec<f64>,
    /// How many operations `cost` bought.
    pub(crate) ops: u64,
    pub(crate) cost: Cost,
}

impl Sample {
    /// Times `body`, which does `ops` operations; the value is nanoseconds for each.
    pub(crate) fn per_op(ops: u64, body: impl FnOnce()) -> Self {
        let meter = Meter::of_process();
        body();
        let cost = meter.stop();
        Self { values: vec![cost.wall_ns as f64 / ops as f64], ops, cost }
    }
}

/// The value below which the given share of the sorted `values` lies.
pub(crate) fn percentile<T: Copy + Into<f64>>(sorted: &[T], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).map_or(f64::NAN, |&value| value.into())
}

/// Several runs, summed up.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// The middle half of the runs lies between these.
    pub(crate) quartiles: (f64, f64),
}

impl Summary {
    /// Sums up `values`; none if there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            median: quantile(&sorted, 0.5)?,
            min: *sorted.first()?,
            max: *sorted.last()?,
            quartiles: (quantile(&sorted, 0.25)?, quantile(&sorted, 0.75)?),
        })
    }

    /// The width of the middle half of the runs, as a percentage of the median.
    pub(crate) fn spread_percent(&self) -> f64 {
        let width = self.quartiles.1 - self.quartiles.0;
        if self.median == 0.0 { 0.0 } else { 100.0 * width / self.median }
    }
}

/// A quantile of few values: between two of them where it falls between.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = sorted.len().checked_sub(1)? as f64 * share;
    let (low, high) = (sorted.get(place.floor() as usize)?, sorted.get(place.ceil() as usize)?);
    Some(low + (high - low) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_runs_is_the_mean_of_the_middle_two() {
        assert_eq!(Summary::of([4.0, 1.0, 3.0, 2.0]).unwrap().median, 2.5);
        let of_three = Summary::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!((of_three.median, of_three.quartiles), (2.0, (1.5, 2.5)));
        assert!(Summary::of([]).is_none());
    }

    #[test]
    fn one_wild_run_of_five_does_not_widen_the_spread() {
        let summary = Summary::of([100.0, 101.0, 102.0, 103.0, 900.0]).unwrap();
        assert!(summary.spread_percent() < 2.0, "{summary:?}");
        assert_eq!(summary.max, 900.0);
    }

    #[test]
    fn the_cpu_time_of_a_busy_thread_is_seen_and_that_of_a_sleeping_one_is_not() {
        let busy = Meter::of_thread();
        raddle_benches::Work::of_ns(5_000_000).run();
        assert!(busy.stop().cpu_ns > 1_000_000);
        let asleep = Meter::of_thread();
        std::thread::sleep(Duration::from_millis(5));
        let cost = asleep.stop();
        assert!(cost.cpu_ns < 2_000_000 && cost.voluntary >= 1, "{cost:?}");
    }
}
