//! What the decoders say of cells that were drawn of states: where these go, and how sure that is.

use mfdoom_decoder::{Draws, Request};
use mfdoom_error::{Error, Result};
use mfdoom_infer::{CellBlock, CellMaker, TrainedDecoder};
use mfdoom_tokens::ModalityTokens;

use crate::args::Take;
use crate::counts::Sparse;
use crate::decoders::{Decoders, Dynamics};

/// Total behind the logarithm of a predicted profile.
const TOTAL: f32 = 1e4;
/// Share of the counts that moves below which the run warns.
const FEW: f64 = 0.05;

/// Drawn cells, as the model is shown them: chains of cells that follow each other, chain by chain.
#[derive(Debug, Default)]
pub struct Shown {
    /// Cells of a chain, the last of which is the present.
    pub length: usize,
    /// Data sets, whose measured genes hold for them.
    pub dataset: Vec<String>,
    /// Ids.
    pub cell_id: Vec<String>,
    /// Counts.
    pub counts: Vec<Sparse>,
    /// Library sizes.
    pub library: Vec<f64>,
}

/// What is seen of drawn cells, of the last of each chain.
#[derive(Debug, Default)]
pub struct Seen {
    /// Of the moving genes, [genes of the field] for each cell: velocities, or what the next state has of them.
    pub moves: Vec<Vec<f32>>,
    /// How far off velocities may be, in their unit; NaN where the decoder does not know.
    pub uncertainty: Vec<f64>,
    /// Vectors of the model's fusion head.
    pub embedding: Vec<Vec<f32>>,
    /// Counts of the added modalities, by cell.
    pub added: Vec<Vec<Sparse>>,
}

/// Velocities over the space of profiles.
pub struct Field<'a> {
    decoders: &'a Decoders,
    maker: &'a CellMaker,
    /// Number of the modality that states are in.
    modality: usize,
    /// Position in a profile of each gene of the decoder that the model knows, and its place among the outputs.
    genes: Vec<(usize, usize)>,
    /// The modalities that the decoder of counts adds.
    pub added: Vec<String>,
    /// Total that profiles are scaled to.
    size: f64,
    /// Row of the head whose vectors are kept among the model's outputs.
    head: usize,
}

impl<'a> Field<'a> {
    /// Prepares a field.
    ///
    /// # Errors
    /// Incompatible: the model knows no gene that the decoder moves, or it predicts another modality.
    pub fn new(decoders: &'a Decoders, maker: &'a CellMaker, modality: usize, size: f64) -> Result<Self> {
        let decoder = &decoders.moves;
        let (vocabulary, scheme) = (&decoder.backbone.vocabulary, decoder.model.scheme());
        let own = &decoder.model.config().modalities[modality];
        let first = match decoders.dynamics {
            Dynamics::Velocity => 0,
            Dynamics::NextState(_) => target(decoder, own)? * decoder.genes.len(),
        };
        let place = |(at, gene): (usize, &mfdoom_artifact::Gene)| {
            Some((vocabulary.lookup(&gene.id)? as usize - 1, first + at))
        };
        let genes: Vec<(usize, usize)> = decoder.genes.iter().enumerate().filter_map(place).collect();
        if genes.is_empty() {
            return Err(Error::incompatible("the velocity decoder moves no gene that the model knows")
                .found(some(&decoder.genes))
                .wanted(some(vocabulary.genes()))
                .help("train it on velocities of the genes of the model's vocabulary"));
        }
        let head = scheme.output("fusion").or(scheme.output(own)).unwrap_or(0);
        Ok(Self { decoders, maker, modality, genes, added: decoders.added(own), size, head })
    }

