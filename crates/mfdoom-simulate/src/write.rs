//! Streams blocks of cells into the files: the next block is made while the last one is written.

use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use mfdoom_artifact::AtomicFile;
use mfdoom_cli::Progress;
use mfdoom_error::Result;
use mfdoom_kinetics::simulate::{Block, Truth};

use crate::file::PartWriter;
use crate::{Args, Part, Plan, TruthLevel};

/// Counts and, where it is kept in full, truth of a run of cells.
pub(crate) struct Rows {
    pub(crate) cells: Range<usize>,
    pub(crate) counts: Block,
    pub(crate) truth: Option<Truth>,
}

/// Makes the files of the plan; none of them is published before all are filled.
pub(crate) fn run(plan: &Plan, args: &Args) -> Result<()> {
    warn_of_stale_companion(plan);
    if args.common.check {
        return check(plan, args);
    }
    let create = |part| PartWriter::create(plan, part, args);
    let mut writers = plan.parts.iter().map(create).collect::<Result<Vec<_>>>()?;
    let progress = Progress::new("simulating", Some(plan.simulation.design().cells as u64), "cells");
    for (part, writer) in plan.parts.iter().zip(&mut writers) {
        fill(plan, part, writer, &progress)?;
    }
    drop(progress);
    for (part, writer) in plan.parts.iter().zip(writers) {
        writer.finish(plan, part)?;
        tracing::info!("{}: written", part.path.display());
    }
    Ok(())
}

/// Finds out whether the files could be written, by beginning them and letting go.
fn check(plan: &Plan, args: &Args) -> Result<()> {
    for part in &plan.parts {
        AtomicFile::create(&part.path, args.force.force)?;
    }
    tracing::info!("--check: nothing was written");
    Ok(())
}

/// Appends the cells of one file, block by block.
fn fill(plan: &Plan, part: &Part, writer: &mut PartWriter, progress: &Progress) -> Result<()> {
    let (sender, receiver) = sync_channel(1);
    std::thread::scope(|scope| {
        scope.spawn(move || produce(plan, part, &sender));
        consume(writer, receiver, progress)
    })
}

/// Makes blocks until all are made or nobody wants more.
fn produce(plan: &Plan, part: &Part, sender: &SyncSender<Rows>) {
    for start in part.cells.clone().step_by(plan.rows) {
        let cells = start..(start + plan.rows).min(part.cells.end);
        let counts = plan.simulation.block(cells.clone());
        let truth = (plan.truth == TruthLevel::Full).then(|| plan.simulation.truth(cells.clone()));
        if sender.send(Rows { cells, counts, truth }).is_err() {
            return;
        }
    }
}

fn consume(writer: &mut PartWriter, receiver: Receiver<Rows>, progress: &Progress) -> Result<()> {
    for rows in receiver {
        let n = rows.cells.len() as u64;
        writer.append(rows)?;
        progress.inc(n);
    }
    Ok(())
}

/// An expression-only file of an earlier run would be taken for a part of this one.
fn warn_of_stale_companion(plan: &Plan) {
    let companion = plan.parts[0].path.with_extension("expression.h5ad");
    if plan.parts.len() == 1 && companion.exists() {
        tracing::warn!("{}: left from an earlier simulation, not part of this one", companion.display());
    }
}
