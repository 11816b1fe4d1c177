//! Nextflow alone: what is resumed, what a stub makes.

use std::fs;

use mfdoom_tests::engines::{Place, Way, engines, statuses, text};

use crate::{break_embed, run};

#[test]
fn nextflow_resumes_what_a_killed_and_a_failing_task_lost() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    let trace = place.path("Nextflow/pipeline_info/execution_trace.txt");
    // Killed for want of memory: tried again twice with more, then given up.
    break_embed(&place, "kill -9 $$");
    run(&place, Way::Nextflow, false);
    let killed = fs::read_to_string(&trace).unwrap();
    let attempts = killed.lines().filter(|line| line.contains("MFDOOM_EMBED (public)")).count();
    assert_eq!(attempts, 3, "{killed}");
    // A wrong call is not tried again, and its message is in view.
    break_embed(&place, "exec 'REAL' \"$@\" --heads nonsense");
    let failed = run(&place, Way::Nextflow, false);
    assert!(failed.contains("the model has no head 'nonsense'"), "{failed}");
    assert_eq!(statuses(&trace).get("FAILED"), Some(&1), "{}", fs::read_to_string(&trace).unwrap());
    fs::remove_file(place.path("broken")).unwrap();
    run(&place, Way::Nextflow, true);
    // Sheet (never cached), embedding and h5ad of the sample that was lost, and what had not begun of the others:
    // of 12 tasks, the vocabulary, 3 tables of tokens, the model and 2 embeddings were there.
    let after = statuses(&trace);
    let cached = after.get("CACHED").copied().unwrap_or_default();
    assert!(cached >= 7, "{}", fs::read_to_string(&trace).unwrap());
    assert_eq!(cached + after["COMPLETED"], 12);
    let text = fs::read_to_string(&trace).unwrap();
    let again = text.lines().filter(|line| line.contains("COMPLETED")).filter(|line| {
        let lost =
            line.contains("MFDOOM_SHEET") || line.contains("(public)") || line.contains("MFDOOM_ANNOTATE");
        !lost
    });
    assert_eq!(again.count(), 0, "{text}");
}

#[test]
fn nextflow_runs_as_a_stub() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    let more = [("shards", "2"), ("velocity", "true")];
    let mut command = place.command(Way::Nextflow, "sheet.csv", "out", &more);
    command.arg("-stub");
    text(command, true);
    for name in ["vocab.json", "model/config.json", "tokens/public.parquet", "embeddings/young.parquet"] {
        assert!(place.bytes(&format!("out/{name}")).is_empty(), "{name} is not a stub");
    }
    for name in ["decoder/velocity/config.json", "velocity/adult/predict", "h5ad/public.h5ad"] {
        assert!(place.path(&format!("out/{name}")).exists(), "{name}");
    }
}
