//! The genes of the table: those of all inputs, a selection of them, or those of a model.

use std::collections::{BTreeMap, BTreeSet};

use mfdoom_error::{Error, Result};
use mfdoom_tokens::{Coverage, Gene, GeneMap, GeneMoments, Measured, Vocabulary, VocabularyMap, filter};

use crate::job::GeneChoice;
use crate::pass::{self, Rows};
use crate::plan::{FilePlan, Plan};

/// Smallest share of the smaller gene list that input and vocabulary must have in common.
const MIN_COVERAGE: f64 = 0.05;
/// Below this share of genes in common with the other data sets, a user is warned.
const LITTLE_SHARED: f64 = 0.2;

/// The genes of the table and which data set measured which.
#[derive(Clone, Debug)]
pub struct Genes {
    /// Genes, whose positions are the token ids.
    pub vocabulary: Vocabulary,
    /// Token ids per data set and modality.
    pub measured: Measured,
}

/// Decides the genes, with a pass over the counts where a filter needs one.
///
/// # Errors
/// Incompatible: the vocabulary of `--vocab` covers too little of an input. Contract: no gene is left.
pub fn decide(plan: &Plan) -> Result<Genes> {
    let genes = match plan.job.genes {
        GeneChoice::Given(ref vocabulary) => {
            let genes = given(plan, vocabulary)?;
            warn_of_few_shared_genes(&genes);
            genes
        }
        GeneChoice::Inputs { min_cells, top_genes } => {
            let vocabulary = union(plan);
            let measured = measure(plan, &vocabulary)?;
            let genes = Genes { vocabulary, measured };
            warn_of_few_shared_genes(&genes);
            select(plan, genes, min_cells, top_genes)?
        }
    };
    if genes.vocabulary.is_empty() {
        return Err(Error::contract("no gene is left").help("lower --min-cells"));
    }
    Ok(genes)
}

/// Returns the maps from the columns of each modality of a file to token ids.
pub fn maps(of: &FilePlan, vocabulary: &Vocabulary) -> BTreeMap<String, GeneMap> {
    let map = |genes: &[Gene]| {
        let ids: Vec<&str> = genes.iter().map(|gene| gene.id.as_str()).collect();
        GeneMap::new(&ids, vocabulary)
    };
    of.genes.iter().map(|(name, genes)| (name.clone(), map(genes))).collect()
}

fn union(plan: &Plan) -> Vocabulary {
    // Files with the same genes share a list, which is looked at once.
    let mut seen = BTreeSet::new();
    let lists = plan.files.iter().flat_map(|file| file.genes.values());
    let lists = lists.filter(|list| seen.insert(list.as_ptr()));
    let genes = lists.flat_map(|list| list.iter().filter(|gene| !gene.id.is_empty()).cloned());
    let all = Vocabulary::new(genes);
    tracing::info!("{} genes in all inputs", all.len());
    all
}

/// Share of the smaller list of genes below which a vocabulary is said to know few of them.
const FEW: f64 = 0.5;

/// Takes the vocabulary of `--vocab` and reports how much of each input it covers.
fn given(plan: &Plan, vocabulary: &Vocabulary) -> Result<Genes> {
    for of in &plan.files {
        let name = of.input.path().display().to_string();
        let mut shared = BTreeSet::new();
        let mut n_genes = 0;
        let mut seen = BTreeSet::new();
        for genes in of.genes.values() {
            for gene in genes.iter().filter(|gene| seen.insert(gene.id.clone())) {
                n_genes += 1;
                shared.extend(vocabulary.lookup(&gene.id));
            }
        }
        let coverage = Coverage {
            input_genes: n_genes,
            vocabulary_genes: vocabulary.len(),
            shared_genes: shared.len(),
            ..Coverage::default()
        };
        coverage.check(MIN_COVERAGE, &name)?;
        let found = format!(
            "{name}: {} of {n_genes} genes are among the {} of the vocabulary",
            shared.len(),
            vocabulary.len()
        );
        match coverage.genes() < FEW {
            true => {
                tracing::warn!("{found}: are genes named alike (--gene-column), and is it the same species?")
            }
            false => tracing::info!("{found}"),
        }
    }
    let measured = measure(plan, vocabulary)?;
    Ok(Genes { vocabulary: vocabulary.clone(), measured })
}

