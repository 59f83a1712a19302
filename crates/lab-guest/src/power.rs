//! How the guest ends: by its power button, by an order, or by a crash.

use crate::error::Error;
use crate::options::Options;
use nix::sys::reboot::{RebootMode, reboot};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::thread;

/// `struct input_event` of linux/input.h on a 64 bit machine: time, type, code, value.
const EVENT: usize = 24;
const EV_KEY: u16 = 1;
const KEY_POWER: u16 = 116;

/// Powers off when the ACPI power button is pressed. Every input device is listened to: which one is
/// the button is the kernel's business.
pub fn watch_button() -> Result<(), Error> {
    let directory = Path::new("/dev/input");
    let failed = |source| Error::Read { path: directory.to_owned(), source };
    let entries = match fs::read_dir(directory) {
        // A guest on Xen has no button: it is told by its kernel.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(b"event") {
            let device = File::open(entry.path()).map_err(failed)?;
            thread::spawn(move || wait_for_press(device));
        }
    }
    Ok(())
}

/// Ends the guest because its kernel was told to, unless it is to be deaf to that.
pub fn told(mode: RebootMode) -> Result<(), Error> {
    if Options::read()?.power_button {
        restart(mode);
    }
    Ok(())
}

fn wait_for_press(mut device: File) -> io::Result<()> {
    let mut event = [0; EVENT];
    loop {
        device.read_exact(&mut event)?;
        let kind = u16::from_ne_bytes([event[16], event[17]]);
        let code = u16::from_ne_bytes([event[18], event[19]]);
        let pressed = event[20] == 1;
        if kind == EV_KEY && code == KEY_POWER && pressed {
            off();
        }
    }
}

/// Powers the guest off. Nothing is mounted that would have to be written back.
pub fn off() {
    restart(RebootMode::RB_POWER_OFF);
}

/// Ends the guest in the given mode. A kernel that refuses leaves it running: that is seen outside.
pub fn restart(mode: RebootMode) {
    let _ = reboot(mode);
}

/// Crashes the guest's kernel.
pub fn panic() -> io::Result<()> {
    fs::write("/proc/sysrq-trigger", "c")
}
