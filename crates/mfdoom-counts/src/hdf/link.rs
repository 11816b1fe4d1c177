//! Links and datasets whose content lies in another file: never followed.
//!
//! A file from a stranger must not make a program read, or write, whatever else its user can.

use std::ffi::{CStr, CString, c_char};

use hdf5::plist::dataset_create::Layout;
use hdf5::{Dataset, Group};
use hdf5_sys::LOCK;
use hdf5_sys::h5l::{H5L_TYPE_EXTERNAL, H5L_info2_t, H5Lget_info2, H5Lget_val, H5Lunpack_elink_val};
use hdf5_sys::h5p::H5P_DEFAULT;

/// Longest target of a link that a message shows.
const MAX_TARGET: usize = 1 << 12;

/// What a link of a group points to outside the file, where it does.
pub(super) fn outside(group: &Group, name: &str) -> Option<String> {
    let name = CString::new(name).ok()?;
    // SAFETY: all zeros is a value of this plain C structure.
    let mut info: H5L_info2_t = unsafe { std::mem::zeroed() };
    let mut target: Vec<u8> = Vec::new();
    {
        let _guard = LOCK.lock();
        // SAFETY: the library is locked, the id is alive, the name ends with a zero, and the structure is ours.
        if unsafe { H5Lget_info2(group.id(), name.as_ptr(), &mut info, H5P_DEFAULT) } < 0 {
            return None;
        }
        if info.type_ != H5L_TYPE_EXTERNAL {
            return None;
        }
        // SAFETY: an external link's value has this size.
        let size = unsafe { *info.u.val_size() };
        if size <= MAX_TARGET {
            target.resize(size + 1, 0);
            // SAFETY: as above, and the buffer has the size that is given.
            let read = unsafe {
                H5Lget_val(group.id(), name.as_ptr(), target.as_mut_ptr().cast(), size, H5P_DEFAULT)
            };
            if read >= 0 {
                return Some(format!("a link to {}", unpacked(&target, size)));
            }
        }
    }
    Some("a link to another file".to_owned())
}

fn unpacked(value: &[u8], size: usize) -> String {
    let (mut flags, mut file, mut path) = (0, std::ptr::null::<c_char>(), std::ptr::null::<c_char>());
    // SAFETY: the value was read from the library, which sets both pointers into it; it ends with a zero.
    let text = unsafe {
        if H5Lunpack_elink_val(value.as_ptr().cast(), size, &mut flags, &mut file, &mut path) < 0
            || file.is_null()
        {
            return "another file".to_owned();
        }
        CStr::from_ptr(file).to_string_lossy().into_owned()
    };
    format!("another file, {text}")
}

/// Where the values of a dataset lie outside the file, where they do.
pub(super) fn stored_outside(dataset: &Dataset) -> Option<String> {
    let made = dataset.dcpl().ok()?;
    if made.get_layout().ok()? == Layout::Virtual {
        return Some("a view of other files (virtual dataset)".to_owned());
    }
    let external = made.get_external().ok()?;
    let first = external.first()?;
    Some(format!("values kept in another file, {}", first.name))
}
