//! What raddle means to reach, as ratios inside one run where a rival sets the measure.

use crate::contenders::Kind;
use crate::contenders::Kind::{
    Bare, Epoll, EpollCt, Raddle, RaddleCt, RaddleSync, Smol, Tokio, TokioCt, TokioSync,
};
use crate::results::Results;

/// What a value is held against.
#[derive(Clone, Copy, Debug)]
enum Against {
    /// The same row of another contender.
    Contender(Kind),
    /// Whoever else did best in the row.
    Best,
    /// Another row of the same contender.
    Row(&'static str),
    /// Nothing: the limit is in the unit of the row.
    Unit,
}

/// One target: `subject` in `row` stays at or below `limit` times what it is held against.
#[derive(Clone, Copy, Debug)]
struct Target {
    row: &'static str,
    subject: Kind,
    limit: f64,
    against: Against,
    /// Added to the limit, in the unit of the row: where both are almost nothing, a ratio means nothing.
    slack: f64,
}

const fn ratio(row: &'static str, subject: Kind, limit: f64, rival: Kind) -> Target {
    Target { row, subject, limit, against: Against::Contender(rival), slack: 0.0 }
}

const fn best(row: &'static str, limit: f64) -> Target {
    Target { row, subject: RaddleSync, limit, against: Against::Best, slack: 0.0 }
}

const fn at_most(row: &'static str, limit: f64) -> Target {
    Target { row, subject: Raddle, limit, against: Against::Unit, slack: 0.0 }
}

const fn rows(row: &'static str, limit: f64, other: &'static str) -> Target {
    Target { row, subject: Raddle, limit, against: Against::Row(other), slack: 0.0 }
}

#[rustfmt::skip]
const TARGETS: &[Target] = &[
    ratio("spawn_local", Raddle, 0.22, Tokio),
    ratio("spawn_remote", Raddle, 0.22, Tokio),
    ratio("spawn_huge", Raddle, 0.20, Tokio),
    ratio("yield", Raddle, 0.60, Tokio),
    ratio("ping_pong", Raddle, 0.33, Tokio),
    ratio("chained", Raddle, 0.22, Tokio),
    ratio("fib", Raddle, 0.34, Tokio),
    ratio("skewed", Raddle, 0.66, Tokio),
    ratio("grain_0", Raddle, 1.0, RaddleCt),
    ratio("grain_100", Raddle, 1.0, RaddleCt),
    ratio("grain_300", Raddle, 1.0, RaddleCt),
    ratio("grain_1000", Raddle, 0.62, RaddleCt),
    ratio("grain_10000", Raddle, 0.515, RaddleCt),
    ratio("spawn_local", RaddleCt, 1.3, Bare),
    ratio("yield", RaddleCt, 1.3, Bare),
    ratio("chained", RaddleCt, 1.3, Bare),
    ratio("fib", RaddleCt, 1.3, Bare),
    ratio("remote_wake p50", Raddle, 0.6, Tokio),
    ratio("low_load switches", Raddle, 1.1, TokioCt),
    // A quarter of a millisecond in a second is what the measuring thread disturbs.
    Target { slack: 250.0, ..ratio("idle cpu", Raddle, 1.0, Tokio) },
    ratio("blocking", Raddle, 0.5, Tokio),
    ratio("blocking_par", Raddle, 0.6, Smol),
    at_most("memory_pending", 128.0),
    at_most("memory_asleep", 224.0),
    at_most("stuck", 20.0),
    at_most("timeouts", 100.0),
    at_most("sleeps p50", 100.0),
    at_most("sleeps p99", 600.0),
    at_most("sleeps early", 0.0),
    ratio("sleeps cpu", Raddle, 1.0, Tokio),
    ratio("echo_10 cpu", Raddle, 1.03, Epoll),
    ratio("echo_100 cpu", Raddle, 1.03, Epoll),
    ratio("echo_1000 cpu", Raddle, 1.03, Epoll),
    ratio("echo_10 cpu", RaddleCt, 1.03, EpollCt),
    ratio("echo_100 cpu", RaddleCt, 1.03, EpollCt),
    ratio("echo_1000 cpu", RaddleCt, 1.03, EpollCt),
    ratio("echo_1 cpu", Raddle, 1.03, Epoll),
    ratio("echo_10000 cpu", Raddle, 1.03, Epoll),
    ratio("echo_1 cpu", Raddle, 1.0, Tokio),
    ratio("echo_10000 cpu", Raddle, 1.0, Tokio),
    ratio("payload_64 cpu", Raddle, 1.0, Tokio),
    ratio("payload_16384 cpu", Raddle, 1.0, Tokio),
    ratio("payload_262144 cpu", Raddle, 1.0, Tokio),
    ratio("accept cpu", Raddle, 1.0, Tokio),
    ratio("udp cpu", Raddle, 1.0, Tokio),
    ratio("memory_connection", Raddle, 1.0, Tokio),
    ratio("hog p99", Raddle, 0.5, Tokio),
    ratio("echo_10 cpu", Raddle, 1.0, Tokio),
    ratio("echo_100 cpu", Raddle, 1.0, Tokio),
    ratio("echo_1000 cpu", Raddle, 1.0, Tokio),
    ratio("echo_1000 p99", Raddle, 1.0, Epoll),
    rows("workers_8", 1.3, "workers_2"),
    rows("workers_16", 1.3, "workers_2"),
    best("mpsc_1p ×1", 1.1),
    best("mpsc_1p ×2", 1.1),
    best("mpsc_4p ×1", 1.1),
    best("mpsc_4p ×2", 1.1),
    best("mutex ×1", 1.0),
    best("mutex ×2", 1.0),
    best("mutex_16 ×1", 1.0),
    best("mutex_16 ×2", 1.0),
    best("mutex_16_yield ×1", 0.8),
    best("mutex_16_yield ×2", 0.8),
    best("rwlock_16 ×1", 0.8),
    best("rwlock_16 ×2", 0.8),
    best("semaphore_16_yield ×1", 0.8),
    best("semaphore_16_yield ×2", 0.8),
    best("oneshot ×1", 0.9),
    best("oneshot ×2", 0.9),
    ratio("broadcast_8 ×1", RaddleSync, 0.8, TokioSync),
    ratio("broadcast_8 ×2", RaddleSync, 0.8, TokioSync),
    ratio("notify ×1", RaddleSync, 0.8, TokioSync),
    ratio("notify ×2", RaddleSync, 0.8, TokioSync),
];

/// A target held against what was measured.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Check {
    pub(crate) row: String,
    pub(crate) contender: Kind,
    /// The ratio that was reached, or the value itself.
    pub(crate) reached: f64,
    /// The ratio or value that was wanted.
    pub(crate) limit: f64,
    pub(crate) met: bool,
    /// In words: `raddle 118.0 ns = 0.222 × tokio 532.0, wanted ≤ 0.22`.
    pub(crate) terms: String,
}

