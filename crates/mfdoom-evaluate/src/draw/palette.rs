//! Colours that many groups can be told apart by.

use plotters::style::RGBColor;

/// Twenty-four colours on white, neighbours in the list as far apart as may be.
pub const COLOURS: [RGBColor; 24] = [
    RGBColor(0x1f, 0x77, 0xb4),
    RGBColor(0xe6, 0x4b, 0x19),
    RGBColor(0x2c, 0xa0, 0x2c),
    RGBColor(0x94, 0x3f, 0xc4),
    RGBColor(0xe0, 0xa8, 0x00),
    RGBColor(0x17, 0xbe, 0xcf),
    RGBColor(0xd6, 0x27, 0x6b),
    RGBColor(0x8c, 0x56, 0x4b),
    RGBColor(0x7c, 0xc4, 0x3e),
    RGBColor(0x2f, 0x3e, 0x9e),
    RGBColor(0xff, 0x98, 0x96),
    RGBColor(0x00, 0x6d, 0x5b),
    RGBColor(0xf0, 0x6f, 0xd8),
    RGBColor(0x80, 0x80, 0x00),
    RGBColor(0x6a, 0xae, 0xff),
    RGBColor(0xa5, 0x0f, 0x15),
    RGBColor(0xb3, 0x9d, 0xdb),
    RGBColor(0x00, 0xc8, 0x8c),
    RGBColor(0xff, 0xb3, 0x6b),
    RGBColor(0x4b, 0x2e, 0x2e),
    RGBColor(0x5c, 0x6b, 0x7a),
    RGBColor(0xc9, 0xc1, 0x2e),
    RGBColor(0x5b, 0x00, 0x7a),
    RGBColor(0x00, 0x4f, 0x7c),
];

/// Colour of what belongs to no group.
pub const UNNAMED: RGBColor = RGBColor(0xc8, 0xc8, 0xc8);

/// Returns the colour of the n-th group; beyond the list they come again, on other marks.
pub fn colour(group: usize) -> RGBColor {
    COLOURS[group % COLOURS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_colours_are_alike() {
        let distance = |a: RGBColor, b: RGBColor| {
            let part = |x: u8, y: u8| (f64::from(x) - f64::from(y)).powi(2);
            (part(a.0, b.0) + part(a.1, b.1) + part(a.2, b.2)).sqrt()
        };
        for (at, &a) in COLOURS.iter().enumerate() {
            for &b in &COLOURS[at + 1..] {
                assert!(distance(a, b) > 40.0, "{a:?} {b:?}");
            }
            assert!(distance(a, UNNAMED) > 40.0, "{a:?}");
        }
    }
}
