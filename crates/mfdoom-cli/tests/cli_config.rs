//! Defaults < configuration file < environment < flags, for every kind of argument.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use mfdoom_cli::resolve::{Origin, Stop, resolve};
use mfdoom_cli::{CommonArgs, DeviceArgs, OutputArgs, SeedArgs, Shard};
use serde::Serialize;

/// Looks at cells.
#[derive(Parser, Serialize, Debug)]
#[command(name = "mfdoom-preprocess", version)]
struct Stage {
    /// Files to read
    #[arg(required_unless_present = "sheet", value_name = "INPUT")]
    #[serde(serialize_with = "mfdoom_cli::base_names")]
    inputs: Vec<PathBuf>,
    /// Fewest counts of a cell that stays
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Filters")]
    min_counts: u64,
    /// Genes to keep
    #[arg(long, value_name = "N", help_heading = "Filters")]
    top_genes: Option<usize>,
    /// Where a modality is
    #[arg(long, value_name = "NAME=SOURCE")]
    modality: Vec<String>,
    /// One file
    #[arg(long, value_name = "FILE", conflicts_with = "top_genes")]
    #[serde(serialize_with = "mfdoom_cli::base_name")]
    vocab: Option<PathBuf>,
    /// A sheet
    #[arg(long, conflicts_with = "inputs")]
    #[serde(skip)]
    sheet: Option<PathBuf>,
    /// Only this sample
    #[arg(long, requires = "sheet")]
    #[serde(skip)]
    sample: Option<String>,
    /// Several
    #[arg(long, value_delimiter = ',')]
    #[serde(skip)]
    heads: Vec<String>,
    /// Only this shard
    #[arg(long)]
    #[serde(skip)]
    shard: Option<Shard>,
    #[command(flatten)]
    #[serde(flatten)]
    seed: SeedArgs,
    #[command(flatten)]
    #[serde(skip)]
    output: OutputArgs,
    #[command(flatten)]
    #[serde(skip)]
    device: DeviceArgs,
    #[command(flatten)]
    #[serde(skip)]
    common: CommonArgs,
}

/// Runs `resolve` with a file of `toml`, the given variables and flags; "FILE" stands for the file's path.
fn merged(toml: &str, variables: &[(&str, &str)], flags: &[&str]) -> Result<(Stage, Vec<String>), Stop> {
    let (resolved, _folder) = resolved::<Stage>(toml, variables, flags)?;
    let stage = Stage::from_arg_matches(&resolved.matches)?;
    Ok((stage, resolved.settings.iter().map(ToString::to_string).collect()))
}

fn resolved<A: CommandFactory>(
    toml: &str,
    variables: &[(&str, &str)],
    flags: &[&str],
) -> Result<(mfdoom_cli::resolve::Resolved, Folder), Stop> {
    let folder = Folder::new();
    let path = folder.0.join("settings.toml");
    fs::write(&path, toml).unwrap();
    let mut argv: Vec<OsString> = vec!["mfdoom-preprocess".into()];
    argv.extend(
        flags.iter().map(|flag| if *flag == "FILE" { path.clone().into() } else { OsString::from(flag) }),
    );
    let variables: HashMap<String, OsString> =
        variables.iter().map(|(name, value)| ((*name).into(), OsString::from(value))).collect();
    Ok((resolve(&A::command(), &argv, |name| variables.get(name).cloned())?, folder))
}

/// A folder of this test alone, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mfdoom-cli-{}-{n}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn message(stop: Stop) -> String {
    match stop {
        Stop::Generate(what, _) => panic!("{what:?}"),
        Stop::Error(error) => {
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        }
        Stop::Clap(error) => {
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        }
    }
}

