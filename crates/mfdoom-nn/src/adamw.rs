//! AdamW with decoupled weight decay, fused into one pass over each parameter on the CPU.

use std::cell::RefCell;
use std::collections::BTreeMap;

use candle_core::backend::BackendStorage;
use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, DType, Device, InplaceOp1, Layout, Result, Shape, Tensor, Var, bail};
use rayon::prelude::*;

use crate::host::{Host, by_dtype, to_storage};
use crate::math::{Real, vectorised};
use crate::parameters::ParameterStore;

/// Elements updated by one task.
const PIECE: usize = 16 * 1024;

/// The constants of AdamW; the defaults are torch's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWConfig {
    /// Decay of the mean of the gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// Added to the root of the mean of squares.
    pub eps: f64,
}

impl Default for AdamWConfig {
    fn default() -> AdamWConfig {
        AdamWConfig { beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }
}

/// Loshchilov and Hutter 2019, in the order of torch: `p -= lr wd p`, the two means, `p -= lr m^ / (sqrt(v^) + eps)`.
///
/// A parameter without a gradient in a step counts as one with zeros: its means decay and weight decay applies.
///
/// ```
/// use candle_core::{DType, Device};
/// use mfdoom_nn::{AdamW, AdamWConfig, Init, ParameterStore};
/// let mut store = ParameterStore::new(0, DType::F64, &Device::Cpu);
/// let w = store.draw("w", 1, Init::ONES)?;
/// let mut optimiser = AdamW::new(AdamWConfig::default(), &store, |_| Some(0.1))?;
/// let grads = (w.sum_all()? * 5.0)?.backward()?;
/// optimiser.step(&store, &grads, 0.01)?; // 1 - 0.01 * 0.1 - 0.01 * sign
/// assert!((w.to_vec1::<f64>()?[0] - 0.989).abs() < 1e-10);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Debug)]
pub struct AdamW {
    config: AdamWConfig,
    step: u64,
    slots: BTreeMap<String, Slot>,
}

#[derive(Debug)]
struct Slot {
    weight_decay: f64,
    shape: Shape,
    moments: Moments,
}

/// Running means of the gradient and of its square.
#[derive(Debug)]
enum Moments {
    Host(CpuStorage, CpuStorage),
    Device(Tensor, Tensor),
}

impl AdamW {
    /// Prepares the parameters for which `weight_decay(name)` is given; the others stay as they are.
    ///
    /// # Errors
    /// The device has no room for the moments.
    pub fn new(
        config: AdamWConfig,
        store: &ParameterStore,
        weight_decay: impl Fn(&str) -> Option<f64>,
    ) -> Result<AdamW> {
        let mut slots = BTreeMap::new();
        for (name, var) in store.iter() {
            if let Some(weight_decay) = weight_decay(name) {
                let moments = Moments::from_tensors(&var.zeros_like()?, &var.zeros_like()?)?;
                slots.insert(name.to_owned(), Slot { weight_decay, shape: var.shape().clone(), moments });
            }
        }
        Ok(AdamW { config, step: 0, slots })
    }

    /// Returns the number of steps taken.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// Updates every prepared parameter with the learning rate of this step.
    ///
    /// # Errors
    /// The store is not the one this optimiser was made for.
    pub fn step(&mut self, store: &ParameterStore, grads: &GradStore, lr: f64) -> Result<()> {
        self.step += 1;
        for (name, slot) in &mut self.slots {
            let var = store.get(name)?;
            let rule = Rule::new(&self.config, self.step, lr, slot.weight_decay);
            slot.update(var, grads.get(var), rule)?;
        }
        Ok(())
    }

    /// Returns the state as named tensors: `step`, and `m.NAME`, `v.NAME` for every parameter.
    ///
    /// # Errors
    /// The device fails.
    pub fn state(&self) -> Result<BTreeMap<String, Tensor>> {
        let step = Tensor::new(self.step as i64, &Device::Cpu)?;
        let mut state = BTreeMap::from([("step".to_owned(), step)]);
        for (name, slot) in &self.slots {
            let (mean, square) = slot.moments.tensors(&slot.shape)?;
            state.insert(format!("m.{name}"), mean);
            state.insert(format!("v.{name}"), square);
        }
        Ok(state)
    }

