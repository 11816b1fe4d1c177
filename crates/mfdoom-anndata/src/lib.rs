//! Counts and frames in and out of AnnData files.
