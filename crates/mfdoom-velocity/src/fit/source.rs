//! The file of counts, and what is taken from it.

use std::collections::HashSet;
use std::path::PathBuf;
use std::thread::JoinHandle;

use mfdoom_artifact::{Column, Gene, InputId, KeySet, ObsType, place};
use mfdoom_cli::{Assignment, CellList};
use mfdoom_counts::keys::{SPLICED_LAYERS, UNSPLICED_LAYERS};
use mfdoom_counts::{CountRule, CountsFile, Source as Layer, are_library_sizes};
use mfdoom_error::{Error, Result, missing};

use crate::args::FitArgs;

/// Names of the two layers, as options and errors have them.
pub const NAMES: [&str; 2] = ["spliced", "unspliced"];
/// The column of `--library-size NAME=none`.
const NONE: &str = "none";
/// Obs columns that usually tell experimental batches apart.
const BATCHES: [&str; 8] =
    ["batch", "batch_id", "sample", "sample_id", "sample_batch", "orig.ident", "donor", "library"];

/// A file of counts with both layers.
#[derive(Debug)]
pub struct CountsSource {
    /// The file.
    pub file: Box<dyn CountsFile>,
    /// Name of the data set.
    pub dataset: String,
    /// Base name and hash of the file.
    pub id: InputId,
    /// Hash of the list of cells, where one was given.
    pub cells_id: Option<String>,
    /// Spliced and unspliced counts.
    pub layers: [Layer; 2],
    /// Obs columns with their sizes, where given.
    pub sizes: [Option<String>; 2],
    /// Which values are taken as counts.
    pub contract: CountRule,
    /// Genes of the layers; the id is empty where the file has none.
    pub genes: Vec<Gene>,
    /// Rows that are fitted, ascending.
    pub rows: Vec<usize>,
    /// Their names.
    pub cell_ids: Vec<String>,
    /// The groups that are fitted by themselves, of every cell.
    pub groups: Option<(String, Vec<String>)>,
    /// Columns that are carried along.
    pub obs: Vec<(String, Column)>,
    /// A column that tells batches apart, and how many there are.
    pub batches: Option<(String, usize)>,
}

impl CountsSource {
    /// Opens the file and decides what is taken.
    ///
    /// # Errors
    /// Contract: no file of counts, layers missing or no raw counts, a cell name twice, no such obs column.
    pub fn open(args: &FitArgs) -> Result<Self> {
        let others = args.with.iter().map(mfdoom_counts::open).collect::<Result<_>>()?;
        let opened = mfdoom_counts::join(mfdoom_counts::open(&args.counts)?, others)?;
        let hashing = hash(opened.parts());
        let file = &*opened;
        let layers = find_layers(file, &args.modality)?;
        let contract = CountRule { allow_non_integer: args.allow_non_integer };
        for layer in &layers {
            if !contract.probe(file, layer)? {
                return Err(contract.refuse(file, layer));
            }
        }
        let sizes = find_sizes(file, &layers, named(&args.library_size, "--library-size")?)?;
        let stem = args.counts.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let dataset = args.dataset.clone().unwrap_or(stem);
        let (rows, cell_ids, cells_id) = choose_cells(file, &dataset, args)?;
        let groups = args.group_key.as_deref().map(|name| texts(file, name, &rows)).transpose()?;
        let obs = args.obs.iter().map(|name| carried(file, name, &rows)).collect::<Result<Vec<_>>>()?;
        Ok(Self {
            dataset,
            id: InputId {
                name: place::base_name(&args.counts),
                content_id: hashing.join().map_err(|_| Error::failed("hashing stopped"))??,
            },
            cells_id,
            contract,
            genes: mfdoom_counts::genes_of(file, &layers[0], args.gene_column.as_deref())?,
            sizes,
            groups: args.group_key.clone().zip(groups),
            obs: args.obs.iter().cloned().zip(obs).collect(),
            batches: pooled(file, &rows, args.group_key.as_deref()),
            rows,
            cell_ids,
            layers,
            file: opened,
        })
    }