    /// Takes over a state that [`AdamW::state`] returned.
    ///
    /// # Errors
    /// A tensor is missing, unknown or of another shape; then nothing is changed.
    pub fn restore(&mut self, store: &ParameterStore, state: &BTreeMap<String, Tensor>) -> Result<()> {
        if state.len() != 2 * self.slots.len() + 1 {
            bail!("the optimiser state holds {} tensors, wanted {}", state.len(), 2 * self.slots.len() + 1);
        }
        let find = |name: String, shape: &Shape| match state.get(&name) {
            Some(tensor) if tensor.shape() == shape => {
                tensor.to_device(store.device())?.to_dtype(store.dtype())?.contiguous()?.copy()
            }
            Some(tensor) => {
                bail!("the optimiser state {name} has the shape {:?}, wanted {shape:?}", tensor.shape())
            }
            None => bail!("the optimiser state lacks {name}"),
        };
        let Some(step) = state.get("step") else { bail!("the optimiser state lacks step") };
        let step = step.to_dtype(DType::I64)?.to_scalar::<i64>()?;
        let mut moments = Vec::new();
        for (name, slot) in &self.slots {
            let (mean, square) =
                (find(format!("m.{name}"), &slot.shape)?, find(format!("v.{name}"), &slot.shape)?);
            moments.push(Moments::from_tensors(&mean, &square)?);
        }
        for (slot, moments) in self.slots.values_mut().zip(moments) {
            slot.moments = moments;
        }
        self.step = step.max(0) as u64;
        Ok(())
    }
}

/// The numbers of one step for one parameter.
#[derive(Clone, Copy, Debug)]
struct Rule {
    keep: f64,
    beta1: f64,
    beta2: f64,
    rate: f64,
    root: f64,
    eps: f64,
}

impl Rule {
    fn new(config: &AdamWConfig, step: u64, lr: f64, weight_decay: f64) -> Rule {
        let power = |beta: f64| 1.0 - beta.powf(step as f64);
        Rule {
            keep: 1.0 - lr * weight_decay,
            beta1: config.beta1,
            beta2: config.beta2,
            rate: lr / power(config.beta1),
            root: 1.0 / power(config.beta2).sqrt(),
            eps: config.eps,
        }
    }
}

impl Slot {
    fn update(&mut self, var: &Var, grad: Option<&Tensor>, rule: Rule) -> Result<()> {
        match &mut self.moments {
            Moments::Host(mean, square) => {
                let grad = grad.map(Tensor::contiguous).transpose()?;
                var.inplace_op1(&Update { moments: RefCell::new((mean, square)), grad, rule })
            }
            Moments::Device(mean, square) => composed(var, grad, [mean, square], rule),
        }
    }
}

fn composed(var: &Var, grad: Option<&Tensor>, [mean, square]: [&mut Tensor; 2], rule: Rule) -> Result<()> {
    *mean = (&*mean * rule.beta1)?;
    *square = (&*square * rule.beta2)?;
    if let Some(grad) = grad {
        *mean = (&*mean + (grad.detach() * (1.0 - rule.beta1))?)?;
        *square = (&*square + (grad.detach().sqr()? * (1.0 - rule.beta2))?)?;
    }
    let root = ((square.sqrt()? * rule.root)? + rule.eps)?;
    var.set(&((var.as_detached_tensor() * rule.keep)? - ((&*mean / root)? * rule.rate)?)?)
}

impl Moments {
    fn from_tensors(mean: &Tensor, square: &Tensor) -> Result<Moments> {
        if !mean.device().is_cpu() {
            return Ok(Moments::Device(mean.detach(), square.detach()));
        }
        by_dtype!(mean.dtype(), T => {
            let host = |tensor: &Tensor| Result::Ok(to_storage(Host::of(tensor).slice::<T>()?.to_vec()));
            Ok(Moments::Host(host(mean)?, host(square)?))
        })
    }

    fn tensors(&self, shape: &Shape) -> Result<(Tensor, Tensor)> {
        match self {
            Moments::Device(mean, square) => Ok((mean.copy()?, square.copy()?)),
            Moments::Host(mean, square) => by_dtype!(mean.dtype(), T => {
                let tensor = |s: &CpuStorage| Tensor::from_slice(s.as_slice::<T>()?, shape, &Device::Cpu);
                Ok((tensor(mean)?, tensor(square)?))
            }),
        }
    }
}

/// One pass over a parameter, its gradient and both moments.
struct Update<'a> {
    moments: RefCell<(&'a mut CpuStorage, &'a mut CpuStorage)>,
    grad: Option<Tensor>,
    rule: Rule,
}

impl InplaceOp1 for Update<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (mean, square) = &mut *self.moments.borrow_mut();
        let Some((start, end)) = layout.contiguous_offsets() else { bail!("a parameter is not contiguous") };
        match (storage, &mut **mean, &mut **square) {
            (CpuStorage::F32(p), CpuStorage::F32(m), CpuStorage::F32(v)) => {
                self.run(&mut p[start..end], m, v)
            }
            (CpuStorage::F64(p), CpuStorage::F64(m), CpuStorage::F64(v)) => {
                self.run(&mut p[start..end], m, v)
            }
            _ => bail!("a parameter changed its element type between two steps"),
        }
    }
}

impl Update<'_> {
    fn run<T: Real>(&self, values: &mut [T], mean: &mut [T], square: &mut [T]) -> Result<()> {
        let host = self.grad.as_ref().map(Host::of);
        let grad = host.as_ref().map(Host::slice::<T>).transpose()?;
        let rule =
            [self.rule.keep, self.rule.beta1, self.rule.beta2, self.rule.rate, self.rule.root, self.rule.eps];
        let rule = rule.map(T::from_f64);
        let pieces =
            values.par_chunks_mut(PIECE).zip(mean.par_chunks_mut(PIECE)).zip(square.par_chunks_mut(PIECE));
        pieces.enumerate().for_each(|(i, ((values, mean), square))| {
            let grad = grad.map(|grad| &grad[i * PIECE..][..values.len()]);
            vectorised(
                #[inline(always)]
                || match grad {
                    Some(grad) => update_piece(values, mean, square, rule, |i| grad[i]),
                    None => update_piece(values, mean, square, rule, |_| T::zero()),
                },
            );
        });
        Ok(())
    }
}

#[inline(always)]
fn update_piece<T: Real>(p: &mut [T], m: &mut [T], v: &mut [T], rule: [T; 6], grad: impl Fn(usize) -> T) {
    let [keep, beta1, beta2, rate, root, eps] = rule;
    let n = p.len();
    let (p, m, v) = (&mut p[..n], &mut m[..n], &mut v[..n]);
    for i in 0..n {
        let g = grad(i);
        m[i] += (g - m[i]) * (T::one() - beta1);
        v[i] = v[i] * beta2 + g * g * (T::one() - beta2);
        p[i] = p[i] * keep - rate * m[i] / (v[i].sqrt() * root + eps);
    }
}
