//! Where something went wrong: every error of this crate names the file and the path inside it.

use std::path::Path;
use std::sync::Arc;

use mfdoom_error::Error;

/// A path inside a file, for messages.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    real: Arc<Path>,
    file: Arc<str>,
    path: String,
}

impl Place {
    /// The root of a file.
    pub(crate) fn root(file: &Path) -> Self {
        Self { real: file.into(), file: file.display().to_string().into(), path: String::new() }
    }

    /// A member of this place.
    pub(crate) fn at(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) };
        Self { real: self.real.clone(), file: self.file.clone(), path }
    }

    /// Where the file is.
    pub(crate) fn real(&self) -> &Path {
        &self.real
    }

    /// The file, as it was named.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// The path inside the file.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The last name of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The contract is broken here.
    pub(crate) fn broken(&self, what: impl std::fmt::Display) -> Error {
        let Self { file, path, .. } = self;
        if path.is_empty() {
            Error::contract(format!("{file}: {what}"))
        } else {
            Error::contract(format!("{file}: {path}: {what}"))
        }
    }

    /// What is here is compressed by a filter that is not there.
    pub(crate) fn packed(&self, filter: &str) -> Error {
        self.broken("is compressed in a way that is not built in")
            .found(filter)
            .wanted("no compression, gzip, lzf, zstd, lz4, bitshuffle or blosc")
            .help(
                "rewrite the file (adata.write_h5ad(FILE, compression=\"gzip\")), or name a folder with the HDF5 \
                 plugin in HDF5_PLUGIN_PATH",
            )
    }

    /// The library could not read what is here.
    pub(crate) fn unreadable(&self, error: impl std::fmt::Display) -> Error {
        self.broken("could not be read")
            .found(brief(error))
            .wanted("data that HDF5 can decode (uncompressed, gzip or lzf)")
            .help("the file may be damaged or compressed by a plugin: copy it again, or rewrite it with anndata")
    }

    /// The library could not write here.
    pub(crate) fn unwritable(&self, error: impl std::fmt::Display) -> Error {
        let Self { file, path, .. } = self;
        Error::failed(format!("{file}: {path} could not be written"))
            .found(brief(error))
            .help("check the free space of the disk")
    }
}

/// The first line of a message, which is all that HDF5's stack has to say to a user.
fn brief(error: impl std::fmt::Display) -> String {
    let text = format!("{error:#}");
    text.lines().next().unwrap_or_default().to_owned()
}
