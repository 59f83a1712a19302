use crate::backing::{Backing, Kind};
use crate::device::Device;
use crate::mounts::{Mount, Mounts};
use crate::obstacle::Obstacle;
use exec::Deadline;
use nix::sys::stat::{major, minor};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

const SYSFS: &str = "/sys";

/// What this node has mounted, and with it what is behind its paths.
#[derive(Debug)]
pub struct Node {
    mounts: Mounts,
}

impl Node {
    pub fn here() -> Self {
        Self { mounts: Mounts::here() }
    }

    /// What a path is on, by names alone: nothing is asked of what may not answer.
    pub fn backing(&self, path: &Path) -> Backing {
        let named = Backing::by_name(path);
        match self.mounts.of(path) {
            Some(mount) if named.kind == Kind::File => Backing::new(Kind::File, &mount.system),
            _ => named,
        }
    }

    /// What a path is on, and what is in the way of using it. This walks the path, which may take for ever.
    pub fn examine(
        &self,
        path: &Path,
        writable: bool,
        by: Deadline,
    ) -> (Backing, Option<Obstacle>) {
        let (real, found) = match path.canonicalize().and_then(|real| Ok((real.metadata()?, real)))
        {
            Ok((found, real)) => (real, found),
            Err(cause) => return (self.backing(path), Some(self.absent(path, cause))),
        };
        if found.file_type().is_block_device() {
            return block_device(&found, path, writable, by);
        }
        // A server that is gone may still be in the cache; to open a file it is asked.
        if found.is_file()
            && let Err(cause) = File::open(&real)
        {
            return (self.backing(&real), Some(Obstacle::Unreadable { cause }));
        }
        let mount = self.mounts.of(&real).filter(|_| found.is_file() || found.is_dir());
        (self.backing(&real), mount.and_then(|mount| unusable(mount, writable, by)))
    }

    /// Why there is nothing at the path.
    fn absent(&self, path: &Path, cause: io::Error) -> Obstacle {
        if !matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
            return Obstacle::Unreadable { cause };
        }
        let expected = Backing::by_name(path);
        if expected.kind != Kind::File {
            return Obstacle::NoDevice { expected };
        }
        if let Some((point, system)) = self.mounts.missing(path) {
            return Obstacle::NotMounted { point, system };
        }
        let nearest = path.ancestors().skip(1).find(|it| it.is_dir()).unwrap_or(Path::new("/"));
        let mount = self.mounts.of(nearest);
        let system = mount.map_or_else(String::new, |mount| mount.system.clone());
        Obstacle::NoFile { nearest: nearest.to_owned(), system }
    }
}

fn block_device(
    found: &Metadata,
    path: &Path,
    writable: bool,
    by: Deadline,
) -> (Backing, Option<Obstacle>) {
    let number = (major(found.rdev()), minor(found.rdev()));
    match Device::of(Path::new(SYSFS), number) {
        Some(device) => (device.backing(), device.obstacle(writable, by)),
        None => (Backing::by_name(path), None),
    }
}

/// What is in the way of using the files of a file system.
fn unusable(mount: &Mount, writable: bool, by: Deadline) -> Option<Obstacle> {
    if writable && mount.read_only {
        return Some(Obstacle::ReadOnly { what: mount.system.clone() });
    }
    Device::of(Path::new(SYSFS), mount.device)?.obstacle(false, by)
}
