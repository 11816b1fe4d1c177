//! Keeping freed memory for the next step instead of handing it back to the system.
//!
//! A training step allocates and frees the same large tensors over and over. glibc maps and unmaps them each
//! time, and the kernel clears every page again: a third of the CPU time of a small model.

use std::sync::Once;

/// Lets glibc reuse large freed blocks; elsewhere this does nothing. The peak of the memory stays the same.
///
/// [`crate::device::open`] calls this when it returns the CPU.
pub fn keep_freed_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        // SAFETY: mallopt only sets numbers inside the allocator, under its own lock; an unknown one is refused.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, i32::MAX);
            libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        }
    });
}
