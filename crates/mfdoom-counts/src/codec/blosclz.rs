//! BloscLZ: runs of literals, and copies of what came before.

/// Farthest copy that two bytes describe; farther ones take two more.
const FAR: usize = 8191;

/// Unpacks a stream of a known size.
pub(crate) fn unpack(data: &[u8], size: usize) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(size);
    let mut bytes = data.iter().copied();
    let mut next = || bytes.next().ok_or("cut off");
    // The first byte has no length of a copy: it begins with literals.
    let mut control = usize::from(next()? & 31);
    loop {
        if control < 32 {
            for _ in 0..=control {
                out.push(next()?);
            }
        } else {
            let mut n = (control >> 5) + 2;
            if control >> 5 == 7 {
                loop {
                    let more = next()?;
                    n += usize::from(more);
                    if more != 255 {
                        break;
                    }
                }
            }
            let (high, low) = (control & 31, usize::from(next()?));
            let back = match (high, low) {
                (31, 255) => (usize::from(next()?) << 8 | usize::from(next()?)) + FAR,
                _ => high << 8 | low,
            } + 1;
            let from = out.len().checked_sub(back).ok_or("a copy of what is not there")?;
            if out.len() + n > size {
                return Err(format!("more than {size} bytes"));
            }
            // What is copied may be what was copied just now.
            for at in from..from + n {
                out.push(out[at]);
            }
        }
        if out.len() > size {
            return Err(format!("more than {size} bytes"));
        }
        match next() {
            Ok(byte) => control = usize::from(byte),
            Err(_) => return Ok(out),
        }
    }
}
