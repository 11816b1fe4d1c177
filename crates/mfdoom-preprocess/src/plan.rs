//! What a run will do with which file, decided before the first pass.

use std::collections::BTreeMap;

use mfdoom_cli::{CellList, Shard};
use mfdoom_error::{Error, Result};
use mfdoom_tokens::CellFilter;
use serde_json::{Value, json};

use crate::annotation::Annotation;
use crate::args::Args;
use crate::cells;
use crate::inputs::{self, InputFile};
use crate::library::{self, Libraries};
use crate::modalities::{self, Modalities};
use crate::sheet;

/// One file and what is taken from it.
#[derive(Clone, Debug)]
pub struct FilePlan {
    /// The file.
    pub input: InputFile,
    /// Its number of cells.
    pub n_obs: usize,
    /// Its number of genes.
    pub n_vars: usize,
    /// Which matrix is which modality.
    pub modalities: Modalities,
    /// Where library sizes come from.
    pub libraries: Libraries,
}

/// The whole run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the user asked for.
    pub args: Args,
    /// The files, in the order of the table.
    pub files: Vec<FilePlan>,
    /// Modalities of the table, in column order.
    pub modalities: Vec<String>,
    /// Obs columns of the table.
    pub annotation: Annotation,
    /// The cells of `--cells`.
    pub cells: Option<CellList>,
    /// Smallest totals of a cell.
    pub filter: CellFilter,
    /// The rows to write.
    pub shard: Shard,
}

impl Plan {
    /// Opens every input once, decides what is taken, and logs it.
    ///
    /// # Errors
    /// Usage: arguments that contradict each other. Contract: an input that cannot be taken as asked.
    pub fn new(args: Args) -> Result<Self> {
        refuse_contradictions(&args)?;
        let inputs = inputs::resolve(sheet::files(&args)?)?;
        let list = args.cells.as_deref().map(CellList::read).transpose()?;
        let files: Vec<FilePlan> =
            inputs.iter().map(|input| FilePlan::new(input, &args)).collect::<Result<_>>()?;
        let names = modalities::sorted(files.iter().flat_map(|file| file.modalities.names()));
        check_named(&args, &files, &names)?;
        cells::check(&inputs, list.as_ref())?;
        Ok(Self {
            modalities: names,
            annotation: Annotation::new(&args, &inputs)?,
            filter: CellFilter { min_counts: args.min_counts as f64, min_genes: args.min_genes },
            shard: args.shard.unwrap_or(Shard::WHOLE),
            cells: list,
            files,
            args,
        })
    }

    /// Returns the number of cells of all files.
    pub fn n_obs(&self) -> usize {
        self.files.iter().map(|file| file.n_obs).sum()
    }

    /// Returns the configuration that decides the numbers, for the manifest.
    pub fn deciding(&self) -> Result<Value> {
        let mut config = mfdoom_cli::settings(&self.args)?;
        let sources: BTreeMap<&str, Vec<Value>> = self.files.iter().fold(BTreeMap::new(), |mut sources, file| {
            let taken = json!({ "matrices": file.modalities.describe(), "library_sizes": file.libraries.describe() });
            sources.entry(file.input.dataset.as_str()).or_default().push(taken);
            sources
        });
        config["sources"] = json!(sources);
        let columns: BTreeMap<String, BTreeMap<&str, &str>> =
            self.files.iter().fold(BTreeMap::new(), |mut all, file| {
                for column in &file.input.named.columns {
                    let of_file = all.entry(file.input.content_id.clone()).or_default();
                    of_file.insert(column.name.as_str(), column.value.as_str());
                }
                all
            });
        if !columns.is_empty() {
            config["columns"] = json!(columns);
        }
        if let Some(list) = &self.cells {
            config["cells"] = json!(list.content_id);
        }
        Ok(config)
    }
}

impl FilePlan {
    fn new(input: &InputFile, args: &Args) -> Result<Self> {
        let file = input.open()?;
        let args = &Args { modality: input.named.modality.clone(), ..args.clone() };
        let modalities = Modalities::find(&file, args)?;
        let libraries = Libraries::new(&file, &modalities, &args.library_size)?;
        let taken: Vec<String> =
            modalities.describe().iter().map(|(name, source)| format!("{name} = {source}")).collect();
        tracing::info!(
            "{}: data set '{}', {} cells x {} genes; {}",
            file.name,
            input.dataset,
            file.n_obs(),
            file.n_vars(),
            taken.join(", ")
        );
        libraries.warn(&file, &modalities)?;
        let (n_obs, n_vars) = (file.n_obs(), file.n_vars());
        Ok(Self { input: input.clone(), n_obs, n_vars, modalities, libraries })
    }
}

fn refuse_contradictions(args: &Args) -> Result<()> {
    if args.vocab.is_some() {
        let filters = [("--min-cells", args.min_cells > 0), ("--top-genes", args.top_genes.is_some())];
        if let Some((flag, _)) = filters.iter().find(|(_, given)| *given) {
            return Err(Error::usage(format!(
                "{flag} cannot be used with --vocab: the vocabulary decides the genes"
            ))
            .help(format!(
                "leave out {flag}, or make a vocabulary with it: --vocab-only {flag} N -o vocab.json"
            )));
        }
    }
    if args.top_genes == Some(0) {
        return Err(Error::usage("--top-genes 0 would keep no gene").help("leave it out to keep all"));
    }
    let whole = [("--vocab", args.vocab.is_some()), ("--shard", args.shard.is_some())];
    match whole.iter().find(|(_, given)| args.vocab_only && *given) {
        Some((flag, _)) => Err(Error::usage(format!("--vocab-only cannot be used with {flag}"))
            .help("a vocabulary is made from all genes and cells of the inputs")),
        None => Ok(()),
    }
}

/// Checks that modalities named for library sizes exist, and that files of one data set can be told apart.
fn check_named(args: &Args, files: &[FilePlan], names: &[String]) -> Result<()> {
    for assignment in &args.library_size {
        if !names.contains(&assignment.name) {
            return Err(Error::usage(format!("--library-size {assignment}: no input has this modality"))
                .found(names.join(", ")));
        }
    }
    let described: Vec<(String, &Modalities, &Libraries)> = files
        .iter()
        .map(|file| (file.input.path().display().to_string(), &file.modalities, &file.libraries))
        .collect();
    library::check_used(&args.library_size, &described)
}
