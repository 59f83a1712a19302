use std::io;
use std::path::PathBuf;

/// The result of a part of a conversion.
pub type Result<T> = std::result::Result<T, Error>;

/// Ways in which making a guest of something can fail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that would have to be quoted somewhere.
    #[error(
        "{found:?} is no name; expected 1 to 60 letters, digits, and . - _ that begin with a letter or a digit"
    )]
    Word {
        /// What was given.
        found: String,
    },
    /// A name that no resource can have.
    #[error("{found:?} cannot be a resource's name; expected one that begins with a letter")]
    Name {
        /// What was given.
        found: String,
    },
    /// An option that has no meaning for an image.
    #[error("{option} is for a machine that is copied; an image is taken as it is")]
    Meaningless {
        /// The option.
        option: &'static str,
    },
    /// An address that is none of a machine.
    #[error("ssh://{found} is no machine; expected ssh://[USER@]HOST[:PORT]")]
    Address {
        /// What was given.
        found: String,
    },
    /// A network interface that makes no sense.
    #[error("{found:?} is no interface; expected NAME or NAME=MAC, such as eno1=52:54:00:12:34:56")]
    Interface {
        /// What was given.
        found: String,
    },
    /// A directory that cannot be left out.
    #[error(
        "{found:?} is no directory that can be left out; expected an absolute path without . and .."
    )]
    Exclusion {
        /// What was given.
        found: String,
    },
    /// A directory whose name cannot stand in all that is written.
    #[error("{} cannot hold a guest's disk: its path is to have only letters, digits, and / . - _", .path.display())]
    Directory {
        /// The directory, with its whole path.
        path: PathBuf,
    },
    /// Somebody else than root.
    #[error("only root can make the file system of a guest; run this as root")]
    NotRoot,
    /// A program that is needed here is missing.
    #[error("a program is missing on this host")]
    Lack(#[source] exec::Error),
    /// The guest is there.
    #[error("{} is there; remove it, or give the guest another name", .path.display())]
    Exists {
        /// One of its files.
        path: PathBuf,
    },
    /// Somebody works on the disk.
    #[error("{} is in use, by another conversion or by what one that was killed has left; try again when that has ended", .path.display())]
    Busy {
        /// The disk.
        path: PathBuf,
    },
    /// ssh did not end.
    #[error("{machine} does not answer")]
    Silent {
        /// The machine.
        machine: String,
        /// How ssh ended.
        source: exec::Error,
    },
    /// ssh did not get there.
    #[error(
        "no way into {machine}: {said}; root's ssh on this host must get there without a question"
    )]
    NoWayIn {
        /// The machine.
        machine: String,
        /// What ssh said.
        said: String,
    },
    /// A program on the machine failed.
    #[error("`{command}` on {machine} failed: {said}")]
    Remote {
        /// The machine.
        machine: String,
        /// What was to be run.
        command: String,
        /// What was written to standard error.
        said: String,
    },
    /// A program printed something else than it should.
    #[error("cannot understand what {program} printed: {found:?}")]
    Answer {
        /// The program.
        program: &'static str,
        /// What it printed.
        found: String,
    },
    /// It cannot become a guest.
    #[error("{what} cannot become a guest")]
    Unsuitable {
        /// The machine or the image.
        what: String,
        /// Why.
        source: Flaw,
    },
    /// The disk is too small.
    #[error(
        "a disk of {size} bytes does not hold the {used} bytes that are used on the machine; expected at least {least}"
    )]
    TooSmall {
        /// What was asked for.
        size: u64,
        /// What is used there.
        used: u64,
        /// What it would take.
        least: u64,
    },
    /// There is no space.
    #[error("{} has {free} bytes free, and the copy needs about {needed}", .path.display())]
    NoSpace {
        /// The directory.
        path: PathBuf,
        /// What is free there.
        free: u64,
        /// What is needed.
        needed: u64,
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
    /// A program did not do something to a file.
    #[error("cannot {verb} {}", .path.display())]
    Tool {
        /// What was to be done.
        verb: &'static str,
        /// With what.
        path: PathBuf,
        /// How the program ended.
        source: exec::Error,
    },
    /// Files were not copied.
    #[error("cannot copy {directory} of the machine")]
    Copy {
        /// The file system.
        directory: String,
        /// How rsync ended.
        source: exec::Error,
    },
    /// The image cannot be read.
    #[error(transparent)]
    Image(#[from] provision::Error),
}

/// Why something cannot become a guest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// It has other processors.
    #[error("it is a machine of {found}; expected x86_64")]
    Architecture {
        /// What `uname -m` says.
        found: String,
    },
    /// It has no rsync.
    #[error("it has no rsync; install the package rsync on it")]
    NoRsync,
    /// Its boot loader cannot be made to start a guest.
    #[error(
        "it has no GRUB for BIOS; install grub-pc-bin (Debian) or grub2-pc (Fedora), which may be there beside one for EFI"
    )]
    NoBootLoader,
    /// Its initramfs would look for disks that the guest has not.
    #[error(
        "its initramfs is made by dracut, whose settings name its disks; only an image of it can become a guest yet"
    )]
    Dracut,
    /// It does not have what is to be stopped.
    #[error("it has no unit {unit}; see systemctl list-units there")]
    NoUnit {
        /// The unit.
        unit: String,
    },
    /// It has data that would be left behind.
    #[error(
        "it has {fstype} mounted on {target}, of which the files are not copied; leave it out with --exclude {target}"
    )]
    Foreign {
        /// Where it is mounted.
        target: String,
        /// What it is.
        fstype: String,
    },
    /// Its initramfs cannot be made anew.
    #[error(
        "it has neither update-initramfs nor dracut, and its initramfs must get virtio's drivers; install one of them"
    )]
    NoInitramfs,
    /// A file system would be copied to somewhere else.
    #[error(
        "{target}, where it has mounted a file system, is no directory of its root file system"
    )]
    Strays {
        /// Where it is mounted.
        target: String,
    },
    /// Nothing of it can be copied.
    #[error("its root file system is {found}; expected one on a disk of its own")]
    NoRoot {
        /// What is known of it.
        found: String,
    },
}

impl Error {
    /// The kernel did not do this to a file.
    pub(crate) fn file(
        verb: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { verb, path, source }
    }

    /// A program did not do this to a file.
    pub(crate) fn tool(
        verb: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(exec::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Tool { verb, path, source }
    }
}
