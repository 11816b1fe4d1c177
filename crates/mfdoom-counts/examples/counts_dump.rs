//! Prints what can be read of h5ad files, one line of JSON each, for comparison with other readers.
//!
//! `cargo run --release --example counts_dump -- FILE...`

use std::fmt::Write;
use std::io::Write as _;

use mfdoom_counts::H5ad;
use mfdoom_error::Result;
use mfdoom_matrix::Csr;

const ROWS: usize = 37;

fn main() -> Result<()> {
    let mut out = std::io::stdout().lock();
    for path in std::env::args().skip(1) {
        writeln!(out, "{}", dump(&path)?)?;
    }
    Ok(())
}

fn dump(path: &str) -> Result<String> {
    let file = H5ad::open(path)?;
    let mut sources = Vec::new();
    for source in file.sources() {
        let mut matrix = file.matrix(&source)?;
        let (mut nnz, mut sum) = (0, 0.0);
        for begin in (0..matrix.n_rows()).step_by(ROWS) {
            let block = matrix.read_rows(begin..matrix.n_rows().min(begin + ROWS))?;
            nnz += block.nnz();
            sum += checksum(&block, begin);
        }
        let names = list(file.var_names_of(&source)?.into_iter().map(Some));
        sources.push(format!("{:?}: [{nnz}, {sum:?}, {names}]", source.to_string()));
    }
    let mut obs = Vec::new();
    for name in file.obs_columns() {
        obs.push(format!("{name:?}: {}", list(file.obs_column(&name)?.to_strings())));
    }
    let mut var = Vec::new();
    for name in file.var_columns() {
        var.push(format!("{name:?}: {}", list(file.var_column(&name)?.to_strings())));
    }
    Ok(format!(
        "{{\"path\": {path:?}, \"obs_names\": {}, \"var_names\": {}, \"obs_columns\": {}, \"var_columns\": {}, \
         \"obs\": {{{}}}, \"var\": {{{}}}, \"sources\": {{{}}}}}",
        list(file.obs_names()?.into_iter().map(Some)),
        list(file.var_names()?.into_iter().map(Some)),
        list(file.obs_columns().into_iter().map(Some)),
        list(file.var_columns().into_iter().map(Some)),
        obs.join(", "),
        var.join(", "),
        sources.join(", "),
    ))
}

/// Sum of the values, each weighted by its place.
fn checksum(block: &Csr, begin: usize) -> f64 {
    let mut sum = 0.0;
    for row in 0..block.n_rows() {
        let (columns, values) = block.row(row);
        for (column, value) in columns.iter().zip(values) {
            let weight = 1 + ((begin + row) * 31 + *column as usize * 17) % 1009;
            sum += f64::from(*value) * weight as f64;
        }
    }
    sum
}

fn list(texts: impl IntoIterator<Item = Option<String>>) -> String {
    let mut json = String::from("[");
    for (at, text) in texts.into_iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        match text {
            Some(text) => write!(json, "{comma}{}", quoted(&text)),
            None => write!(json, "{comma}null"),
        }
        .expect("writing to a string cannot fail");
    }
    json + "]"
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if (letter as u32) < 32 => quoted += &format!("\\u{:04x}", letter as u32),
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}
