//! `mfdoom-evaluate retention`: embeds cells from all and from some of their modalities, and scores each.

pub mod args;
mod embed;

use mfdoom_cli::split_list;
use mfdoom_error::{Error, Result};

use self::args::RetentionArgs;
use super::input::{EmbeddedCells, Groups, HeadVectors, NamedColumn, find_column, need_column};
use super::{Setup, check_settings, draw, score, training};
use crate::args::EmbeddingArgs;
use crate::outputs::Outputs;
use crate::report::Page;
use crate::scores::{Kind, ScoredInput, text};

/// Up to so many modalities every subset of them is tried; of more, each alone and all but each.
const MANY: usize = 4;

/// Runs `mfdoom-evaluate retention`.
///
/// # Errors
/// Usage: settings or outputs that cannot be. Contract: no such column or group. Those of opening model and tokens.
pub fn run(args: &RetentionArgs) -> Result<()> {
    let as_embedding = as_embedding(args);
    check_settings(&as_embedding)?;
    let outputs = Outputs::plan(&args.run, &[])?;
    let found = embed::all(args)?;
    if args.run.common.check {
        return Ok(());
    }
    let cells = cells(args, found)?;
    let setup = Setup::of(&as_embedding, cells, true)?;
    setup.log();
    let mut document = setup.document()?;
    (document.command, document.settings) = ("retention", mfdoom_cli::settings(args)?);
    document.inputs.clone_from(&setup.cells.sources);
    let mut document = score::document(&setup, document)?;
    document.detail("training_curves", &training::curves(&args.model)?)?;
    let page = || {
        let title = format!("What is left of {} from some of the modalities", setup.cells.name);
        Ok(Page { plots: draw::plots(&setup)?, ..Page::new(title, &document) })
    };
    outputs.write(&document, &[], page)?;
    tracing::info!("{}", text(&document.scores));
    Ok(())
}

/// Cells as the scores of embeddings take their settings.
fn as_embedding(args: &RetentionArgs) -> EmbeddingArgs {
    EmbeddingArgs {
        embeddings: Vec::new(),
        label: Some(args.label.clone()),
        batch_key: args.group_key.clone(),
        before: None,
        heads: Vec::new(),
        tokens: (!args.no_baselines).then(|| args.tokens.clone()),
        model: None,
        obsm: Vec::new(),
        scatter: None,
        scores: args.scores.clone(),
        max_cells: args.max_cells,
        run: args.run.clone(),
    }
}

/// Returns the subsets of modalities to embed from, all of them first.
fn subsets(modalities: &[String]) -> Vec<Vec<String>> {
    let n = modalities.len();
    let chosen = |mask: usize| -> Vec<String> {
        (0..n).filter(|at| mask >> at & 1 == 1).map(|at| modalities[at].clone()).collect()
    };
    let all = (1 << n) - 1;
    let mut masks: Vec<usize> = match n <= MANY {
        true => (1..all).collect(),
        false => (0..n).map(|at| 1 << at).chain((0..n).map(|at| all & !(1 << at))).collect(),
    };
    masks.sort_by_key(|mask| (mask.count_ones(), *mask));
    std::iter::once(all).chain(masks).map(chosen).collect()
}

/// Takes the embeddings of each subset as a head of its own, there for the cells that have all of its modalities.
fn cells(args: &RetentionArgs, found: embed::Embedded) -> Result<EmbeddedCells> {
    let embed::Embedded { name, inputs, keys, columns, present, heads } = found;
    let n = keys.len();
    let names: Vec<String> = columns.iter().map(|column| column.column.clone()).collect();
    let column = |name: &str, flag: &str| {
        need_column(&names, name, &args.tokens.display().to_string(), flag)?;
        let found = find_column(&names, name).map(|at| columns[at].clone());
        let found = found.ok_or_else(|| Error::contract(format!("no obs column {name:?}")))?;
        Ok::<_, Error>(NamedColumn { column: name.to_owned(), ..found })
    };
    let labels = column(&args.label, "--label")?;
    let group = args.group_key.as_deref().map(|key| column(key, "--group-key"));
    let group = group.transpose()?;
    let is_reference = match &args.reference_key {
        None => None,
        Some(key) => Some(reference(&column(&key.name, "--reference-key")?, &key.value)?),
    };
    let mixed: Vec<bool> =
        (0..n).map(|cell| present.values().filter(|flags| flags[cell]).count() > 1).collect();
    let whole = heads.first().map(|head| head.from.clone()).unwrap_or_default();
    let heads: Vec<HeadVectors> = heads
        .into_iter()
        .map(|head| {
            let has_all = |cell: usize| head.from.iter().all(|modality| present[modality][cell]);
            let is_whole = head.from == whole;
            HeadVectors {
                name: head.name,
                kind: Kind::Head,
                present: (!is_whole).then(|| (0..n).map(has_all).collect()),
                from: head.from,
                is_mixed: is_whole.then(|| mixed.clone()),
                vectors: head.vectors,
            }
        })
        .collect();
    Ok(EmbeddedCells {
        name,
        sources: inputs.into_iter().map(|(name, id)| ScoredInput::new(&name, Some(id))).collect(),
        pairs: pairs(&heads),
        groups: Groups { column: group.clone(), is_reference },
        dataset: Some(keys.iter().map(|key| key.0.clone()).collect()),
        cell_id: keys.into_iter().map(|key| key.1).collect(),
        heads,
        before: None,
        labels: Some(labels),
        batches: group,
        columns: names,
        n_total: n,
        n_without: 0,
    })
}

/// Marks the cells that have one of the values.
fn reference(column: &NamedColumn, values: &str) -> Result<Vec<bool>> {
    // A value may hold commas: quotes protect them, and the whole may be one value.
    let is = |value: &str| column.values.iter().flatten().any(|known| known == value);
    let wanted = match is(values) {
        true => vec![values.to_owned()],
        false => split_list(values),
    };
    if let Some(missing) = wanted.iter().find(|value| !is(value)) {
        let mut known: Vec<&str> = column.values.iter().flatten().map(String::as_str).collect();
        known.sort_unstable();
        known.dedup();
        return Err(Error::contract(format!(
            "--reference-key: no cell has {missing:?} in {:?}",
            column.column
        ))
        .found(known.join(", ")));
    }
    let is_reference = |value: &Option<String>| value.as_ref().is_some_and(|value| wanted.contains(value));
    Ok(column.values.iter().map(is_reference).collect())
}

/// Returns the pairs of single modalities of a head, and of each single modality with all.
fn pairs(heads: &[HeadVectors]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (first, head) in heads.iter().enumerate().filter(|(_, head)| head.from.len() == 1) {
        let singles = (first + 1..heads.len()).filter(|&at| heads[at].from.len() == 1);
        let whole = (0..heads.len()).filter(|&at| heads[at].is_whole());
        let others = singles.chain(whole).filter(|&at| at != first && heads[at].name == head.name);
        pairs.extend(others.map(|second| (first, second)));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::subsets;

    fn named(n: usize) -> Vec<String> {
        (0..n).map(|at| format!("m{at}")).collect()
    }

    #[test]
    fn every_subset_of_few_and_some_of_many() {
        let two: Vec<String> = subsets(&named(2)).iter().map(|subset| subset.join("+")).collect();
        assert_eq!(two, ["m0+m1", "m0", "m1"]);
        assert_eq!(subsets(&named(3)).len(), 7);
        assert_eq!(subsets(&named(5)).len(), 11);
        assert_eq!(subsets(&named(1)).len(), 1);
    }
}
