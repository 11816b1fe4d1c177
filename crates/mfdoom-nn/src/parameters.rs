//! Named parameters: seeded initialisation, strict loading, saving in the layout of Hugging Face.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use candle_core::{DType, Device, Result, Shape, Tensor, Var, bail};
use safetensors::SafeTensors;

use crate::init::Init;

/// Trainable tensors in the order of their names.
///
/// Parameters that were [frozen](ParameterStore::freeze) keep their values: layers compute with them, and no
/// gradient reaches them.
///
/// Models get theirs from a [`crate::ParameterBuilder`].
#[derive(Clone, Debug)]
pub struct ParameterStore {
    vars: BTreeMap<String, Var>,
    frozen: BTreeSet<String>,
    seed: u64,
    dtype: DType,
    device: Device,
}

impl ParameterStore {
    /// Creates an empty store; the seed is for the initial values.
    pub fn new(seed: u64, dtype: DType, device: &Device) -> ParameterStore {
        ParameterStore { vars: BTreeMap::new(), frozen: BTreeSet::new(), seed, dtype, device: device.clone() }
    }

    /// Returns the element type of all parameters.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Returns the device of all parameters.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Adds a parameter with initial values that depend on the seed and the name.
    ///
    /// # Errors
    /// The name is taken.
    pub fn draw(&mut self, name: &str, shape: impl Into<Shape>, init: Init) -> Result<Tensor> {
        let shape = shape.into();
        let values = init.values(self.seed, name, &shape);
        self.insert(name, &Tensor::from_vec(values, shape, &Device::Cpu)?)
    }

    /// Adds a parameter with the given values, whatever their element type and device.
    pub fn insert(&mut self, name: &str, values: &Tensor) -> Result<Tensor> {
        if self.vars.contains_key(name) {
            bail!("the parameter {name} exists already");
        }
        let values = values.to_device(&self.device)?.to_dtype(self.dtype)?.contiguous()?;
        let var = Var::from_tensor(&values.detach())?;
        let tensor = var.as_tensor().clone();
        self.vars.insert(name.to_owned(), var);
        Ok(tensor)
    }

    /// Adds a parameter of another store, which then is one of both.
    pub(crate) fn share(&mut self, name: &str, var: &Var) {
        self.vars.insert(name.to_owned(), var.clone());
    }

    /// Freezes one parameter.
    pub(crate) fn freeze_one(&mut self, name: &str) {
        self.frozen.insert(name.to_owned());
    }

    /// Returns a parameter.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn get(&self, name: &str) -> Result<&Var> {
        match self.vars.get(name) {
            Some(var) => Ok(var),
            None => bail!("no parameter is named {name}"),
        }
    }

    /// Freezes the parameters for which `wanted(name)` is true, and thaws the others.
    pub fn freeze(&mut self, wanted: impl Fn(&str) -> bool) {
        self.frozen = self.vars.keys().filter(|name| wanted(name)).cloned().collect();
    }

    /// Returns whether a parameter is trained, which is whether it is not frozen.
    pub fn is_trained(&self, name: &str) -> bool {
        !self.frozen.contains(name)
    }

    /// Returns the values that layers compute with; those of a frozen parameter keep no graph.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        let tensor = self.get(name)?.as_tensor();
        Ok(if self.is_trained(name) { tensor.clone() } else { tensor.detach() })
    }

    /// Returns whether there is a parameter of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.vars.contains_key(name)
    }

    /// Returns names and parameters, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.vars.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// Returns names and shapes, by name.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.iter().map(|(name, var)| (name, var.dims()))
    }

    /// Returns the number of parameters (tensors).
    pub fn len(&self) -> usize {
        self.vars.len()
    }

    /// Returns whether the store holds nothing.
    pub fn is_empty(&self) -> bool {
        self.vars.is_empty()
    }

    /// Returns the number of trainable numbers.
    pub fn elem_count(&self) -> usize {
        self.vars.values().map(|var| var.elem_count()).sum()
    }

    /// Overwrites every parameter with the tensor of its name.
    ///
    /// # Errors
    /// A name is missing, unknown, or has another shape; then nothing is changed. All such names are listed.
    pub fn assign(&self, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        self.assign_where(tensors, |_| true)
    }

    /// As [`ParameterStore::assign`], of the parameters for which `wanted(name)` is true.
    ///
    /// # Errors
    /// As `assign`; a tensor of another parameter counts as unknown.
    pub fn assign_where(
        &self,
        tensors: &BTreeMap<String, Tensor>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let chosen: BTreeMap<&String, &Var> = self.vars.iter().filter(|(name, _)| wanted(name)).collect();
        let mut faults = Vec::new();
        for (&name, var) in &chosen {
            match tensors.get(name) {
                None => faults.push(format!("{name} is missing")),
                Some(tensor) if tensor.dims() != var.dims() => {
                    faults.push(format!("{name} has the shape {:?}, wanted {:?}", tensor.dims(), var.dims()));
                }
                Some(_) => {}
            }
        }
        let unknown = tensors.keys().filter(|name| !chosen.contains_key(*name));
        faults.extend(unknown.map(|name| format!("{name} is not a parameter of this model")));
        if !faults.is_empty() {
            bail!("the weights do not fit the model: {}", faults.join("; "));
        }
        for (name, var) in chosen {
            var.set(&tensors[name].to_device(&self.device)?.to_dtype(self.dtype)?.contiguous()?)?;
        }
        Ok(())
    }

    /// Loads safetensors bytes as [`ParameterStore::assign`] does.
    ///
    /// # Errors
    /// As `assign`, and bytes that are not safetensors.
    pub fn load(&self, bytes: &[u8]) -> Result<()> {
        self.load_where(bytes, |_| true)
    }

    /// Loads safetensors bytes as [`ParameterStore::assign_where`] does.
    ///
    /// # Errors
    /// As `assign_where`, and bytes that are not safetensors.
    pub fn load_where(&self, bytes: &[u8], wanted: impl Fn(&str) -> bool) -> Result<()> {
        let parsed = SafeTensors::deserialize(bytes).map_err(candle_core::Error::wrap)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in parsed.iter() {
            let dtype = view.dtype().try_into()?;
            tensors.insert(
                name.to_owned(),
                Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu)?,
            );
        }
        self.assign_where(&tensors, wanted)
    }

    /// Returns safetensors bytes with the metadata `{"format": "pt"}`; equal parameters give equal bytes.
    ///
    /// # Errors
    /// The device fails to hand the values over.
    pub fn save(&self) -> Result<Vec<u8>> {
        self.save_where(|_| true)
    }

    /// As [`ParameterStore::save`], of the parameters for which `wanted(name)` is true.
    ///
    /// # Errors
    /// The device fails to hand the values over.
    pub fn save_where(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<u8>> {
        let chosen = self.vars.iter().filter(|(name, _)| wanted(name));
        save(chosen.map(|(name, var)| (name.as_str(), var.as_tensor())))
    }
}

/// Returns safetensors bytes of tensors, as [`ParameterStore::save`].
fn save<'a>(tensors: impl Iterator<Item = (&'a str, &'a Tensor)>) -> Result<Vec<u8>> {
    let on_host: Vec<(&str, Tensor)> =
        tensors.map(|(name, tensor)| Ok((name, tensor.to_device(&Device::Cpu)?))).collect::<Result<_>>()?;
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(on_host, Some(metadata)).map_err(candle_core::Error::wrap)
}
