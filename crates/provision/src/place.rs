use crate::error::{Error, Result};
use crate::lock;
use crate::lvm::Group;
use exec::Deadline;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// Where a volume and its other generations are.
#[derive(Debug)]
pub enum Place {
    /// They are files in a directory.
    Directory(PathBuf),
    /// They are logical volumes of a group.
    Group(Group),
}

impl Place {
    /// The directory of a file, and the file's name.
    pub fn of_file(path: &Path) -> (Self, String) {
        let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (Self::Directory(directory), name)
    }

    /// The path of what has that name there.
    pub fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::Directory(directory) => directory.join(name),
            Self::Group(group) => group.path(name),
        }
    }

    /// The names of all that is there.
    pub fn names(&self, by: Deadline) -> Result<Vec<String>> {
        match self {
            Self::Group(group) => group.names(by),
            Self::Directory(directory) => bound(by, "list", directory, |directory| {
                let entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
                Ok(entries.iter().filter_map(|it| it.file_name().into_string().ok()).collect())
            }),
        }
    }

    /// Gives something another name, for good; nothing has that name.
    pub fn rename(&self, from: &str, to: &str, by: Deadline) -> Result<()> {
        match self {
            Self::Group(group) => group.rename(from, to, by),
            Self::Directory(directory) => {
                let to = self.path(to);
                bound(by, "rename", &self.path(from), move |from| fs::rename(from, to))?;
                // The rename itself must survive a power failure too.
                bound(by, "sync", directory, |directory| File::open(directory)?.sync_all())
            }
        }
    }

    /// Removes something.
    pub fn remove(&self, name: &str, by: Deadline) -> Result<()> {
        match self {
            Self::Directory(_) => {
                bound(by, "remove", &self.path(name), |path| fs::remove_file(path))
            }
            Self::Group(group) => group.remove(name, by),
        }
    }

    /// Sees to it that what was made is on the disk, and for who uses `like`, if that is there: without it, for root
    /// alone, from whom libvirt gives it to a guest.
    pub fn settle(&self, name: &str, like: &str, by: Deadline) -> Result<()> {
        let (is_file, like) = (matches!(self, Self::Directory(_)), self.path(like));
        bound(by, "write", &self.path(name), move |path| {
            let file = File::open(path)?;
            if is_file {
                adopt(&file, path, &like)?;
            }
            file.sync_all()
        })
    }

    /// Whether what has that name can be replaced by what is made there.
    pub fn check(&self, name: &str, by: Deadline) -> Result<()> {
        let path = self.path(name);
        match self {
            Self::Group(_) => Ok(()),
            Self::Directory(_) => {
                let found = bound(by, "look at", &path, |path| path.symlink_metadata())?;
                if found.is_file() { Ok(()) } else { Err(Error::NotAFile { path }) }
            }
        }
    }

    /// Refuses a volume that QEMU writes to for somebody.
    pub fn check_unused(&self, name: &str, by: Deadline) -> Result<()> {
        let path = self.path(name);
        let used = bound(by, "look at", &path, |path| lock::is_written(&File::open(path)?))?;
        if used { Err(Error::InUse { path }) } else { Ok(()) }
    }
}

fn adopt(file: &File, path: &Path, like: &Path) -> io::Result<()> {
    let mode = match like.symlink_metadata() {
        Ok(like) => {
            chown(path, Some(like.uid()), Some(like.gid()))?;
            like.mode() & 0o7777
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0o600,
        Err(error) => return Err(error),
    };
    file.set_permissions(Permissions::from_mode(mode))
}

/// Does something with a file that may be on a share whose server is gone: that cannot be interrupted.
fn bound<T: Send + 'static>(
    by: Deadline,
    verb: &'static str,
    path: &Path,
    call: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let file = path.to_owned();
    let done = by.bound(move || call(&file));
    done.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into())).map_err(|source| Error::File {
        verb,
        path: path.to_owned(),
        source,
    })
}
