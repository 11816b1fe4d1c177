//! EDS, which alevin and alevin-fry write: for each cell a bit for every gene, then the values of the genes whose bit is set.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};
use mfdoom_matrix::Csr;

use crate::codec::deflate::{Frame, Inflating};
use crate::matrix::RowSource;
use crate::place::Place;
use crate::rounded::Rounded;

/// Bytes of a value.
const VALUE: usize = 4;

/// Rows of such a file, read one after the other.
pub(super) struct EdsRows {
    path: PathBuf,
    shape: (usize, usize),
    reading: Option<(usize, Box<dyn Read + Send>)>,
}

impl std::fmt::Debug for EdsRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {:?}", self.path.display(), self.shape)
    }
}

impl EdsRows {
    /// Takes a file of so many cells and columns, which it does not say itself.
    pub(super) fn new(path: &Path, shape: (usize, usize)) -> Self {
        Self { path: path.to_owned(), shape, reading: None }
    }

    fn begin(&self) -> Result<Box<dyn Read + Send>> {
        let failed = |error| Error::io(&self.path, error);
        let mut file = BufReader::new(File::open(&self.path).map_err(failed)?);
        let packed = file.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
        Ok(match packed {
            true => Box::new(BufReader::new(Inflating::new(file, Frame::Gzip))),
            false => Box::new(file),
        })
    }

    fn wrong(&self, cell: usize, found: String) -> Error {
        Place::root(&self.path)
            .broken(format!("does not hold {} cells of {} genes", self.shape.0, self.shape.1))
            .found(format!("{found} at cell {}", cell + 1))
            .help("the lists beside it are of another run, or the file is cut off")
    }
}

/// Reads the columns and values of one cell.
fn row(reader: &mut dyn Read, n_genes: usize) -> std::io::Result<(Vec<u32>, Vec<f32>)> {
    let mut flags = vec![0; n_genes.div_ceil(8)];
    reader.read_exact(&mut flags)?;
    let columns: Vec<u32> =
        (0..8 * flags.len()).filter(|at| flags[at / 8] & 128 >> (at % 8) != 0).map(|at| at as u32).collect();
    if columns.last().is_some_and(|last| *last as usize >= n_genes) {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a bit beyond the genes"));
    }
    let mut values = vec![0; columns.len() * VALUE];
    reader.read_exact(&mut values)?;
    let values = values.as_chunks::<VALUE>().0.iter().map(|value| f32::from_le_bytes(*value));
    Ok(columns.into_iter().zip(values).filter(|(_, value)| *value != 0.0).unzip())
}

impl RowSource for EdsRows {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        Ok(wanted)
    }

    fn load(&mut self, rows: Range<usize>, _rounded: &mut Rounded) -> Result<Csr> {
        let mut block = Csr::empty(self.shape.1);
        if rows.is_empty() {
            return Ok(block);
        }
        let (mut at, mut reader) = match self.reading.take() {
            Some((at, reader)) if at <= rows.start => (at, reader),
            _ => (0, self.begin()?),
        };
        while at < rows.end {
            let (columns, values) =
                row(&mut *reader, self.shape.1).map_err(|error| self.wrong(at, error.to_string()))?;
            if at >= rows.start {
                block.push_row(&columns, &values);
            }
            at += 1;
        }
        if at == self.shape.0 {
            match reader.read(&mut [0]) {
                Ok(0) => {}
                Ok(_) => return Err(self.wrong(at, "more bytes".to_owned())),
                // The checksum of gzip stands at the end.
                Err(error) => return Err(self.wrong(at, error.to_string())),
            }
        }
        self.reading = Some((at, reader));
        Ok(block)
    }
}
