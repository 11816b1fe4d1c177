//! Manifests, atomic publishing, tables and model directories.
