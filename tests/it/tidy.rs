//! The shape of the house, read from its sources: where `unsafe` may live, what may name what, which rules exist.
//! Shape is tested; taste is not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const LIBRARIES: [&str; 4] = ["executor", "io-driver", "sync", "timer"];
const LEAVES: [&str; 3] = ["io-driver", "sync", "timer"];

/// Where `unsafe` is allowed: type erasure, cells that a protocol makes exclusive, thread-local pointers, the
/// operating system.
const UNSAFE: &[&str] = &[
    "executor/src/blocking/mod.rs",
    "executor/src/hyper.rs",
    "executor/src/local/shared.rs",
    "executor/src/loom/",
    "executor/src/net/tokio_io.rs",
    "executor/src/queue/gate.rs",
    "executor/src/queue/local.rs",
    // Claims that go from thread to thread, and tasks that borrow from a stack: type erasure of lifetimes.
    "executor/src/scope/blocking.rs",
    "executor/src/scheduler/context.rs",
    "executor/src/scheduler/context/blocked.rs",
    "executor/src/scheduler/shared.rs",
    "executor/src/scheduler/slot.rs",
    "executor/src/scheduler/submit.rs",
    "executor/src/task/alloc/",
    "executor/src/task/cell.rs",
    "executor/src/task/env.rs",
    "executor/src/task/extras.rs",
    "executor/src/task/join.rs",
    // The pointer of a key to its value, with the scope on the stack.
    "executor/src/task/local.rs",
    "executor/src/task/mod.rs",
    "executor/src/task/owned.rs",
    // Rooms that do not move, found by number.
    "executor/src/task/places.rs",
    "executor/src/task/poll.rs",
    // Pointers to what other threads poll, which these keep.
    "executor/src/task/polled.rs",
    "executor/src/task/raw.rs",
    "executor/src/task/waker.rs",
    "io-driver/src/sys/",
    "sync/src/atomic_waker.rs",
    "sync/src/broadcast/shares.rs",
    "sync/src/loom.rs",
    "sync/src/mutex/",
    "sync/src/notify/notified.rs",
    "sync/src/once_cell.rs",
    "sync/src/once_slot.rs",
    "sync/src/oneshot/",
    "sync/src/rwlock/",
    "sync/src/set_once.rs",
    "sync/src/short_lock.rs",
    "sync/src/wait_list/",
    "tests/it/async_fd.rs",
    "tests/it/faults_system.rs",
    "tests/it/size.rs",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

struct Source {
    /// From the workspace's root, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// Lines that are not comments, numbered from 1.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The comment of each line that has one.
    fn comments(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter_map(|(number, line)| Some((number, line.split_once("//")?.1)))
    }
}

/// Every file below `folder` whose name ends in `ending`.
fn sources(folder: &str, ending: &str) -> Vec<Source> {
    fn walk(root: &Path, folder: &Path, ending: &str, found: &mut Vec<Source>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for path in entries.map(|entry| entry.expect("a directory entry").path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    walk(root, &path, ending, found);
                }
            } else if name.ends_with(ending) {
                let relative = path
                    .strip_prefix(root)
                    .expect("below the root")
                    .to_string_lossy()
                    .replace('\\', "/");
                let text = fs::read_to_string(&path)
                    .unwrap_or_else(|error| panic!("reading {relative}: {error}"));
                found.push(Source { path: relative, text });
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    walk(&root, &root.join(folder), ending, &mut found);
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn library_sources() -> Vec<Source> {
    let found: Vec<_> =
        LIBRARIES.iter().flat_map(|library| sources(&format!("{library}/src"), ".rs")).collect();
    assert!(found.len() > 50, "the libraries were not found: {} files", found.len());
    found
}

#[track_caller]
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    let folders =
        ["executor", "io-driver", "sync", "timer", "tests", "benches", "examples", "fuzz"];
    let mut complaints = Vec::new();
    for source in folders.iter().flat_map(|folder| sources(folder, ".rs")) {
        if !source.text.starts_with("//! ") && !source.text.starts_with("#![doc = include_str!") {
            complaints.push(format!("{} does not open by saying what it is", source.path));
        }
        let lines = source.text.lines().count();
        if lines > 400 {
            println!("note: {} has {lines} lines", source.path);
        }
    }
    assert_none(&complaints);
}

#[test]
fn unsafe_code_lives_in_few_files_which_say_why() {
    let mut complaints = Vec::new();
    for source in library_sources().into_iter().chain(sources("tests", ".rs")) {
        let attribute = ["allow(", "unsafe_code)"].concat();
        let allows = source.code().any(|(_, line)| line.contains(&attribute));
        if allows && !UNSAFE.iter().any(|allowed| source.path.starts_with(allowed)) {
            complaints.push(format!(
                "{} allows unsafe code; it is not in the list of files that may",
                source.path
            ));
        }
        if source.code().any(|(_, line)| line.trim() == format!("#![{attribute}]"))
            && !source.text.contains("# Safety")
        {
            complaints.push(format!(
                "{} allows unsafe code and has no `# Safety` paragraph",
                source.path
            ));
        }
    }
    for library in LIBRARIES {
        let root =
            fs::read_to_string(root().join(library).join("src/lib.rs")).expect("a crate root");
        if !root.contains("#![deny(unsafe_code)]") && !root.contains("#![forbid(unsafe_code)]") {
            complaints.push(format!("{library}/src/lib.rs neither denies nor forbids unsafe code"));
        }
        if library == "timer" && !root.contains("#![forbid(unsafe_code)]") {
            complaints.push("timer/src/lib.rs does not forbid unsafe code".to_owned());
        }
    }
    assert_none(&complaints);
}

#[test]
fn only_the_loom_module_of_a_crate_knows_of_loom() {
    let mut complaints = Vec::new();
    for source in library_sources() {
        let is_loom = source.path.ends_with("/src/loom.rs") || source.path.contains("/src/loom/");
        for (number, line) in source.code() {
            if !is_loom && line.contains("cfg") && line.contains("loom") {
                complaints.push(format!("{}:{number} depends on cfg(loom)", source.path));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn the_leaves_depend_on_no_crate_of_ours() {
    for leaf in LEAVES {
        let manifest =
            fs::read_to_string(root().join(leaf).join("Cargo.toml")).expect("a manifest");
        let ours = manifest.lines().find(|line| line.trim_start().starts_with("raddle"));
        assert_eq!(ours, None, "{leaf}/Cargo.toml depends on one of ours");
    }
}

#[test]
fn the_sync_crate_is_tested_by_itself_too() {
    let own = fs::read_to_string(root().join("sync/tests/it.rs")).expect("the tests of sync");
    let mut complaints = Vec::new();
    for source in sources("tests/it", ".rs") {
        // The last is the allocator of that binary, which counts.
        let of_others = ["raddle::", "raddle_timer::", "raddle_io_driver::", "crate::size"]
            .map(|name| source.text.contains(name));
        let path = format!("../../{}\"", source.path);
        if source.text.contains("use raddle_sync")
            && of_others == [false; 4]
            && !own.contains(&path)
        {
            complaints.push(format!("{} is not named in sync/tests/it.rs", source.path));
        }
    }
    assert_none(&complaints);
}

#[test]
fn tasks_know_neither_scheduler_nor_queues_and_only_queues_know_the_deque() {
    let mut complaints = Vec::new();
    for source in library_sources() {
        for (number, line) in source.code() {
            let in_task = source.path.starts_with("executor/src/task/");
            if in_task && (line.contains("scheduler::") || line.contains("queue::")) {
                complaints.push(format!("{}:{number} names the scheduler or a queue", source.path));
            }
            let may = ["executor/src/queue/", "executor/src/loom/"]
                .iter()
                .any(|may| source.path.starts_with(may));
            if line.contains("crossbeam_deque") && !may {
                complaints.push(format!("{}:{number} names crossbeam_deque", source.path));
            }
        }
    }
    assert_none(&complaints);
}

/// Words such as `T3` or `P10`: a letter and a number.
fn rules_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').filter(|word| {
        let mut letters = word.chars();
        letters.next().is_some_and(|first| first.is_ascii_uppercase())
            && (2..=3).contains(&word.len())
            && letters.all(|digit| digit.is_ascii_digit())
    })
}

/// The rule that this line of a file's head states: `//! - **T3** ...` or `//! T3. ...`.
fn rule_stated(line: &str) -> Option<&str> {
    let line = line.strip_prefix("//! ")?;
    let line = line.strip_prefix("- ").unwrap_or(line);
    let (rule, after) = match line.strip_prefix("**") {
        Some(bold) => bold.split_once("**")?,
        None => line.split_once('.')?,
    };
    (rules_in(rule).next() == Some(rule) && after.starts_with(' ')).then_some(rule)
}

#[test]
fn every_rule_that_is_cited_is_stated_once() {
    let libraries = library_sources();
    let mut stated: BTreeMap<String, &str> = BTreeMap::new();
    let mut complaints = Vec::new();
    for source in &libraries {
        for (number, line) in source.lines() {
            let Some(rule) = rule_stated(line) else { continue };
            if let Some(before) = stated.insert(rule.to_owned(), &source.path) {
                complaints
                    .push(format!("{}:{number} states {rule}, and so does {before}", source.path));
            }
        }
    }
    assert!(stated.len() > 40, "rules are no longer found: {stated:?}");
    let letters: BTreeSet<char> = stated.keys().filter_map(|rule| rule.chars().next()).collect();
    let models = sources("tests/loom", ".rs");
    for source in libraries.iter().chain(&models) {
        for (number, comment) in source.comments() {
            for rule in
                rules_in(comment).filter(|rule| rule.starts_with(|first| letters.contains(&first)))
            {
                if !stated.contains_key(rule) {
                    complaints.push(format!(
                        "{}:{number} cites {rule}, which is stated nowhere",
                        source.path
                    ));
                }
            }
        }
    }
    for model in &models {
        let is_table = model.path.ends_with("main.rs") || model.path.ends_with("_support.rs");
        if !is_table
            && !model
                .comments()
                .any(|(_, comment)| rules_in(comment).any(|rule| stated.contains_key(rule)))
        {
            complaints.push(format!("{} names no rule that it proves", model.path));
        }
    }
    assert_none(&complaints);
}

#[test]
fn nothing_is_left_to_do_and_libraries_print_nothing() {
    let mut complaints = Vec::new();
    for source in library_sources() {
        for (number, line) in source.code() {
            for word in ["todo!(", "unimplemented!(", "dbg!(", "print!(", "println!("] {
                if line.contains(word) {
                    complaints.push(format!("{}:{number} has a {word}...)", source.path));
                }
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn every_published_crate_has_a_readme_and_a_changelog_that_goes_on() {
    let mut complaints = Vec::new();
    for folder in LIBRARIES.into_iter().chain(["."]) {
        let read = |name| fs::read_to_string(root().join(folder).join(name)).unwrap_or_default();
        if !read("CHANGELOG.md").contains("## Unreleased") {
            complaints.push(format!("{folder}/CHANGELOG.md has no section `## Unreleased`"));
        }
        if read("README.md").lines().count() < 10 {
            complaints.push(format!("{folder}/README.md does not tell its story"));
        }
    }
    assert_none(&complaints);
}

#[test]
fn no_file_names_a_folder_of_somebodys_machine() {
    let folders = ["work", "home", "root", "Users"].map(|folder| format!("/{folder}/"));
    let mut complaints = Vec::new();
    for source in [".rs", ".md", ".toml", ".sh"].iter().flat_map(|ending| sources(".", ending)) {
        for (number, line) in source.lines() {
            if folders.iter().any(|folder| {
                line.contains(&format!(" {folder}")) || line.contains(&format!("\"{folder}"))
            }) {
                complaints.push(format!("{}:{number} names a folder of one machine", source.path));
            }
        }
    }
    assert_none(&complaints);
}
