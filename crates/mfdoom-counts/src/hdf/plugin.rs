//! Compression that HDF5 knows by number alone, undone without a plugin: zstd, LZ4, bitshuffle and Blosc.

use std::ffi::{CStr, c_uint, c_void};
use std::sync::Once;

use hdf5_sys::LOCK;
use hdf5_sys::h5::{H5allocate_memory, H5free_memory};
use hdf5_sys::h5z::{H5Z_CLASS_T_VERS, H5Z_FLAG_REVERSE, H5Z_class2_t, H5Zfilter_avail, H5Zregister};

use crate::codec::{bits, blosc, lz4, zstd};

/// Most bytes of a chunk.
const MAX: u64 = 1 << 32;

/// Undoes a filter: packed bytes and the filter's parameters in, unpacked bytes out.
type Undo = fn(&[u8], &[u32]) -> Result<Vec<u8>, String>;
type Filter =
    unsafe extern "C" fn(c_uint, usize, *const c_uint, usize, *mut usize, *mut *mut c_void) -> usize;

/// Number, name and code of each filter.
const FILTERS: [(i32, &CStr, Filter); 4] = [
    (32015, c"zstd", undo_zstd),
    (32004, c"lz4", undo_lz4),
    (32008, c"bitshuffle", undo_bits),
    (32001, c"blosc", undo_blosc),
];

/// Makes the filters known to HDF5, once; one that is known already, as a plugin, stays.
pub(super) fn register() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let _guard = LOCK.lock();
        for (id, name, filter) in FILTERS {
            let class = H5Z_class2_t {
                version: H5Z_CLASS_T_VERS as _,
                id,
                encoder_present: 0,
                decoder_present: 1,
                name: name.as_ptr(),
                can_apply: None,
                set_local: None,
                filter: Some(filter),
            };
            // SAFETY: the library is locked and copies the structure, whose name lives as long as the program.
            unsafe {
                if H5Zfilter_avail(id) <= 0 {
                    H5Zregister((&raw const class).cast());
                }
            }
        }
    });
}

/// # Safety
/// As HDF5 calls its filters: `values` are `n_values` parameters, `buffer` is of `*buffer_size` bytes, of which
/// `n_bytes` hold data.
unsafe fn undo(
    with: Undo,
    flags: c_uint,
    values: &[c_uint],
    n_bytes: usize,
    held: (*mut usize, *mut *mut c_void),
) -> usize {
    // Nothing is packed here.
    if flags & H5Z_FLAG_REVERSE == 0 {
        return 0;
    }
    // SAFETY: the buffer holds these bytes, and nothing else touches it during the call.
    let bytes = unsafe { std::slice::from_raw_parts((*held.1).cast::<u8>(), n_bytes) };
    // A panic must not pass through C.
    let Ok(Ok(unpacked)) = std::panic::catch_unwind(|| with(bytes, values)) else { return 0 };
    if unpacked.is_empty() {
        return 0;
    }
    // SAFETY: HDF5 frees what its own function allocated; the new buffer has the size of what is copied into it.
    unsafe {
        let new = H5allocate_memory(unpacked.len(), 0);
        if new.is_null() {
            return 0;
        }
        std::ptr::copy_nonoverlapping(unpacked.as_ptr(), new.cast(), unpacked.len());
        H5free_memory(*held.1);
        (*held.1, *held.0) = (new, unpacked.len());
    }
    unpacked.len()
}

macro_rules! filter {
    ($name:ident, $with:expr) => {
        unsafe extern "C" fn $name(
            flags: c_uint,
            n_values: usize,
            values: *const c_uint,
            n_bytes: usize,
            buffer_size: *mut usize,
            buffer: *mut *mut c_void,
        ) -> usize {
            let values = match values.is_null() {
                true => &[],
                // SAFETY: HDF5 passes as many parameters as it says.
                false => unsafe { std::slice::from_raw_parts(values, n_values) },
            };
            // SAFETY: the arguments are those of HDF5.
            unsafe { undo($with, flags, values, n_bytes, (buffer_size, buffer)) }
        }
    };
}

filter!(undo_zstd, |bytes, _| zstd::unpack(bytes, MAX));
filter!(undo_lz4, |bytes, _| lz4::unpack_chunk(bytes));
filter!(undo_bits, bits::unpack_chunk);
filter!(undo_blosc, |bytes, _| blosc::unpack(bytes));
