//! LZ4: a block, and the blocks that the HDF5 filter writes one behind the other.

/// Most bytes of a chunk.
const MAX: usize = 1 << 31;

/// Unpacks a block of a known size.
pub(crate) fn unpack(data: &[u8], size: usize) -> Result<Vec<u8>, String> {
    match i32::try_from(size) {
        Ok(size) => ::lz4::block::decompress(data, Some(size)).map_err(|error| error.to_string()),
        Err(_) => Err(format!("a block of {size} bytes")),
    }
}

/// Size of a chunk, size of a block and the packed blocks of what the HDF5 filters lz4 and bitshuffle write.
pub(crate) fn header(bytes: &[u8]) -> Result<(usize, usize, &[u8]), String> {
    let (size, rest) = bytes.split_first_chunk::<8>().ok_or("cut off")?;
    let (block, rest) = rest.split_first_chunk::<4>().ok_or("cut off")?;
    let (size, block) = (u64::from_be_bytes(*size), u32::from_be_bytes(*block) as usize);
    match usize::try_from(size) {
        Ok(size) if size <= MAX && (block > 0 || size == 0) => Ok((size, block, rest)),
        _ => Err(format!("a chunk of {size} bytes in blocks of {block}")),
    }
}

/// Takes the next packed block, which stands behind its length.
pub(crate) fn next_block<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], String> {
    let (len, data) = rest.split_first_chunk::<4>().ok_or("cut off")?;
    let (block, more) = data.split_at_checked(u32::from_be_bytes(*len) as usize).ok_or("cut off")?;
    *rest = more;
    Ok(block)
}

/// Unpacks a chunk of the HDF5 filter.
pub(crate) fn unpack_chunk(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let (size, block, mut rest) = header(bytes)?;
    let mut out = Vec::new();
    while out.len() < size {
        let wanted = block.min(size - out.len());
        let packed = next_block(&mut rest)?;
        match packed.len() == wanted {
            true => out.extend_from_slice(packed),
            false => out.extend(unpack(packed, wanted)?),
        }
    }
    Ok(out)
}
