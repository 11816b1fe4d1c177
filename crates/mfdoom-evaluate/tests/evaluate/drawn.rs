//! `mfdoom-evaluate generated` on drawn counts: equal distributions score as equal, others as others.

use std::path::Path;

use clap::Parser;
use mfdoom_evaluate::{Args, run};
use serde_json::Value;

use crate::world::{World, value};

fn score(world: &World, more: &[&str]) -> Value {
    let output = world.path("g.json");
    let args = ["mfdoom-evaluate", "generated", "-o", output.to_str().unwrap(), "--force"];
    run(Args::parse_from(args.iter().chain(more))).unwrap();
    serde_json::from_slice(&std::fs::read(output).unwrap()).unwrap()
}

/// Tokens of a world whose counts are drawn by a salt of their own.
fn tokens(world: &World, name: &str, salt: usize) -> String {
    let path = world.tokens_of(name, 2 * world.n, salt);
    Path::to_str(&path).unwrap().to_owned()
}

#[test]
fn equal_distributions_are_close_and_a_plain_generator_is_worse() {
    let world = World::new(150);
    let [real, like, train] =
        [("r.parquet", 0), ("l.parquet", 1), ("t.parquet", 2)].map(|(name, salt)| tokens(&world, name, salt));
    let metrics = score(&world, &[&like, "--real", &real, "--train", &train, "--label", "stage"]);
    assert_eq!(metrics["command"], "generated");
    let of = |set: &str, head: &str, name: &str| value(&metrics, [set, head, "", name]);
    assert!(
        (0.35..0.65).contains(&of("all", "generated", "auroc_forest")),
        "{}",
        of("all", "generated", "auroc_forest")
    );
    assert!(of("all", "generated", "mmd").abs() < 0.01 && of("all", "generated", "milisi") > 1.6);
    assert!(of("all", "generated", "precision") > 0.7 && of("all", "generated", "recall") > 0.7);
    assert!(of("all", "nb_per_label", "auroc_forest") > of("all", "training cells", "auroc_forest") + 0.1);
    // Within a label all genes have the same mean here: ranks say nothing, distances do.
    let own = of("s0", "generated", "mmd");
    assert!(own.abs() < 0.05, "each label by itself: {own}");
    let alone = score(&world, &[&like, "--real", &real]);
    assert!((0.3..0.7).contains(&value(&alone, ["all", "half of the real cells", "", "auroc_logistic"])));
}

#[test]
fn threads_give_the_same_bytes() {
    let world = World::new(100);
    let [real, like] = [("r.parquet", 0), ("l.parquet", 1)].map(|(name, salt)| tokens(&world, name, salt));
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| score(&world, &[&like, "--real", &real]))
    };
    assert_eq!(on(1), on(3));
}
