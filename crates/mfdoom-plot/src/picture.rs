//! A finished picture and its two forms.

use std::path::Path;
use std::sync::Arc;

use mfdoom_error::{Error, Result};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

/// Pixels of a PNG for one of an SVG: sharp on dense screens and in print.
const PNG_SCALE: f32 = 2.0;
const FONT: &str = "Noto Sans";

/// A picture, held as SVG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    svg: String,
}

/// What a picture is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Scalable vector graphics.
    Svg,
    /// Pixels, two for one of the SVG.
    Png,
}

impl Format {
    /// Returns the format that a file name ends in, of any case.
    ///
    /// ```
    /// use mfdoom_plot::Format;
    /// assert_eq!(Format::of("stream.PNG".as_ref()).unwrap(), Format::Png);
    /// assert!(Format::of("stream.pdf".as_ref()).is_err());
    /// ```
    ///
    /// # Errors
    /// Usage, for another ending.
    pub fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => Err(Error::usage(format!("{}: a picture of this kind cannot be drawn", path.display()))
                .wanted("a name that ends in .svg or .png")),
        }
    }
}

impl Picture {
    /// Takes the SVG; characters that XML cannot hold, as names of cells may, are replaced.
    pub(crate) fn new(svg: String) -> Self {
        let is_legal = |c: char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}') || c == '\n';
        let svg = svg.chars().map(|c| if is_legal(c) { c } else { char::REPLACEMENT_CHARACTER }).collect();
        Self { svg }
    }

    /// Returns the SVG.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// Returns the bytes of a file of this format.
    ///
    /// # Errors
    /// Failed, when the picture cannot be rendered.
    pub fn encode(&self, format: Format) -> Result<Vec<u8>> {
        match format {
            Format::Svg => Ok(self.svg.clone().into_bytes()),
            Format::Png => self.png(),
        }
    }

    fn png(&self) -> Result<Vec<u8>> {
        let failed = |why: String| Error::failed(format!("the plot cannot be rendered: {why}"));
        let tree = Tree::from_str(&self.svg, &options()).map_err(|error| failed(error.to_string()))?;
        let size = tree.size().to_int_size();
        let pixels = |length: u32| (length as f32 * PNG_SCALE).round() as u32;
        let mut pixmap = Pixmap::new(pixels(size.width()), pixels(size.height()))
            .ok_or_else(|| failed(format!("{} x {} pixels", size.width(), size.height())))?;
        resvg::render(&tree, Transform::from_scale(PNG_SCALE, PNG_SCALE), &mut pixmap.as_mut());
        pixmap.encode_png().map_err(|error| failed(error.to_string()))
    }
}

/// Returns options under which every text is set in the font linked in.
fn options() -> Options<'static> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_source(fontdb::Source::Binary(Arc::new(notosans::REGULAR_TTF)));
    fonts.set_sans_serif_family(FONT);
    Options { font_family: FONT.to_owned(), fontdb: Arc::new(fonts), ..Options::default() }
}
