//! Opening the device that was chosen.

use candle_core::{Device, Error, Result, utils};

/// Where tensors are to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The first GPU that this build can drive, otherwise the CPU.
    Auto,
    /// The processor.
    Cpu,
    /// A CUDA device, by ordinal.
    Cuda(usize),
    /// Apple's GPU.
    Metal,
}

/// Opens a device.
///
/// Where a GPU was asked for, or built for, and none can be used, it is the CPU, and the second value is a line that
/// says why.
///
/// ```
/// use mfdoom_nn::device::{Choice, open};
///
/// let (device, note) = open(Choice::Cpu);
/// assert!(device.is_cpu() && note.is_none());
/// ```
pub fn open(choice: Choice) -> (Device, Option<String>) {
    match choice {
        Choice::Cpu => (Device::Cpu, None),
        Choice::Auto if utils::cuda_is_available() => or_cpu(cuda(0)),
        Choice::Auto if utils::metal_is_available() => or_cpu(metal()),
        Choice::Auto => (Device::Cpu, None),
        Choice::Metal => or_cpu(metal()),
        Choice::Cuda(ordinal) => or_cpu(cuda(ordinal)),
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
    use super::{Choice, open};

    #[test]
    fn what_cannot_be_used_is_the_cpu_and_one_line() {
        let (device, note) = open(Choice::Cuda(999));
        assert!(device.is_cpu());
        let note = note.unwrap();
        assert!(note.starts_with("no usable GPU (") && note.ends_with("): running on the CPU"), "{note}");
        assert_eq!(note.lines().count(), 1);
    }
}
