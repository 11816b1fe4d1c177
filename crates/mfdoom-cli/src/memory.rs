//! Amounts of memory as users write them.

use std::fmt;
use std::str::FromStr;

use bytesize::ByteSize;

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
pub struct MemorySize(ByteSize);

impl MemorySize {
    /// Takes a number of bytes.
    pub fn new(bytes: u64) -> Self {
        Self(ByteSize::b(bytes))
    }

    /// Returns the number of bytes.
    pub fn bytes(self) -> u64 {
        self.0.as_u64()
    }
}

impl FromStr for MemorySize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a size; write a number and a unit, e.g. 4GiB or 500MB");
        let trimmed = text.trim();
        // A bare letter is the binary unit, as with schedulers; the library takes it for the decimal one.
        let bare = trimmed.chars().last().filter(|letter| "kmgtKMGT".contains(*letter));
        let size = match bare {
            Some(_) => format!("{trimmed}iB").parse(),
            None => trimmed.parse(),
        };
        let size: ByteSize = size.map_err(|_| wrong())?;
        if matches!(size.as_u64(), 0 | u64::MAX) { Err(wrong()) } else { Ok(Self(size)) }
    }
}

impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().iec().fmt(f)
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
            assert_eq!(text.parse::<MemorySize>(), Ok(MemorySize::new(bytes)), "{text}");
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
        assert_eq!(MemorySize::new(4 << 30).to_string(), "4.0 GiB");
        assert_eq!(MemorySize::new(1536 << 10).to_string(), "1.5 MiB");
        assert_eq!(MemorySize::new(7).to_string(), "7 B");
    }
}
