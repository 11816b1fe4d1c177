//! Choosing the device by name.

use crate::memory::keep_freed_memory;
use candle_core::{Device, Result, bail, utils};

/// Opens `auto`, `cpu`, `cuda`, `cuda:N` or `metal`.
///
/// `auto` takes the first GPU that this build can drive and otherwise the CPU; where a GPU build falls back,
/// the second value is a line that says so.
///
/// # Errors
/// An unknown name, a device that this build cannot drive, a device that does not open.
///
/// ```
/// let (device, note) = mfdoom_nn::device::open("cpu")?;
/// assert!(device.is_cpu() && note.is_none());
/// assert!(mfdoom_nn::device::open("abacus").is_err());
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn open(choice: &str) -> Result<(Device, Option<String>)> {
    let opened = choose(choice)?;
    if opened.0.is_cpu() {
        keep_freed_memory();
    }
    Ok(opened)
}

fn choose(choice: &str) -> Result<(Device, Option<String>)> {
    match choice {
        "cpu" => Ok((Device::Cpu, None)),
        "auto" => Ok(automatic()),
        "metal" => Ok((metal()?, None)),
        _ => match choice.strip_prefix("cuda") {
            Some("") => Ok((cuda(0)?, None)),
            Some(rest) => match rest.strip_prefix(':').and_then(|n| n.parse().ok()) {
                Some(number) => Ok((cuda(number)?, None)),
                None => unknown(choice),
            },
            None => unknown(choice),
        },
    }
}

fn unknown(choice: &str) -> Result<(Device, Option<String>)> {
    bail!("unknown device '{choice}': wanted auto, cpu, cuda, cuda:N or metal")
}

fn automatic() -> (Device, Option<String>) {
    let opened = if utils::cuda_is_available() {
        cuda(0)
    } else if utils::metal_is_available() {
        metal()
    } else {
        return (Device::Cpu, None);
    };
    match opened {
        Ok(device) => (device, None),
        Err(error) => {
            let reason = error.to_string();
            let line = reason.lines().next().unwrap_or_default().to_owned();
            (Device::Cpu, Some(format!("no usable GPU ({line}): running on the CPU")))
        }
    }
}

fn cuda(number: usize) -> Result<Device> {
    if !utils::cuda_is_available() {
        bail!("this build cannot use CUDA: build with --features cuda, or choose --device cpu");
    }
    Device::new_cuda(number)
}

fn metal() -> Result<Device> {
    if !utils::metal_is_available() {
        bail!("this build cannot use Metal: build with --features metal, or choose --device cpu");
    }
    Device::new_metal(0)
}
