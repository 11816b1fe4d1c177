//! What the pictures hold: marks, text, size; the same bytes for the same input.

use mfdoom_plot::{
    Calibration, CellColours, Field, Format, PhasePortrait, Picture, Scatter, Streams, calibration_bins,
};

const TYPES: [&str; 3] = ["alpha", "<b>&beta", "gamma"];

/// Positions, velocities and groups.
type Ring = (Vec<[f64; 2]>, Vec<[f64; 2]>, Vec<Option<&'static str>>);

/// A ring of cells in three groups that turns.
fn ring(n: usize) -> Ring {
    let angle = |cell: usize| cell as f64 * 2.399963;
    let radius = |cell: usize| 1.0 + (cell % 17) as f64 / 17.0;
    let points = (0..n).map(|i| [radius(i) * angle(i).cos(), radius(i) * angle(i).sin()]).collect();
    let velocities = (0..n).map(|i| [-angle(i).sin(), angle(i).cos()]).collect();
    let groups = (0..n).map(|i| (i % 4 < 3).then(|| TYPES[i % 4])).collect();
    (points, velocities, groups)
}

fn scatter(title: &str, points: &[[f64; 2]], groups: &[Option<&str>]) -> Picture {
    Scatter { title, axes: ["x", "y"], points, groups }.draw().unwrap()
}

fn count(picture: &Picture, what: &str) -> usize {
    picture.svg().matches(what).count()
}

/// Width and height from the header of a PNG.
fn size(png: &[u8]) -> [u32; 2] {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    [16, 20].map(|at| u32::from_be_bytes(png[at..at + 4].try_into().unwrap()))
}

#[test]
fn a_scatter_has_a_mark_for_every_cell_and_an_entry_for_every_group() {
    let (mut points, _, groups) = ring(200);
    points[0][0] = f64::NAN;
    let picture = scatter("cells", &points, &groups);
    assert_eq!(count(&picture, "<circle"), 199 + 4);
    for text in ["alpha (50)", "&lt;b&gt;&amp;beta (50)", "no label (50)", "cells"] {
        assert!(picture.svg().contains(text), "{text}");
    }
    assert!(!picture.svg().contains("<b>"));
    assert_eq!(picture, scatter("cells", &points, &groups));
}

#[test]
fn groups_beyond_the_palette_are_triangles() {
    let names: Vec<String> = (0..30).map(|group| format!("{group:02}")).collect();
    let groups: Vec<Option<&str>> = names.iter().map(|name| Some(name.as_str())).collect();
    let picture = scatter("", &ring(30).0, &groups);
    assert_eq!((count(&picture, "<circle"), count(&picture, "<polygon")), (48, 12), "cells and legend");
}

#[test]
fn png_is_twice_as_large_and_sets_text_without_fonts_of_the_system() {
    let (points, _, groups) = ring(50);
    let picture = scatter("a title", &points, &groups);
    let png = picture.encode(Format::Png).unwrap();
    let side = |name: &str| {
        let start = picture.svg().find(name).unwrap() + name.len();
        picture.svg()[start..].split('"').next().unwrap().parse::<u32>().unwrap()
    };
    assert_eq!(size(&png), [2 * side("<svg width=\""), 2 * side("height=\"")]);
    assert_eq!(png, picture.encode(Format::Png).unwrap());
    assert_ne!(
        png,
        scatter("a tjtle", &points, &groups).encode(Format::Png).unwrap(),
        "the title is not set"
    );
    assert_eq!(picture.encode(Format::Svg).unwrap(), picture.svg().as_bytes());
}

#[test]
fn streams_stand_side_by_side_on_the_same_cells() {
    let (points, velocity, groups) = ring(1500);
    let back: Vec<[f64; 2]> = velocity.iter().map(|v| [-v[0], -v[1]]).collect();
    let fields =
        [Field { title: "fitted", velocity: &velocity }, Field { title: "predicted", velocity: &back }];
    let streams = |fields| Streams { axes: ["UMAP 1", "UMAP 2"], points: &points, groups: &groups, fields };
    let both = streams(&fields).draw().unwrap();
    assert_eq!(count(&both, "<circle"), 2 * 1500 + 4);
    assert!(both.svg().contains("fitted") && both.svg().contains("predicted"));
    let one = streams(&fields[..1]).draw().unwrap();
    let lines = |picture| count(picture, "<polyline") - count(&scatter("", &points, &groups), "<polyline");
    assert!(lines(&one) > 20 && count(&both, "<polygon") > 2 * 10, "lines with heads");
    let none = vec![[f64::NAN; 2]; 1500];
    let still = [Field { title: "none", velocity: &none }];
    assert_eq!(count(&streams(&still).draw().unwrap(), "<polygon"), 0);
    assert!(streams(&[]).draw().is_ok());
}

#[test]
fn a_phase_portrait_has_the_line_of_the_steady_state() {
    let s: Vec<f64> = (0..100).map(|i| f64::from(i) / 10.0).collect();
    let u: Vec<f64> = s.iter().map(|s| 0.3 * s + 0.1).collect();
    let velocity: Vec<f64> = (0..100).map(|i| if i == 7 { f64::NAN } else { f64::from(i) - 50.0 }).collect();
    let portrait = |slope, colours| {
        PhasePortrait { gene: "Cpe", spliced: &s, unspliced: &u, slope, course: &[], colours }.draw().unwrap()
    };
    let groups: Vec<Option<&str>> = (0..100).map(|i| Some(TYPES[i % 3])).collect();
    let by_group = portrait(Some(0.3), CellColours::Groups(&groups));
    assert_eq!(count(&by_group, "<circle"), 100 + 3);
    let without = portrait(None, CellColours::Groups(&groups));
    assert!(count(&by_group, "<polyline") > count(&without, "<polyline"));
    let by_value = portrait(Some(0.3), CellColours::Values("velocity", &velocity));
    assert_eq!(count(&by_value, "<circle"), 99, "a cell without a velocity is left out");
    assert!(by_value.svg().contains("velocity"));
}

#[test]
fn calibration_bins_hold_every_cell_once_and_the_plot_a_mark_for_each() {
    let predicted: Vec<f64> = (0..103).map(|i| f64::from((i * 37) % 103) / 103.0).collect();
    let error: Vec<f64> = predicted.iter().map(|p| if *p > 0.5 { -2.0 * p } else { 2.0 * p }).collect();
    let bins = calibration_bins(&predicted, &error, 10).unwrap();
    assert_eq!((bins.len(), bins.iter().map(|bin| bin.n).sum::<usize>()), (10, 103));
    assert!(bins.windows(2).all(|pair| pair[0].predicted < pair[1].predicted));
    for bin in &bins[1..] {
        assert!((bin.observed / bin.predicted - 2.0).abs() < 0.05, "{bin:?}");
    }
    let plot =
        |bins| Calibration { title: "", predicted: "predicted", observed: "observed", bins }.draw().unwrap();
    assert_eq!(count(&plot(&bins), "<circle"), 10);
    assert_eq!(count(&plot(&[]), "<circle"), 0);
    assert!(calibration_bins(&[], &[], 5).unwrap().is_empty());
}

#[test]
fn slices_of_other_lengths_are_refused() {
    let (points, velocity, groups) = ring(10);
    let short = Scatter { title: "", axes: ["", ""], points: &points[1..], groups: &groups }.draw();
    assert!(short.unwrap_err().to_string().contains("groups"));
    let fields = [Field { title: "", velocity: &velocity[1..] }];
    assert!(Streams { axes: ["", ""], points: &points, groups: &groups, fields: &fields }.draw().is_err());
    assert!(calibration_bins(&[1.0], &[], 1).is_err());
}

#[test]
fn names_with_control_characters_are_drawn_and_rendered() {
    let (points, _, _) = ring(4);
    let groups = vec![Some("T\u{0}cell\u{1b}[1m\u{ffff} <&>"); 4];
    let picture =
        Scatter { title: "a\u{7}b", axes: ["x", "y"], points: &points, groups: &groups }.draw().unwrap();
    assert!(!picture.svg().chars().any(|c| c.is_control() && c != '\n'));
    assert!(picture.svg().contains("T\u{fffd}cell"), "{}", picture.svg());
    assert!(picture.encode(Format::Png).unwrap().starts_with(b"\x89PNG"), "an XML parser reads it");
}
