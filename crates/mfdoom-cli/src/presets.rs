//! Settings that are built in under a name, which an option of a stage chooses.

/// Named files of settings, in the form of `--config`. What they set stands above the defaults and below everything that
/// a user sets; of an option that may be given several times, their values stand before the user's.
#[derive(Clone, Copy, Debug)]
pub struct Presets {
    /// The option that chooses one, without dashes.
    pub option: &'static str,
    /// Names and texts.
    pub files: &'static [(&'static str, &'static str)],
}

impl Presets {
    /// Returns all names.
    pub fn names(&self) -> Vec<&'static str> {
        self.files.iter().map(|(name, _)| *name).collect()
    }
}
