//! Where the numbers were made: without it they mean nothing. That includes how much of the machine was to be had:
//! beside a busy neighbor, two workers share one core, and a ratio of two workers to one says nothing.

use std::fmt;
use std::thread;

use raddle_benches::Work;
use serde::Serialize;

use crate::measure::Meter;

/// The machine, and what was built.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Environment {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) rustc: &'static str,
    pub(crate) commit: &'static str,
    /// The packages that compete, with their versions.
    pub(crate) versions: &'static str,
}

impl Environment {
    /// Asks the machine; the rest was recorded when this program was built.
    pub(crate) fn detect() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let uname = rustix::system::uname();
        Self {
            cpu: model.map_or("unknown processor", |(_, name)| name.trim()).to_owned(),
            cores: num_cpus::get(),
            kernel: format!(
                "{} {} {}",
                uname.sysname().to_string_lossy(),
                uname.release().to_string_lossy(),
                uname.machine().to_string_lossy(),
            ),
            rustc: env!("COMPARE_RUSTC"),
            commit: env!("COMPARE_COMMIT"),
            versions: env!("COMPARE_VERSIONS"),
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} · {} cores · {}", self.cpu, self.cores, self.kernel)?;
        writeln!(f, "{} · commit {}", self.rustc, self.commit)?;
        write!(f, "{}", self.versions)?;
        if cfg!(debug_assertions) {
            write!(f, "\nBUILT WITHOUT OPTIMIZATION: these numbers say nothing about speed")?;
        }
        Ok(())
    }
}

/// How many of `wanted` cores this process really gets: that many threads compute, and their processor time is held
/// against the time that passed.
pub(crate) fn cores_to_be_had(wanted: usize) -> f64 {
    // Long enough for the kernel to have moved the threads apart, and to see a neighbor's share.
    let work = Work::of_ns(60_000_000);
    let meter = Meter::of_process();
    let threads: Vec<_> = (0..wanted).map(|_| thread::spawn(move || work.run())).collect();
    for thread in threads {
        thread.join().expect("computing does not panic");
    }
    let cost = meter.stop();
    cost.cpu_ns as f64 / cost.wall_ns as f64
}
