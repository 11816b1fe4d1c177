//! Elements of an array, in the widest form of their kind.

use std::ops::Range;

use serde_json::Value;

use crate::frame::Column;
use crate::hdf::Native;

/// What the elements of an array are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Integers of so many bytes.
    Int { size: usize, signed: bool, big: bool },
    /// Floating point numbers of 2, 4 or 8 bytes.
    Float { size: usize, big: bool },
    /// Truth values.
    Bool,
    /// Text of any length.
    Text,
    /// Text of so many UTF-32 letters.
    Utf32 { letters: usize, big: bool },
    /// Text of so many bytes.
    Bytes(usize),
}

/// Elements.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Bools(Vec<bool>),
    Texts(Vec<String>),
}

impl Type {
    /// Takes a type as numpy writes it, `<f4`.
    pub(super) fn v2(text: &str) -> Option<Self> {
        let mut letters = text.chars();
        let big = letters.next()? == '>';
        let kind = letters.next()?;
        let size: usize = letters.as_str().parse().unwrap_or(0);
        Self::sized(kind, size, big)
    }

    /// Takes a type as version 3 writes it, `float32`.
    pub(super) fn v3(value: &Value, big: bool) -> Option<Self> {
        let name = value.as_str().or_else(|| value["name"].as_str())?;
        let bits = |prefix: &str| name.strip_prefix(prefix)?.parse::<usize>().ok().map(|bits| bits / 8);
        let bytes = || value["configuration"]["length_bytes"].as_u64().map(|n| n as usize);
        match name {
            "string" | "variable_length_utf8" => Some(Self::Text),
            "bool" => Some(Self::Bool),
            "fixed_length_utf32" => Some(Self::Utf32 { letters: bytes()? / 4, big }),
            "null_terminated_bytes" => Some(Self::Bytes(bytes()?)),
            _ => {
                let int =
                    bits("uint").map(|size| ('u', size)).or_else(|| bits("int").map(|size| ('i', size)));
                let (kind, size) = int.or_else(|| bits("float").map(|size| ('f', size)))?;
                Self::sized(kind, size, big)
            }
        }
    }

    fn sized(kind: char, size: usize, big: bool) -> Option<Self> {
        match (kind, size) {
            ('i' | 'u', 1 | 2 | 4 | 8) => Some(Self::Int { size, signed: kind == 'i', big }),
            ('f', 2 | 4 | 8) => Some(Self::Float { size, big }),
            ('b', _) => Some(Self::Bool),
            ('O', _) => Some(Self::Text),
            ('U', letters) if letters > 0 => Some(Self::Utf32 { letters, big }),
            ('S', n) if n > 0 => Some(Self::Bytes(n)),
            _ => None,
        }
    }
}

impl Type {
    /// The same as this machine has it, where it does.
    pub(super) fn native(&self) -> Option<Native> {
        if cfg!(target_endian = "big") {
            return None;
        }
        Some(match *self {
            Self::Int { size: 1, signed: true, .. } => Native::I8,
            Self::Int { size: 1, signed: false, .. } => Native::U8,
            Self::Int { size: 2, signed: true, big: false } => Native::I16,
            Self::Int { size: 2, signed: false, big: false } => Native::U16,
            Self::Int { size: 4, signed: true, big: false } => Native::I32,
            Self::Int { size: 4, signed: false, big: false } => Native::U32,
            Self::Int { size: 8, signed: true, big: false } => Native::I64,
            Self::Int { size: 8, signed: false, big: false } => Native::U64,
            Self::Float { size: 4, big: false } => Native::F32,
            Self::Float { size: 8, big: false } => Native::F64,
            _ => return None,
        })
    }
}

impl Values {
    /// No elements of a type.
    pub(super) fn empty(kind: &Type) -> Self {
        match kind {
            Type::Int { .. } => Self::Ints(Vec::new()),
            Type::Float { .. } => Self::Floats(Vec::new()),
            Type::Bool => Self::Bools(Vec::new()),
            Type::Text | Type::Utf32 { .. } | Type::Bytes(_) => Self::Texts(Vec::new()),
        }
    }

    /// So many elements that nobody wrote.
    pub(super) fn filled(kind: &Type, fill: &Value, n: usize) -> Self {
        match Self::empty(kind) {
            Self::Ints(_) => Self::Ints(vec![fill.as_i64().unwrap_or(0); n]),
            Self::Floats(_) => {
                Self::Floats(vec![if fill == "NaN" { f64::NAN } else { fill.as_f64().unwrap_or(0.0) }; n])
            }
            Self::Bools(_) => Self::Bools(vec![fill.as_bool().unwrap_or(false); n]),
            Self::Texts(_) => Self::Texts(vec![fill.as_str().unwrap_or_default().to_owned(); n]),
        }
    }

