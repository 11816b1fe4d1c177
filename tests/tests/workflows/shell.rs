//! chain.sh alone: what is made again, what is refused and leaves nothing.

use std::fs;
use std::time::{Duration, SystemTime};

use mfdoom_tests::engines::{Place, Way, engines, text, tree};

/// Writes a sheet as if a day ago, so that only what it says tells it from another.
fn sheet(place: &Place, name: &str, lines: &str) {
    fs::write(place.path(name), format!("sample,counts,donor\n{lines}")).unwrap();
    let file = fs::File::options().append(true).open(place.path(name)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(86_400)).unwrap();
}

#[test]
fn what_the_sheet_says_otherwise_is_made_again_and_nothing_else() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    let run = |sheet: &str, outdir: &str| {
        text(place.command(Way::Shell, sheet, outdir, &[("velocity", "false")]), true)
    };
    sheet(&place, "one.csv", "a,counts/adult.h5ad,A\nb,counts/young.h5ad,B\n");
    sheet(&place, "other.csv", "a,counts/young.expression.h5ad,A\nb,counts/young.h5ad,B\n");
    run("one.csv", "out");
    assert!(!place.path("out/shards").exists());
    assert!(!run("one.csv", "out").contains("out/"), "a repeat made something");
    run("other.csv", "out");
    run("other.csv", "fresh");
    for name in ["vocab.json", "tokens/a.parquet", "embeddings/a.parquet", "h5ad/a.h5ad", "h5ad/b.h5ad"] {
        let [again, fresh] = ["out", "fresh"].map(|outdir| place.bytes(&format!("{outdir}/{name}")));
        assert!(again == fresh, "{name} is that of the first sheet");
    }
    // With a given model the samples have nothing to do with one another.
    let given = |sheet: &str| {
        let more = [("velocity", "false"), ("model", "fresh/model")];
        text(place.command(Way::Shell, sheet, "given", &more), true)
    };
    given("other.csv");
    sheet(&place, "donor.csv", "a,counts/young.expression.h5ad,C\nb,counts/young.h5ad,B\n");
    let made = given("donor.csv");
    assert!(made.contains("given/tokens/a.parquet") && made.contains("given/h5ad/a.h5ad"), "{made}");
    assert!(!made.contains("/b."), "{made}");
}

#[test]
fn mistakes_leave_the_folder_to_the_next_run() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    let run = |sheet: &str, more: &[(&str, &str)], well: bool| {
        let mut all = vec![("velocity", "false")];
        all.extend(more);
        text(place.command(Way::Shell, sheet, "out", &all), well)
    };
    for (name, value, wanted) in [
        ("epochs", "abc", "--epochs abc: a number was wanted"),
        ("shards", "0", "--shards 0"),
        ("preset", "huge", "tiny, small, base or paper was wanted"),
        ("device", "tpu", "auto, cpu, cuda, cuda:N or metal was wanted"),
        ("velocity", "maybe", "true or false was wanted"),
        ("start", "progenitor", "--start progenitor needs --generate true and --label"),
        ("model", "nowhere", "--model nowhere: no such folder"),
    ] {
        let said = run("sheet.csv", &[(name, value)], false);
        assert!(said.contains(wanted), "{said}");
        assert!(!place.path("out").exists(), "{name} {value} left something");
    }
    run("nowhere.csv", &[("seed", "4")], false);
    run("sheet.csv", &[("seed", "5")], true);
    let before = tree(&place.path("out"));
    let said = run("sheet.csv", &[("seed", "6")], false);
    assert!(said.contains("holds results of other parameters") && said.contains("seed=5"), "{said}");
    assert!(tree(&place.path("out")) == before);
}
