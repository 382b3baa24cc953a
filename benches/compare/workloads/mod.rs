//! The workloads by name: what each measures, in which unit, and who can run it.

mod blocking;
mod compute;
mod echo;
mod extras;
pub(crate) mod load;
mod memory;
mod messages;
mod shapes;
pub(crate) mod spawn;
mod sync;
mod sync_memory;
mod timers;
mod waking;

use std::io;

use crate::contenders::{Field, Kind};
use crate::measure::Sample;

pub(crate) use self::load::MESSAGE;

/// How a run is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Env {
    pub(crate) workers: usize,
    pub(crate) quick: bool,
    /// Set in the fresh process that a memory workload measures itself in.
    pub(crate) in_child: bool,
}

impl Env {
    /// The full size of something, or the size for a quick look.
    pub(crate) fn pick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// A number a workload yields; lower is better for all of them.
#[derive(Debug)]
pub(crate) struct Metric {
    /// What distinguishes it from the other numbers of the workload; empty if it is the only one.
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
}

/// Time per operation, the only number of most workloads.
const NS: &[Metric] = &[Metric { name: "", unit: "ns" }];

/// The sections of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Scheduler,
    Extras,
    Waking,
    Timers,
    Io,
    Shapes,
    Sync,
    SyncMemory,
}

impl Group {
    pub(crate) const ALL: [Self; 8] = [
        Self::Scheduler,
        Self::Extras,
        Self::Waking,
        Self::Timers,
        Self::Io,
        Self::Shapes,
        Self::Sync,
        Self::SyncMemory,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Scheduler => "scheduler",
            Self::Extras => "extras",
            Self::Waking => "waking",
            Self::Timers => "timers",
            Self::Io => "io",
            Self::Shapes => "shapes",
            Self::Sync => "sync",
            Self::SyncMemory => "sync_memory",
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Scheduler => "Scheduler",
            Self::Extras => "What few tasks have",
            Self::Waking => "Idle, wake-up, blocking, memory",
            Self::Timers => "Timers",
            Self::Io => "Servers on loopback",
            Self::Shapes => "Shapes of load",
            Self::Sync => {
                "Locks and channels, all on Tokio's runtime with one worker (×1) and with two (×2)"
            }
            Self::SyncMemory => "Memory of a lock that is free, and of a channel that is empty",
        }
    }
}

/// One workload.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) group: Group,
    /// One line for `--list`.
    pub(crate) about: &'static str,
    pub(crate) metrics: &'static [Metric],
    pub(crate) field: Field,
    pub(crate) run: fn(Kind, &Env) -> io::Result<Sample>,
}

impl Workload {
    /// Whether `word` on the command line means this one: its name, its family (`grain` for `grain_300`) or its group.
    pub(crate) fn answers_to(&self, word: &str) -> bool {
        let in_family = || self.name.strip_prefix(word).is_some_and(|rest| rest.starts_with('_'));
        self.name == word || self.group.name() == word || in_family()
    }

    /// The name of a row of the table.
    pub(crate) fn row(&self, metric: &Metric) -> String {
        format!("{} {}", self.name, metric.name).trim_end().to_owned()
    }
}

/// Every workload, in the order they are run and shown.
pub(crate) fn all() -> impl Iterator<Item = &'static Workload> {
    [
        spawn::WORKLOADS,
        messages::WORKLOADS,
        compute::WORKLOADS,
        waking::WORKLOADS,
        extras::WORKLOADS,
        blocking::WORKLOADS,
        memory::WORKLOADS,
        timers::WORKLOADS,
        echo::WORKLOADS,
        echo::OF_RUNTIMES,
        memory::CONNECTIONS,
        shapes::WORKLOADS,
        sync::WORKLOADS,
        sync_memory::WORKLOADS,
    ]
    .into_iter()
    .flatten()
}