    /// Checks that the genes which move carry counts of `profile`, a typical state.
    ///
    /// # Errors
    /// Incompatible: they carry none.
    pub fn check(&self, profile: &[f32]) -> Result<()> {
        let total: f64 = profile.iter().map(|x| f64::from(*x)).sum();
        let moving: f64 = self.genes.iter().map(|(gene, _)| f64::from(profile[*gene])).sum();
        let share = moving / total.max(f64::MIN_POSITIVE);
        let told = format!(
            "{} of {} genes, with {:.1} % of the counts",
            self.genes.len(),
            profile.len(),
            100.0 * share
        );
        if moving <= 0.0 {
            return Err(Error::incompatible(
                "no observed cell has counts of the genes that the velocity decoder moves",
            )
            .found(told)
            .wanted("a decoder with velocities of genes that these cells have")
            .help("train it on velocities of such cells"));
        }
        match share < FEW {
            true => tracing::warn!(
                "the velocity decoder moves {told}: all others stay, or follow the observed cells"
            ),
            false => tracing::info!("the velocity decoder moves {told}"),
        }
        Ok(())
    }

    /// Returns what moves a state.
    pub fn dynamics(&self) -> Dynamics {
        self.decoders.dynamics
    }

    /// Returns the vocabulary positions of the genes that move, in the order of [`Seen::moves`].
    pub fn moving(&self) -> impl Iterator<Item = usize> {
        self.genes.iter().map(|(gene, _)| *gene)
    }

    /// Returns the length of a vector of [`Seen::embedding`].
    pub fn width(&self) -> usize {
        self.decoders.moves.backbone.width()
    }

    /// Sees some chains, all in one batch; `draw` says how counts of the added modalities are taken.
    ///
    /// # Errors
    /// Failed: the device fails, or a number is not finite.
    pub fn see(&self, cells: Shown, (take, seed): (Take, u64)) -> Result<Seen> {
        let length = cells.length.max(1);
        let decoder = &self.decoders.moves;
        let last: Vec<usize> = (length - 1..cells.cell_id.len()).step_by(length).collect();
        let chains = self.block(&cells, &(0..cells.cell_id.len()).collect::<Vec<_>>());
        let predicted = decoder.predict_chains(&chains, 0..chains.len(), length)?;
        let present = if length > 1 { self.block(&cells, &last) } else { chains };
        let outputs = decoder.decoder.config().outputs();
        let uncertainty = last
            .iter()
            .map(|at| predicted.assessments.get(*at).copied().flatten().map_or(f64::NAN, |of| of.error));
        let (width, heads) = (self.width(), decoder.model.scheme().outputs.len());
        let vectors = decoder.backbone.embed(&present, 0..last.len())?;
        let vector = |cell: usize| vectors[(cell * heads + self.head) * width..][..width].to_vec();
        Ok(Seen {
            moves: last.iter().map(|at| self.moves(&predicted.values[at * outputs..][..outputs])).collect(),
            uncertainty: uncertainty.collect(),
            embedding: (0..last.len()).map(vector).collect(),
            added: self.added_counts(&present, take, seed)?,
        })
    }

