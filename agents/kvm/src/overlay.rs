//! The copy-on-write overlay of a guest that runs on a shared, unchanging image.

use crate::config::Config;
use crate::error::Error;
use exec::{Deadline, Tool};
use hypervisor::{Disk, Source};
use provision::Image;
use std::fs::File;
use std::path::{Path, PathBuf};
use tempfile::TempPath;

/// Whether a start makes the overlay: it is wanted and there is none, or the guest is to be stateless.
fn is_due(config: &Config) -> bool {
    let present = file(config).metadata().is_ok_and(|it| it.len() > 0);
    config.backingfile.is_some() && (config.stateless || !present)
}

fn file(config: &Config) -> PathBuf {
    config.settings.key.config.with_extension("qcow2")
}

/// Whether a start makes that file.
pub fn makes(config: &Config, path: &Path) -> bool {
    path == file(config) && is_due(config)
}

/// The image that a start makes the overlay on, as a disk of the guest's.
pub fn backing(config: &Config) -> Option<Disk> {
    let source = Source::Path(config.backingfile.clone().filter(|_| is_due(config))?);
    let name = "backingfile".to_owned();
    Some(Disk { name, source, writable: false, optional: false })
}

/// Makes the overlay if it is due.
pub fn prepare(config: &Config, by: Deadline) -> Result<(), Error> {
    let Some(backing) = config.backingfile.as_ref().filter(|_| is_due(config)) else {
        return Ok(());
    };
    let overlay = file(config);
    let failed = |source| Error::Write { path: overlay.clone(), source };
    // Under its own name it must never be seen half made: the next start would use it.
    let new = TempPath::try_from_path(overlay.with_extension("qcow2.new")).map_err(failed)?;
    let made = Image::look(backing, by).and_then(|image| image.overlay(&new, image.size, by));
    made.map_err(|source| Error::Overlay { overlay: overlay.clone(), source })?;
    if !config.copyindirs.is_empty() {
        copy_in(&config.copyindirs, &new, by)?;
    }
    File::open(&new).and_then(|file| file.sync_all()).map_err(failed)?;
    new.persist(&overlay).map_err(|error| failed(error.error))
}

/// Copies files to the root of the file systems in an overlay. The appliance that libguestfs boots for that
/// is not to be a guest of libvirt's, which is the default of some distributions: that needs a daemon, and
/// a home directory.
fn copy_in(files: &[String], overlay: &Path, by: Deadline) -> Result<(), Error> {
    Tool::new("virt-copy-in")
        .env("LIBGUESTFS_BACKEND", "direct")
        .arg("-a")
        .arg(overlay)
        .arg("--")
        .args(files)
        .arg("/")
        .run(by)
        .map(drop)
        .map_err(|source| Error::CopyIn { overlay: overlay.to_owned(), source })
}
