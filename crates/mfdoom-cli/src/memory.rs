//! Amounts of memory as users write them.

use std::fmt;
use std::str::FromStr;

/// A number of bytes: `4GiB`, `4G` (the same), `500MB`, `1.5 GB`, `1073741824`.
///
/// ```
/// use mfdoom_cli::MemorySize;
///
/// assert_eq!("4GiB".parse::<MemorySize>().unwrap().bytes(), 4 << 30);
/// assert_eq!("1.5GB".parse::<MemorySize>().unwrap().bytes(), 1_500_000_000);
/// assert!("4 apples".parse::<MemorySize>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemorySize(u64);

impl MemorySize {
    /// Takes a number of bytes.
    pub fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Returns the number of bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for MemorySize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("'{text}' is not a size; write a number and a unit, e.g. 4GiB or 500MB");
        let text_trimmed = text.trim();
        let split =
            text_trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text_trimmed.len());
        let (number, unit) = text_trimmed.split_at(split);
        let number: f64 = number.parse().map_err(|_| wanted())?;
        let bytes = (number * unit_bytes(unit.trim()).ok_or_else(wanted)?).round();
        if !(1.0..u64::MAX as f64).contains(&bytes) {
            return Err(wanted());
        }
        Ok(Self(bytes as u64))
    }
}

/// Returns the bytes of one unit; a bare letter is the binary one, as in most tools of the field.
fn unit_bytes(unit: &str) -> Option<f64> {
    let unit = unit.to_ascii_lowercase();
    let power = |letter: char| "kmgt".find(letter).map(|at| at as i32 + 1);
    let mut letters = unit.chars();
    match (letters.next(), letters.as_str()) {
        (None, _) => Some(1.0),
        (Some('b'), "") => Some(1.0),
        (Some(letter), "" | "ib") => power(letter).map(|p| 1024f64.powi(p)),
        (Some(letter), "b") => power(letter).map(|p| 1000f64.powi(p)),
        _ => None,
    }
}

impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0 as f64;
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if value < 1024.0 {
                return write!(f, "{}{unit}", (value * 10.0).round() / 10.0);
            }
            value /= 1024.0;
        }
        write!(f, "{}TiB", (value * 10.0).round() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_binary_and_decimal_units() {
        let cases = [
            ("4G", 4u64 << 30),
            ("4g", 4 << 30),
            ("4GiB", 4 << 30),
            ("4GB", 4_000_000_000),
            ("512 MiB", 512 << 20),
            ("0.5k", 512),
            ("100", 100),
            ("100B", 100),
            ("2TiB", 2 << 40),
        ];
        for (text, bytes) in cases {
            assert_eq!(text.parse::<MemorySize>(), Ok(MemorySize(bytes)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_size() {
        for text in ["", "G", "-1G", "4X", "4GiBs", "nan", "0", "1e999"] {
            assert!(text.parse::<MemorySize>().is_err(), "{text}");
        }
    }

    #[test]
    fn shows_the_largest_fitting_unit() {
        assert_eq!(MemorySize(4 << 30).to_string(), "4GiB");
        assert_eq!(MemorySize(1536 << 10).to_string(), "1.5MiB");
        assert_eq!(MemorySize(7).to_string(), "7B");
    }
}
