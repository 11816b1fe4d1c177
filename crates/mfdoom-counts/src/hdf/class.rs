//! What a datatype holds, as far as this crate cares.

use hdf5::Datatype;
use hdf5::types::{FloatSize, IntSize, TypeDescriptor};

/// Kind of a datatype.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Class {
    /// Text of any length.
    Text,
    /// Text of any length, declared as ASCII.
    AsciiText,
    /// Text padded to a length.
    FixedText(TypeDescriptor),
    /// Truth values.
    Bool,
    /// Numbers.
    Number(Number),
    /// Numbers, this many in each element.
    Numbers(Number, usize),
    /// Something that is no column and no matrix, by its name.
    Other(String),
}

/// The type that holds numbers of a file without loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// float16 and float32.
    Float32,
    /// float64, and longer ones rounded to it.
    Float64,
    /// Integers of one or two bytes, which `f32` holds.
    SmallInt,
    /// All other integers that `i64` holds.
    Int,
    /// uint64.
    Unsigned,
}

impl Number {
    /// The memory type.
    pub(crate) fn descriptor(self) -> TypeDescriptor {
        match self {
            Self::Float32 | Self::SmallInt => TypeDescriptor::Float(FloatSize::U4),
            Self::Float64 => TypeDescriptor::Float(FloatSize::U8),
            Self::Int => TypeDescriptor::Integer(IntSize::U8),
            Self::Unsigned => TypeDescriptor::Unsigned(IntSize::U8),
        }
    }
}

impl Class {
    /// Tells what `datatype` holds.
    pub(crate) fn of(datatype: &Datatype) -> Self {
        match datatype.to_descriptor() {
            Ok(descriptor) => Self::of_descriptor(descriptor),
            // The wrapper has no name for float16 and long double, yet HDF5 converts them.
            Err(_) if datatype.size() == 2 && datatype.conv_to::<f32>().is_some() => {
                Self::Number(Number::Float32)
            }
            Err(_) if datatype.conv_to::<f64>().is_some() => Self::Number(Number::Float64),
            Err(error) => Self::Other(error.to_string()),
        }
    }

    /// Tells what a described type holds.
    pub(crate) fn of_descriptor(descriptor: TypeDescriptor) -> Self {
        match descriptor {
            TypeDescriptor::VarLenUnicode => Self::Text,
            TypeDescriptor::VarLenAscii => Self::AsciiText,
            TypeDescriptor::FixedAscii(_) | TypeDescriptor::FixedUnicode(_) => Self::FixedText(descriptor),
            TypeDescriptor::Boolean => Self::Bool,
            TypeDescriptor::Integer(size) => Self::Number(integer(size, true)),
            TypeDescriptor::Unsigned(size) => Self::Number(integer(size, false)),
            TypeDescriptor::Enum(of) => Self::Number(integer(of.size, of.signed)),
            TypeDescriptor::Float(FloatSize::U8) => Self::Number(Number::Float64),
            TypeDescriptor::Float(_) => Self::Number(Number::Float32),
            TypeDescriptor::FixedArray(element, len) => match Self::of_descriptor(*element) {
                Self::Number(number) => Self::Numbers(number, len),
                _ => Self::Other("arrays in each element".to_owned()),
            },
            other => Self::Other(other.to_string()),
        }
    }

    /// What the class holds, for messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Text | Self::AsciiText | Self::FixedText(_) => "text".to_owned(),
            Self::Bool => "booleans".to_owned(),
            Self::Number(_) => "numbers".to_owned(),
            Self::Numbers(_, len) => format!("{len} numbers in each element"),
            Self::Other(name) => name.clone(),
        }
    }
}

fn integer(size: IntSize, signed: bool) -> Number {
    match size {
        IntSize::U1 | IntSize::U2 => Number::SmallInt,
        IntSize::U8 if !signed => Number::Unsigned,
        _ => Number::Int,
    }
}