impl Check {
    /// Nearer to its limit than runs on a shared machine can tell.
    pub(crate) fn is_close(&self) -> bool {
        (self.reached - self.limit).abs() < 0.05 * self.limit
    }
}

/// Every target whose numbers were measured.
pub(crate) fn check(results: &Results) -> Vec<Check> {
    TARGETS.iter().filter_map(|target| check_one(target, results)).collect()
}

fn check_one(target: &Target, results: &Results) -> Option<Check> {
    let row = results.row(target.row)?;
    let value = row.median(target.subject)?;
    let (measure, name) = match target.against {
        Against::Unit => (1.0, String::new()),
        Against::Contender(rival) => (row.median(rival)?, rival.name().to_owned()),
        Against::Best => {
            let best = row.best_but(target.subject)?;
            (best.value.median, best.contender.name().to_owned())
        }
        Against::Row(other) => (results.row(other)?.median(target.subject)?, other.to_owned()),
    };
    let (subject, unit) = (target.subject.name(), row.unit);
    // Of two nothings, neither is more.
    let reached = if value == 0.0 { 0.0 } else { value / measure };
    let terms = match target.against {
        Against::Unit => format!("{subject} {value:.1} {unit}, wanted ≤ {}", target.limit),
        _ => format!(
            "{subject} {value:.1} {unit} = {reached:.3} × {name} {measure:.1}, wanted ≤ {}",
            target.limit
        ),
    };
    Some(Check {
        row: target.row.into(),
        contender: target.subject,
        reached,
        limit: target.limit,
        met: value <= target.limit * measure + target.slack,
        terms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads;

    #[test]
    fn every_target_names_rows_that_some_workload_yields() {
        let rows: Vec<String> = workloads::all()
            .flat_map(|workload| workload.metrics.iter().map(|metric| workload.row(metric)))
            .collect();
        for target in TARGETS {
            assert!(rows.iter().any(|row| row == target.row), "{target:?}");
            if let Against::Row(other) = target.against {
                assert!(rows.iter().any(|row| row == other), "{target:?}");
            }
        }
    }
}
