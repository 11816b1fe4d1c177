//! What a run will do with which file, decided before the first pass: each file is opened once for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use mfdoom_cli::Progress;
use mfdoom_counts::Unmatched;
use mfdoom_error::{Error, Result};
use mfdoom_tokens::Gene;
use serde_json::{Value, json};

use crate::annotation::{Annotation, Columns};
use crate::cells::CellNames;
use crate::describe;
use crate::genes::{self, GeneLists};
use crate::inputs::{self, CountsInput, InputFile, Named};
use crate::job::Job;
use crate::library::{self, Libraries};
use crate::modalities::{self, Modalities};

/// Inputs up to this number stay open; of more, each is opened again when its cells are read.
const KEPT_OPEN: usize = 8;

/// One file and what is taken from it.
#[derive(Clone, Debug)]
pub struct FilePlan {
    /// The file.
    pub input: InputFile,
    /// The same, as it was opened to be planned.
    opened: Option<Arc<CountsInput>>,
    /// Its number of cells.
    pub n_obs: usize,
    /// The most features of a modality.
    pub n_vars: usize,
    /// Which matrix is which modality.
    pub modalities: Modalities,
    /// Where library sizes come from.
    pub libraries: Libraries,
    /// The genes of each modality, a gene a column.
    pub genes: BTreeMap<String, Arc<[Gene]>>,
    /// The columns of its obs.
    pub columns: Columns,
    /// Cells that only one of its files has, where they are asked for.
    pub unmatched: Vec<Unmatched>,
}

/// The whole run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What was asked for.
    pub job: Job,
    /// The files, in the order of the table.
    pub files: Vec<FilePlan>,
    /// Modalities of the table, in column order.
    pub modalities: Vec<String>,
    /// Obs columns of the table.
    pub annotation: Annotation,
}

impl Plan {
    /// Opens every input once, decides what is taken, and logs it.
    ///
    /// # Errors
    /// Contract: an input that cannot be taken as asked. Usage: a modality or column that no input has.
    pub fn new(job: Job) -> Result<Self> {
        let progress = Progress::new("looking at inputs", Some(job.files.len() as u64), "files");
        let mut names = CellNames::new(job.cells.as_ref());
        let mut lists = GeneLists::default();
        let mut files = Vec::with_capacity(job.files.len());
        for named in &job.files {
            files.push(FilePlan::new(named, &job, &mut names, &mut lists)?);
            progress.inc(1);
        }
        names.finish()?;
        genes::join_by_symbol(&mut files, &job.genes);
        let files = inputs::settle(files, |file: &mut FilePlan| &mut file.input)?;
        files.iter().for_each(FilePlan::log);
        let names = modalities::sorted(files.iter().flat_map(|file| file.modalities.names()));
        check_named(&job, &files, &names)?;
        Ok(Self { modalities: names, annotation: Annotation::new(&job.annotation, &files)?, files, job })
    }

    /// Returns the number of cells of all files.
    pub fn n_obs(&self) -> usize {
        self.files.iter().map(|file| file.n_obs).sum()
    }

    /// Returns the configuration that decides the numbers, for the manifest.
    pub fn deciding(&self) -> Value {
        let mut config = self.job.settings.clone();
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
        if let Some(list) = &self.job.cells {
            config["cells"] = json!(list.content_id);
        }
        config
    }
}

impl FilePlan {
    fn new(named: &Named, job: &Job, names: &mut CellNames<'_>, lists: &mut GeneLists) -> Result<Self> {
        let file = CountsInput::open(named)?;
        let hashing = file.hash();
        if job.describe {
            describe::log(&file, job.reading.counts)?;
        }
        let modalities = Modalities::find(&file, &job.reading.of(named), &named.modality)?;
        let libraries = Libraries::new(&file, &modalities, &job.reading.library_size)?;
        let genes = lists.read(&file, &modalities, &job.reading)?;
        names.read(named, &file)?;
        let columns = Columns::read(&file, &job.annotation)?;
        Ok(Self {
            n_obs: file.n_obs(),
            n_vars: genes.values().map(|genes| genes.len()).max().unwrap_or(0),
            modalities,
            libraries,
            genes,
            columns,
            unmatched: if job.unmatched.is_some() { file.unmatched()? } else { Vec::new() },
            opened: (job.files.len() <= KEPT_OPEN).then(|| Arc::new(file)),
            input: InputFile {
                dataset: named.dataset(),
                content_id: hashing.finish()?,
                named: named.clone(),
            },
        })
    }

    /// Returns the open file.
    ///
    /// # Errors
    /// Those of [`CountsInput::open`].
    pub fn open(&self) -> Result<Arc<CountsInput>> {
        self.opened.clone().map_or_else(|| self.input.open().map(Arc::new), Ok)
    }

    fn log(&self) {
        let taken: Vec<String> =
            self.modalities.describe().iter().map(|(name, source)| format!("{name} = {source}")).collect();
        tracing::info!(
            "{}: data set '{}', {} cells x {} genes; {}",
            self.input.path().display(),
            self.input.dataset,
            self.n_obs,
            self.n_vars,
            taken.join(", ")
        );
    }
}

/// Checks that modalities named for library sizes exist, and that files of one data set can be told apart.
fn check_named(job: &Job, files: &[FilePlan], names: &[String]) -> Result<()> {
    for assignment in &job.reading.library_size {
        if !names.contains(&assignment.name) {
            return Err(Error::usage(format!("--library-size {assignment}: no input has this modality"))
                .found(names.join(", ")));
        }
    }
    library::warn_of_few_genes(files);
    library::check_used(&job.reading.library_size, files)
}
