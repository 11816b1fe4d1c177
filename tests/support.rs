//! Helpers of the chain tests: where the binaries are, how they are run.
