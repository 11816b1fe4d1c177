//! What a signal leaves behind: nothing. Alone in its process, because the list of partial files is shared.

use std::fs;
use std::io::Write;

use mfdoom_artifact::{AtomicDir, AtomicFile, remove_partials};

#[test]
fn partial_files_and_folders_are_removed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = AtomicFile::create(folder.path().join("x"), false).unwrap();
    file.write_all(b"half").unwrap();
    let dir = AtomicDir::create(folder.path().join("model"), false).unwrap();
    fs::write(dir.path().join("a"), "1").unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    remove_partials();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(file.commit().is_err());
    assert!(dir.commit().is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
