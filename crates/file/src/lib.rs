//! Files that are written whole or not at all, and locks on files.

mod lock;

pub use lock::lock;
pub use nix::fcntl::Flock;

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Replaces a file's content in one step: a reader sees the old file or the new one, and so does
/// the machine after a power failure. `mode` is the new file's, whatever the umask: 0600 for what can
/// hold secrets, such as a guest's definition.
///
/// # Errors
/// The kernel's; the file is then as it was.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let named = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = named.unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".hawser-").tempfile_in(directory)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The rename itself must survive a power failure too.
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_as_asked_for_and_nothing_else_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        std::fs::write(&path, "old").unwrap();
        replace(&path, b"new", 0o600).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_stays_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("a")).unwrap();
        assert!(replace(&directory.path().join("a"), b"new", 0o644).is_err());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
