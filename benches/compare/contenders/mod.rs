//! The contenders by name, and the step from a name chosen at run time to a type.

mod bare;
pub(crate) mod libraries;
mod raddle;
pub(crate) mod raw_epoll;
mod smol;
mod tokio;

use serde::Serialize;

pub(crate) use self::bare::Bare;
pub(crate) use self::raddle::{Raddle, RaddleCurrent};
pub(crate) use self::smol::Smol;
pub(crate) use self::tokio::{Tokio, TokioCurrent};

/// Who runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// raddle's multi-thread runtime.
    Raddle,
    /// raddle's single-threaded flavor.
    RaddleCt,
    /// Tokio's multi-thread runtime.
    Tokio,
    /// Tokio's single-threaded flavor.
    TokioCt,
    /// async-executor on a number of threads, with async-io and blocking.
    Smol,
    /// A queue over another crate's task cells and nothing else: a yardstick of the scheduler's workloads.
    Bare,
    /// Threads with an epoll each and no runtime: the yardstick of the echo workloads.
    Epoll,
    /// The same with one thread; and one thread that waits for one deadline after another, the yardstick of the sleeps.
    EpollCt,
    /// raddle-sync. This and what follows are locks and channels, all of them on Tokio's runtime.
    RaddleSync,
    /// Tokio's `sync`.
    TokioSync,
    /// smol's locks.
    AsyncLock,
    /// smol's channel.
    AsyncChannel,
    /// A channel for threads and tasks.
    Flume,
    /// The same, built around handing a message over directly.
    Kanal,
    /// The channels of futures-channel and the mutex of futures-util.
    Futures,
}

impl Kind {
    /// Everyone, in the order of the table's columns.
    pub(crate) const ALL: [Self; 15] = [
        Self::Raddle,
        Self::RaddleCt,
        Self::Tokio,
        Self::TokioCt,
        Self::Smol,
        Self::Bare,
        Self::Epoll,
        Self::EpollCt,
        Self::RaddleSync,
        Self::TokioSync,
        Self::AsyncLock,
        Self::AsyncChannel,
        Self::Flume,
        Self::Kanal,
        Self::Futures,
    ];

    /// The name on the command line and in the JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Raddle => "raddle",
            Self::RaddleCt => "raddle-ct",
            Self::Tokio => "tokio",
            Self::TokioCt => "tokio-ct",
            Self::Smol => "smol",
            Self::Bare => "bare",
            Self::Epoll => "epoll",
            Self::EpollCt => "epoll-ct",
            Self::RaddleSync => "raddle-sync",
            Self::TokioSync => "tokio-sync",
            Self::AsyncLock => "async-lock",
            Self::AsyncChannel => "async-channel",
            Self::Flume => "flume",
            Self::Kanal => "kanal",
            Self::Futures => "futures",
        }
    }

    /// The name at the head of a column.
    pub(crate) fn label(self, workers: usize) -> String {
        match self {
            Self::Raddle | Self::Tokio | Self::Smol | Self::Epoll => {
                format!("{} ×{workers}", self.name())
            }
            Self::RaddleCt | Self::TokioCt | Self::EpollCt => self.name().replace('-', " "),
            _ => self.name().into(),
        }
    }

    /// A yardstick is not a runtime one could choose instead. It is no lower bound either: cheaper task cells beat it.
    pub(crate) const fn is_yardstick(self) -> bool {
        matches!(self, Self::Bare | Self::Epoll | Self::EpollCt)
    }

    /// Locks and channels, which run nothing by themselves.
    pub(crate) const fn is_library(self) -> bool {
        matches!(
            self,
            Self::RaddleSync
                | Self::TokioSync
                | Self::AsyncLock
                | Self::AsyncChannel
                | Self::Flume
                | Self::Kanal
                | Self::Futures
        )
    }
}

/// Which contenders a workload is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// Whatever runs tasks.
    Schedulers,
    /// Whatever has timers, sockets and a blocking pool too.
    Runtimes,
    /// Only raddle, with and without something.
    Raddle,
    /// Runtimes with more than one worker.
    MultiThread,
    /// Runtimes, and the raw servers.
    Servers,
    /// Runtimes, and one thread that sleeps.
    Sleepers,
    /// The libraries that have the primitive in question.
    Libraries(&'static [Kind]),
}

