//! Shards of an artefact: what a manifest says of them, and the manifest of the whole.
//!
//! A stage that works cell by cell keeps its `--shard I/N` as the setting `shard`. All else in the manifest is
//! that of the whole, so that shards can be held against each other and the whole's manifest follows from any.

use mfdoom_error::{Error, Result};

use crate::manifest::{Manifest, content_id};

/// Name of the setting.
const SHARD: &str = "shard";

impl Manifest {
    /// Returns which shard this is, such as `2/8`; nothing for a whole.
    pub fn shard(&self) -> Option<&str> {
        self.config.get(SHARD)?.as_str()
    }

    /// Returns the manifest of the whole that this is a shard of.
    pub fn whole(&self) -> Self {
        let mut whole = self.clone();
        if let Some(settings) = whole.config.as_object_mut() {
            settings.remove(SHARD);
        }
        whole.content_id = content_id(&whole.stage, &whole.inputs, &whole.config, whole.seed);
        whole
    }

    /// Returns the whole that a stage reads a shard of, and which shard: `asked` for with `--shard`, or the one
    /// that this table is. So a shard made of a shard of the tokens equals one made of the same rows of the whole.
    ///
    /// # Errors
    /// Usage: a shard of a shard.
    pub fn sharded(&self, asked: Option<String>) -> Result<(Self, Option<String>)> {
        match (asked, self.shard()) {
            (Some(asked), Some(shard)) => {
                Err(Error::usage(format!("--shard {asked}: of what is a shard already"))
                    .found(format!("shard {shard}"))
                    .help("leave out --shard, or put the shards together first: mfdoom-gather"))
            }
            (Some(asked), None) => Ok((self.clone(), Some(asked))),
            (None, shard) => Ok((self.whole(), shard.map(str::to_owned))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(config: serde_json::Value) -> Manifest {
        Manifest::new("mfdoom-x", "1.0.0", 1, config, Vec::new()).with_seed(3)
    }

    #[test]
    fn the_whole_of_a_shard_is_the_unsharded_manifest() {
        let whole = manifest(json!({ "top_genes": 5 }));
        let shard = manifest(json!({ "top_genes": 5, "shard": "2/8" }));
        assert_eq!(shard.shard(), Some("2/8"));
        assert_ne!(shard.content_id, whole.content_id);
        assert_eq!(shard.whole(), whole);
        assert_eq!(whole.whole(), whole);
    }

    #[test]
    fn a_shard_is_inherited_or_asked_for_but_not_both() {
        let whole = manifest(json!({}));
        let shard = manifest(json!({ "shard": "2/8" }));
        assert_eq!(whole.sharded(None).unwrap(), (whole.clone(), None));
        assert_eq!(whole.sharded(Some("2/8".into())).unwrap(), shard.sharded(None).unwrap());
        assert_eq!(shard.sharded(Some("1/2".into())).unwrap_err().exit_code(), 2);
    }
}
