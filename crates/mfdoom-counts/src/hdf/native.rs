//! Numbers as a file stores them, and what becomes of them.

use hdf5::types::{FloatSize, IntSize, TypeDescriptor};
use hdf5::{Datatype, Result};

use crate::rounded::MAX_COUNT;

/// A type of numbers in the byte order of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Native {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

/// Turns numbers of a type into others, one after the other; false where one of them needs more care.
pub(crate) type Convert<T> = dyn Fn(Native, &[u8], &mut [T]) -> bool + Sync;

impl Native {
    const ALL: [Self; 10] = [
        Self::I8,
        Self::U8,
        Self::I16,
        Self::U16,
        Self::I32,
        Self::U32,
        Self::I64,
        Self::U64,
        Self::F32,
        Self::F64,
    ];

    /// Tells whether a datatype is one of them, bit by bit.
    pub(super) fn of(datatype: &Datatype) -> Option<Self> {
        let same = |native: &Self| -> Result<bool> {
            Ok(Datatype::from_descriptor(&native.descriptor())? == *datatype)
        };
        Self::ALL.into_iter().find(|native| same(native).unwrap_or(false))
    }

    /// The type for HDF5.
    pub(super) fn descriptor(self) -> TypeDescriptor {
        match self {
            Self::I8 => TypeDescriptor::Integer(IntSize::U1),
            Self::U8 => TypeDescriptor::Unsigned(IntSize::U1),
            Self::I16 => TypeDescriptor::Integer(IntSize::U2),
            Self::U16 => TypeDescriptor::Unsigned(IntSize::U2),
            Self::I32 => TypeDescriptor::Integer(IntSize::U4),
            Self::U32 => TypeDescriptor::Unsigned(IntSize::U4),
            Self::I64 => TypeDescriptor::Integer(IntSize::U8),
            Self::U64 => TypeDescriptor::Unsigned(IntSize::U8),
            Self::F32 => TypeDescriptor::Float(FloatSize::U4),
            Self::F64 => TypeDescriptor::Float(FloatSize::U8),
        }
    }

    /// Bytes of a number.
    pub(crate) fn size(self) -> usize {
        self.descriptor().size()
    }
}

/// Converts the numbers in `bytes` one by one; all of them are looked at.
fn each<const N: usize, T, U>(
    bytes: &[u8],
    to: &mut [U],
    read: fn([u8; N]) -> T,
    convert: impl Fn(T) -> (U, bool),
) -> bool {
    let (numbers, _) = bytes.as_chunks::<N>();
    let mut fine = numbers.len() == to.len();
    for (to, number) in to.iter_mut().zip(numbers) {
        let (converted, is_fine) = convert(read(*number));
        *to = converted;
        fine &= is_fine;
    }
    fine
}

/// To `f32`; not fine where a double is rounded, or an integer is beyond what counts may be.
pub(crate) fn to_floats(native: Native, bytes: &[u8], to: &mut [f32]) -> bool {
    const MOST: i64 = MAX_COUNT as i64;
    match native {
        Native::I8 => each(bytes, to, i8::from_ne_bytes, |v| (f32::from(v), true)),
        Native::U8 => each(bytes, to, u8::from_ne_bytes, |v| (f32::from(v), true)),
        Native::I16 => each(bytes, to, i16::from_ne_bytes, |v| (f32::from(v), true)),
        Native::U16 => each(bytes, to, u16::from_ne_bytes, |v| (f32::from(v), true)),
        Native::I32 => each(bytes, to, i32::from_ne_bytes, |v| (v as f32, true)),
        Native::U32 => each(bytes, to, u32::from_ne_bytes, |v| (v as f32, true)),
        Native::I64 => each(bytes, to, i64::from_ne_bytes, |v| (v as f32, v <= MOST)),
        Native::U64 => each(bytes, to, u64::from_ne_bytes, |v| (v as f32, v <= MOST as u64)),
        Native::F32 => each(bytes, to, f32::from_ne_bytes, |v| (v, true)),
        Native::F64 => each(bytes, to, f64::from_ne_bytes, |v| (v as f32, f64::from(v as f32) == v)),
    }
}

/// To indices; not fine where one is not below `limit`, or is no integer.
pub(crate) fn to_indices(limit: u32) -> impl Fn(Native, &[u8], &mut [u32]) -> bool + Sync {
    let below = move |v: u32| (v, v < limit);
    // A negative number is a large one without its sign.
    let wide = move |v: u64| (v as u32, v < u64::from(limit));
    move |native, bytes, to| match native {
        Native::I8 => each(bytes, to, i8::from_ne_bytes, |v| below(i32::from(v) as u32)),
        Native::U8 => each(bytes, to, u8::from_ne_bytes, |v| below(u32::from(v))),
        Native::I16 => each(bytes, to, i16::from_ne_bytes, |v| below(i32::from(v) as u32)),
        Native::U16 => each(bytes, to, u16::from_ne_bytes, |v| below(u32::from(v))),
        Native::I32 => each(bytes, to, i32::from_ne_bytes, |v| below(v as u32)),
        Native::U32 => each(bytes, to, u32::from_ne_bytes, below),
        Native::I64 => each(bytes, to, i64::from_ne_bytes, |v| wide(v as u64)),
        Native::U64 => each(bytes, to, u64::from_ne_bytes, wide),
        Native::F32 | Native::F64 => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(numbers: &[[u8; N]]) -> Vec<u8> {
        numbers.concat()
    }

    #[test]
    fn indices_outside_and_fractions_are_told() {
        let to = &mut [0; 2];
        let of = |numbers: [i32; 2]| bytes(&numbers.map(i32::to_ne_bytes));
        assert!(to_indices(8)(Native::I32, &of([7, 0]), to));
        assert_eq!(*to, [7, 0]);
        assert!(!to_indices(8)(Native::I32, &of([8, 0]), to));
        assert!(!to_indices(8)(Native::I32, &of([-1, 0]), to));
        let wide = |numbers: [i64; 2]| bytes(&numbers.map(i64::to_ne_bytes));
        assert!(!to_indices(8)(Native::I64, &wide([1 << 32, 0]), to), "the lower half alone is in range");
        assert!(!to_indices(8)(Native::F32, &of([1, 0]), to));
        assert!(!to_indices(8)(Native::I32, &of([1, 0])[..4], to), "numbers are missing");
    }

    #[test]
    fn doubles_that_are_rounded_and_huge_integers_are_told() {
        let to = &mut [0.0; 2];
        let doubles = |numbers: [f64; 2]| bytes(&numbers.map(f64::to_ne_bytes));
        assert!(to_floats(Native::F64, &doubles([3.0, 0.5]), to));
        assert_eq!(*to, [3.0, 0.5]);
        assert!(!to_floats(Native::F64, &doubles([16_777_217.0, 0.0]), to));
        assert!(!to_floats(Native::F64, &doubles([f64::NAN, 0.0]), to));
        let wide = |numbers: [u64; 2]| bytes(&numbers.map(u64::to_ne_bytes));
        assert!(to_floats(Native::U64, &wide([1 << 53, 1]), to));
        assert!(!to_floats(Native::U64, &wide([(1 << 53) + 1, 1]), to));
    }
}
