//! Records what the numbers belong to: the compiler, the commit and the versions of the contenders.

use std::process::Command;

/// The packages whose versions the header of `compare` names.
const PACKAGES: [&str; 11] = [
    "raddle",
    "tokio",
    "async-executor",
    "async-io",
    "async-task",
    "blocking",
    "async-lock",
    "async-channel",
    "flume",
    "futures-util",
    "kanal",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../Cargo.lock");
    println!("cargo::rerun-if-changed=../.git/logs/HEAD");

    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    println!("cargo::rustc-env=COMPARE_RUSTC={}", first_line_of(&rustc, &["--version"]));
    let commit = first_line_of("git", &["rev-parse", "--short=12", "HEAD"]);
    println!("cargo::rustc-env=COMPARE_COMMIT={commit}");

    let lock = std::fs::read_to_string("../Cargo.lock").unwrap_or_default();
    let versions: Vec<String> = PACKAGES
        .iter()
        .filter_map(|name| version_in(&lock, name).map(|version| format!("{name} {version}")))
        .collect();
    println!("cargo::rustc-env=COMPARE_VERSIONS={}", versions.join(", "));
}

/// The first line a command prints, or "unknown" if it cannot be had.
fn first_line_of(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| Some(String::from_utf8(output.stdout).ok()?.lines().next()?.to_owned()))
        .unwrap_or_else(|| "unknown".into())
}

/// The version of `name` in the text of a lock file.
fn version_in<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let entry = lock.split("[[package]]").find(|entry| {
        entry.lines().any(|line| line.strip_prefix("name = ") == Some(&format!("\"{name}\"")))
    })?;
    entry.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
}