    /// Reads the elements of a chunk.
    pub(super) fn of(kind: &Type, bytes: &[u8], n: usize) -> Result<Self, String> {
        let sized = |size: usize| match bytes.len() == n * size {
            true => Ok(bytes.chunks_exact(size)),
            false => Err(format!("{} bytes where {n} elements of {size} were promised", bytes.len())),
        };
        // The bytes of a number as those of a wider one, least significant first.
        let wide = |number: &[u8], big: bool| {
            let mut wide = [0; 8];
            wide[..number.len()].copy_from_slice(number);
            if big {
                wide[..number.len()].reverse();
            }
            wide
        };
        Ok(match *kind {
            Type::Int { size, signed, big } => {
                let shift = 64 - 8 * size as u32;
                let int = |number: &[u8]| {
                    let bits = u64::from_le_bytes(wide(number, big));
                    if signed {
                        (bits << shift) as i64 >> shift
                    } else {
                        i64::try_from(bits).unwrap_or(i64::MAX)
                    }
                };
                Self::Ints(sized(size)?.map(int).collect())
            }
            Type::Float { size, big } => {
                let float = |number: &[u8]| {
                    let bits = u64::from_le_bytes(wide(number, big));
                    match size {
                        2 => half(bits as u16),
                        4 => f64::from(f32::from_bits(bits as u32)),
                        _ => f64::from_bits(bits),
                    }
                };
                Self::Floats(sized(size)?.map(float).collect())
            }
            Type::Bool => Self::Bools(sized(1)?.map(|byte| byte[0] != 0).collect()),
            Type::Utf32 { letters, big } => {
                let letter = |word: &[u8]| {
                    char::from_u32(u64::from_le_bytes(wide(word, big)) as u32).unwrap_or('\u{fffd}')
                };
                let text =
                    |word: &[u8]| word.chunks_exact(4).map(letter).take_while(|c| *c != '\0').collect();
                Self::Texts(sized(4 * letters)?.map(text).collect())
            }
            Type::Bytes(size) => {
                let text = |word: &[u8]| {
                    let end = word.iter().position(|byte| *byte == 0).unwrap_or(word.len());
                    String::from_utf8_lossy(&word[..end]).into_owned()
                };
                Self::Texts(sized(size)?.map(text).collect())
            }
            Type::Text => Self::Texts(texts(bytes, n).ok_or("texts that are cut off")?),
        })
    }

    /// Appends a range of others of the same kind.
    pub(super) fn extend(&mut self, other: &Self, range: Range<usize>) {
        match (self, other) {
            (Self::Ints(to), Self::Ints(from)) => to.extend_from_slice(&from[range]),
            (Self::Floats(to), Self::Floats(from)) => to.extend_from_slice(&from[range]),
            (Self::Bools(to), Self::Bools(from)) => to.extend_from_slice(&from[range]),
            (Self::Texts(to), Self::Texts(from)) => to.extend_from_slice(&from[range]),
            _ => {}
        }
    }

    /// The elements as numbers; text is not one.
    pub(super) fn into_numbers(self) -> Vec<f64> {
        match self {
            Self::Ints(values) => values.into_iter().map(|value| value as f64).collect(),
            Self::Floats(values) => values,
            Self::Bools(values) => values.into_iter().map(|value| f64::from(u8::from(value))).collect(),
            Self::Texts(values) => vec![f64::NAN; values.len()],
        }
    }

    /// The elements as a column of a frame.
    pub(super) fn into_column(self) -> Column {
        match self {
            Self::Ints(values) => Column::Int(values.into_iter().map(Some).collect()),
            Self::Floats(values) => Column::Float(values),
            Self::Bools(values) => Column::Bool(values.into_iter().map(Some).collect()),
            Self::Texts(values) => Column::String(values.into_iter().map(Some).collect()),
        }
    }
}

/// Reads `n` texts, each behind its length.
fn texts(bytes: &[u8], n: usize) -> Option<Vec<String>> {
    let (count, mut rest) = bytes.split_first_chunk::<4>()?;
    if (u32::from_le_bytes(*count) as usize) < n {
        return None;
    }
    let mut all = Vec::new();
    for _ in 0..n {
        let (len, more) = rest.split_first_chunk::<4>()?;
        let (text, more) = more.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        all.push(String::from_utf8_lossy(text).into_owned());
        rest = more;
    }
    Some(all)
}

/// The value of a float16.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff) / 1024.0);
    match exponent {
        0 => sign * fraction * 2f64.powi(-14),
        0x1f if fraction == 0.0 => sign * f64::INFINITY,
        0x1f => f64::NAN,
        _ => sign * (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_are_read() {
        let int = Type::v2(">i2").unwrap();
        assert_eq!(Values::of(&int, &[0xff, 0xfe, 1, 0], 2).unwrap(), Values::Ints(vec![-2, 256]));
        let float = Type::v2("<f2").unwrap();
        assert_eq!(
            Values::of(&float, &[0, 0x3c, 0, 0xc0, 1, 0], 3).unwrap(),
            Values::Floats(vec![1.0, -2.0, 2f64.powi(-24)])
        );
        assert!(Values::of(&float, &[0], 1).is_err());
        let text = Values::of(&Type::Text, b"\x02\0\0\0\x01\0\0\0a\0\0\0\0", 2).unwrap();
        assert_eq!(text, Values::Texts(vec!["a".into(), String::new()]));
        assert!(Values::of(&Type::Text, b"\x02\0\0\0\xff\0\0\0a", 2).is_err());
    }
}
