//! The distinct counts of a column chunk, in the order in which they came.

use std::collections::HashMap;

/// Most values of a dictionary; a page with more is stored as it is.
const MOST: usize = 1 << 15;
/// Counts below are found in a table.
const SMALL: usize = 1024;
const NONE: u16 = u16::MAX;

/// Places of values.
pub(super) struct Dictionary {
    values: Vec<f32>,
    /// Values that were there before the last page.
    known: usize,
    small: Box<[u16; SMALL]>,
    others: HashMap<u32, u16>,
    places: Vec<u16>,
}

impl Default for Dictionary {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            known: 0,
            small: Box::new([NONE; SMALL]),
            others: HashMap::new(),
            places: Vec::new(),
        }
    }
}

impl Dictionary {
    /// Looks up each value of a page; nothing comes back where they are too many, and then for no later page.
    pub(super) fn look_up(&mut self, page: &[f32]) -> Option<()> {
        self.known = self.values.len();
        self.places.clear();
        if self.known >= MOST {
            return None;
        }
        self.places.reserve(page.len());
        for value in page {
            // By way of an i32, which the processor converts at once.
            let integer = *value as i32;
            let small = integer as u32 as usize;
            let place = match small < SMALL && (integer as f32).to_bits() == value.to_bits() {
                true if self.small[small] != NONE => self.small[small],
                is_small => self.look_up_slowly(*value, is_small.then_some(small))?,
            };
            self.places.push(place);
        }
        Some(())
    }

    /// The place of each value that was looked up last.
    pub(super) fn places(&self) -> &[u16] {
        &self.places
    }

    fn look_up_slowly(&mut self, value: f32, small: Option<usize>) -> Option<u16> {
        let next = u16::try_from(self.values.len()).ok().filter(|next| usize::from(*next) < MOST);
        if let Some(small) = small {
            self.small[small] = next?;
        } else if let Some(place) = self.others.get(&value.to_bits()) {
            return Some(*place);
        } else {
            self.others.insert(value.to_bits(), next?);
        }
        self.values.push(value);
        next
    }

    /// Bits of a place.
    pub(super) fn width(&self) -> u32 {
        let last = self.values.len().saturating_sub(1) as u32;
        (32 - last.leading_zeros()).max(1)
    }

    /// Values that the last page added.
    pub(super) fn fresh(&self) -> &[f32] {
        &self.values[self.known..]
    }

    /// Returns the values and begins anew.
    pub(super) fn take(&mut self) -> Vec<f32> {
        for value in &self.values {
            if let Some(place) = self.small.get_mut(*value as usize) {
                *place = NONE;
            }
        }
        self.others.clear();
        self.known = 0;
        std::mem::take(&mut self.values)
    }
}