#[test]
fn each_source_wins_over_the_one_before() {
    let toml = "min-counts = 10\nseed = 1";
    let config = ["--config", "FILE", "a.h5ad"];
    assert_eq!(merged("", &[], &["a.h5ad"]).unwrap().0.min_counts, 0);
    assert_eq!(merged(toml, &[], &config).unwrap().0.min_counts, 10);
    let variables = [("MFDOOM_MIN_COUNTS", "20")];
    let (stage, settings) = merged(toml, &variables, &config).unwrap();
    assert_eq!((stage.min_counts, stage.seed.seed), (20, 1));
    assert!(settings.contains(&"min-counts=20 (environment)".to_owned()), "{settings:?}");
    assert!(settings.contains(&"seed=1 (config)".to_owned()), "{settings:?}");
    let flags = ["--min-counts", "30", "--config", "FILE", "a.h5ad"];
    assert_eq!(merged(toml, &variables, &flags).unwrap().0.min_counts, 30);
}

#[test]
fn lists_replace_and_tables_become_pairs() {
    let toml = "modality = ['spliced=layers/a', 'unspliced=layers/b']\ninputs = ['x.h5ad', 'y.h5ad']";
    let (stage, _) = merged(toml, &[], &["--config", "FILE"]).unwrap();
    assert_eq!(stage.modality, ["spliced=layers/a", "unspliced=layers/b"]);
    assert_eq!(stage.inputs, [PathBuf::from("x.h5ad"), PathBuf::from("y.h5ad")]);

    let (stage, _) =
        merged(toml, &[], &["--config", "FILE", "--modality", "a=X", "--modality=b=X", "z.h5ad"]).unwrap();
    assert_eq!(stage.modality, ["a=X", "b=X"]);
    assert_eq!(stage.inputs, [PathBuf::from("z.h5ad")]);

    let (stage, _) = merged("[modality]\nprotein = 'obsm/p'", &[], &["--config", "FILE", "x.h5ad"]).unwrap();
    assert_eq!(stage.modality, ["protein=obsm/p"]);

    let variables = [("MFDOOM_INPUTS", "p.h5ad, q.h5ad"), ("MFDOOM_MODALITY", "a=X,b=raw/X")];
    let (stage, _) = merged(toml, &variables, &["--config", "FILE"]).unwrap();
    assert_eq!(stage.modality, ["a=X", "b=raw/X"]);
    assert_eq!(stage.inputs, [PathBuf::from("p.h5ad"), PathBuf::from("q.h5ad")]);
}

#[test]
fn switches_and_counts_can_be_set_and_unset() {
    let toml = "force = true\nverbose = 2";
    let (stage, _) = merged(toml, &[], &["--config", "FILE", "x.h5ad"]).unwrap();
    assert!(stage.output.force);
    assert_eq!(stage.common.verbose, 2);
    assert!(!merged(toml, &[("MFDOOM_FORCE", "no")], &["--config", "FILE", "x"]).unwrap().0.output.force);
    assert!(!merged(toml, &[], &["--config", "FILE", "--force=false", "x"]).unwrap().0.output.force);
    assert!(merged("", &[], &["--force=true", "x"]).unwrap().0.output.force);
    let error = message(merged("force = 'maybe'", &[], &["--config", "FILE", "x"]).unwrap_err());
    assert!(error.contains("force") && error.contains("maybe"), "{error}");
}

#[test]
fn the_file_may_be_named_by_a_variable_and_share_tables_between_stages() {
    let toml = "threads = 2\n[pretrain]\nepochs = 3\n[preprocess]\nmin_counts = 7\nthreads = 1";
    let (resolved, folder) = resolved::<Stage>(toml, &[], &["--config", "FILE", "x"]).unwrap();
    let stage = Stage::from_arg_matches(&resolved.matches).unwrap();
    assert_eq!((stage.min_counts, stage.common.threads.unwrap().get()), (7, 1));
    let path = folder.0.join("settings.toml");
    let (stage, _) = merged("", &[("MFDOOM_CONFIG", path.to_str().unwrap())], &["x"]).unwrap();
    assert_eq!(stage.min_counts, 7);
}

