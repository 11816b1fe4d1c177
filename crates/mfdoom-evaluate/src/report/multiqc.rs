//! The scores as MultiQC reads them.

use serde_json::{Map, Value, json};

use crate::scores::Document;

/// Returns the content of a `*_mqc.json` file: one table, things in rows.
pub(crate) fn multiqc(document: &Document) -> Value {
    let mut data: Map<String, Value> = Map::new();
    let mut headers: Map<String, Value> = Map::new();
    for row in document.scores.rows() {
        let place = &row.place;
        let mut sample = format!("{} ({})", place.head, place.set);
        if !place.from.is_empty() {
            sample += &format!(" from {}", place.from.join("+"));
        }
        if let Some(against) = &place.against {
            sample += &format!(" against {against}");
        }
        headers.entry(row.name.key).or_insert_with(
            || json!({"title": row.name.title, "description": row.name.group, "format": "{:,.3f}"}),
        );
        if let (Some(value), Some(scores)) =
            (row.value, data.entry(sample).or_insert_with(|| json!({})).as_object_mut())
        {
            scores.insert(row.name.key.to_owned(), json!(value));
        }
    }
    json!({
        "id": format!("mfdoom_evaluate_{}", document.command),
        "section_name": format!("mfdoom-evaluate {}", document.command),
        "description": format!("Scores of {}", document.inputs.first().map_or("", |input| &input.name)),
        "plot_type": "table",
        "pconfig": {"id": format!("mfdoom_evaluate_{}_table", document.command), "title": "mfdoom-evaluate"},
        "headers": headers,
        "data": data,
    })
}
