use crate::error::{Error, Result};
use crate::volume::Note;
use exec::{Deadline, Tool};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A disk image, as qemu-img knows it.
#[derive(Debug)]
pub struct Image {
    path: PathBuf,
    format: String,
    /// The size that a guest sees, in bytes.
    pub size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Info {
    format: String,
    virtual_size: u64,
}

impl Image {
    /// Looks at an image.
    ///
    /// # Errors
    /// [`Error::Tool`] and [`Error::Image`].
    pub fn look(path: &Path, by: Deadline) -> Result<Self> {
        let info = Tool::new("qemu-img").args(["info", "--force-share", "--output=json"]).arg(path);
        let info = info.run(by).map_err(failed("look at", path))?;
        let Info { format, virtual_size } = serde_json::from_slice(&info.stdout)
            .map_err(|_| Error::Image { path: path.to_owned(), found: info.text() })?;
        Ok(Self { path: path.to_owned(), format, size: virtual_size })
    }

    /// Makes an overlay of that size, in bytes: an image in qcow2 with what is written to it, over this one. It names the
    /// format of what is below it: QEMU refuses to guess it since 6.1, because a guest could write another format's
    /// header to a raw image.
    ///
    /// # Errors
    /// [`Error::Tool`].
    pub fn overlay(&self, overlay: &Path, size: u64, by: Deadline) -> Result<()> {
        Tool::new("qemu-img")
            .args(["create", "-q", "-f", "qcow2", "-F", &self.format, "-b"])
            .args([&self.path, overlay])
            .arg(size.to_string())
            .run(by)
            .map(drop)
            .map_err(failed("make", overlay))
    }

    /// Copies it to a file that is not there yet, and makes that so large, in bytes.
    pub(crate) fn copy_to(
        &self,
        file: &Path,
        size: u64,
        by: Deadline,
        note: Note<'_>,
    ) -> Result<()> {
        self.convert(&["-O", &self.format], file, by, &mut in_tenths(file, note))?;
        if size == self.size {
            return Ok(());
        }
        let resize = Tool::new("qemu-img").args(["resize", "-q", "-f", &self.format]).arg(file);
        resize.arg(size.to_string()).run(by).map(drop).map_err(failed("grow", file))
    }

    /// Copies what a guest sees of it to a device, which may have anything on it.
    pub(crate) fn write_to(&self, device: &Path, by: Deadline, note: Note<'_>) -> Result<()> {
        self.convert(&["-n", "-O", "raw"], device, by, &mut in_tenths(device, note))
    }

    /// Copies what a guest sees of it to a raw file, whatever that has on it, and tells how far it has come, in percent.
    ///
    /// # Errors
    /// [`Error::Tool`].
    pub fn flatten(&self, file: &Path, by: Deadline, progress: &mut dyn FnMut(u8)) -> Result<()> {
        self.convert(&["-O", "raw"], file, by, progress)
    }

    /// It ends with this process: nobody could tell when it is done.
    fn convert(
        &self,
        how: &[&str],
        to: &Path,
        by: Deadline,
        progress: &mut dyn FnMut(u8),
    ) -> Result<()> {
        let convert = Tool::new("qemu-img").args(["convert", "-p", "-f", &self.format]).args(how);
        let convert = convert.args([&self.path, to]).ends_with_us();
        let mut show = |text: &[u8]| percent(text).into_iter().for_each(&mut *progress);
        convert.follow(by, &mut show).map(drop).map_err(failed("make", to))
    }
}

/// Notes each further tenth of a copy.
fn in_tenths<'a>(to: &'a Path, note: Note<'a>) -> impl FnMut(u8) + 'a {
    let mut told = 0;
    move |percent| {
        let tenths = percent / 10;
        if tenths > told {
            told = tenths;
            note(format_args!("{} is copied to {} %", to.display(), 10 * tenths));
        }
    }
}

/// How far qemu-img says that it has come, the last time in `    (12.34/100%)`.
fn percent(text: &[u8]) -> Option<u8> {
    let text = String::from_utf8_lossy(text);
    let (before, _) = text.rsplit_once('/')?;
    before.rsplit_once('(')?.1.split('.').next()?.trim().parse().ok()
}

fn failed(verb: &'static str, path: &Path) -> impl FnOnce(exec::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Tool { verb, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_the_last_that_was_said() {
        for (said, done) in [
            ("", None),
            ("    (0.00/100%)\r", Some(0)),
            ("    (0.00/100%)\r    (41.02/100%)\r", Some(41)),
            ("    (99.00/100%)\r    (100.00/100%)\r", Some(100)),
            ("nonsense", None),
        ] {
            assert_eq!(percent(said.as_bytes()), done, "{said:?}");
        }
    }
}
