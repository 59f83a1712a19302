//! Serial ports between a machine and its host, which virtio names.

use crate::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

const PORTS: &str = "/sys/class/virtio-ports";

/// Opens the port of a name; none when the machine has no such port.
///
/// # Errors
/// [`Error::Read`] when there is one and it cannot be opened.
pub fn open(name: &str) -> Result<Option<File>, Error> {
    let Some(path) = find(name)? else { return Ok(None) };
    let opened = File::options().read(true).write(true).open(&path);
    opened.map(Some).map_err(|source| Error::Read { path, source })
}

fn find(wanted: &str) -> Result<Option<PathBuf>, Error> {
    let directory = Path::new(PORTS);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Read { path: directory.to_owned(), source }),
    };
    let is_it = |entry: &fs::DirEntry| {
        fs::read_to_string(entry.path().join("name")).is_ok_and(|name| name.trim() == wanted)
    };
    Ok(entries.flatten().find(is_it).map(|entry| Path::new("/dev").join(entry.file_name())))
}