impl Field {
    /// Whether `kind` can run workloads of this field.
    pub(crate) fn admits(self, kind: Kind) -> bool {
        match self {
            Self::Schedulers => !kind.is_library() && !matches!(kind, Kind::Epoll | Kind::EpollCt),
            Self::Runtimes => !kind.is_library() && !kind.is_yardstick(),
            Self::Raddle => matches!(kind, Kind::Raddle | Kind::RaddleCt),
            Self::MultiThread => matches!(kind, Kind::Raddle | Kind::Tokio | Kind::Smol),
            Self::Servers => !kind.is_library() && !matches!(kind, Kind::Bare),
            Self::Sleepers => Self::Runtimes.admits(kind) || kind == Kind::EpollCt,
            Self::Libraries(those) => those.contains(&kind),
        }
    }
}

/// `runtimes!(R, env => body::<R>(env))`: a function from a kind to the body compiled for that runtime.
macro_rules! runtimes {
    ($runtime:ident, $env:ident => $body:expr) => {
        |kind: $crate::contenders::Kind, $env: &$crate::workloads::Env| {
            use $crate::contenders::{self as who, Kind};
            match kind {
                Kind::Raddle => {
                    type $runtime = who::Raddle;
                    $body
                }
                Kind::RaddleCt => {
                    type $runtime = who::RaddleCurrent;
                    $body
                }
                Kind::Tokio => {
                    type $runtime = who::Tokio;
                    $body
                }
                Kind::TokioCt => {
                    type $runtime = who::TokioCurrent;
                    $body
                }
                Kind::Smol => {
                    type $runtime = who::Smol;
                    $body
                }
                _ => unreachable!("{kind:?} was not admitted to this field"),
            }
        }
    };
}

/// The same for the scheduler's workloads, which the bare queue runs as well.
macro_rules! schedulers {
    ($contender:ident, $env:ident => $body:expr) => {
        |kind: $crate::contenders::Kind, $env: &$crate::workloads::Env| {
            if kind == $crate::contenders::Kind::Bare {
                type $contender = $crate::contenders::Bare;
                return $body;
            }
            $crate::contenders::runtimes!($contender, $env => $body)(kind, $env)
        }
    };
}

/// `among!([RaddleSync, Kanal], L, env => body::<L>(env))`: a workload of those libraries, without a name yet.
macro_rules! among {
    ([$($library:ident),+], $chosen:ident, $env:ident => $body:expr) => {
        $crate::workloads::Workload {
            name: "",
            group: $crate::workloads::Group::Sync,
            about: "",
            metrics: &[],
            field: $crate::contenders::Field::Libraries(
                &[$($crate::contenders::Kind::$library),+]
            ),
            run: |kind: $crate::contenders::Kind, $env: &$crate::workloads::Env| match kind {
                $($crate::contenders::Kind::$library => {
                    type $chosen = $crate::contenders::libraries::$library;
                    $body
                })+
                _ => unreachable!("{kind:?} was not admitted to this field"),
            },
        }
    };
}

pub(crate) use {among, runtimes, schedulers};

#[cfg(test)]
mod tests {
    //! A figure is worth nothing if the work behind it was not done: here it is counted, for everybody.

    use std::future::Future;
    use std::io;
    use std::pin::{Pin, pin};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    use std::task::{Context, Poll};

    use super::{Field, Kind};
    use crate::contender::{Contender, Runtime};
    use crate::measure::{Cost, Sample};
    use crate::workloads::Env;

    const ENV: Env = Env { workers: 2, quick: true, in_child: false };

    fn of_everybody(counted: fn(Kind, &Env) -> io::Result<Sample>, expected: u64) {
        for kind in Kind::ALL.into_iter().filter(|&kind| Field::Schedulers.admits(kind)) {
            assert_eq!(counted(kind, &ENV).unwrap().ops, expected, "{kind:?}");
        }
    }

