//! An example of a format: what CONTRIBUTING.md says of adding one, done.

use std::ops::Range;
use std::path::PathBuf;

use mfdoom_counts::{
    Column, Content, CountsFile, Format, Found, Listed, Matrix, Rounded, RowSource, Source, open, open_among,
};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::Csr;

/// Lines of `cell<TAB>count,count,...` behind a line `#counts gene,gene,...`.
struct Lines;

#[derive(Debug)]
struct LinesFile {
    path: PathBuf,
    name: String,
    genes: Vec<String>,
    cells: Vec<(String, Vec<f32>)>,
}

impl Format for Lines {
    fn name(&self) -> &'static str {
        "lines of counts"
    }

    fn recognises(&self, found: &Found) -> bool {
        matches!(&found.content, Content::File { head, .. } if head.starts_with(b"#counts "))
    }

    fn open(&self, found: Found) -> Result<Box<dyn CountsFile>> {
        let text = std::fs::read_to_string(&found.path).map_err(|error| Error::io(&found.path, error))?;
        let mut lines = text.lines();
        let header = lines.next().unwrap_or_default().trim_start_matches("#counts ");
        let cell = |line: &str| {
            let (name, counts) = line.split_once('\t')?;
            Some((name.to_owned(), counts.split(',').filter_map(|count| count.parse().ok()).collect()))
        };
        Ok(Box::new(LinesFile {
            name: found.path.display().to_string(),
            path: found.path,
            genes: header.split(',').map(str::to_owned).collect(),
            cells: lines.filter_map(cell).collect(),
        }))
    }
}

impl CountsFile for LinesFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn format(&self) -> &'static str {
        Lines.name()
    }

    fn parts(&self) -> Vec<PathBuf> {
        vec![self.path.clone()]
    }

    fn n_obs(&self) -> usize {
        self.cells.len()
    }

    fn obs_names_in(&self, rows: Range<usize>) -> Result<Vec<String>> {
        Ok(self.cells[rows].iter().map(|(name, _)| name.clone()).collect())
    }

    fn obs_columns(&self) -> Vec<String> {
        Vec::new()
    }

    fn obs_column_in(&self, name: &str, _: Range<usize>) -> Result<Column> {
        Err(Error::contract(format!("{}: no column '{name}'", self.name)))
    }

    fn matrices(&self) -> Vec<Listed> {
        vec![Listed::readable(Source::X)]
    }

    fn matrix(&self, source: &Source) -> Result<Matrix> {
        let rows = Rows(self.cells.iter().map(|(_, counts)| counts.clone()).collect());
        Matrix::of(&self.path, &source.to_string(), (self.cells.len(), self.genes.len()), Box::new(rows))
    }

    fn var_names_of(&self, _: &Source) -> Result<Vec<String>> {
        Ok(self.genes.clone())
    }

    fn var_columns_of(&self, _: &Source) -> Vec<String> {
        Vec::new()
    }

    fn var_column_of(&self, _: &Source, name: &str) -> Result<Column> {
        Err(Error::contract(format!("{}: no column '{name}'", self.name)))
    }
}

#[derive(Debug)]
struct Rows(Vec<Vec<f32>>);

impl RowSource for Rows {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        Ok(wanted)
    }

    fn load(&mut self, rows: Range<usize>, _: &mut Rounded) -> Result<Csr> {
        let mut block = Csr::empty(self.0.first().map_or(0, Vec::len));
        self.0[rows].iter().for_each(|row| block.push_dense_row(row));
        Ok(block)
    }
}

#[test]
fn a_format_is_a_file_and_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no_ending");
    std::fs::write(&path, "#counts A,B,C\nc1\t1,0,2\nc2\t0,3,0\n").unwrap();
    let file = open_among(&path, &[&Lines]).unwrap();
    assert_eq!((file.format(), file.n_obs()), ("lines of counts", 2));
    let mut matrix = file.matrix(&Source::X).unwrap();
    let block = matrix.read_rows(0..2).unwrap();
    assert_eq!((block.row(0), block.row(1)), ((&[0, 2][..], &[1.0, 2.0][..]), (&[1][..], &[3.0][..])));
    assert_eq!(file.var_names_of(&Source::X).unwrap(), ["A", "B", "C"]);
    // The formats that are there do not know it, and say what it looks like.
    let error = open(&path).unwrap_err();
    let found = error.found_text().unwrap();
    assert!(found.contains("#counts A,B,C"), "{found}");
}
