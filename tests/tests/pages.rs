//! What users read: `tests/help/<stage>.txt` is what `--help` prints, and every stage has a page next to its code.
//!
//! `MFDOOM_WRITE_HELP=1 cargo test --release --workspace --test pages` writes the help texts anew. README.md, the pages
//! of `workflows/` and of the stages name only commands and flags that exist.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use mfdoom_tests::engines::root;
use mfdoom_tests::stage;

/// Returns the names of all stages: crates with a `main.rs`.
fn stages() -> Vec<String> {
    let crates = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = crates
        .filter(|path| path.join("src/main.rs").is_file())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// Returns what a stage prints, at a fixed width.
fn help(name: &str, subcommand: Option<&str>) -> String {
    let mut command = Command::new(stage(name));
    command.args(subcommand).arg("--help").env("COLUMNS", "100");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{name} {subcommand:?} --help: {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// Returns the names listed under `Commands:`.
fn subcommands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = lines
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

/// Returns the help of a stage and of its subcommands, as a terminal shows them.
fn helps(name: &str) -> String {
    let main = help(name, None);
    let mut all = format!("$ {name} --help\n{main}\n");
    for subcommand in subcommands(&main) {
        all += &format!("\n$ {name} {subcommand} --help\n{}\n", help(name, Some(&subcommand)));
    }
    all
}

#[test]
fn the_help_of_every_stage_is_written_down() {
    let names = stages();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        let path = root().join("tests/help").join(&name).with_extension("txt");
        let wanted = helps(&name);
        if std::env::var_os("MFDOOM_WRITE_HELP").is_some() {
            fs::write(&path, &wanted).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == wanted,
            "{}: not what --help prints; write it with MFDOOM_WRITE_HELP=1",
            path.display()
        );
    }
}

#[test]
fn every_stage_has_a_page_with_an_example_its_input_and_its_output() {
    for name in stages() {
        let path = root().join("crates").join(&name).join("README.md");
        let page = fs::read_to_string(&path).unwrap_or_default();
        for wanted in
            [format!("# {name}\n"), "## Example\n".into(), "## Input\n".into(), "## Output\n".into()]
        {
            assert!(page.contains(&wanted), "{}: no line {wanted:?}", path.display());
        }
        assert!(commands(&page).iter().any(|line| line.contains(&name)), "{}: no example", path.display());
    }
}

#[test]
fn a_shared_file_of_settings_may_have_a_table_for_every_stage() {
    let folder = tempfile::tempdir().unwrap();
    let tables: String = stages()
        .iter()
        .map(|name| format!("[{}]\nthreads = 1\n", name.trim_start_matches("mfdoom-")))
        .collect();
    fs::write(folder.path().join("all.toml"), tables).unwrap();
    for name in stages() {
        let main = help(&name, None);
        let mut command = Command::new(stage(&name));
        command.current_dir(&folder).args(subcommands(&main).first()).args(["--config", "all.toml"]);
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && !messages.contains("unknown setting"), "{name}: {messages}");
    }
}

#[test]
fn versions_are_told_at_once_on_one_line() {
    for name in stages() {
        let output = Command::new(stage(&name)).arg("--version").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.starts_with(&format!("{name} ")), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}

#[test]
fn every_stage_and_subcommand_has_completions_and_a_manual_page() {
    for name in stages() {
        let printed = |subcommand: Option<&str>, what: &str| {
            let mut command = Command::new(stage(&name));
            let output = command.args(subcommand).args(["--generate", what]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{name} {subcommand:?} {what}: {}", output.status);
            text
        };
        for shell in ["bash", "zsh", "fish"] {
            assert!(printed(None, shell).contains(&name), "{name}: {shell}");
        }
        let listed = subcommands(&help(&name, None));
        for subcommand in listed.iter().map(|subcommand| Some(subcommand.as_str())).chain([None]) {
            let title = subcommand.map_or(name.clone(), |subcommand| format!("{name}-{subcommand}"));
            let page = printed(subcommand, "man");
            assert!(page.lines().any(|line| line.starts_with(&format!(".TH {title} 1"))), "{page}");
        }
    }
}

/// Returns the names and texts of README.md, of the pages of `workflows/` and of those of the stages.
fn guides() -> Vec<(String, String)> {
    let beside = fs::read_dir(root().join("workflows")).unwrap().map(|entry| entry.unwrap().path());
    let pages = beside.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let read = |path: std::path::PathBuf| (path.display().to_string(), fs::read_to_string(&path).unwrap());
    let of_stages = stages().into_iter().map(|name| root().join("crates").join(name).join("README.md"));
    let all = pages.chain([root().join("README.md")]).chain(of_stages);
    let mut guides: Vec<(String, String)> = all.map(read).collect();
    guides.sort();
    guides
}

/// Returns the commands of a page's shell blocks that run a stage, continued lines joined.
fn commands(page: &str) -> Vec<String> {
    let joined = page.replace("\\\n", " ");
    let blocks = joined.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    blocks.flat_map(str::lines).filter(|line| line.starts_with("mfdoom-")).map(str::to_owned).collect()
}

/// Returns the flags among the words of a text.
fn flags(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    words.filter(|word| word.starts_with("--") && word.len() > 2).map(str::to_owned).collect()
}

/// Returns the flags of a stage, of the subcommand that the words after its name begin with if there is one.
fn flags_of(command: &str) -> BTreeSet<String> {
    let mut words = command.split_whitespace();
    let name = words.next().unwrap_or_default();
    let main = help(name, None);
    let subcommand = words.next().filter(|word| subcommands(&main).iter().any(|known| known == word));
    flags(&subcommand.map_or(main, |subcommand| help(name, Some(subcommand))))
}

#[test]
fn every_command_of_a_page_is_one_that_the_stages_take() {
    let built = stage("mfdoom-gather");
    let path = format!("{}:{}", built.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut tried = 0;
    for (name, text) in guides() {
        for command in commands(&text) {
            let folder = tempfile::tempdir().unwrap();
            // Checking makes nothing, so the files of earlier commands are not there: another code than wrong usage.
            let script = format!(
                "{command}\nfor code in ${{PIPESTATUS[@]}}; do case $code in 0|1|3|4) ;; *) exit 2 ;; esac; done"
            );
            let mut bash = Command::new("bash");
            bash.current_dir(&folder).env("PATH", &path).env("MFDOOM_CHECK", "true").args(["-c", &script]);
            let output = bash.output().unwrap();
            let messages = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {command}\n{messages}");
            tried += 1;
        }
    }
    assert!(tried > 15, "{tried} commands");
}

#[test]
fn every_flag_that_a_page_names_is_one_of_its_stage() {
    let chain = fs::read_to_string(root().join("workflows/chain.sh")).unwrap();
    let any: BTreeSet<String> =
        stages().iter().map(|name| flags(&helps(name))).chain([flags(&chain)]).flatten().collect();
    let mut tried = 0;
    for (name, text) in guides() {
        let spans = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        for span in spans.flat_map(|span| span.split('|')).map(str::trim) {
            let of_users = name.ends_with("coming-from.md") || name.ends_with("troubleshooting.md");
            let wanted = match span {
                stage if stage.starts_with("mfdoom-") && stage.contains(" --") => flags_of(stage),
                bare if bare.starts_with("--") && of_users => any.clone(),
                _ => continue,
            };
            let unknown: Vec<String> = flags(span).difference(&wanted).cloned().collect();
            assert!(unknown.is_empty(), "{name}: `{span}`: there is no {unknown:?}");
            tried += 1;
        }
    }
    assert!(tried > 15, "{tried} flags");
}
