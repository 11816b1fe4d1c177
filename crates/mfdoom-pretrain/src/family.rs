//! The related systems as presets: the files of `presets/`, built in.

use mfdoom_cli::Presets;

/// What `--family` chooses from.
pub const FAMILY: Presets = Presets {
    option: "family",
    files: &[
        ("mfdoom", include_str!("../../../presets/mfdoom.toml")),
        ("zorro", include_str!("../../../presets/zorro.toml")),
        ("mca", include_str!("../../../presets/mca.toml")),
        ("everything-at-once", include_str!("../../../presets/everything-at-once.toml")),
        ("flava", include_str!("../../../presets/flava.toml")),
        ("unseen-modality", include_str!("../../../presets/unseen-modality.toml")),
        ("vatt", include_str!("../../../presets/vatt.toml")),
    ],
};
