use std::fmt;
use std::str::FromStr;

/// What the guest can be told on its control port, one command a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// `dirty RATE SIZE`: write `rate` MiB/s round and round over `size` MiB of memory. `dirty 0` ends
    /// the writing; the pages stay, and stay watched.
    Dirty {
        /// MiB per second, 0 to 65536.
        rate: u32,
        /// MiB, 1 to what the guest has left; a rate of 0 needs none.
        size: u32,
    },
    /// `check`: check every dirtied page now, then answer as `status` does.
    Check,
    /// `status`: answer with a [`crate::Status`].
    Status,
    /// `hang`: answer the host as the guest agent no more until the next boot, while all else goes on. It stands
    /// for a guest whose services are stuck.
    Hang,
    /// `panic`: crash the guest's kernel. There is no answer.
    Panic,
    /// `poweroff`: power the guest off. There is no answer.
    PowerOff,
    /// `disk read SIZE`: read `size` MiB from the guest's first disk, past every cache.
    DiskRead {
        /// MiB, from the disk's beginning and round again.
        size: u32,
    },
    /// `disk write SIZE`: write `size` MiB to the guest's first disk, past every cache.
    DiskWrite {
        /// MiB, from the disk's beginning and round again.
        size: u32,
    },
}

/// A line that is no [`Command`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "command {0:?} is not one of: dirty RATE_MIB_S SIZE_MIB, dirty 0, check, status, hang, panic, \
     poweroff, disk read SIZE_MIB, disk write SIZE_MIB"
)]
pub struct BadCommand(String);

impl FromStr for Command {
    type Err = BadCommand;

    fn from_str(line: &str) -> Result<Self, BadCommand> {
        let bad = || BadCommand(line.trim().to_owned());
        let number = |word: &str| word.parse().map_err(|_| bad());
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["dirty", "0"] => Ok(Self::Dirty { rate: 0, size: 0 }),
            ["dirty", rate, size] => match (number(rate)?, number(size)?) {
                (rate @ 1..=65536, size @ 1..) => Ok(Self::Dirty { rate, size }),
                _ => Err(bad()),
            },
            ["check"] => Ok(Self::Check),
            ["status"] => Ok(Self::Status),
            ["panic"] => Ok(Self::Panic),
            ["poweroff"] => Ok(Self::PowerOff),
            ["hang"] => Ok(Self::Hang),
            ["disk", "read", size] => Ok(Self::DiskRead { size: number(size)? }),
            ["disk", "write", size] => Ok(Self::DiskWrite { size: number(size)? }),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dirty { rate: 0, .. } => f.write_str("dirty 0"),
            Self::Dirty { rate, size } => write!(f, "dirty {rate} {size}"),
            Self::Check => f.write_str("check"),
            Self::Status => f.write_str("status"),
            Self::Hang => f.write_str("hang"),
            Self::Panic => f.write_str("panic"),
            Self::PowerOff => f.write_str("poweroff"),
            Self::DiskRead { size } => write!(f, "disk read {size}"),
            Self::DiskWrite { size } => write!(f, "disk write {size}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for line in [
            "dirty 0",
            "dirty 20 32",
            "check",
            "status",
            "hang",
            "panic",
            "poweroff",
            "disk read 4",
        ] {
            assert_eq!(line.parse::<Command>().unwrap().to_string(), line);
        }
    }

    #[test]
    fn nonsense_is_refused_with_what_would_be_right() {
        for line in ["", "dirty", "dirty 0 0 0", "dirty 5 0", "dirty -1 4", "disk", "disk read x"] {
            let error = line.parse::<Command>().unwrap_err().to_string();
            assert!(error.contains("dirty RATE_MIB_S SIZE_MIB"), "{error}");
        }
    }
}
