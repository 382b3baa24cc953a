//! The command line: what to run, how often, and what to do with the numbers.

use std::path::PathBuf;

use clap::Parser;

use crate::contenders::Kind;
use crate::workloads::{self, Group, Workload};

/// Runs the same workloads on raddle, Tokio, smol and a bare queue, in turn, and prints how they compare.
#[derive(Debug, Parser)]
#[command(name = "compare", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Workloads by name (spawn_local), family (grain, echo) or group (scheduler); all if none is named
    #[arg(value_name = "WORKLOAD")]
    pub(crate) workloads: Vec<String>,

    /// List the workloads and the contenders, and do nothing
    #[arg(long)]
    pub(crate) list: bool,

    /// Smaller runs and three rounds: everything in four minutes, for a first look
    #[arg(long)]
    pub(crate) quick: bool,

    /// How often each contender runs each workload [default: 5, or 3 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    rounds: Option<u16>,

    /// Workers of the multi-thread contenders
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: u16,

    /// Only these contenders, separated by commas
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    contenders: Vec<String>,

    /// Write everything that was measured to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Draw the grain curve into this file: throughput against task size
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,

    /// Hold the numbers against the stated targets, and fail if one is missed
    #[arg(long)]
    pub(crate) check: bool,

    /// Run one workload for one contender and print its first value (what the memory workloads start)
    #[arg(long, hide = true, value_name = "WORKLOAD")]
    pub(crate) child: Option<String>,

    /// Put a load on a server (what the workloads with sockets start)
    #[arg(long, hide = true, value_name = "ORDER")]
    pub(crate) load: Option<String>,
}

const EXAMPLES: &str = "Examples:
  compare --quick
  compare spawn_local grain --svg grain.svg
  compare --check scheduler waking
  compare echo --contenders raddle,tokio,epoll --rounds 9";

impl Arguments {
    /// The number of rounds, asked for or by default.
    pub(crate) fn rounds(&self) -> usize {
        usize::from(self.rounds.unwrap_or(if self.quick { 3 } else { 5 }))
    }

    /// The number of workers.
    pub(crate) fn workers(&self) -> usize {
        usize::from(self.workers)
    }

    /// The chosen contenders, in the order of the columns.
    pub(crate) fn contenders(&self) -> Result<Vec<Kind>, String> {
        for name in &self.contenders {
            if !Kind::ALL.iter().any(|kind| kind.name() == name) {
                let all = Kind::ALL.map(Kind::name).join(", ");
                return Err(format!("there is no contender `{name}`; there are: {all}"));
            }
        }
        let chosen = |kind: &Kind| {
            self.contenders.is_empty() || self.contenders.iter().any(|name| name == kind.name())
        };
        Ok(Kind::ALL.into_iter().filter(chosen).collect())
    }

    /// The chosen workloads, in the order of the table.
    pub(crate) fn workloads(&self) -> Result<Vec<&'static Workload>, String> {
        for word in &self.workloads {
            if !workloads::all().any(|workload| workload.answers_to(word)) {
                return Err(format!("there is no workload `{word}`; there are:\n{}", names()));
            }
        }
        let chosen = |workload: &&Workload| {
            self.workloads.is_empty() || self.workloads.iter().any(|word| workload.answers_to(word))
        };
        Ok(workloads::all().filter(chosen).collect())
    }
}

/// The names of all workloads, a line for each group.
fn names() -> String {
    let of_group = |group: Group| {
        let names = workloads::all().filter(|w| w.group == group).map(|w| w.name);
        format!("  {:<10} {}", group.name(), names.collect::<Vec<_>>().join(" "))
    };
    Group::ALL.map(of_group).join("\n")
}

/// The text of `--list`.
pub(crate) fn list() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        text += &format!("{} ({})\n", group.title(), group.name());
        for workload in workloads::all().filter(|workload| workload.group == group) {
            text += &format!("  {:<15} {}\n", workload.name, workload.about);
        }
        text.push('\n');
    }
    text + &format!("Contenders: {}\n", Kind::ALL.map(Kind::name).join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workloads_of(words: &[&str]) -> Result<Vec<&'static str>, String> {
        let arguments = Arguments::parse_from(["compare"].iter().chain(words));
        Ok(arguments.workloads()?.into_iter().map(|workload| workload.name).collect())
    }

    #[test]
    fn a_word_means_a_workload_or_a_family_or_a_group() {
        assert_eq!(workloads_of(&["yield"]).unwrap(), ["yield"]);
        let echo = ["echo_1", "echo_10", "echo_100", "echo_1000", "echo_10000"];
        assert_eq!(workloads_of(&["echo"]).unwrap(), echo);
        assert!(workloads_of(&["scheduler"]).unwrap().contains(&"grain_0"));
        assert!(workloads_of(&["blocking"]).unwrap().contains(&"blocking"));
        assert_eq!(workloads_of(&[]).unwrap().len(), workloads::all().count());
    }

    #[test]
    fn an_unknown_word_is_answered_with_what_exists() {
        let error = workloads_of(&["spawm"]).unwrap_err();
        assert!(error.contains("`spawm`") && error.contains("spawn_local"), "{error}");
        let arguments = Arguments::parse_from(["compare", "--contenders", "rayon"]);
        assert!(arguments.contenders().unwrap_err().contains("tokio-ct"));
    }

    #[test]
    fn zero_workers_and_zero_rounds_are_refused() {
        assert!(Arguments::try_parse_from(["compare", "--workers", "0"]).is_err());
        assert!(Arguments::try_parse_from(["compare", "--rounds", "0"]).is_err());
    }

    #[test]
    fn names_of_workloads_are_unique_and_none_is_the_name_of_a_group() {
        let mut names: Vec<_> = workloads::all().map(|workload| workload.name).collect();
        names.extend(Group::ALL.map(Group::name));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
