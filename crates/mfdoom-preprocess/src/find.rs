//! Finds which matrix of a file is which modality: looks at every candidate, and says what it passed over.

use std::collections::BTreeSet;

use mfdoom_cli::Assignment;
use mfdoom_counts::keys::{AMBIGUOUS_LAYERS, COUNTS_LAYER, SPLICED_LAYERS, UNSPLICED_LAYERS};
use mfdoom_counts::{CountRule, Listed, Look, Source};
use mfdoom_error::{Error, Result};

use crate::args::Ambiguous;
use crate::inputs::CountsInput;
use crate::job::Reading;
use crate::modalities::{EXPRESSION, Modalities, SPLICED, UNSPLICED};
use crate::wanted::{GENES, Wanted, listing, modality_of};

/// Layers that hold spliced and unspliced counts.
const PAIR: [(&str, [&str; 4]); 2] = [(SPLICED, SPLICED_LAYERS), (UNSPLICED, UNSPLICED_LAYERS)];

/// Finds the modalities of a file, as [`Modalities::find`] says.
pub(crate) fn modalities(file: &CountsInput, reading: &Reading, named: &[Assignment]) -> Result<Modalities> {
    let mut wanted = Wanted::new(file, named)?;
    if let Some(kind) = reading.kind {
        wanted.add(kind.named(file));
    }
    let mut found = Modalities { matrices: wanted.matrices.clone(), ..Modalities::default() };
    let (mut refused, mut left_out) = (Vec::new(), Vec::new());
    for unit in units(file) {
        let mut search = Search { file, reading, wanted: &wanted, unit: &unit, refused: Vec::new() };
        search.add(&mut found)?;
        refused.extend(search.refused);
        let taken = found.matrices.values().chain(wanted.matrices.values());
        if let Some(name) = &unit.name
            && !wanted.names(&plain(name))
            && reading.kind.is_none()
            && !taken.into_iter().any(|source| source.split_modality().0 == Some(name.as_str()))
        {
            left_out.push(name.clone());
        }
    }
    if let Some(kind) = reading.kind {
        let asked = |name: &String| kind.modalities().contains(&name.as_str()) || wanted.names(name);
        found.matrices.retain(|name, _| asked(name));
        found.total &= asked(&EXPRESSION.to_owned());
        kind.check(file, &found.names())?;
    }
    if found.matrices.is_empty() {
        return Err(nothing(file, reading.counts, &refused));
    }
    for passed in &refused {
        tracing::warn!("{}: passed over {passed}", file.name);
    }
    for name in left_out {
        tracing::warn!(
            "{}: modality '{name}' is left out, no matrix of it holds raw counts: --modality {}=SOURCE names one, \
             --allow-non-integer takes fractions",
            file.name,
            plain(&name)
        );
    }
    check(file, reading.counts, &found)?;
    Ok(found)
}

/// The name of a modality of a file as a table may have it.
fn plain(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    name.chars().map(letter).collect()
}

/// The matrices of a file, or of one modality of a file that has several.
struct Unit {
    name: Option<String>,
    /// The matrices, named within the unit.
    listed: Vec<Listed>,
}

fn units(file: &CountsInput) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for found in file.matrices() {
        let (name, source) = found.source.split_modality();
        let listed = Listed { source, unread: found.unread.clone() };
        match units.iter_mut().find(|unit| unit.name.as_deref() == name) {
            Some(unit) => unit.listed.push(listed),
            None => units.push(Unit { name: name.map(str::to_owned), listed: vec![listed] }),
        }
    }
    units
}

impl Unit {
    /// The matrix as the file names it.
    fn at(&self, source: &Source) -> Source {
        match (source, &self.name) {
            (Source::Features(inner, kind), _) => self.at(inner).of_type(kind),
            (_, Some(name)) => source.clone().of_modality(name),
            (_, None) => source.clone(),
        }
    }

    fn has(&self, source: &Source) -> bool {
        self.listed.iter().any(|found| found.source == *source)
    }

