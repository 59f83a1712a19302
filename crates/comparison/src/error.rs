use std::io;
use std::path::PathBuf;

/// Ways in which a comparison can fail, as opposed to the agents that it compares.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The lab failed.
    #[error(transparent)]
    Lab(#[from] lab::Error),
    /// A program could not be run.
    #[error(transparent)]
    Tool(#[from] exec::Error),
    /// What is to be measured did not succeed, so its figures would be worth nothing.
    #[error(
        "{what} did not succeed; the node's logs are gone with the lab, hawser faults shows more"
    )]
    Unsuccessful {
        /// What was done.
        what: String,
    },
    /// A file cannot be put on the lab's shared storage.
    #[error("cannot write {}", .path.display())]
    Install {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A file of the lab cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The part of the benchmark that runs in a node is of another version, or ended early.
    #[error("the benchmark in the node and the one here do not understand each other")]
    Worker(#[source] serde_json::Error),
    /// The kernel does not tell what a process used.
    #[error("cannot learn what a process used")]
    Usage(#[source] nix::Error),
    /// A guest's QEMU does not answer on its monitor.
    #[error("QEMU's monitor {} does not answer; its log is beside it", .path.display())]
    Monitor {
        /// The monitor's socket.
        path: PathBuf,
        /// What the socket said.
        source: io::Error,
    },
    /// A guest's QEMU refuses to do something.
    #[error("QEMU refused {command}: {said}")]
    Command {
        /// What it was to do.
        command: String,
        /// Its own words.
        said: String,
    },
    /// Not a fault of the table.
    #[error("fault {found:?} is not one of: {}", .known.join(", "))]
    UnknownFault {
        /// What was given.
        found: String,
        /// Those that there are.
        known: Vec<&'static str>,
    },
    /// Not a load.
    #[error(
        "load {found:?} is neither idle nor a percentage of the link, such as 25, from 1 to 999"
    )]
    BadLoad {
        /// What was given.
        found: String,
    },
}