    /// Returns the labels by which unspliced counts are reported: the groups, else the first column of text.
    pub fn clusters(&self) -> Option<(&str, Vec<String>)> {
        if let Some((name, labels)) = &self.groups {
            return Some((name, labels.clone()));
        }
        self.obs.iter().find(|(_, column)| column.kind() == ObsType::String).map(|(name, column)| {
            (name.as_str(), column.to_strings().into_iter().map(Option::unwrap_or_default).collect())
        })
    }
}

/// Begins to hash the file while other work goes on.
fn hash(parts: Vec<PathBuf>) -> JoinHandle<Result<String>> {
    std::thread::spawn(move || mfdoom_artifact::sha256_parts(&parts))
}

/// Returns what `NAME=VALUE` options say of spliced and unspliced.
fn named(assignments: &[Assignment], option: &str) -> Result<[Option<String>; 2]> {
    let mut found = [None, None];
    for Assignment { name, value } in assignments {
        let Some(at) = NAMES.iter().position(|known| known == name) else {
            return Err(Error::usage(format!("{option} {name}=: velocities have no such layer"))
                .wanted(NAMES.join(" or ")));
        };
        if found[at].replace(value.clone()).is_some() {
            return Err(Error::usage(format!("{option} {name}= is given twice")));
        }
    }
    Ok(found)
}

/// Takes the sizes that scVelo kept of all genes where it saved some of them, unless others are named.
fn find_sizes(
    file: &dyn CountsFile,
    layers: &[Layer; 2],
    mut named: [Option<String>; 2],
) -> Result<[Option<String>; 2]> {
    for ((name, layer), column) in NAMES.iter().zip(layers).zip(&mut named) {
        match column.as_deref() {
            Some(NONE) => *column = None,
            Some(_) => {}
            None => {
                // Other names of library sizes are not taken: scVelo knows this one.
                let known = format!("initial_size_{name}");
                let there = file.obs_columns().contains(&known) && are_library_sizes(file, &known, layer)?;
                *column = there.then_some(known);
                if let Some(column) = column {
                    tracing::info!(
                        "{}: sizes of {name} = obs column '{column}', above the sums of its rows; \
                         --library-size {name}={NONE} counts them",
                        file.name()
                    );
                }
            }
        }
    }
    Ok(named)
}

/// Finds the layers of spliced and unspliced counts.
fn find_layers(file: &dyn CountsFile, modality: &[Assignment]) -> Result<[Layer; 2]> {
    let sources = file.sources();
    let [spliced, unspliced] = named(modality, "--modality")?;
    let find = |name: &str, given: Option<String>, known: &[&str]| -> Result<Layer> {
        if let Some(text) = given {
            let layer: Layer = text.parse().map_err(|error: Error| error.context("--modality"))?;
            // Opening says what is there instead.
            return if sources.contains(&layer) { Ok(layer) } else { Err(no_matrix(file, &layer)) };
        }
        if let Some(there) = unread(file, known) {
            return Err(no_matrix(file, &there));
        }
        Layer::layer_of(known, &sources).ok_or_else(|| no_layer(file, name, known, &sources))
    };
    let layers = [find(NAMES[0], spliced, &SPLICED_LAYERS)?, find(NAMES[1], unspliced, &UNSPLICED_LAYERS)?];
    let [s, u] = [file.matrix(&layers[0])?.n_cols(), file.matrix(&layers[1])?.n_cols()];
    if s != u {
        return Err(Error::contract(format!("{}: spliced and unspliced differ in genes", file.name()))
            .found(format!("{} has {s}, {} has {u}", layers[0], layers[1])));
    }
    Ok(layers)
}

