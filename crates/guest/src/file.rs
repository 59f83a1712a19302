//! Files that are written whole or not at all.

use std::fs::{self, Permissions};
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
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new().prefix(".hawser-").tempfile_in(directory)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The rename itself must survive a power failure too.
    fs::File::open(directory)?.sync_all()
}
