use crate::machine::Machine;
use crate::{Error, Result};
use std::path::PathBuf;
use std::str::FromStr;

/// What is to become a guest.
#[derive(Debug, Clone)]
pub enum Source {
    /// A machine that runs: `ssh://[USER@]HOST[:PORT]`.
    Machine(Machine),
    /// The path of a disk image that qemu-img reads.
    Image(PathBuf),
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.strip_prefix("ssh://") {
            Some(address) => Machine::at(address).map(Self::Machine),
            None => Ok(Self::Image(PathBuf::from(text))),
        }
    }
}

impl Source {
    /// The same, with a file that has the key for ssh.
    #[must_use]
    pub fn with_identity(self, identity: Option<PathBuf>) -> Self {
        match self {
            Self::Machine(machine) => Self::Machine(machine.with_identity(identity)),
            image => image,
        }
    }
}