/// Returns which genes of the vocabulary each data set measured.
///
/// # Errors
/// Contract: files of one data set measured different genes.
fn measure(plan: &Plan, vocabulary: &Vocabulary) -> Result<Measured> {
    let mut measured = Measured::default();
    for of in &plan.files {
        let (dataset, file) = (&of.input.dataset, of.input.path().display());
        for (name, map) in maps(of, vocabulary) {
            let genes = map.measured();
            if let Some(known) = measured.get(dataset, &name).filter(|known| known[..] != genes[..]) {
                return Err(Error::contract(format!(
                    "{file}: other genes of {name} than the rest of data set '{dataset}'"
                ))
                .found(format!("{} genes, elsewhere {}", genes.len(), known.len()))
                .wanted("the same genes in every file of a data set")
                .help("leave out --dataset, so that each file is a data set of its own"));
            }
            if map.n_merged() > 0 {
                tracing::warn!(
                    "{file}: {} columns of {name} repeat a gene; their counts are added",
                    map.n_merged()
                );
            }
            if genes.is_empty() {
                tracing::warn!("{file}: no gene of {name} is in the vocabulary");
            }
            measured.insert(dataset, &name, genes);
        }
    }
    Ok(measured)
}

/// Applies `--min-cells` and `--top-genes` over the cells of all inputs that pass the cell filters.
fn select(plan: &Plan, genes: Genes, min_cells: u64, top_genes: Option<usize>) -> Result<Genes> {
    if min_cells == 0 && top_genes.is_none() {
        return Ok(genes);
    }
    let n_genes = genes.vocabulary.len();
    let mut moments: BTreeMap<String, GeneMoments> = BTreeMap::new();
    pass::run(plan, &genes.vocabulary, Rows::Whole("choosing genes"), &mut |cells| {
        for (name, tokens) in cells.ranked() {
            let group = pass::ranked_as(name).to_owned();
            let moments = moments.entry(group).or_insert_with(|| GeneMoments::new(n_genes));
            if let Some(measured) = genes.measured.get(cells.dataset, name) {
                moments.add_measured(tokens, measured);
            }
        }
        Ok(())
    })?;
    let mut kept: BTreeSet<u32> = BTreeSet::new();
    for (name, moments) in &moments {
        let measured = measured_as(&genes.measured, name);
        let seen = filter::genes_in_cells(moments.cells(), min_cells);
        let seen: Vec<u32> = seen.into_iter().filter(|token| measured.contains(token)).collect();
        match top_genes {
            Some(n) => {
                let chosen = moments.restricted_to(&seen).top_genes(n);
                kept.extend(chosen.into_iter().filter_map(|token| seen.get(token as usize - 1)));
            }
            None => kept.extend(seen),
        }
    }
    let vocabulary = genes.vocabulary.subset(kept);
    tracing::info!(
        "{} of {n_genes} genes kept ({})",
        vocabulary.len(),
        reasons(min_cells, top_genes).join(", ")
    );
    let measured = VocabularyMap::new(&genes.vocabulary, &vocabulary).apply_measured(&genes.measured);
    Ok(Genes { vocabulary, measured })
}

/// Returns the genes measured in the modalities that are ranked under `name`.
fn measured_as(measured: &Measured, name: &str) -> BTreeSet<u32> {
    let of_name = measured.iter().filter(|(_, modality, _)| pass::ranked_as(modality) == name);
    of_name.flat_map(|(_, _, tokens)| tokens.iter().copied()).collect()
}

fn reasons(min_cells: u64, top_genes: Option<usize>) -> Vec<String> {
    let seen = (min_cells > 0).then(|| format!("seen in at least {min_cells} cells"));
    let top = top_genes.map(|n| format!("the {n} of highest dispersion"));
    seen.into_iter().chain(top).collect()
}

/// Warns of data sets that have few genes in common with the others: another species, or other ids.
fn warn_of_few_shared_genes(genes: &Genes) {
    let mut of: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for (dataset, _, tokens) in genes.measured.iter() {
        of.entry(dataset).or_default().extend(tokens.iter());
    }
    let mut times = vec![0u32; genes.vocabulary.len() + 1];
    of.values().flatten().for_each(|token| times[*token as usize] += 1);
    for (dataset, tokens) in of.iter().filter(|_| of.len() > 1) {
        let shared = tokens.iter().filter(|token| times[**token as usize] > 1).count();
        if (shared as f64) < LITTLE_SHARED * tokens.len() as f64 {
            tracing::warn!(
                "data set '{dataset}' shares {shared} of its {} genes with the others ({:.0} %): another species, \
                 other ids (--gene-column), or a selection of genes?",
                tokens.len(),
                100.0 * shared as f64 / tokens.len() as f64
            );
        }
    }
}
