//! From the choice of `--device` to a device of the tensor library.

use candle_core::Device;
use mfdoom_nn::device::Choice;

/// Opens the device that was chosen; where it cannot be used, warns and takes the CPU.
///
/// On the CPU freed pages are kept from here on: a step frees tensors that the next one wants again.
pub fn open_device(chosen: mfdoom_cli::Device) -> Device {
    let choice = match chosen {
        mfdoom_cli::Device::Auto => Choice::Auto,
        mfdoom_cli::Device::Cpu => Choice::Cpu,
        mfdoom_cli::Device::Cuda(ordinal) => Choice::Cuda(ordinal),
        mfdoom_cli::Device::Metal => Choice::Metal,
    };
    let (device, note) = mfdoom_nn::device::open(choice);
    if let Some(note) = note {
        tracing::warn!("{note}");
    }
    if device.is_cpu() {
        mfdoom_cli::keep_freed_pages();
    }
    device
}
