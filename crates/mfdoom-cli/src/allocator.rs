//! The allocator of every stage.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, Ordering};

use mfdoom_artifact::remove_partials;
use mimalloc::MiMalloc;

/// Tensors of a training step are freed and wanted again at once: giving their pages back to the system in
/// between costs a third of the time.
#[global_allocator]
static ALLOCATOR: OrError = OrError;

/// `mi_option_purge_delay` of mimalloc 2 and 3, which its bindings do not name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Keeps freed pages for the next allocation, however long that takes: for stages that work through large matrices
/// one after the other, and would else have every page cleared again by the system.
pub fn keep_freed_pages() {
    // SAFETY: the function is part of the allocator that is linked above; it stores a number and may be called at any
    // time. An unknown option would be ignored.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
}

/// Takes memory from now on in pages of 4 KiB: for stages that hold little of many things at a time. In huge pages, which
/// mimalloc asks for, their memory is twice as much, and clearing it takes a quarter of the time.
pub fn small_pages() {
    #[cfg(target_os = "linux")]
    // SAFETY: the call takes numbers alone; a kernel that does not know it refuses it.
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0)
    };
}

/// mimalloc, that ends the process with an error where the system has no more memory.
///
/// The standard library would abort: no exit code, partial outputs left, nothing that says what to do.
struct OrError;

// SAFETY: every call is handed to mimalloc as it came; where that has nothing, the process ends.
unsafe impl GlobalAlloc for OrError {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`, which is mimalloc's.
        checked(unsafe { MiMalloc.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        checked(unsafe { MiMalloc.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        checked(unsafe { MiMalloc.realloc(block, layout, size) }, size)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { MiMalloc.dealloc(block, layout) }
    }
}

#[inline]
fn checked(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        out_of_memory(size);
    }
    block
}

#[cold]
fn out_of_memory(size: usize) -> ! {
    static TOLD: AtomicBool = AtomicBool::new(false);
    // What follows may ask for memory itself, and find none either.
    if !TOLD.swap(true, Ordering::SeqCst) {
        say(size);
        remove_partials();
    }
    signal_hook::low_level::exit(1)
}

/// Writes the message piece by piece, without an allocation.
fn say(size: usize) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = size;
    while at == digits.len() || rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let parts: [&[u8]; 3] = [
        b"error: the system has no memory left\n   found: a request for ",
        &digits[at..],
        b" bytes that was refused (ulimit -v, a cgroup, or the machine's end)\n    help: allow more memory, or take \
          fewer cells, genes or threads\n",
    ];
    for part in parts {
        // SAFETY: the pointer and the length are those of a slice that lives; nobody is left to tell of a failure.
        unsafe { libc::write(libc::STDERR_FILENO, part.as_ptr().cast(), part.len()) };
    }
}