    fn counted(count: &AtomicU64) -> io::Result<Sample> {
        Ok(Sample { values: Vec::new(), ops: count.load(Relaxed), cost: Cost::default() })
    }

    fn run_many<C: Contender>(env: &Env) -> io::Result<Sample> {
        let count = Arc::new(AtomicU64::new(0));
        let shared = Arc::clone(&count);
        C::start(env.workers)?.run(crate::workloads::spawn::bursts::<C, _>(7, 1_000, move || {
            let count = Arc::clone(&shared);
            async move {
                count.fetch_add(1, Relaxed);
            }
        }));
        counted(&count)
    }

    #[test]
    fn every_spawned_task_has_run_when_it_was_joined() {
        of_everybody(schedulers!(C, env => run_many::<C>(env)), 7_000);
    }

    /// Counts the polls of a future.
    struct Polled<F>(Pin<Box<F>>, Arc<AtomicU64>);

    impl<F: Future> Future for Polled<F> {
        type Output = F::Output;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
            self.1.fetch_add(1, Relaxed);
            self.0.as_mut().poll(context)
        }
    }

    fn yield_many<C: Contender>(env: &Env) -> io::Result<Sample> {
        let count = Arc::new(AtomicU64::new(0));
        let shared = Arc::clone(&count);
        C::start(env.workers)?.run(async move {
            let yielder = || async {
                for _ in 0..50 {
                    C::yield_now().await;
                }
            };
            let polled = || Polled(Box::pin(yielder()), Arc::clone(&shared));
            let joins: Vec<_> = (0..20).map(|_| C::spawn(polled())).collect();
            for join in joins {
                pin!(join).await;
            }
        });
        counted(&count)
    }

    #[test]
    fn every_yield_leaves_the_task_and_comes_back_to_it() {
        of_everybody(schedulers!(C, env => yield_many::<C>(env)), 20 * 51);
    }

    fn turns_of_others<C: Contender>(env: &Env) -> io::Result<Sample> {
        const YIELDS: u64 = 50;
        let lead = Arc::new(AtomicU64::new(0));
        let shared = Arc::clone(&lead);
        C::start(env.workers)?.run(async move {
            let progress: Arc<[AtomicU64; 8]> = Arc::default();
            let joins: Vec<_> = (0..8)
                .map(|own| {
                    let (progress, lead) = (Arc::clone(&progress), Arc::clone(&shared));
                    C::spawn(async move {
                        for step in 1..=YIELDS {
                            progress[own].store(step, Relaxed);
                            C::yield_now().await;
                            let slowest = progress.iter().map(|step| step.load(Relaxed)).min();
                            lead.fetch_max(step - slowest.unwrap_or(0), Relaxed);
                        }
                    })
                })
                .collect();
            for join in joins {
                join.await;
            }
        });
        counted(&lead)
    }

    #[test]
    fn on_one_thread_a_yield_gives_every_other_task_its_turn() {
        for kind in [Kind::RaddleCt, Kind::TokioCt, Kind::Bare] {
            let lead = schedulers!(C, env => turns_of_others::<C>(env))(kind, &ENV).unwrap().ops;
            assert!(lead <= 1, "{kind:?}: a task was {lead} steps ahead of another");
        }
    }

    fn block_many<R: Runtime>(env: &Env) -> io::Result<Sample> {
        let away = R::start(env.workers)?.run(async {
            let calls: Vec<_> =
                (0..500).map(|_| R::spawn_blocking(|| std::thread::current().id())).collect();
            // Each on another thread than the one that this task is on when it asks.
            let mut away = 0;
            for call in calls {
                away += u64::from(call.await != std::thread::current().id());
            }
            away
        });
        Ok(Sample { values: Vec::new(), ops: away, cost: Cost::default() })
    }

    #[test]
    fn every_blocking_call_runs_and_not_on_a_worker() {
        for kind in Kind::ALL.into_iter().filter(|&kind| Field::Runtimes.admits(kind)) {
            let away = runtimes!(R, env => block_many::<R>(env))(kind, &ENV).unwrap().ops;
            assert_eq!(away, 500, "{kind:?}");
        }
    }
}