/// Returns the first layer of a known name where it is there in a form that is not read.
fn unread(file: &dyn CountsFile, known: &[&str]) -> Option<Layer> {
    let listed = file.matrices();
    let layer = |name: &&str| Layer::Layer((*name).to_owned());
    let first =
        known.iter().map(layer).find_map(|layer| listed.iter().find(|found| found.source == layer))?;
    first.unread.is_some().then(|| first.source.clone())
}

fn no_matrix(file: &dyn CountsFile, layer: &Layer) -> Error {
    match file.matrix(layer) {
        Err(error) => error,
        Ok(_) => Error::contract(format!("{}: no {layer}", file.name())),
    }
}

fn no_layer(file: &dyn CountsFile, name: &str, known: &[&str], sources: &[Layer]) -> Error {
    let found: Vec<String> = sources.iter().map(Layer::to_string).collect();
    Error::contract(format!("{}: no layer of {name} counts", file.name()))
        .found(if found.is_empty() { "no matrix".to_owned() } else { found.join(", ") })
        .wanted(format!("layers/{}", known.join(", layers/")))
        .help(format!(
            "name it with --modality {name}=SOURCE; where only expression was measured, mfdoom-velocity predict \
             gives velocities from a velocity decoder"
        ))
}

/// Returns rows and names of the cells to fit, and the hash of their list.
fn choose_cells(
    file: &dyn CountsFile,
    dataset: &str,
    args: &FitArgs,
) -> Result<(Vec<usize>, Vec<String>, Option<String>)> {
    let names = file.obs_names_in(0..file.n_obs())?;
    let mut keys = KeySet::default();
    names.iter().try_for_each(|name| keys.add(dataset, name, file.name()))?;
    let Some(path) = args.cells.as_deref() else {
        return Ok(((0..names.len()).collect(), names, None));
    };
    let list = CellList::read(path)?;
    let (rows, kept): (Vec<usize>, Vec<String>) =
        names.into_iter().enumerate().filter(|(_, name)| list.contains(name)).unzip();
    let found: HashSet<String> = kept.iter().cloned().collect();
    list.check_found(&found)?;
    Ok((rows, kept, Some(list.content_id.clone())))
}

/// Returns an obs column of the chosen cells.
fn column(file: &dyn CountsFile, name: &str) -> Result<Column> {
    let columns = file.obs_columns();
    if columns.iter().any(|known| known == name) {
        return file.obs_column_in(name, 0..file.n_obs());
    }
    Err(missing(file.name(), "column of obs", name, columns.iter().map(String::as_str), ""))
}

/// Returns the labels of the chosen cells; a missing one is an error, since every cell belongs to a group.
fn texts(file: &dyn CountsFile, name: &str, rows: &[usize]) -> Result<Vec<String>> {
    let labels = column(file, name)?.to_strings();
    let label = |&row: &usize| {
        labels[row].clone().ok_or_else(|| {
            Error::contract(format!("{}: '{name}' is missing for a cell", file.name()))
                .found(format!("row {row}"))
                .help("leave those cells out with --cells")
        })
    };
    rows.iter().map(label).collect()
}

/// Returns an obs column of the chosen cells as it goes into the folder.
fn carried(file: &dyn CountsFile, name: &str, rows: &[usize]) -> Result<Column> {
    Ok(column(file, name)?.take(rows))
}

/// Returns the column by which the chosen cells come from several batches, unless they are fitted by it.
fn pooled(file: &dyn CountsFile, rows: &[usize], group_key: Option<&str>) -> Option<(String, usize)> {
    let columns = file.obs_columns();
    let named = columns.iter().filter(|name| BATCHES.contains(&name.to_lowercase().as_str()));
    let count = |name: &String| {
        let labels = file.obs_column_in(name, 0..file.n_obs()).ok()?.to_strings();
        let different: HashSet<&String> = rows.iter().filter_map(|&row| labels[row].as_ref()).collect();
        (different.len() > 1).then(|| (name.clone(), different.len()))
    };
    named.filter(|name| Some(name.as_str()) != group_key).find_map(count)
}
