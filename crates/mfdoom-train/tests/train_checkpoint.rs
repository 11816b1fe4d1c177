//! A checkpoint notices damage: one flipped bit anywhere, and numbers that no run can have reached.

use std::fs;
use std::path::Path;

use candle_core::{DType, Device};
use mfdoom_artifact::{AtomicDir, Position};
use mfdoom_nn::{AdamW, AdamWConfig, Init, ParameterStore};
use mfdoom_train::{Best, Checkpoint, Progress};

fn state() -> (ParameterStore, AdamW) {
    let mut store = ParameterStore::new(1, DType::F32, &Device::Cpu);
    store.draw("a.weight", (4, 3), Init::Normal(1.0)).unwrap();
    let optimiser = AdamW::new(AdamWConfig::default(), &store, |_| Some(0.1)).unwrap();
    (store, optimiser)
}

fn checkpoint(folder: &Path) -> Checkpoint {
    Checkpoint::new(folder.to_owned(), "this run".into(), true, false).unwrap()
}

fn save(folder: &Path) {
    let (store, optimiser) = state();
    let progress = Progress {
        position: Position { step: 7, epoch: 2, batch: 1 },
        metrics: Vec::new(),
        best: Some(Best { epoch: 1, score: 0.1 + 0.2, weights: store.save().unwrap() }),
        memory: Some(vec![1, 2, 3, 4]),
    };
    checkpoint(folder).save(&store, &optimiser, &progress).unwrap();
}

fn load(folder: &Path) -> mfdoom_error::Result<Option<Progress>> {
    let (store, mut optimiser) = state();
    Checkpoint::new(folder.to_owned(), "this run".into(), true, false)?.load(&store, &mut optimiser)
}

#[test]
fn what_was_saved_comes_back() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("checkpoint");
    save(&folder);
    let saved = load(&folder).unwrap().unwrap();
    assert_eq!(saved.position, Position { step: 7, epoch: 2, batch: 1 });
    assert_eq!(saved.memory, Some(vec![1, 2, 3, 4]));
    let best = saved.best.unwrap();
    assert_eq!((best.epoch, best.score.to_bits()), (1, (0.1f64 + 0.2).to_bits()));
}

#[test]
fn one_flipped_bit_in_any_file_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("checkpoint");
    save(&folder);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 7);
    for file in files {
        let whole = fs::read(&file).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&file, &bytes).unwrap();
            let error = load(&folder).expect_err(&format!("{} byte {at}", file.display()));
            assert!([3, 4].contains(&error.exit_code()), "{error}");
        }
        fs::remove_file(&file).unwrap();
        assert!(load(&folder).is_err(), "{} is missing", file.display());
        fs::write(&file, whole).unwrap();
    }
    assert!(load(&folder).unwrap().is_some());
}

#[test]
fn the_end_of_a_run_removes_what_killed_ones_left() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("checkpoint");
    save(&folder);
    let partial = AtomicDir::create(&folder, true).unwrap();
    let name = partial.path().to_owned();
    drop(partial);
    // As a run leaves it that is killed while it saves.
    fs::create_dir(&name).unwrap();
    checkpoint(&folder).remove().unwrap();
    assert!(fs::read_dir(root.path()).unwrap().next().is_none());
}

#[test]
fn a_checkpoint_whose_removal_was_cut_short_is_none() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("checkpoint");
    fs::create_dir(&folder).unwrap();
    assert!(load(&folder).unwrap().is_none());
    checkpoint(&folder).remove().unwrap();
    assert!(!folder.exists());
}
