use std::fmt;
use std::path::{Path, PathBuf};

/// A guest's disk, or a drive with a medium in it, as the guest's definition names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// What the guest knows it by, such as `vda`.
    pub name: String,
    /// What is behind it.
    pub source: Source,
    /// Whether the guest may write to it.
    pub writable: bool,
    /// Whether the guest starts without it where it is not to be had.
    pub optional: bool,
}

/// What is behind a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file, a block device or a directory of the host.
    Path(PathBuf),
    /// A volume of a storage pool that the host's daemon knows.
    Volume {
        /// The pool's name.
        pool: String,
        /// The volume's name.
        volume: String,
    },
    /// An image that the emulator reaches through the network by itself.
    Network {
        /// How, by libvirt's name for it, such as `rbd`.
        protocol: String,
        /// The image's name there.
        image: String,
        /// The servers that were named, each with its port if that was. They may be named elsewhere.
        servers: Vec<(String, Option<u16>)>,
    },
    /// What only whoever attaches it can tell, such as a script.
    Opaque(String),
}

impl Disk {
    /// Its path on the host, if it has one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::Path(path) => Some(path),
            _ => None,
        }
    }
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.source)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Volume { pool, volume } => write!(f, "volume {volume} of storage pool {pool}"),
            Self::Network { protocol, image, .. } => write!(f, "{protocol}:{image}"),
            Self::Opaque(what) => f.write_str(what),
        }
    }
}
