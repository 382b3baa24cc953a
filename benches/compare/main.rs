//! Where do we stand: the same workloads on raddle, Tokio, smol and a bare queue, and on locks and channels of many
//! makers, in one process and in turn.
//!
//! Absolute figures move from machine to machine and from hour to hour. So the contenders take turns (A B C A B C),
//! the figures are medians with their spread, and what counts are the ratios inside one invocation.

mod arguments;
mod contender;
mod contenders;
mod environment;
mod measure;
mod plot;
mod primitives;
mod report;
mod results;
mod targets;
mod workloads;

use std::fs::OpenOptions;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::Arguments;
use crate::contenders::Kind;
use crate::environment::Environment;
use crate::measure::Sample;
use crate::results::{Failure, Results};
use crate::workloads::{Env, Workload};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("compare: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    if arguments.list {
        say(&arguments::list());
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(order) = &arguments.load {
        return workloads::load::main(order).map(|()| ExitCode::SUCCESS);
    }
    let mut env = Env { workers: arguments.workers(), quick: arguments.quick, in_child: false };
    let contenders = arguments.contenders()?;
    if let Some(name) = &arguments.child {
        env.in_child = true;
        return run_as_child(name, &contenders, &env);
    }
    let workloads = arguments.workloads()?;
    if !workloads.iter().any(|workload| admitted(workload, &contenders).next().is_some()) {
        return Err("none of the chosen contenders can run any of the chosen workloads".into());
    }
    // Whatever would fail after the minutes of measuring fails before them.
    if arguments.svg.is_some() && !workloads.iter().any(|workload| plot::shows(workload.name)) {
        return Err("--svg draws the grain curve or that of pending, and neither was chosen: name `grain` or `pending` too".into());
    }
    for path in [&arguments.json, &arguments.svg].into_iter().flatten() {
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.map_err(|error| cannot("write", path, &error))?;
    }

    let environment = Environment::detect();
    say(&format!("{environment}\n\n"));
    let mut results = Results {
        environment,
        workers: env.workers,
        rounds: arguments.rounds(),
        quick: env.quick,
        rows: Vec::new(),
        failures: Vec::new(),
    };
    measure_all(&workloads, &contenders, &env, &mut results)?;

    let checks = targets::check(&results);
    say(&report::tables(&results, &contenders));
    if let Some(path) = &arguments.json {
        report::write_json(&results, &checks, path)
            .map_err(|error| cannot("write", path, &error))?;
    }
    if let Some(path) = &arguments.svg {
        plot::draw(&results, path).map_err(|error| cannot("draw", path, &*error))?;
    }
    if arguments.check {
        say(&report::verdicts(&checks, &results)?);
    }
    let missed = arguments.check && checks.iter().any(|check| !check.met);
    Ok(if missed || !results.failures.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Prints; a reader that has seen enough and closed the pipe is no reason to fail.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn cannot(verb: &str, path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("cannot {verb} {}: {error}", path.display())
}

fn admitted<'a>(workload: &'a Workload, contenders: &'a [Kind]) -> impl Iterator<Item = Kind> + 'a {
    contenders.iter().copied().filter(|&kind| workload.field.admits(kind))
}

/// Runs every workload: all contenders once, then all of them again, until the rounds are done.
fn measure_all(
    workloads: &[&'static Workload],
    contenders: &[Kind],
    env: &Env,
    results: &mut Results,
) -> Result<(), String> {
    let runs_of = |w: &&Workload| admitted(w, contenders).count() * results.rounds;
    // Draws on stderr, only if that is a terminal, and has no thread of its own that would show up in the numbers.
    let progress = ProgressBar::new(workloads.iter().map(runs_of).sum::<usize>() as u64);
    progress.set_style(
        ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {eta}")
            .map_err(|error| error.to_string())?,
    );
    for workload in workloads {
        let mut runs: Vec<(Kind, Vec<Sample>)> =
            admitted(workload, contenders).map(|kind| (kind, Vec::new())).collect();
        let before = environment::cores_to_be_had(results.cores_wanted());
        let hung = interleave(workload, &mut runs, env, &progress, results);
        // A neighbor may come or go meanwhile: the worse of two looks counts.
        let after = environment::cores_to_be_had(results.cores_wanted());
        results.add(workload, &runs, before.min(after));
        if hung {
            // Its threads are still there, and perhaps busy: what is measured beside them is worth nothing.
            break;
        }
    }
    progress.finish_and_clear();
    Ok(())
}

/// All rounds of one workload; `true` if a run hung, and the rest was left out.
fn interleave(
    workload: &'static Workload,
    runs: &mut [(Kind, Vec<Sample>)],
    env: &Env,
    progress: &ProgressBar,
    results: &mut Results,
) -> bool {
    for _ in 0..results.rounds {
        for (kind, samples) in &mut *runs {
            if results.has_failed(workload.name, *kind) {
                progress.inc(1);
                continue;
            }
            progress.set_message(format!("{} on {}", workload.name, kind.label(env.workers)));
            let ended = run_within_limit(workload, *kind, env);
            let hung = ended.is_none();
            let never = || Err(format!("has not ended after {} s, and never may", LIMIT.as_secs()));
            match ended.unwrap_or_else(never) {
                Ok(sample) => samples.push(sample),
                Err(error) => results.failures.push(Failure {
                    workload: workload.name,
                    contender: *kind,
                    error,
                }),
            }
            progress.inc(1);
            if hung {
                return true;
            }
        }
    }
    false
}

/// How long one run may take. The slowest takes seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// The same for a child process; shorter, so that the parent hears of it.
const CHILD_LIMIT: Duration = Duration::from_secs(20);

/// One run on a thread of its own, which is given up if it does not end.
fn run_within_limit(
    workload: &'static Workload,
    kind: Kind,
    env: &Env,
) -> Option<Result<Sample, String>> {
    let (send, receive) = mpsc::channel();
    let env = env.clone();
    // Nobody receives once the limit has passed.
    thread::spawn(move || drop(send.send(run_once(workload, kind, &env))));
    receive.recv_timeout(LIMIT).ok()
}

/// One run; a panic in it is an error like any other, and the rest goes on.
fn run_once(workload: &Workload, kind: Kind, env: &Env) -> Result<Sample, String> {
    catch_unwind(AssertUnwindSafe(|| (workload.run)(kind, env)))
        .map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            format!("panicked: {}", text.unwrap_or("with no message"))
        })?
        .map_err(|error| error.to_string())
}

/// The other side of a memory workload: one run in a process that has done nothing else.
fn run_as_child(name: &str, contenders: &[Kind], env: &Env) -> Result<ExitCode, String> {
    let workload = workloads::all().find(|workload| workload.name == name);
    let (Some(workload), [kind]) = (workload, contenders) else {
        return Err("--child wants the name of a workload, and --contenders one name".into());
    };
    // It ends itself, whether or not its parent is still there to do it: left behind and spinning, it would take a
    // core from every measurement after this one. The main thread measures, as the main arena is the usual one.
    let name = workload.name;
    thread::spawn(move || {
        thread::sleep(CHILD_LIMIT);
        eprintln!("{name} has not ended after {} s, and never may", CHILD_LIMIT.as_secs());
        std::process::exit(3);
    });
    say(&format!("{}\n", run_once(workload, *kind, env)?.values[0]));
    Ok(ExitCode::SUCCESS)
}
