use super::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Reads a whole file.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(Error::read(path))
}

/// The paths in a directory, sorted.
pub fn list(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let mut paths: Vec<PathBuf> =
        entries.map_err(Error::read(directory))?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// Writes a file that everybody may read so that its path shows the old content or the new, never a part.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<(), Error> {
    ::file::replace(path, content, 0o644).map_err(Error::write(path))
}
