//! Snakemake alone: lint and report.

use mfdoom_tests::engines::{Place, Way, engines, text};

#[test]
fn snakemake_is_linted_and_reports() {
    let Some(engines) = engines() else { return };
    let place = Place::new();
    let mut command = place.command(Way::Snakemake, "sheet.csv", "out", &[]);
    command.arg("--lint");
    let said = text(command, true);
    assert!(said.contains("in a good condition"), "{said}");
    text(place.command(Way::Snakemake, "sheet.csv", "out", &[("velocity", "false")]), true);
    let mut command = place.command(Way::Snakemake, "sheet.csv", "out", &[("velocity", "false")]);
    command.args(["--report", "report.html"]);
    text(command, true);
    let report = String::from_utf8(place.bytes("report.html")).unwrap();
    assert!(report.contains("The card of the model"), "{} wrote no caption", engines.snakemake);
}
