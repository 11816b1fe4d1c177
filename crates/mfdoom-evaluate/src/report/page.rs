//! The page.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mfdoom_error::{Error, Result};
use mfdoom_plot::Format;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, HtmlEscape, Value, context};

use super::bars::bars;
use super::chart::charts;
use super::tables::tables;
use super::{Cloud, Figure};
use crate::scores::Document;

/// Most cells of a picture that is drawn as lines: each is an element of the page.
const MOST: usize = 20_000;

/// Characters of a name that fit a line of a phone, next to scores.
const LONG: usize = 16;

/// What stands on a page.
pub(crate) struct Page<'a> {
    /// Title.
    pub(crate) title: String,
    /// All scores.
    pub(crate) document: &'a Document,
    /// Cells to look around in.
    pub(crate) plots: Vec<Cloud>,
    /// Pictures.
    pub(crate) figures: &'a [Figure],
}

impl<'a> Page<'a> {
    /// Returns a page without plots.
    pub(crate) fn new(title: String, document: &'a Document) -> Self {
        Self { title, document, plots: Vec::new(), figures: &[] }
    }

    /// Returns the page as HTML.
    ///
    /// # Errors
    /// Failed, when a template does not fit, which would be a bug.
    pub(crate) fn render(&self) -> Result<String> {
        self.rendered().map_err(|error| Error::failed("the report cannot be made").source(error))
    }

    fn rendered(&self) -> Result<String, minijinja::Error> {
        let mut templates = Environment::new();
        templates.set_auto_escape_callback(|name| match name.ends_with(".html") {
            true => AutoEscape::Html,
            false => AutoEscape::None,
        });
        templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        let files = [
            ("page.html", include_str!("template/page.html")),
            ("table.html", include_str!("template/table.html")),
            ("curves.html", include_str!("template/curves.html")),
            ("charts.html", include_str!("template/charts.html")),
            ("chart.html", include_str!("template/chart.html")),
            ("style.css", include_str!("template/style.css")),
            ("script.js", include_str!("template/script.js")),
        ];
        for (name, text) in files {
            templates.add_template(name, text)?;
        }
        templates.add_filter("plain", plain);
        templates.add_filter("words", words);
        let figures: Vec<Value> = self.figures.iter().map(figure).collect::<Result<_, _>>()?;
        let (charts, more) = charts(self.document);
        let page = templates.get_template("page.html")?.render(context! {
            title => self.title.as_str(),
            document => Serde(self.document),
            tables => Serde(tables(&self.document.scores)),
            bars => Serde(bars(&self.document.scores)),
            charts => Serde(&charts),
            more => Serde(&more),
            plots => Serde(&self.plots),
            figures => figures,
        })?;
        // A template's last line end is not kept.
        Ok(format!("{}\n", page.trim_end()))
    }
}

/// Returns a figure as lines, or as pixels where it shows many cells.
fn figure(figure: &Figure) -> Result<Value, minijinja::Error> {
    let title = figure.title.as_str();
    if figure.cells <= MOST {
        return Ok(context! { title, svg => Value::from_safe_string(figure.picture.svg().to_owned()) });
    }
    let failed = |error: Error| minijinja::Error::new(ErrorKind::InvalidOperation, error.to_string());
    let png = figure.picture.encode(Format::Png).map_err(failed)?;
    Ok(context! { title, png => BASE64_STANDARD.encode(png) })
}

/// Returns text without the control characters that no HTML page may hold.
fn plain(text: String) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Returns a name as HTML; a long one may be broken where its words end.
fn words(text: String) -> Value {
    let is_long = text.chars().count() > LONG;
    let html = HtmlEscape(&plain(text)).to_string();
    Value::from_safe_string(if is_long { html.replace('_', "_<wbr>") } else { html })
}
