use std::io;
use std::path::PathBuf;

/// The result of something done with a recipe.
pub type Result<T> = std::result::Result<T, Error>;

/// Ways in which making a guest's volumes can fail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The recipe, or a file that it names, is not there to be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The kernel's words.
        source: io::Error,
    },
    /// The recipe makes no sense.
    #[error("recipe {}", .path.display())]
    Recipe {
        /// The recipe.
        path: PathBuf,
        /// What is wrong with it.
        source: Flaw,
    },
    /// The recipe cannot be had for one process alone.
    #[error(
        "cannot lock recipe {}; if another process works on it, wait until that has ended", .path.display()
    )]
    Busy {
        /// The recipe.
        path: PathBuf,
        /// The kernel's words.
        source: io::Error,
    },
    /// An id that no name can have in it.
    #[error("{found:?} is no id of a reinstallation; expected 1 to 40 letters, digits, and . - _")]
    Id {
        /// What was given.
        found: String,
    },
    /// The kernel did not do something to a file.
    #[error("cannot {verb} {}", .path.display())]
    File {
        /// What was to be done.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// The kernel's words.
        source: io::Error,
    },
    /// There is something else where a disk is to be.
    #[error(
        "{} is no regular file, and method copy and method backing make files; name the file itself, or use method lvm",
        .path.display()
    )]
    NotAFile {
        /// Where.
        path: PathBuf,
    },
    /// A tool did not make what it was to make.
    #[error("cannot {verb} {}", .path.display())]
    Tool {
        /// What was to be done.
        verb: &'static str,
        /// With what.
        path: PathBuf,
        /// How the tool ended.
        source: exec::Error,
    },
    /// The volume is in use.
    #[error("{} is in use: a guest runs on it, or a program of QEMU's writes to it; stop that first", .path.display())]
    InUse {
        /// The volume.
        path: PathBuf,
    },
    /// An installer ended without having installed a system.
    #[error(
        "the installer has put no system on {}: {found}; boot it by hand to see what it lacks", .path.display()
    )]
    NotInstalled {
        /// The disk.
        path: PathBuf,
        /// How it ended, or what there is.
        found: String,
    },
    /// What an image is cannot be told.
    #[error("cannot tell what the image {} is: qemu-img gave {found:?}", .path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// What qemu-img said.
        found: String,
    },
}

/// What is wrong with a recipe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// It is no TOML, or has what no recipe has.
    #[error("line {line} ({text:?}): {message}")]
    Syntax {
        /// The line's number, from 1.
        line: usize,
        /// The line.
        text: String,
        /// What is wrong with it.
        message: String,
    },
    /// There is nothing to make.
    #[error(
        "it names no disk; expected a [[disk]] with path, and template and method or an installer"
    )]
    NoDisk,
    /// A path is none that means the same everywhere.
    #[error("{} is no path; expected an absolute one without . and ..", .path.display())]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// What is made there would be lost with the node's memory.
    #[error("{} is below /dev, and would be a file in memory; only method lvm makes disks there", .path.display())]
    Device {
        /// The path.
        path: PathBuf,
    },
    /// Method lvm needs a logical volume.
    #[error("{} is no logical volume's path; with method lvm it is /dev/GROUP/VOLUME", .path.display())]
    NoLogicalVolume {
        /// The path.
        path: PathBuf,
    },
    /// What it makes is also what it makes something from, or is made twice.
    #[error("{} is to be made, and is named a second time; nothing else may be done with it", .path.display())]
    Overwritten {
        /// The path.
        path: PathBuf,
    },
    /// A seed says the same in two ways.
    #[error("seed has {file} and {key}; expected one of them")]
    SeedTwice {
        /// The key of the file.
        file: &'static str,
        /// The key that stands for one.
        key: &'static str,
    },
    /// A seed gives the guest no name.
    #[error("seed has no hostname; expected that, or meta_data")]
    SeedWithoutName,
}

impl Error {
    /// Whether it is what this node has or lacks, so that another one may do better.
    #[must_use]
    pub fn is_of_this_node(&self) -> bool {
        match self {
            Self::Read { .. } | Self::Recipe { .. } | Self::NotAFile { .. } => true,
            Self::Tool { source, .. } => matches!(source, exec::Error::Missing { .. }),
            _ => false,
        }
    }
}
