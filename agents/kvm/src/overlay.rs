//! The copy-on-write overlay of a guest that runs on a shared, unchanging image.

use crate::config::Config;
use crate::error::Error;
use exec::{Deadline, Tool};
use std::path::Path;

/// Makes the overlay if it is wanted and there is none, or a new one if the guest is to be stateless.
pub fn prepare(config: &Config, by: Deadline) -> Result<(), Error> {
    let Some(backing) = &config.backingfile else { return Ok(()) };
    let overlay = config.config.with_extension("qcow2");
    let present = overlay.metadata().is_ok_and(|it| it.len() > 0);
    if present && !config.stateless {
        return Ok(());
    }
    // Under its own name it must never be seen half made: the next start would use it.
    let new = overlay.with_extension("qcow2.new");
    create(&new, backing, by)?;
    if !config.copyindirs.is_empty() {
        Tool::new("virt-copy-in")
            .arg("-a")
            .arg(&new)
            .args(&config.copyindirs)
            .arg("/")
            .run(by)
            .map_err(|source| Error::CopyIn { overlay: new.clone(), source })?;
    }
    std::fs::rename(&new, &overlay).map_err(|source| Error::Write { path: overlay, source })
}

/// Makes an overlay that names the format of what is below it: QEMU refuses to guess it since 6.1, because
/// a guest could write another format's header to a raw image.
fn create(overlay: &Path, backing: &Path, by: Deadline) -> Result<(), Error> {
    let failed = |source| Error::Overlay {
        overlay: overlay.to_owned(),
        backing: backing.to_owned(),
        source,
    };
    let info = Tool::new("qemu-img")
        .args(["info", "--force-share", "--output=json"])
        .arg(backing)
        .run(by)
        .map_err(failed)?;
    let json: serde_json::Value = serde_json::from_slice(&info.stdout).unwrap_or_default();
    let format = json["format"]
        .as_str()
        .ok_or_else(|| Error::ImageFormat { backing: backing.to_owned(), found: info.text() })?;
    Tool::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2", "-F", format, "-b"])
        .args([backing, overlay])
        .run(by)
        .map(drop)
        .map_err(failed)
}
