use std::io;
use std::path::PathBuf;

/// Ways in which the guest can fail to be set up. Each ends PID 1 and thereby panics the guest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A kernel filesystem could not be mounted.
    #[error("cannot mount {filesystem} on {target}")]
    Mount {
        /// The filesystem's type.
        filesystem: &'static str,
        /// Where it belongs.
        target: &'static str,
        /// What the kernel said.
        source: nix::Error,
    },
    /// A file of the kernel or of the initramfs could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("{} holds {found:?}, expected {expected}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// The kernel refused a module of the initramfs: it is of another kernel, or loaded too early.
    #[error("cannot load kernel module {}", path.display())]
    Module {
        /// The module.
        path: PathBuf,
        /// What the kernel said.
        source: nix::Error,
    },
    /// An option on the kernel command line is wrong.
    #[error("kernel command line has {option}={value:?}, expected {expected}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// What it was to install is not on the disk.
    #[error("cannot write to the disk")]
    Install {
        /// What the kernel said.
        source: io::Error,
    },
    /// There is no network device, or it cannot be configured.
    #[error("cannot configure network device {device}")]
    Network {
        /// The device.
        device: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// A port cannot be listened on.
    #[error("cannot listen on port {port}")]
    Listen {
        /// The port.
        port: u16,
        /// What the kernel said.
        source: io::Error,
    },
}
