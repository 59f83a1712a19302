use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_UNLCK, F_WRLCK, SEEK_SET, flock};
use std::fs::File;
use std::io;

/// The byte that everyone who may write to an image has a lock on: QEMU's block/file-posix.c, `RAW_LOCK_PERM_BASE` and the
/// bit of `BLK_PERM_WRITE`. It is the same in all versions since 2.10, which must know of each other.
const WRITER: i64 = 100 + 1;

/// Whether a QEMU, or a tool of its, has an image open to write to it.
///
/// # Errors
/// The kernel's.
pub fn is_written(image: &File) -> io::Result<bool> {
    let (write, start) = (F_WRLCK as i16, SEEK_SET as i16);
    let mut lock = flock { l_type: write, l_whence: start, l_start: WRITER, l_len: 1, l_pid: 0 };
    fcntl(image, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(lock.l_type != F_UNLCK as i16)
}