    /// The columns of a matrix that are genes, where it has others too; `None` where none is.
    fn genes(&self, source: &Source) -> Option<Source> {
        let part = source.clone().of_type(GENES);
        match (self.has(&part), self.types(source).is_empty()) {
            (true, _) => Some(part),
            (false, true) => Some(source.clone()),
            (false, false) => None,
        }
    }

    /// Feature types of a matrix that has several, or one that is not genes.
    fn types(&self, source: &Source) -> Vec<&str> {
        self.listed
            .iter()
            .filter_map(|found| match &found.source {
                Source::Features(whole, kind) if **whole == *source => Some(kind.as_str()),
                _ => None,
            })
            .collect()
    }
}

/// The search in one unit.
struct Search<'a> {
    file: &'a CountsInput,
    reading: &'a Reading,
    wanted: &'a Wanted,
    unit: &'a Unit,
    /// What was looked at and not taken, and why.
    refused: Vec<String>,
}

impl Search<'_> {
    fn add(&mut self, found: &mut Modalities) -> Result<()> {
        for (name, layers) in PAIR {
            if let Some(source) = self.layer(&layers)?
                && !self.wanted.names(name)
                && self.reading.kind.is_none_or(|kind| kind.modalities().contains(&name))
                && !found.matrices.contains_key(name)
            {
                found.matrices.insert(name.to_owned(), source);
            }
        }
        let default = self.unit.name.as_deref().map_or(EXPRESSION.to_owned(), plain);
        let default = default.as_str();
        let pair = PAIR.iter().all(|(name, _)| found.matrices.get(*name).is_some_and(|at| self.is_here(at)));
        if pair {
            found.total = !self.wanted.names(EXPRESSION) && !found.matrices.contains_key(EXPRESSION);
            let used = self.reading.ambiguous != Ambiguous::Drop;
            found.ambiguous = if used { self.layer(&AMBIGUOUS_LAYERS)? } else { None };
        }
        let named = self.unit.name.is_some() && self.wanted.matrices.values().any(|at| self.is_here(at));
        let genes = !pair && !named && !self.wanted.names(default);
        self.take_counts(found, genes.then_some(default))
    }

    /// Whether a matrix belongs to this unit.
    fn is_here(&self, source: &Source) -> bool {
        source.split_modality().0 == self.unit.name.as_deref()
    }

    /// The first layer of a known name.
    fn layer(&self, names: &[&str]) -> Result<Option<Source>> {
        for name in names {
            let layer = Source::Layer((*name).to_owned());
            let Some(listed) = self.unit.listed.iter().find(|found| found.source == layer) else { continue };
            let source = self.unit.at(&layer);
            if let Some(form) = &listed.unread {
                let modality = PAIR.iter().find(|(_, layers)| layers.contains(name)).map_or(name, |(m, _)| m);
                if self.wanted.names(modality) {
                    continue;
                }
                return Err(Error::contract(format!("{}: {source} cannot be read", self.file.name))
                    .found(form.clone())
                    .wanted("CSR, CSC or an array of numbers with two dimensions")
                    .help(format!("rewrite it, or leave it out: --modality {modality}=none")));
            }
            return Ok(self.unit.genes(&layer).map(|part| self.unit.at(&part)));
        }
        Ok(None)
    }

    /// Takes X, raw/X or layers/counts, whichever holds raw counts and is not taken otherwise: its genes as
    /// `default`, its features of other types as modalities of their own.
    fn take_counts(&mut self, found: &mut Modalities, default: Option<&str>) -> Result<()> {
        let candidates = [Source::X, Source::RawX, Source::Layer(COUNTS_LAYER.into())];
        let mut looks: Vec<(Source, Look)> = Vec::new();
        for base in candidates {
            let Some(listed) = self.unit.listed.iter().find(|listed| listed.source == base) else { continue };
            if let Some(form) = &listed.unread {
                self.refused.push(format!("{}: {form}", self.unit.at(&base)));
                continue;
            }
            let part = self.unit.genes(&base);
            // Without genes to find and other types to take, nothing is asked of this matrix.
            if (default.is_none() || part.is_none()) && self.unit.types(&base).is_empty() {
                continue;
            }
            let source = self.unit.at(part.as_ref().unwrap_or(&base));
            let taken = found.matrices.values().any(|taken| *taken == source);
            if taken && self.unit.types(&base).is_empty() {
                continue;
            }
            let look = self.reading.counts.look(&**self.file, &source)?;
            looks.push((base, look));
        }
        let Some(best) = best(&looks) else {
            self.refused.extend(looks.iter().map(|(base, look)| format!("{}: {look}", self.unit.at(base))));
            return Ok(());
        };
        if let Some((base, look)) = looks.iter().find(|(base, look)| base == best && look.empty) {
            tracing::warn!("{}: {}: {look}, and no other matrix has one", self.file.name, self.unit.at(base));
        }
        for (base, look) in looks.iter().filter(|(base, _)| base != best) {
            if !look.is_counts() || look.empty || look.binary {
                self.refused.push(format!("{}: {look}", self.unit.at(base)));
            }
        }
        if let (Some(name), Some(part)) = (default, self.unit.genes(best)) {
            found.matrices.insert(name.to_owned(), self.unit.at(&part));
        }
        for kind in self.unit.types(best).into_iter().filter(|kind| *kind != GENES) {
            let name = modality_of(kind);
            if !self.wanted.names(&name) && !found.matrices.contains_key(&name) {
                let source = self.unit.at(&best.clone().of_type(kind));
                tracing::info!("{}: {kind} features become the modality {name}", self.file.name);
                found.matrices.insert(name, source);
            }
        }
        Ok(())
    }
}