    /// Returns some of the cells as the model reads them.
    fn block(&self, cells: &Shown, rows: &[usize]) -> CellBlock<'_> {
        let mut tokens =
            vec![ModalityTokens::absent(rows.len()); self.decoders.moves.model.config().modalities.len()];
        let mut own = ModalityTokens::default();
        for row in rows {
            let (genes, counts) = &cells.counts[*row];
            own.push(cells.library[*row], genes.iter().zip(counts).map(|(gene, count)| (gene + 1, *count)));
        }
        tokens[self.modality] = own;
        let of = |texts: &[String]| rows.iter().map(|row| texts[*row].clone()).collect();
        self.maker.block(of(&cells.dataset), of(&cells.cell_id), tokens)
    }

    /// Returns the moving genes' part of a cell's predictions, in the units of a profile.
    fn moves(&self, values: &[f32]) -> Vec<f32> {
        let scale = self.size as f32 / TOTAL;
        let of = |value: f32| match self.decoders.dynamics {
            Dynamics::Velocity => value,
            Dynamics::NextState(_) => value.exp_m1() * scale,
        };
        self.genes.iter().map(|(_, at)| of(values[*at])).collect()
    }

    /// Returns the overdispersion of each gene of a profile by a decoder of next states; none by one of velocities.
    ///
    /// # Errors
    /// Failed: the device fails.
    pub fn overdispersion(&self, genes: usize) -> Result<Option<Vec<f64>>> {
        if self.decoders.dynamics == Dynamics::Velocity {
            return Ok(None);
        }
        // Dispersions are the same for any cell.
        let cells = Shown {
            length: 1,
            dataset: vec![String::new()],
            cell_id: vec![String::new()],
            counts: vec![(vec![0], vec![1.0])],
            library: vec![1.0],
        };
        let block = self.block(&cells, &[0]);
        let decoder = &self.decoders.moves;
        let predicted = decoder.predict(&block, 0..1, 1)?;
        let found = decoder.distributions(&predicted)?;
        Ok(found.map(|found| {
            let mut all = vec![0.0; genes];
            self.genes.iter().for_each(|(gene, at)| all[*gene] = 1.0 / found.dispersions[*at]);
            all
        }))
    }

    /// Returns the counts of the added modalities, by cell.
    fn added_counts(&self, block: &CellBlock<'_>, take: Take, seed: u64) -> Result<Vec<Vec<Sparse>>> {
        let n = block.len();
        let Some(decoder) = self.decoders.counts.as_ref().filter(|_| !self.added.is_empty()) else {
            return Ok(vec![Vec::new(); n]);
        };
        let predicted = decoder.predict(block, 0..n, 1)?;
        let all: Vec<usize> = (0..decoder.genes.len()).collect();
        let draws = (take == Take::Sample).then_some(Draws { count: 1, seed });
        let request = Request { genes: &all, draws };
        let rows = decoder.rows(block, 0..n, &predicted, &request)?;
        let config = decoder.decoder.config();
        let mut added = vec![Vec::new(); n];
        for (target, values) in config.targets.iter().zip(&rows.matrices) {
            if !self.added.contains(target) {
                continue;
            }
            for (cell, values) in values.chunks_exact(all.len().max(1)).enumerate() {
                let library = decoder.library_size(block, cell, target) as f32;
                let count = |x: f32| if take == Take::Sample { x } else { x.exp_m1() / TOTAL * library };
                added[cell].push(sparse(decoder, &self.decoders.moves, values.iter().map(|x| count(*x))));
            }
        }
        Ok(added)
    }
}

/// Returns values of a decoder's genes by position in the vocabulary; genes that the model does not know are left out.
fn sparse(from: &TrainedDecoder, model: &TrainedDecoder, values: impl Iterator<Item = f32>) -> Sparse {
    let vocabulary = &model.backbone.vocabulary;
    let place = |gene: &mfdoom_artifact::Gene| vocabulary.lookup(&gene.id).map(|id| id - 1);
    let placed = from.genes.iter().zip(values).filter(|(_, x)| *x > 0.0);
    let mut all: Vec<(u32, f32)> = placed.filter_map(|(gene, x)| Some((place(gene)?, x))).collect();
    all.sort_unstable_by_key(|(gene, _)| *gene);
    all.into_iter().unzip()
}

/// Returns which target of a decoder of next states a modality is.
fn target(decoder: &TrainedDecoder, modality: &str) -> Result<usize> {
    let targets = &decoder.decoder.config().targets;
    targets.iter().position(|target| target == modality).ok_or_else(|| {
        Error::incompatible(format!(
            "the decoder of next states does not predict '{modality}', which trajectories run in"
        ))
        .found(targets.join(", "))
        .wanted(modality)
        .help("--use-modalities, or train it with --targets GRAPH,MODALITY")
    })
}

fn some(genes: &[mfdoom_artifact::Gene]) -> String {
    let ids: Vec<&str> = genes.iter().take(3).map(|gene| gene.id.as_str()).collect();
    format!("{} genes such as {}", genes.len(), ids.join(", "))
}
