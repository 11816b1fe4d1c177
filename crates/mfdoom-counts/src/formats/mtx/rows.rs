//! Rows of a Matrix Market file: as they come where entries come cell by cell, else set aside by cells.

use std::ops::Range;

use mfdoom_error::Result;
use mfdoom_matrix::Csr;

use super::entries::{Entries, Entry};
use super::order::{Key, Order};
use super::{CellAxis, Form, Mtx};
use crate::matrix::{DEFAULT_MEMORY, RowSource, Shared, Spool, tidied};
use crate::place::Place;
use crate::rounded::Rounded;

/// Entries that are looked at besides as many as there are cells, where the order of the first ones is trusted.
const FIRST: usize = 1 << 15;

/// Rows of a Matrix Market file.
#[derive(Debug)]
pub(in crate::formats) struct MtxRows {
    mtx: Mtx,
    cells: CellAxis,
    value: usize,
    order: Option<bool>,
    /// Whether the order of the first entries stands for that of all.
    trusting: bool,
    reading: Option<Reading>,
    spool: Option<Shared>,
    memory: usize,
}

/// A file that was read up to a cell.
#[derive(Debug)]
struct Reading {
    cell: usize,
    entries: Entries,
    /// The first entry of a cell that was not asked for yet.
    pending: Option<Entry>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} in {}", self.value, self.feature, self.cell)
    }
}

/// The rows, unless an entry goes back to a cell before them.
enum Read {
    Rows(Csr),
    WentBack,
}

impl MtxRows {
    /// Takes a file whose header was read.
    pub(super) fn new(mtx: Mtx, cells: CellAxis, value: usize) -> Self {
        Self {
            mtx,
            cells,
            value,
            order: None,
            trusting: false,
            reading: None,
            spool: None,
            memory: DEFAULT_MEMORY,
        }
    }

    fn is_ordered(&mut self) -> Result<bool> {
        if let Some(ordered) = self.order {
            return Ok(ordered);
        }
        let key = Key::of(&self.mtx, self.cells)?;
        let (known, trusting) = (key.known(), self.trusting);
        let order = match known {
            Some(order @ (Order::Cells | Order::None)) => order,
            Some(Order::Begins) if trusting => return Ok(true),
            _ if self.mtx.form == Form::Symmetric => Order::None,
            _ => self.look(trusting)?,
        };
        key.remember(order);
        if order == Order::Begins {
            return Ok(true);
        }
        self.order = Some(order == Order::Cells);
        Ok(order == Order::Cells)
    }

    /// Reads every entry, which checks all of them, or the first ones alone: after as many as there are cells, entries that
    /// come feature by feature have gone back.
    fn look(&self, at_first: bool) -> Result<Order> {
        let mut entries = Entries::new(&self.mtx, self.cells, self.value)?;
        let first = self.mtx.n_cells(self.cells).saturating_add(FIRST);
        let (mut last, mut n) = (0, 0);
        let mut order = Order::Cells;
        while let Some(entry) = entries.next()? {
            n += 1;
            if entry.cell < last {
                order = Order::None;
            }
            if at_first && (order == Order::None || n > first) {
                return Ok(if order == Order::None { order } else { Order::Begins });
            }
            last = entry.cell;
        }
        Ok(order)
    }

    fn spool(&mut self) -> Result<Shared> {
        if let Some(spool) = &self.spool {
            return Ok(spool.clone());
        }
        let (place, memory) =
            (Place::root(&self.mtx.path).at(&format!("{:?} {}", self.cells, self.value)), self.memory);
        let spool = Shared::of(&place, memory, || self.filled())?;
        self.spool = Some(spool.clone());
        Ok(spool)
    }

    fn filled(&mut self) -> Result<Spool> {
        let shape = (self.mtx.n_cells(self.cells), self.mtx.n_features(self.cells));
        let mut spool = Spool::new(shape, self.mtx.nnz, self.memory);
        let mut entries = Entries::new(&self.mtx, self.cells, self.value)?;
        let mut rounded = Rounded::default();
        while let Some(entry) = entries.next()? {
            spool.push(entry.cell, entry.feature, rounded.narrow(entry.value))?;
        }
        spool.note(&rounded);
        Ok(spool)
    }

    fn in_order(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Read> {
        let Reading { mut entries, mut pending, .. } = match self.reading.take() {
            Some(reading) if reading.cell <= rows.start => reading,
            _ => {
                Reading { cell: 0, entries: Entries::new(&self.mtx, self.cells, self.value)?, pending: None }
            }
        };
        let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        let mut last = 0;
        loop {
            let next = match pending.take() {
                Some(entry) => Some(entry),
                None => entries.next()?,
            };
            let Some(Entry { cell, feature, value }) = next else { break };
            if cell < last {
                return Ok(Read::WentBack);
            }
            last = cell;
            let cell_of_rows = cell as usize;
            if cell_of_rows < rows.start {
                continue;
            }
            if cell_of_rows >= rows.end {
                pending = Some(Entry { cell, feature, value });
                break;
            }
            if indptr.len() <= cell_of_rows - rows.start {
                indptr.resize(cell_of_rows - rows.start + 1, indices.len());
            }
            indices.push(feature);
            values.push(rounded.narrow(value));
        }
        indptr.resize(rows.len() + 1, indices.len());
        self.reading = Some(Reading { cell: rows.end, entries, pending });
        tidied(self.mtx.n_features(self.cells), (indptr, indices, values), rounded).map(Read::Rows)
    }
}

impl RowSource for MtxRows {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        if self.is_ordered()? {
            return Ok(wanted);
        }
        Ok(wanted.start..self.spool()?.window(wanted.start).end)
    }

    fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        if !self.is_ordered()? {
            return self.spool()?.load(rows, rounded);
        }
        if let Read::Rows(block) = self.in_order(rows.clone(), rounded)? {
            return Ok(block);
        }
        Key::of(&self.mtx, self.cells)?.remember_too_late();
        Err(Place::root(&self.mtx.path)
            .broken("goes back to an earlier cell")
            .help("the file was changed while it was read"))
    }

    fn trust_order(&mut self) {
        self.trusting = true;
    }

    fn set_memory(&mut self, bytes: usize) {
        self.memory = bytes;
    }
}
