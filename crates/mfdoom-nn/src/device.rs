//! Choosing the device by name.

use candle_core::{Device, Error, Result, utils};

/// Opens `auto`, `cpu`, `cuda`, `cuda:N` or `metal`.
///
/// `auto` takes the first GPU that this build can drive and otherwise the CPU. Where a GPU was asked for, or built
/// for, and none can be used, it is the CPU, and the second value is a line that says why.
///
/// # Errors
/// An unknown name.
///
/// ```
/// let (device, note) = mfdoom_nn::device::open("cpu")?;
/// assert!(device.is_cpu() && note.is_none());
/// assert!(mfdoom_nn::device::open("abacus").is_err());
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn open(choice: &str) -> Result<(Device, Option<String>)> {
    match choice {
        "cpu" => Ok((Device::Cpu, None)),
        "auto" if utils::cuda_is_available() => Ok(or_cpu(cuda(0))),
        "auto" if utils::metal_is_available() => Ok(or_cpu(metal())),
        "auto" => Ok((Device::Cpu, None)),
        "metal" => Ok(or_cpu(metal())),
        "cuda" => Ok(or_cpu(cuda(0))),
        _ => match choice.strip_prefix("cuda:").and_then(|n| n.parse().ok()) {
            Some(number) => Ok(or_cpu(cuda(number))),
            None => {
                Err(Error::Msg(format!("unknown device '{choice}': wanted auto, cpu, cuda, cuda:N or metal")))
            }
        },
    }
}

fn or_cpu(opened: Result<Device>) -> (Device, Option<String>) {
    match opened {
        Ok(device) => (device, None),
        Err(error) => {
            let reason = error.to_string();
            let line = reason.lines().next().unwrap_or_default();
            (Device::Cpu, Some(format!("no usable GPU ({line}): running on the CPU")))
        }
    }
}

fn cuda(number: usize) -> Result<Device> {
    match utils::cuda_is_available() {
        true => Device::new_cuda(number),
        false => Err(Error::Msg("built without --features cuda".into())),
    }
}

fn metal() -> Result<Device> {
    match utils::metal_is_available() {
        true => Device::new_metal(0),
        false => Err(Error::Msg("built without --features metal".into())),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_cannot_be_used_is_the_cpu_and_one_line() {
        let (device, note) = super::open("cuda:999").unwrap();
        assert!(device.is_cpu());
        let note = note.unwrap();
        assert!(note.starts_with("no usable GPU (") && note.ends_with("): running on the CPU"), "{note}");
        assert_eq!(note.lines().count(), 1);
        for choice in ["cuda:", "cuda:x", "gpu", ""] {
            assert!(super::open(choice).is_err(), "{choice}");
        }
    }
}
