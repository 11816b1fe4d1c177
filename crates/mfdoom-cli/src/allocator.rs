//! The allocator of every stage.

use std::ffi::{c_int, c_long};

/// Tensors of a training step are freed and wanted again at once: giving their pages back to the system in
/// between costs a third of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 2 and 3.
const PURGE_DELAY: c_int = 15;
/// Pages are never given back.
const NEVER: c_long = -1;

unsafe extern "C" {
    /// Sets an option of the allocator.
    fn mi_option_set(option: c_int, value: c_long);
}

/// Keeps freed pages for the next allocation, however long that takes: for stages that work through large matrices
/// one after the other, and would else have every page cleared again by the system.
pub fn keep_freed_pages() {
    // SAFETY: the function is part of the allocator that is linked above; it stores a number and may be called at any
    // time. An unknown option would be ignored.
    unsafe { mi_option_set(PURGE_DELAY, NEVER) };
}
