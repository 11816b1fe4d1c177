//! Numbers as flags take them: what cannot be meant is refused where it is typed.
//!
//! ```
//! use mfdoom_cli::{count, positive, share};
//!
//! assert_eq!(positive::<usize>("64"), Ok(64));
//! assert!(positive::<usize>("0").is_err() && count::<u64>("0").is_ok());
//! assert!(count::<usize>("9223372036854775808").is_err());
//! assert!(share("1").is_err() && share("nan").is_err());
//! ```

/// Largest number of anything: products of three such numbers fit into 128 bits, and of two into 64.
const MOST: u64 = 2_000_000_000;

/// Reads a whole number from 1 to 2,000,000,000.
pub fn positive<N: TryFrom<u64>>(text: &str) -> Result<N, String> {
    whole(text, 1)
}

/// Reads a whole number from 0 to 2,000,000,000.
pub fn count<N: TryFrom<u64>>(text: &str) -> Result<N, String> {
    whole(text, 0)
}

fn whole<N: TryFrom<u64>>(text: &str, least: u64) -> Result<N, String> {
    let number = text.parse().ok().filter(|number| (least..=MOST).contains(number));
    number
        .and_then(|number: u64| N::try_from(number).ok())
        .ok_or_else(|| format!("'{text}' is not a whole number from {least} to {MOST}"))
}

/// Reads a share: a number from 0 to below 1.
pub fn share(text: &str) -> Result<f64, String> {
    number(text, |value| (0.0..1.0).contains(&value), "from 0 to below 1")
}

/// Reads a share that may be the whole: a number from 0 to 1.
pub fn fraction(text: &str) -> Result<f64, String> {
    number(text, |value| (0.0..=1.0).contains(&value), "from 0 to 1")
}

/// Reads a number from 0.
pub fn not_negative(text: &str) -> Result<f64, String> {
    number(text, |value| value >= 0.0, "from 0")
}

/// Reads a number above 0.
pub fn above_zero(text: &str) -> Result<f64, String> {
    number(text, |value| value > 0.0, "above 0")
}

/// Reads a number that is neither infinite nor NaN.
pub fn finite(text: &str) -> Result<f64, String> {
    number(text, |_| true, "such as 0.5")
}

fn number(text: &str, good: impl Fn(f64) -> bool, which: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|value: &f64| value.is_finite() && good(*value));
    value.ok_or_else(|| format!("'{text}' is not a number {which}"))
}
