//! Damaged files of every kind through every reader.
//!
//! A reader refuses a damaged artefact as such (exit code 3 or 4), or reads what was written; it never panics, fails as
//! if the machine were at fault, or takes long. Where the format has checksums, it never reads anything else.
//!
//! `cargo test --release --workspace --test fuzz` tries 200 mutations a reader. As many as wanted, and from where the last
//! run ended:
//!
//! ```text
//! MFDOOM_FUZZ_CASES=100000 MFDOOM_FUZZ_STATE=fuzz.json cargo test --release --workspace --test fuzz -- --nocapture
//! MFDOOM_FUZZ_KILLS=200 cargo test --release --workspace --test fuzz -- --ignored --nocapture
//! ```
//!
//! `MFDOOM_FUZZ_KILLS` is the number of kills of each command, over all runs with the same file of `MFDOOM_FUZZ_STATE`;
//! `MFDOOM_FUZZ_SECONDS` ends a run before.
//!
//! `MFDOOM_FUZZ_SEED` draws others. `MFDOOM_FUZZ_ONLY=velocity` takes what has this in its name. A case that is found is
//! repeated by its number: `MFDOOM_FUZZ_ONLY=velocity:1234`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints its counts"
)]

mod counts;
mod inputs;
mod kills;
#[path = "../../crates/mfdoom-counts/tests/make/mod.rs"]
mod make;
mod mutate;
mod readers;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mutate::{Random, mutate};
use readers::{READERS, Reader};

/// Longest that reading a file of a few kilobytes may take, on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

/// Returns a number from the environment.
pub fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

/// What is to be tried alone: a part of its name, or a name and the number of a case.
fn only() -> String {
    std::env::var("MFDOOM_FUZZ_ONLY").unwrap_or_default()
}

/// Returns whether something of this name is to be tried.
pub fn is_wanted(name: &str) -> bool {
    let only = only();
    name.contains(only.rsplit_once(':').map_or(only.as_str(), |(name, _)| name))
}

/// Returns when a run by hand is to end.
pub fn until() -> Instant {
    Instant::now() + Duration::from_secs(number("MFDOOM_FUZZ_SECONDS", 1 << 30))
}

/// What became of the cases of one reader.
#[derive(Debug, Default)]
pub struct Tally {
    refused: u64,
    same: u64,
    /// Read as something else.
    changed: u64,
}

/// The numbers of the next cases, by reader, kept in the file of `MFDOOM_FUZZ_STATE`.
pub struct State(Option<PathBuf>);

impl State {
    /// Names the file, if one is asked for.
    pub fn open() -> Self {
        Self(std::env::var_os("MFDOOM_FUZZ_STATE").map(PathBuf::from))
    }

    fn all(&self) -> BTreeMap<String, u64> {
        let text = self.0.as_ref().and_then(|path| fs::read_to_string(path).ok());
        text.map_or_else(BTreeMap::new, |text| serde_json::from_str(&text).unwrap())
    }

    /// Returns the number of a reader's next case.
    pub fn next(&self, name: &str) -> u64 {
        self.all().get(name).copied().unwrap_or(0)
    }

    /// Keeps the number of a reader's next case.
    pub fn set(&self, name: &str, next: u64) {
        if let Some(path) = &self.0 {
            let mut all = self.all();
            all.insert(name.to_owned(), next);
            fs::write(path, serde_json::to_string(&all).unwrap()).unwrap();
        }
    }
}

/// Returns the files below a folder, in order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Tries one case; panics where the reader is at fault.
fn case(reader: &Reader, folder: &Path, whole: u64, number: u64, tally: &mut Tally) {
    let mut random = Random::new(self::number("MFDOOM_FUZZ_SEED", 1), reader.name, number);
    let files = files(folder);
    let path = &files[random.below(files.len())];
    let bytes = fs::read(path).unwrap();
    let mut damaged = bytes.clone();
    let times = 1 + random.below(3);
    let what: Vec<String> = (0..times).map(|_| mutate(&mut damaged, &mut random)).collect();
    fs::write(path, &damaged).unwrap();
    let begin = Instant::now();
    let read = catch_unwind(AssertUnwindSafe(|| (reader.read)(folder)));
    let took = begin.elapsed();
    fs::write(path, bytes).unwrap();
    let name = path.file_name().unwrap().to_string_lossy();
    let told = format!("{} case {number}: {name}: {}", reader.name, what.join(", "));
    assert!(took < LIMIT, "{told}: took {took:?}");
    match read.unwrap_or_else(|_| panic!("{told}: panicked")) {
        Err(error) => {
            assert!([3, 4].contains(&error.exit_code()), "{told}: exit {}: {error}", error.exit_code());
            tally.refused += 1;
        }
        Ok(found) if found == whole => tally.same += 1,
        Ok(_) => {
            // Version and names in a manifest may be anything.
            assert!(!reader.checked || name == "manifest.json", "{told}: read as something else");
            tally.changed += 1;
        }
    }
}

fn fuzz(reader: &Reader) {
    let place = tempfile::tempdir().unwrap();
    let folder = &place.path().join("artefact");
    fs::create_dir(folder).unwrap();
    (reader.write)(folder).unwrap();
    let whole = (reader.read)(folder).unwrap();
    if let Some((name, number)) = only().rsplit_once(':') {
        if name == reader.name {
            case(reader, folder, whole, number.parse().unwrap(), &mut Tally::default());
        }
        return;
    }
    let state = State::open();
    let first = state.next(reader.name);
    let mut tally = Tally::default();
    let (begin, until) = (Instant::now(), until());
    let mut at = first;
    while at < first + number("MFDOOM_FUZZ_CASES", 200) && Instant::now() < until {
        case(reader, folder, whole, at, &mut tally);
        at += 1;
        if at.is_multiple_of(1000) {
            state.set(reader.name, at);
        }
    }
    state.set(reader.name, at);
    let speed = (at - first) as f64 / begin.elapsed().as_secs_f64();
    println!("{}: from case {first}: {tally:?}, {speed:.0} a second", reader.name);
    assert!(tally.refused > 0, "{}: nothing was refused", reader.name);
}

#[test]
fn damaged_artefacts_are_refused_or_read_as_they_were() {
    std::thread::scope(|scope| {
        let running: Vec<_> = READERS
            .iter()
            .chain(&inputs::READERS)
            .filter(|reader| is_wanted(reader.name))
            .map(|reader| (reader, scope.spawn(move || fuzz(reader))))
            .collect();
        for (reader, thread) in running {
            assert!(thread.join().is_ok(), "{}", reader.name);
        }
    });
}
