//! Colours that many groups can be told apart by, and a scale for signed values.

use plotters::style::RGBColor;

/// A colour: red, green and blue.
pub type Rgb = RGBColor;

/// Twenty-four colours on white. The first ten, six of them of Okabe and Ito (2008), stay apart for red-green
/// blind eyes too; more than that no palette can give.
pub const COLOURS: [RGBColor; 24] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x66, 0x11, 0x00),
    RGBColor(0xdd, 0xcc, 0x77),
    RGBColor(0x5b, 0x00, 0x7a),
    RGBColor(0x22, 0x22, 0x22),
    RGBColor(0x7c, 0xc4, 0x3e),
    RGBColor(0xd6, 0x27, 0x6b),
    RGBColor(0x94, 0x3f, 0xc4),
    RGBColor(0x17, 0xbe, 0xcf),
    RGBColor(0x8c, 0x56, 0x4b),
    RGBColor(0xff, 0x98, 0x96),
    RGBColor(0x80, 0x80, 0x00),
    RGBColor(0xf0, 0x6f, 0xd8),
    RGBColor(0x00, 0xc8, 0x8c),
    RGBColor(0xb3, 0x9d, 0xdb),
    RGBColor(0x5c, 0x6b, 0x7a),
    RGBColor(0x00, 0x6d, 0x5b),
    RGBColor(0xc9, 0xc1, 0x2e),
    RGBColor(0xff, 0xb3, 0x6b),
];

/// Colour of what belongs to no group.
pub const UNNAMED: RGBColor = RGBColor(0xc8, 0xc8, 0xc8);

/// Ends and middle of the scale for signed values.
const FALLING: RGBColor = RGBColor(0x21, 0x66, 0xac);
const STILL: RGBColor = RGBColor(0xd9, 0xd9, 0xd9);
const RISING: RGBColor = RGBColor(0xc0, 0x2d, 0x1b);

/// Returns the colour of the n-th group; beyond the list they come again, on other marks.
pub fn colour(group: usize) -> RGBColor {
    COLOURS[group % COLOURS.len()]
}

/// Returns the colour of a value in -1 to 1: blue, grey at 0, red; what lies beyond is at the end.
pub(crate) fn signed(value: f64) -> RGBColor {
    let end = if value < 0.0 { FALLING } else { RISING };
    let share = value.abs().min(1.0);
    let mix = |from: u8, to: u8| (f64::from(from) + share * (f64::from(to) - f64::from(from))).round() as u8;
    RGBColor(mix(STILL.0, end.0), mix(STILL.1, end.1), mix(STILL.2, end.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(a: [f64; 3], b: [f64; 3]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    fn parts(colour: RGBColor) -> [f64; 3] {
        [colour.0, colour.1, colour.2].map(f64::from)
    }

    #[test]
    fn no_two_colours_are_alike() {
        for (at, &a) in COLOURS.iter().enumerate() {
            for &b in &COLOURS[at + 1..] {
                assert!(apart(parts(a), parts(b)) > 40.0, "{a:?} {b:?}");
            }
            assert!(apart(parts(a), parts(UNNAMED)) > 40.0, "{a:?}");
        }
    }

    /// Linear RGB as seen without one kind of cone, full severity (Machado et al. 2009).
    const PROTANOPIA: [[f64; 3]; 3] =
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]];
    const DEUTERANOPIA: [[f64; 3]; 3] =
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]];

    fn times(matrix: [[f64; 3]; 3], x: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum())
    }

    /// CIE L*a*b* of a colour seen through a matrix on linear RGB.
    fn lab(colour: RGBColor, seen: [[f64; 3]; 3]) -> [f64; 3] {
        let linear = |x: f64| if x <= 0.04045 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) };
        let seen = times(seen, parts(colour).map(|x| linear(x / 255.0))).map(|x| x.clamp(0.0, 1.0));
        let to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]];
        let xyz = times(to_xyz, seen);
        let root = |x: f64| if x > 0.008856 { x.cbrt() } else { 7.787 * x + 16.0 / 116.0 };
        let [x, y, z] = [root(xyz[0] / 0.9505), root(xyz[1]), root(xyz[2] / 1.089)];
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn the_first_ten_stay_apart_for_red_green_blind_eyes() {
        for seen in [PROTANOPIA, DEUTERANOPIA] {
            for (at, &a) in COLOURS[..10].iter().enumerate() {
                for &b in &COLOURS[at + 1..10] {
                    assert!(apart(lab(a, seen), lab(b, seen)) > 15.0, "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn signed_values_run_from_blue_over_grey_to_red() {
        assert_eq!([signed(-1.0), signed(0.0), signed(7.0)], [FALLING, STILL, RISING]);
        assert!(signed(0.5).0 > signed(0.5).2 && signed(-0.5).2 > signed(-0.5).0);
    }
}
