//! The scalar functions inside the kernels, written so that the compiler turns loops over them into SIMD.
//!
//! `f32` uses branch-free polynomials: e^x to 2 ulp, the normal distribution function (and so the exact
//! erf-GELU) to 1e-7. `f64` uses libm-class functions, so that finite differences hold.

use candle_core::WithDType;
use candle_core::cpu::erf::erfc_f64;

/// Independent partial sums of a reduction: wide enough for two AVX-512 registers of `f32`.
const LANES: usize = 16;

/// A floating type that the CPU kernels can run on.
pub(crate) trait Real: WithDType + num_traits::Float {
    /// e^x for x <= 88; below -87 it is 0.
    fn exponential(self) -> Self;

    /// Returns the normal distribution function and its density at x.
    fn normal(self) -> (Self, Self);

    /// Returns `self * a + b` with one rounding.
    fn fused(self, a: Self, b: Self) -> Self;
}

impl Real for f32 {
    #[inline(always)]
    fn exponential(self) -> f32 {
        const LOWEST: f32 = -87.336_54; // ln of the smallest normal number
        const SHIFT: f32 = 12_582_912.0; // 1.5 * 2^23: adding it rounds to an integer in the low bits
        // written so that NaN passes: a comparison with NaN is false
        let x = if self < LOWEST { LOWEST } else { self };
        let shifted = x.mul_add(std::f32::consts::LOG2_E, SHIFT);
        let n = shifted - SHIFT;
        let r = n.mul_add(-0.693_145_75, x); // ln 2 in two pieces
        let r = n.mul_add(-1.428_606_8e-6, r);
        // minimax for (e^r - 1 - r) / r^2 on |r| <= ln 2 / 2, relative error of e^r 3e-9
        let p = 0.001_381_445_6f32.mul_add(r, 0.008_368_785);
        let p = p.mul_add(r, 0.041_668_396);
        let p = p.mul_add(r, 0.166_665_2);
        let p = p.mul_add(r, 0.499_999_94);
        let e = p.mul_add(r * r, r) + 1.0;
        let scale = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
        if self < LOWEST { 0.0 } else { e * scale }
    }

    #[inline(always)]
    fn normal(self) -> (f32, f32) {
        const INV_SQRT_2PI: f32 = 0.398_942_3;
        let e = (-0.5 * self * self).exponential();
        // Phi(-t) e^(t^2/2) for t >= 0 as a ratio without cancellation; own minimax fit, error 3e-10
        let t = if self.abs() > 15.0 { 15.0 } else { self.abs() };
        let n = 0.009_893_163f32.mul_add(t, 0.086_246_57);
        let n = n.mul_add(t, 0.297_311_13);
        let n = n.mul_add(t, 0.5);
        let d = 0.024_880_912f32.mul_add(t, 0.214_674_18);
        let d = d.mul_add(t, 0.783_553_6);
        let d = d.mul_add(t, 1.392_506_8);
        let d = d.mul_add(t, 1.0);
        let tail = e * (n / d);
        (if self < 0.0 { tail } else { 1.0 - tail }, e * INV_SQRT_2PI)
    }

    #[inline(always)]
    fn fused(self, a: f32, b: f32) -> f32 {
        self.mul_add(a, b)
    }
}

impl Real for f64 {
    #[inline(always)]
    fn exponential(self) -> f64 {
        self.exp()
    }

    #[inline(always)]
    fn normal(self) -> (f64, f64) {
        const INV_SQRT_2PI: f64 = 0.398_942_280_401_432_7;
        (0.5 * erfc_f64(-self * std::f64::consts::FRAC_1_SQRT_2), INV_SQRT_2PI * (-0.5 * self * self).exp())
    }

    #[inline(always)]
    fn fused(self, a: f64, b: f64) -> f64 {
        self.mul_add(a, b)
    }
}

/// Runs `kernel` compiled for the widest SIMD of this machine.
#[inline(always)]
pub(crate) fn vectorised<R>(kernel: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(kernel)
}

/// Returns the sum of `term(i)` for i < n, in an order that depends on n only.
#[inline(always)]
pub(crate) fn sum_of<T: Real>(n: usize, term: impl Fn(usize) -> T) -> T {
    let mut lanes = [T::zero(); LANES];
    let whole = n / LANES * LANES;
    let mut start = 0;
    while start < whole {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += term(start + lane);
        }
        start += LANES;
    }
    for (lane, i) in (whole..n).enumerate() {
        lanes[lane] += term(i);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// Returns the larger of two values; NaN never wins over `b`.
#[inline(always)]
pub(crate) fn larger<T: Real>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

/// Returns the largest value, or minus infinity for none; NaN never wins.
#[inline(always)]
pub(crate) fn max_of<T: Real>(values: &[T]) -> T {
    let mut lanes = [T::neg_infinity(); LANES];
    let chunks = values.chunks_exact(LANES);
    for (lane, &value) in chunks.remainder().iter().enumerate() {
        lanes[lane] = value;
    }
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    lanes.into_iter().fold(T::neg_infinity(), |a, b| if b > a { b } else { a })
}
