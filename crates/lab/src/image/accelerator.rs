use super::{COMMAND_LINE, Image};
use exec::{Deadline, Tool};
use std::path::Path;
use std::time::Duration;

/// How long a guest may take to boot under KVM until KVM counts as unusable. It takes about a second.
const TRIAL: Duration = Duration::from_secs(5);

/// How often the trial's console is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What runs the guest's processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// The host's processor, through `/dev/kvm`.
    Kvm,
    /// QEMU's own emulation: slow, but it works everywhere.
    Emulation,
}

impl Accelerator {
    /// As [`Accelerator::detect`], but once per boot of the host: what was found is kept in `cache`.
    ///
    /// # Errors
    /// As [`Accelerator::detect`].
    pub fn known(image: &Image, cache: &Path, deadline: Deadline) -> Result<Self, super::Error> {
        let note = cache.join("accelerator");
        let boot = super::file::read(Path::new("/proc/sys/kernel/random/boot_id"))?;
        let boot = String::from_utf8_lossy(&boot).trim().to_owned();
        let line = |it: Self| format!("{boot} {it:?}");
        let found = super::file::read(&note).unwrap_or_default();
        for known in [Self::Kvm, Self::Emulation] {
            if found == line(known).into_bytes() {
                return Ok(known);
            }
        }
        let detected = Self::detect(image, deadline)?;
        super::write_atomically(&note, line(detected).as_bytes())?;
        Ok(detected)
    }

    /// Finds out by booting the guest under KVM once: a `/dev/kvm` that is there may still boot
    /// nothing, as under some nested hypervisors.
    ///
    /// # Errors
    /// When QEMU is missing or a file for its console cannot be made. That KVM does not work is no error.
    pub fn detect(image: &Image, deadline: Deadline) -> Result<Self, super::Error> {
        if !Path::new("/dev/kvm").exists() {
            return Ok(Self::Emulation);
        }
        let directory = tempfile::tempdir().map_err(super::Error::write(&std::env::temp_dir()))?;
        let console = directory.path().join("console");
        let mut qemu = Tool::new("qemu-system-x86_64")
            .args(["-machine", "pc,accel=kvm", "-m", "96", "-nodefaults", "-display", "none"])
            .arg("-kernel")
            .arg(&image.kernel)
            .arg("-initrd")
            .arg(&image.initramfs)
            .args(["-append", COMMAND_LINE, "-no-reboot", "-serial"])
            .arg(format!("file:{}", console.display()))
            .spawn(None)?;
        let deadline = deadline.slice(TRIAL);
        let mut booted = false;
        while !booted && qemu.ended().is_none() && deadline.pause(LOOK) {
            let seen = std::fs::read(&console).unwrap_or_default();
            booted = String::from_utf8_lossy(&seen).contains(lab_guest::READY);
        }
        qemu.kill();
        Ok(if booted { Self::Kvm } else { Self::Emulation })
    }
}
