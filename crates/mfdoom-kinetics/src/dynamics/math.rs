//! Exponential and logarithm without branches, so that loops over cells run on vector units.
//!
//! Both are accurate to a few units in the last place. They use plain sums and products only (a fused one is a slow
//! call wherever the compiler cannot know that the processor has it), so every vector unit gives the same numbers.

/// Coefficients 1/k! of the exponential, from k = 12 down to 2.
const EXP: [f64; 11] = [
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
];
/// Adding this leaves a rounded integer in the low bits of an f64.
const MAGIC: f64 = 6_755_399_441_055_744.0;
/// ln 2 in two parts, the first exact in few bits.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Bits of the square root of one half, where the mantissa of a logarithm starts.
const HALF_ROOT: u64 = 0x3fe6_a09e_667f_3bcd;
/// Bits of 1.
const ONE: u64 = 0x3ff0_0000_0000_0000;
/// Bits of 2^52, whose low bits count as an integer.
const TWO_52: u64 = 0x4330_0000_0000_0000;

/// Returns e^x for x of at most 700; x below -700 counts as -700.
#[inline(always)]
pub(super) fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let shifted = x * std::f64::consts::LOG2_E + MAGIC;
    let whole = shifted - MAGIC;
    let r = (x - whole * LN2_HIGH) - whole * LN2_LOW;
    let mut sum = EXP[0];
    for &coefficient in &EXP[1..] {
        sum = sum * r + coefficient;
    }
    let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    (sum * r * r + r) * power + power
}

/// Returns ln x for a positive, normal x.
#[inline(always)]
pub(super) fn ln(x: f64) -> f64 {
    let bits = x.to_bits().wrapping_add(ONE - HALF_ROOT);
    let exponent = f64::from_bits((bits >> 52) | TWO_52) - (f64::from_bits(TWO_52) + 1023.0);
    let mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) + HALF_ROOT);
    let f = mantissa - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let mut sum = 1.0 / 21.0;
    for odd in [19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
        sum = z * sum + 1.0 / odd;
    }
    let tail = 2.0 * s * z * sum;
    exponent * LN2_HIGH + (2.0 * s + (tail + exponent * LN2_LOW))
}

/// Returns the upper tail of the standard normal distribution.
pub(super) fn normal_tail(x: f64) -> f64 {
    let (z, density) = (x.abs(), (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt());
    let tail = if z < 3.0 {
        let (mut term, mut sum) = (z, z);
        for k in 1..80 {
            term *= z * z / f64::from(2 * k + 1);
            sum += term;
        }
        0.5 - density * sum
    } else {
        density / (1..80).rev().fold(z, |fraction, k| z + f64::from(k) / fraction)
    };
    if x < 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_and_logarithm_agree_with_the_standard_library() {
        for k in -70_000..2_000 {
            let x = f64::from(k) * 0.01;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-15, "exp {x}");
        }
        for k in 1..100_000 {
            let x = f64::from(k) * 1e-5;
            assert!((ln(x) - x.ln()).abs() <= 4e-16 * x.ln().abs().max(0.5), "ln {x}");
        }
        assert!(ln(1e-6).is_finite() && exp(f64::NEG_INFINITY) < 1e-300);
    }

    #[test]
    fn normal_tail_has_known_values() {
        let known = [
            (0.0, 0.5),
            (1.96, 0.024_997_895_148_220_4),
            (-1.0, 0.841_344_746_068_542_9),
            (5.0, 2.866_515_718_791_9e-7),
        ];
        for (x, tail) in known {
            assert!((normal_tail(x) / tail - 1.0).abs() < 1e-9, "{x}");
        }
    }
}