#[test]
fn unknown_keys_name_the_nearest_known_one() {
    let error = message(merged("min-count = 1", &[], &["--config", "FILE", "x"]).unwrap_err());
    assert!(error.contains("unknown setting 'min-count'"), "{error}");
    assert!(error.contains("did you mean 'min-counts'?"), "{error}");
    let error = message(merged("[preprocess]\nsede = 1", &[], &["--config", "FILE", "x"]).unwrap_err());
    assert!(error.contains("did you mean 'seed'?"), "{error}");
    let error = message(merged("generate = 'man'", &[], &["--config", "FILE", "x"]).unwrap_err());
    assert!(error.contains("unknown setting 'generate'"), "{error}");
}

#[test]
fn a_wrong_value_is_blamed_on_its_source() {
    let error = message(merged("min-counts = 'many'", &[], &["--config", "FILE", "x"]).unwrap_err());
    assert!(error.contains("--config: min-counts") && error.contains("'many'"), "{error}");
    let error = message(merged("", &[("MFDOOM_SHARD", "4/3")], &["x"]).unwrap_err());
    assert!(error.contains("MFDOOM_SHARD") && error.contains("4/3"), "{error}");
    let error = message(merged("min-counts = [1, 2]", &[], &["--config", "FILE", "x"]).unwrap_err());
    assert!(error.contains("one value"), "{error}");
    let error = message(merged("seed = ", &[], &["--config", "FILE", "x"]).unwrap_err());
    assert!(error.contains("settings.toml"), "{error}");
    let error = message(merged("", &[], &["--config", "/nowhere/x.toml", "x"]).unwrap_err());
    assert!(error.contains("/nowhere/x.toml"), "{error}");
}

#[test]
fn required_arguments_and_conflicts_hold_across_sources() {
    assert!(message(merged("", &[], &[]).unwrap_err()).contains("INPUT"));
    let error =
        message(merged("vocab = 'v.json'", &[], &["--config", "FILE", "--top-genes", "5", "x"]).unwrap_err());
    assert!(error.contains("cannot be used with"), "{error}");
    let error = message(merged("", &[], &["--min-count", "5", "x"]).unwrap_err());
    assert!(error.contains("--min-counts"), "{error}");
}

#[test]
fn settings_that_need_each_other_act_as_the_flags_do() {
    let toml = "sheet = 's.csv'\nsample = 'a'";
    let (stage, _) = merged(toml, &[], &["--config", "FILE"]).unwrap();
    assert_eq!((stage.sheet, stage.sample), (Some(PathBuf::from("s.csv")), Some("a".to_owned())));
    let (stage, _) = merged("", &[("MFDOOM_SAMPLE", "a")], &["--sheet", "s.csv"]).unwrap();
    assert_eq!(stage.sample.as_deref(), Some("a"));
    let (stage, _) = merged("sheet = 's.csv'", &[], &["--config", "FILE", "--sample", "a"]).unwrap();
    assert_eq!(stage.sample.as_deref(), Some("a"));

    let error = message(merged("sample = 'a'", &[], &["--config", "FILE"]).unwrap_err());
    assert!(error.contains("required"), "{error}");
    let error = message(merged("sheet = 's.csv'", &[], &["--config", "FILE", "x"]).unwrap_err());
    assert!(error.contains("cannot be used with") && error.contains("set in the file"), "{error}");
    let error = message(merged("", &[("MFDOOM_VOCAB", "v")], &["--top-genes", "5", "x"]).unwrap_err());
    assert!(error.contains("--vocab is set by MFDOOM_VOCAB"), "{error}");
}

#[test]
fn a_part_of_a_list_may_hold_commas() {
    let heads = |toml: &str, variables: &[(&str, &str)], flags: &[&str]| {
        let flags: Vec<&str> = ["--config", "FILE", "x"].iter().chain(flags).copied().collect();
        merged(toml, variables, &flags).unwrap().0.heads
    };
    let wanted = ["T cell, naive>B", "C"];
    assert_eq!(heads("heads = ['T cell, naive>B', 'C']", &[], &[]), wanted);
    assert_eq!(heads("heads = '\"T cell, naive\">B, C'", &[], &[]), wanted);
    assert_eq!(heads("", &[("MFDOOM_HEADS", "\"T cell, naive>B\",C")], &[]), wanted);
    assert_eq!(heads("", &[], &["--heads", "\"T cell, naive>B\",C"]), wanted);
    assert_eq!(heads("", &[], &["--heads=\"T cell, naive>B\"", "--heads", "C"]), wanted);
    assert_eq!(heads("heads = ['A']", &[], &["--heads", "B,C"]), ["B", "C"]);
}

