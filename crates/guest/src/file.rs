//! Files that are written whole or not at all.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Replaces a file's content in one step: a reader sees the old file or the new one, and so does
/// the machine after a power failure. The file belongs to the caller alone (mode 0600), for what
/// Hawser writes can hold secrets.
///
/// # Errors
/// The kernel's; the file is then as it was.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new()
        .prefix(".hawser-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The rename itself must survive a power failure too.
    fs::File::open(directory)?.sync_all()
}
