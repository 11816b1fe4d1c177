//! Where the object headers of a file lie, as HDF5 reports it.

use std::ffi::{c_char, c_void};

use hdf5::{File, Result};
use hdf5_sys::LOCK;
use hdf5_sys::h5::{H5_index_t, H5_iter_order_t, herr_t};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5o::{H5O_INFO_BASIC, H5O_info2_t, H5O_token_t, H5Ovisit3};

/// Returns the offset of the header of every object that hard links lead to, in bytes from the file's begin.
pub(crate) fn header_offsets(file: &File) -> Result<Vec<u64>> {
    let mut tokens: Vec<H5O_token_t> = Vec::new();
    let found: *mut Vec<H5O_token_t> = &mut tokens;
    let (index, order) = (H5_index_t::H5_INDEX_NAME, H5_iter_order_t::H5_ITER_NATIVE);
    let visited = {
        let _guard = LOCK.lock();
        // SAFETY: the library is locked, the id is alive, and `note` takes the data as the vector that it is,
        // which nothing else uses until the call has returned.
        unsafe { H5Ovisit3(file.id(), index, order, Some(note), found.cast(), H5O_INFO_BASIC) }
    };
    hdf5::h5check(visited)?;
    let begin = file.userblock();
    Ok(tokens.into_iter().map(|token| begin + address(token)).collect())
}

extern "C" fn note(_: hid_t, _: *const c_char, info: *const H5O_info2_t, tokens: *mut c_void) -> herr_t {
    // SAFETY: HDF5 passes the information on an object and, as the data, the vector of `header_offsets`.
    unsafe { (*tokens.cast::<Vec<H5O_token_t>>()).push((*info).token) };
    0
}

/// The address in a token: in a native file its little-endian bytes, filled up with zeros.
fn address(token: H5O_token_t) -> u64 {
    // SAFETY: a token is 16 bytes and nothing else, in the C layout.
    let bytes: [u8; 16] = unsafe { std::mem::transmute(token) };
    u128::from_le_bytes(bytes) as u64
}
