//! The scores as tables for people.

use super::table::Table;
use super::{Row, Scores};

/// Returns one aligned table for each set and group of scores.
pub(crate) fn text(scores: &Scores) -> String {
    let tables: Vec<String> = Table::all(scores).iter().map(of_table).collect();
    tables.concat().trim_end().to_owned()
}

/// Returns a score in three digits, a dash for none.
pub(crate) fn shown(row: Option<&Row>) -> String {
    match row.and_then(|row| row.value) {
        Some(value) if value.abs() >= 100.0 => format!("{value:.1}"),
        // What rounds to nothing has no sign.
        Some(value) if value.abs() < 5e-4 => "0.000".to_owned(),
        Some(value) => format!("{value:.3}"),
        None => "–".to_owned(),
    }
}

fn of_table(table: &Table<'_>) -> String {
    let mut lines = vec![vec![String::new(), "n".to_owned()]];
    lines[0].extend(table.names.iter().map(|name| name.title.to_owned()));
    for (at, (first, cells)) in table.lines.iter().enumerate() {
        let mut line = vec![table.label(at), first.place.n.to_string()];
        line.extend((0..table.names.len()).map(|column| shown(cells.get(column).copied().flatten())));
        lines.push(line);
    }
    aligned(&format!("{} ({})", table.group, table.set), &lines)
}

/// Returns a table: the first column to the left, the others to the right.
fn aligned(title: &str, lines: &[Vec<String>]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = format!("{title}\n");
    for line in lines {
        let cells: Vec<String> = (line.iter().zip(&widths).enumerate())
            .map(|(column, (cell, &width))| match column {
                0 => format!("  {cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Estimate, Name, Place, Scores};
    use super::text;

    #[test]
    fn scores_of_a_group_stand_side_by_side() {
        const NAMES: [Name; 2] = [Name::high("a", "Two", "first"), Name::low("b", "Two", "second")];
        let mut scores = Scores::default();
        let [fusion, global] = ["fusion", "global"].map(|head| Place::new("all", head, 9));
        scores.push(&fusion, NAMES[0], Ok(Estimate::plain(0.9)));
        scores.push(&fusion, NAMES[1], Err("too few cells".to_owned()));
        scores.push(&global, NAMES[0], Ok(Estimate::plain(120.0)));
        let wanted =
            "Two (all)\n          n  first  second\n  fusion  9  0.900       –\n  global  9  120.0\n";
        assert_eq!(text(&scores), wanted.replace("  120.0\n", "  120.0       –\n").trim_end());
    }
}
