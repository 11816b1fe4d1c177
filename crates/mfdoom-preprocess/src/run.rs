//! What `mfdoom-preprocess` does.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use mfdoom_artifact::{InputId, Manifest, Output, OutputFile};
use mfdoom_counts::in_one_pass;
use mfdoom_error::{Error, Result};
use mfdoom_tokens::TokenSchema;

use crate::args::Args;
use crate::cells::CellReport;
use crate::job::{GeneChoice, Job};
use crate::pass::{self, Rows};
use crate::plan::{FilePlan, Plan};
use crate::vocabulary::{self, Genes};
use crate::{sheet, unmatched, write};

/// The format version of the manifest's table.
const FORMAT: u32 = 1;

/// Turns the counts of the inputs into a table of tokens, a vocabulary or a full sample sheet.
///
/// # Errors
/// Usage, contract or incompatible, as `CLI.md` lists them; failed when writing fails. Nothing partial stays.
pub fn run(args: Args) -> Result<()> {
    mfdoom_cli::small_pages();
    in_one_pass(|| once(args.clone()))
}

fn once(args: Args) -> Result<()> {
    let vocab_only = args.vocab_only;
    if args.common.check && !args.sheet_only {
        return check(Job::new(args)?, vocab_only);
    }
    if args.sheet_only && args.common.check {
        return sheet::write(&args, None);
    }
    mfdoom_cli::keep_freed_pages();
    let output = mfdoom_cli::output(args.output.output.as_deref(), args.output.force)?;
    if args.sheet_only {
        return sheet::write(&args, Some(&output));
    }
    let job = Job::new(args)?;
    refuse_input(&output, &job)?;
    let plan = Plan::new(job)?;
    let genes = vocabulary::decide(&plan)?;
    if vocab_only {
        return write_vocabulary(&output, &genes);
    }
    let unmatched =
        plan.job.unmatched.as_ref().map(|output| unmatched::write(output, &plan, &genes)).transpose()?;
    let schema = schema(&plan, genes)?;
    let mut reports = Vec::new();
    let written = write::table(&output, &schema, |batches| {
        reports = pass::run(&plan, &schema.vocabulary, Rows::Shard("tokenising"), &mut |cells| {
            batches.push(cells)
        })?;
        refuse_nothing(&plan, &reports)
    })?;
    let total = log(&plan, &reports);
    if written != total.kept() {
        return Err(Error::failed(format!(
            "{written} cells were written and {} kept: this is a bug",
            total.kept()
        )));
    }
    if let Some(table) = unmatched {
        table.commit()?;
    }
    tracing::info!(
        "{output}: {written} cells, {} genes, {}",
        schema.vocabulary.len(),
        schema.modalities.join(", ")
    );
    Ok(())
}

/// Validates everything that a run would read, writing nothing.
fn check(job: Job, vocab_only: bool) -> Result<()> {
    let plan = Plan::new(job)?;
    let genes = vocabulary::decide(&plan)?;
    if vocab_only {
        tracing::info!("check: would write a vocabulary of {} genes", genes.vocabulary.len());
        return Ok(());
    }
    let schema = schema(&plan, genes)?;
    let reports = pass::run(&plan, &schema.vocabulary, Rows::Shard("checking"), &mut |_| Ok(()))?;
    refuse_nothing(&plan, &reports)?;
    let total = log(&plan, &reports);
    tracing::info!(
        "check: would write {} cells, {} genes, {}; wrote nothing",
        total.kept(),
        schema.vocabulary.len(),
        schema.modalities.join(", ")
    );
    Ok(())
}

/// Returns the schema of the table with the manifest of this run.
fn schema(plan: &Plan, genes: Genes) -> Result<TokenSchema> {
    let mut config = plan.deciding();
    if matches!(plan.job.genes, GeneChoice::Given(_)) {
        config["vocabulary"] = genes.vocabulary.sha256().into();
    }
    let id = |file: &FilePlan| InputId {
        name: mfdoom_artifact::place::base_name(file.input.path()),
        content_id: file.input.content_id.clone(),
    };
    let inputs = plan.files.iter().map(id).collect();
    let manifest = Manifest::new("mfdoom-preprocess", env!("CARGO_PKG_VERSION"), FORMAT, config, inputs);
    let Genes { vocabulary, measured } = genes;
    TokenSchema::new(plan.modalities.clone(), Arc::new(vocabulary), measured, manifest)?
        .with_obs(plan.annotation.fields())
}

fn write_vocabulary(output: &Output, genes: &Genes) -> Result<()> {
    let mut file = OutputFile::create(output)?;
    file.write_all(genes.vocabulary.to_json().as_bytes())?;
    file.commit()?;
    tracing::info!("{output}: {} genes", genes.vocabulary.len());
    Ok(())
}

/// Logs what became of the cells of every data set, and returns the sum.
fn log(plan: &Plan, reports: &[CellReport]) -> CellReport {
    let mut total = CellReport::default();
    for (file, report) in plan.files.iter().zip(reports) {
        total.add(report);
        if report.seen > 0 {
            report.log(&file.input.dataset);
        }
    }
    if plan.files.len() > 1 {
        total.log("all inputs");
    }
    total
}

/// Refuses a table without cells, unless it is one of several shards.
fn refuse_nothing(plan: &Plan, reports: &[CellReport]) -> Result<()> {
    if plan.job.shard.is_some() || reports.iter().any(|report| report.kept() > 0) {
        return Ok(());
    }
    log(plan, reports);
    Err(Error::contract("no cell is left")
        .found(format!("{} cells before the filters", plan.n_obs()))
        .help("lower --min-counts and --min-genes"))
}

/// Refuses to replace an input by the output.
fn refuse_input(output: &Output, job: &Job) -> Result<()> {
    let Output::Path { path, .. } = output else { return Ok(()) };
    let real = |path: &Path| path.canonicalize().ok();
    let same = |input: &&Path| real(input).is_some() && real(input) == real(path);
    match job.files.iter().map(|file| file.path.as_path()).find(same) {
        Some(input) => Err(Error::usage(format!("{}: is an input and the output", input.display()))
            .help("write to another file")),
        None => Ok(()),
    }
}
