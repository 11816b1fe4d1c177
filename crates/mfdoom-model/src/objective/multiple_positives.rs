//! Several positives at once, in a hierarchy of spaces (VATT, arXiv 2104.11178, section 3.3).
//!
//! ```text
//! x_m = unit(A_m h_m)                 m of the first two modalities: InfoNCE between them, both directions
//! y   = unit(C relu(B A_0 h_0))       the first modality, taken on to a second space
//! z_m = unit(D_m h_m)                 every further modality there, from two draws of the cell's tokens
//! MIL-NCE = -ln( sum over both draws of exp(y . z_m / t) / sum over both draws and all cells of the same )
//! ```
//!
//! Of two modalities the second stands in both spaces.

use candle_core::{Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, linear};

use super::contrastive::{Pair, log_sum_exp};
use super::outputs::{Outputs, head, normalise, rows};
use super::{NamedTerm, Needs, Terms};
use crate::config::{ModelConfig, Negatives};
use crate::scheme::Scheme;

/// Temperature of the published system.
const TEMPERATURE: f64 = 0.07;

/// InfoNCE of the first two modalities in their own space, MIL-NCE of the first with every further one in another; over
/// the cells that show both.
#[derive(Debug)]
pub struct MultiplePositives {
    /// Maps of the first two modalities.
    first: [Tensor; 2],
    /// From the first space to the second.
    onwards: [Tensor; 2],
    /// Every further modality.
    further: Vec<Further>,
}

/// A modality in the second space.
#[derive(Debug)]
struct Further {
    modality: usize,
    map: Tensor,
}

impl Terms for MultiplePositives {
    fn check(config: &ModelConfig, _: &Scheme) -> std::result::Result<(), String> {
        match config.modalities.len() {
            0 | 1 => Err("needs two modalities".into()),
            _ => Ok(()),
        }
    }

    fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        let (p, d, names) = (p.pp("multiple_positives"), config.dim, &config.modalities);
        let get = |name: &str| p.get(name, (d, d), Init::Linear { inputs: d });
        let first = |m: usize| get(&format!("first.{}.weight", names[m]));
        let further = if names.len() == 2 { 1..2 } else { 2..names.len() };
        let second =
            |m: usize| Ok(Further { modality: m, map: get(&format!("second.{}.weight", names[m]))? });
        Ok(Self {
            first: [first(0)?, first(1)?],
            onwards: [get("onwards.in.weight")?, get("onwards.out.weight")?],
            further: further.map(second).collect::<Result<_>>()?,
        })
    }

    fn needs(&self, _: &Scheme) -> Needs {
        Needs { again: true, ..Needs::default() }
    }

    fn looks_at_whole(&self) -> bool {
        false
    }

    fn terms(&self, outputs: &Outputs<'_>) -> Result<Vec<NamedTerm>> {
        let (names, present) = (&outputs.config().modalities, &outputs.present);
        let cells = |m: usize| -> Vec<u32> {
            let both = (0..outputs.cells()).filter(|cell| present[0][*cell] && present[m][*cell]);
            both.map(|cell| cell as u32).collect()
        };
        let mut all = vec![(format!("{}|{}", names[0], names[1]), self.first_space(outputs, cells(1))?)];
        let Some(again) = &outputs.views.again else { return Ok(all) };
        let again = outputs.model.forward_for_objectives(again)?;
        for further in &self.further {
            let value = self.second_space(outputs, &again, further, &cells(further.modality))?;
            all.push((format!("{}|draws of {}", names[0], names[further.modality]), value));
        }
        Ok(all)
    }
}

impl MultiplePositives {
    fn first_space(&self, outputs: &Outputs<'_>, both: Vec<u32>) -> Result<Option<Tensor>> {
        if both.is_empty() {
            return Ok(None);
        }
        let side = |m: usize| {
            normalise(&linear(&outputs.head(&outputs.config().modalities[m])?, &self.first[m], None)?)
        };
        let (x, y) = (side(0)?, side(1)?);
        let scale = Tensor::new(1.0 / TEMPERATURE, x.device())?.to_dtype(x.dtype())?;
        let pair = Pair { both, scale, negatives: Negatives::Present };
        ((pair.cross_entropy(&x, &y)? + pair.cross_entropy(&y, &x)?)? / 2.0).map(Some)
    }

    fn second_space(
        &self,
        outputs: &Outputs<'_>,
        again: &Tensor,
        further: &Further,
        both: &[u32],
    ) -> Result<Option<Tensor>> {
        if both.is_empty() {
            return Ok(None);
        }
        let names = &outputs.config().modalities;
        let own = linear(&rows(&outputs.head(&names[0])?, both)?, &self.first[0], None)?;
        let there = linear(&linear(&own, &self.onwards[0], None)?.relu()?, &self.onwards[1], None)?;
        let there = normalise(&there)?;
        let draw = |pooled: &Tensor| {
            let vectors = rows(&head(outputs.model, pooled, &names[further.modality])?, both)?;
            let z = normalise(&linear(&vectors, &further.map, None)?)?;
            // [cells, cells]
            there.matmul(&z.t()?)? / TEMPERATURE
        };
        let draws = [draw(outputs.pooled)?, draw(again)?];
        let own = Tensor::eye(both.len(), there.dtype(), there.device())?;
        let positives = [(&draws[0] * &own)?.sum_keepdim(1)?, (&draws[1] * &own)?.sum_keepdim(1)?];
        let (all, positives) = (Tensor::cat(&draws, 1)?, Tensor::cat(&positives, 1)?);
        (log_sum_exp(&all)? - log_sum_exp(&positives)?)?.mean_all().map(Some)
    }
}
