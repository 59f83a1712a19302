//! The lab's guest as files: a kernel, an initramfs with the guest program in it, and the domain that
//! boots the two.
//!
//! Nothing is installed on the host: a Debian kernel package is unpacked in a cache directory, unless
//! the host has a fitting kernel already, and the initramfs is written by this crate itself.
//!
//! ```no_run
//! use exec::Deadline;
//! use lab::image::{self, Hypervisor, Image};
//! use std::path::Path;
//! use std::time::Duration;
//!
//! let deadline = Deadline::after(Duration::from_secs(120));
//! let program = image::guest_program()?;
//! let (shared, cache) = (Path::new("/srv/shared"), Path::new(image::CACHE));
//! let image = Image::build(shared, &program, Hypervisor::Kvm, cache, deadline)?;
//! # Ok::<(), image::Error>(())
//! ```

mod accelerator;
mod arguments;
mod cpio;
mod domain;
mod error;
mod file;
mod initramfs;
mod kernel;

pub use accelerator::Accelerator;
pub use domain::{Domain, MEMORY, MacAddress};
pub use error::Error;
pub(crate) use file::{list, write_atomically};
pub(crate) use initramfs::archive;
pub use kernel::Kernel;
pub(crate) use kernel::versions;

use exec::Deadline;
use std::path::{Path, PathBuf};

/// Where kernels are kept from one lab to the next, unless the caller says otherwise.
pub const CACHE: &str = "/var/cache/hawser/lab";

/// The kernel command line that every boot of the guest gets: no more than what keeps an emulated
/// processor from being slow (mitigations, address randomisation) or distrusted when its host is busy
/// (timer, TSC).
pub const COMMAND_LINE: &str =
    "console=ttyS0 quiet panic=-1 mitigations=off nokaslr no_timer_check tsc=reliable";

/// What a guest runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hypervisor {
    /// QEMU, with or without KVM.
    Kvm,
    /// Xen.
    Xen,
}

impl Hypervisor {
    fn modules(self) -> &'static [&'static str] {
        match self {
            Self::Kvm => kernel::KVM_MODULES,
            Self::Xen => kernel::XEN_MODULES,
        }
    }
}

/// The files that boot the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The kernel, as QEMU boots it directly.
    pub kernel: PathBuf,
    /// The initramfs: the guest program, its libraries and the kernel's modules.
    pub initramfs: PathBuf,
}

impl Image {
    /// Writes both files into `directory`, which the nodes share. `program` is the guest's PID 1 (see
    /// [`guest_program`]); `cache` keeps the unpacked kernel package for the next time. Files that are
    /// there already are replaced as a whole, so that guests that run from them are not disturbed.
    ///
    /// # Errors
    /// [`Error::NoKernel`] when the host has no fitting kernel and none can be fetched; otherwise what
    /// failed to be read, unpacked or written.
    pub fn build(
        directory: &Path,
        program: &Path,
        hypervisor: Hypervisor,
        cache: &Path,
        deadline: Deadline,
    ) -> Result<Self, Error> {
        let kernel = Kernel::obtain(cache, hypervisor.modules(), deadline)?;
        let archive = initramfs::archive(program, &kernel, deadline)?;
        let image =
            Self { kernel: directory.join("vmlinuz"), initramfs: directory.join("initramfs") };
        write_atomically(&image.kernel, &file::read(&kernel.image)?)?;
        write_atomically(&image.initramfs, &archive)?;
        Ok(image)
    }
}

/// Where the guest program is: beside this program as cargo builds it, or in the `libexec/hawser` that
/// belongs to the `bin` this program is installed in.
///
/// # Errors
/// [`Error::NoProgram`] with the places that were looked at.
pub fn guest_program() -> Result<PathBuf, Error> {
    let own = Path::new("/proc/self/exe");
    let own = own.read_link().map_err(|source| Error::Read { path: own.to_owned(), source })?;
    let near = |up: usize, name: &str| own.ancestors().nth(up).map(|it| it.join(name));
    let places: Vec<PathBuf> =
        [near(1, "lab-guest"), near(2, "libexec/hawser/lab-guest"), near(2, "lab-guest")]
            .into_iter()
            .flatten()
            .collect();
    places.iter().find(|it| it.is_file()).cloned().ok_or(Error::NoProgram { places })
}