#[test]
fn tables_of_all_stages_and_subcommands_may_share_a_file() {
    let toml = "[annotate]\nforce = true\n[generate]\nsteps = 3\n[velocity.fit]\nn-pcs = 20\n[velocity.graph]\ncounts = 'g'";
    assert!(merged(toml, &[], &["--config", "FILE", "x"]).is_ok());
    let (resolved, _folder) = resolved::<Nested>(toml, &[], &["graph", "--config", "FILE"]).unwrap();
    let nested = Nested::from_arg_matches(&resolved.matches).unwrap();
    let Mode::Graph(graph) = nested.command else { panic!("{nested:?}") };
    assert_eq!((graph.n_pcs, graph.counts), (30, PathBuf::from("g")));
}

#[test]
fn an_empty_variable_is_not_set() {
    let (stage, _) = merged("", &[("MFDOOM_MIN_COUNTS", ""), ("MFDOOM_CONFIG", "")], &["x"]).unwrap();
    assert_eq!(stage.min_counts, 0);
}

#[test]
fn what_decides_the_numbers_holds_no_path_threads_or_logs() {
    let flags =
        ["/data/a.h5ad", "--vocab", "/m/vocab.json", "--threads", "3", "-v", "--seed", "9", "-o", "/o/t"];
    let (stage, _) = merged("", &[], &flags).unwrap();
    let value = mfdoom_cli::settings(&stage).unwrap();
    let wanted = serde_json::json!({
        "inputs": ["a.h5ad"], "min_counts": 0, "modality": [], "vocab": "vocab.json", "seed": 9
    });
    assert_eq!(value, wanted);
}

/// A stage with subcommands.
#[derive(Parser, Debug)]
#[command(name = "mfdoom-velocity", version)]
struct Nested {
    #[command(subcommand)]
    command: Mode,
}

#[derive(Subcommand, Debug)]
enum Mode {
    /// Fits
    Fit(Fit),
    /// Draws
    Graph(Fit),
}

#[derive(Args, Debug)]
struct Fit {
    counts: PathBuf,
    #[arg(long, default_value_t = 30)]
    n_pcs: u32,
    #[command(flatten)]
    common: CommonArgs,
}

#[test]
fn subcommands_merge_at_the_leaf() {
    let toml = "threads = 2\n[velocity]\nthreads = 3\n[velocity.fit]\nn-pcs = 20\ncounts = 'fit'";
    let (resolved, _folder) = resolved::<Nested>(toml, &[], &["fit", "--config", "FILE"]).unwrap();
    let nested = Nested::from_arg_matches(&resolved.matches).unwrap();
    let Mode::Fit(fit) = nested.command else { panic!("{nested:?}") };
    assert_eq!((fit.n_pcs, fit.common.threads.unwrap().get(), fit.counts), (20, 3, PathBuf::from("fit")));
    let origin = |name: &str| resolved.settings.iter().find(|setting| setting.name == name).unwrap().origin;
    assert_eq!(origin("n-pcs"), Origin::Config);
    assert_eq!(origin("log-format"), Origin::Default);
}

#[test]
fn the_help_is_grouped_and_says_how_else_to_set_options() {
    let help = Stage::command().term_width(100).render_help().to_string();
    let headings: Vec<&str> =
        help.lines().filter(|line| line.ends_with(':') && !line.starts_with(' ')).collect();
    assert_eq!(headings, ["Arguments:", "Options:", "Filters:", "Running:", "Output:", "Logs:"], "{help}");
    assert!(!help.contains("--generate"), "{help}");
}
