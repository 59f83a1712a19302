//! From an empty root to a system that can be worked on: kernel filesystems and modules. Whatever boots from
//! an initramfs of the lab does this.

use crate::error::Error;
use crate::reply::BootId;
use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Modules in the initramfs; their names sort in the order in which they have to be loaded.
const MODULES: &str = "/modules";

/// Mounts what the kernel shows of itself.
///
/// # Errors
/// [`Error::Mount`].
pub fn mount_filesystems() -> Result<(), Error> {
    for (filesystem, target) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        mount(Some(filesystem), target, Some(filesystem), MsFlags::empty(), None::<&str>)
            .map_err(|source| Error::Mount { filesystem, target, source })?;
    }
    Ok(())
}

/// Loads the modules of the initramfs.
///
/// # Errors
/// When there are none, or the kernel refuses one.
pub fn load_modules() -> Result<(), Error> {
    let listing = fs::read_dir(MODULES).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = listing.map_err(|source| Error::Read { path: MODULES.into(), source })?;
    let mut modules: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    modules.sort();
    modules.iter().try_for_each(|path| load(path))
}

fn load(path: &Path) -> Result<(), Error> {
    let file = File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    match finit_module(file, c"", ModuleInitFlags::empty()) {
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(source) => Err(Error::Module { path: path.to_owned(), source }),
    }
}

pub(crate) fn boot_id() -> Result<BootId, Error> {
    let path = Path::new("/proc/sys/kernel/random/boot_id");
    let text =
        fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let content =
        |_| Error::Content { path: path.to_owned(), found: text.clone(), expected: "a UUID" };
    text.trim().parse().map_err(content)
}
