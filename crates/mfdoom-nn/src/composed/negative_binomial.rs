//! The negative binomial likelihood from candle operations; the gamma function by Stirling's series.

use candle_core::{Result, Tensor};

use crate::MaskedCounts;

/// As [`crate::negative_binomial`].
pub fn negative_binomial(
    log_mean: &Tensor,
    log_dispersion: &Tensor,
    gate: Option<&Tensor>,
    counts: &MaskedCounts,
) -> Result<Tensor> {
    let (shape, device, dtype) = (log_mean.shape(), log_mean.device(), log_mean.dtype());
    let x = Tensor::from_slice(&counts.values, shape, device)?.to_dtype(dtype)?;
    let observed: Vec<f32> = counts.observed.iter().map(|seen| f32::from(*seen)).collect();
    let observed = Tensor::from_vec(observed, shape, device)?.to_dtype(dtype)?;
    let log_t = log_dispersion.broadcast_as(shape)?.contiguous()?;
    let t = log_t.exp()?;
    let total = log_sum(log_mean, &log_t)?; // ln(t + m)
    let rising = (ln_gamma(&(&x + &t)?)? - ln_gamma(&t)?)?;
    let at_zero = (&t * (&log_t - &total)?)?;
    let log_nb = ((rising - ln_gamma(&(&x + 1.0)?)?)? + &at_zero)?;
    let log_nb = (log_nb + (&x * (log_mean - &total)?)?)?;
    let loss = match gate {
        None => log_nb.neg()?,
        Some(gate) => {
            let zero = ((softplus(gate)? - gate)? - softplus(&(&at_zero - gate)?)?)?;
            let other = (softplus(gate)? - log_nb)?;
            x.eq(0.0)?.where_cond(&zero, &other)?
        }
    };
    loss * observed
}

/// ln(e^a + e^b)
fn log_sum(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    b + softplus(&(a - b)?)?
}

fn softplus(x: &Tensor) -> Result<Tensor> {
    x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?
}

/// ln Gamma(x) for x > 0, moved up by 8 before the series.
fn ln_gamma(x: &Tensor) -> Result<Tensor> {
    let mut product = x.log()?;
    for step in 1..8 {
        product = (product + (x + f64::from(step))?.log()?)?;
    }
    let z = (x + 8.0)?;
    let square = z.sqr()?.recip()?;
    let terms = [-1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0];
    let mut tail = x.zeros_like()?;
    for term in terms {
        tail = ((tail * &square)? + term)?;
    }
    let tail = ((tail / &z)? + 0.5 * std::f64::consts::TAU.ln())?;
    (((&z - 0.5)? * z.log()?)? - &z)? + (tail - product)?
}
