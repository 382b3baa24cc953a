//! What was measured, as plain data: the table, the picture, the JSON and the targets are all made from it.

use serde::Serialize;

use crate::contenders::Kind;
use crate::environment::Environment;
use crate::measure::{Sample, Summary};
use crate::workloads::Workload;

/// One contender in one row.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) contender: Kind,
    pub(crate) value: Summary,
    /// Processor time for an operation, in nanoseconds.
    pub(crate) cpu_ns_per_op: f64,
    /// Wall time of a run, in nanoseconds.
    pub(crate) wall_ns: f64,
    /// Context switches in a run.
    pub(crate) voluntary: f64,
    pub(crate) involuntary: f64,
}

/// One metric of one workload.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) group: &'static str,
    pub(crate) unit: &'static str,
    /// How many cores the process got, just before, for as many threads as there are workers (or cores, if fewer).
    pub(crate) cores_had: f64,
    /// A neighbor had too much of the machine for this row to say anything about several workers.
    pub(crate) disturbed: bool,
    /// The first row of its workload carries the costs, which the others share.
    pub(crate) is_first: bool,
    pub(crate) cells: Vec<Cell>,
}

impl Row {
    pub(crate) fn cell(&self, contender: Kind) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.contender == contender)
    }

    pub(crate) fn median(&self, contender: Kind) -> Option<f64> {
        Some(self.cell(contender)?.value.median)
    }

    /// Whoever did best, apart from `kind`.
    pub(crate) fn best_but(&self, kind: Kind) -> Option<&Cell> {
        let others = self.cells.iter().filter(|cell| cell.contender != kind);
        others.min_by(|one, other| one.value.median.total_cmp(&other.value.median))
    }

    /// How many times the value of `of` is that of `against`.
    pub(crate) fn ratio(&self, of: Kind, against: Kind) -> Option<f64> {
        let ratio = self.median(of)? / self.median(against)?;
        ratio.is_finite().then_some(ratio)
    }
}

/// A run that did not deliver.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Failure {
    pub(crate) workload: &'static str,
    pub(crate) contender: Kind,
    pub(crate) error: String,
}

/// Everything of one invocation.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    pub(crate) environment: Environment,
    pub(crate) workers: usize,
    pub(crate) rounds: usize,
    pub(crate) quick: bool,
    pub(crate) rows: Vec<Row>,
    pub(crate) failures: Vec<Failure>,
}

impl Results {
    pub(crate) fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// As many threads as the machine can run at once, of those that the workers are.
    pub(crate) fn cores_wanted(&self) -> usize {
        self.workers.min(self.environment.cores)
    }

    /// Whether a row was measured beside a busy neighbor.
    pub(crate) fn is_disturbed(&self, row: &str) -> bool {
        self.row(row).is_some_and(|row| row.disturbed)
    }

    /// Whether a contender has failed in a workload: then it is not asked again.
    pub(crate) fn has_failed(&self, workload: &str, contender: Kind) -> bool {
        let mut failures = self.failures.iter();
        failures.any(|failure| failure.workload == workload && failure.contender == contender)
    }

    /// Adds the runs of one workload: a row for each of its metrics.
    pub(crate) fn add(
        &mut self,
        workload: &Workload,
        runs: &[(Kind, Vec<Sample>)],
        cores_had: f64,
    ) {
        let disturbed = cores_had < 0.85 * self.cores_wanted() as f64;
        for (index, metric) in workload.metrics.iter().enumerate() {
            let cells = runs
                .iter()
                .filter_map(|(contender, samples)| {
                    let median_of = |get: fn(&Sample) -> f64| {
                        Some(Summary::of(samples.iter().map(get))?.median)
                    };
                    Some(Cell {
                        contender: *contender,
                        value: Summary::of(samples.iter().map(|sample| sample.values[index]))?,
                        cpu_ns_per_op: median_of(|s| s.cost.cpu_ns as f64 / s.ops as f64)?,
                        wall_ns: median_of(|s| s.cost.wall_ns as f64)?,
                        voluntary: median_of(|s| s.cost.voluntary as f64)?,
                        involuntary: median_of(|s| s.cost.involuntary as f64)?,
                    })
                })
                .collect();
            self.rows.push(Row {
                name: workload.row(metric),
                group: workload.group.name(),
                unit: metric.unit,
                cores_had,
                disturbed,
                is_first: index == 0,
                cells,
            });
        }
    }
}