/// The candidate to take: one with counts of more than 0 and 1, else with counts at all, else an empty one.
fn best(looks: &[(Source, Look)]) -> Option<&Source> {
    let counts = || looks.iter().filter(|(_, look)| look.is_counts());
    let rich = counts().find(|(_, look)| !look.empty && !look.binary);
    let some = || counts().find(|(_, look)| !look.empty);
    rich.or_else(some).or_else(|| counts().next()).map(|(source, _)| source)
}

fn nothing(file: &CountsInput, counts: CountRule, refused: &[String]) -> Error {
    let error = Error::contract(format!("{}: no raw counts found", file.name));
    let others: Vec<Source> = file.sources();
    let help = "name them: --modality expression=layers/NAME, or give the file with its raw counts";
    if refused.is_empty() {
        return error
            .found(listing(&others))
            .wanted("X, raw/X, layers/counts, or layers spliced and unspliced")
            .help(help);
    }
    let shown: BTreeSet<&str> = refused.iter().filter_map(|text| text.split(": ").next()).collect();
    let others: Vec<Source> =
        others.into_iter().filter(|at| !shown.contains(at.to_string().as_str())).collect();
    let more = if others.is_empty() { String::new() } else { format!("; also there: {}", listing(&others)) };
    let error = error.found(format!("{}{more}", refused.join("; ")));
    if counts.allow_non_integer {
        return error.wanted("finite values of 0 or more").help(help);
    }
    error
        .wanted("non-negative integers")
        .help(format!("{help}; --allow-non-integer takes estimated counts (fractions) as they are"))
}

/// Checks the first rows of every matrix, and that expression is not just spliced under another name.
fn check(file: &CountsInput, counts: CountRule, found: &Modalities) -> Result<()> {
    for source in found.matrices.values().chain(&found.ambiguous) {
        if !counts.probe(&**file, source)? {
            return Err(counts.refuse(&**file, source));
        }
    }
    let (Some(spliced), Some(expression)) = (found.matrices.get(SPLICED), found.matrices.get(EXPRESSION))
    else {
        return Ok(());
    };
    if spliced == expression || equal(file, spliced, expression)? {
        tracing::warn!(
            "{}: {expression}, given as expression, equals {spliced}: unspliced counts are missing from the total",
            file.name
        );
    }
    Ok(())
}

/// Returns whether the first rows of two matrices are equal and not empty.
fn equal(file: &CountsInput, a: &Source, b: &Source) -> Result<bool> {
    let (mut a, mut b) = (file.matrix(a)?, file.matrix(b)?);
    let rows = a.n_rows().min(512);
    let (a, b) = (a.read_rows(0..rows)?, b.read_rows(0..rows)?);
    Ok(a.nnz() > 0 && a.n_cols() == b.n_cols() && a == b)
}
