//! A live migration: where to, how, and what is heard of it on the way.

use crate::error::{Error, Result};
use exec::Deadline;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// What a file that an option names may hold, in bytes; libvirt's own limit for a string is 4 MiB.
const DOCUMENT_LIMIT: u64 = 4 << 20;

/// Options of a migration beyond where to: flags and parameters of libvirt's
/// `virDomainMigrateToURI3`, under the names that `virsh migrate` gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Option names without a value, such as `tls`.
    pub flags: Vec<&'static str>,
    /// Option names with their values, such as `bandwidth`.
    pub values: Vec<(&'static str, String)>,
}

impl Options {
    /// Whether there is an option of that name without a value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.flags.contains(&name)
    }

    /// The value of the option of that name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The domain XML in the file that the option of that name gives.
    ///
    /// # Errors
    /// [`Error::Document`] when it cannot be read.
    pub fn document(&self, name: &str) -> Result<Option<String>> {
        let Some(path) = self.value(name) else { return Ok(None) };
        let mut text = String::new();
        let read =
            File::open(path).and_then(|it| it.take(DOCUMENT_LIMIT).read_to_string(&mut text));
        match read {
            Ok(_) => Ok(Some(text)),
            Err(error) => Err(Error::Document { path: path.to_owned(), words: error.to_string() }),
        }
    }

    /// Whether it goes through the connection between the daemons.
    #[must_use]
    pub fn is_tunnelled(&self) -> bool {
        self.has("tunnelled")
    }

    /// Whether a switch to post-copy is wanted.
    #[must_use]
    pub fn wants_postcopy(&self) -> bool {
        let names = ["postcopy", "postcopy-after-precopy", "timeout-postcopy"];
        names.iter().any(|name| self.has(name))
    }

    /// Whether disks are to be copied along, because the nodes do not share them.
    #[must_use]
    pub fn copies_storage(&self) -> bool {
        self.flags.iter().any(|name| name.starts_with("copy-storage"))
    }
}

/// Where a guest is to go, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migration {
    /// The target's daemon, as the source's daemon reaches it.
    pub destination: String,
    /// Where the memory stream goes, if not where the target's daemon says.
    pub stream: Option<String>,
    /// Upper limit for the stream in MiB/s.
    pub bandwidth: Option<u64>,
    /// Slow the guest's processors down as long as it dirties memory faster than it is sent.
    pub throttle: bool,
    /// Make it possible to switch to post-copy.
    pub postcopy: bool,
    /// Resume a post-copy migration whose connection broke.
    pub resume: bool,
    /// Send the memory over so many connections; one without this.
    pub streams: Option<u32>,
    /// Everything else.
    pub options: Options,
}

impl Migration {
    /// Whether it is over one plain connection, which can be several, or switch to post-copy. QEMU can have
    /// either, and neither with what is asked for otherwise.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let options = &self.options;
        let uri = self.stream.as_deref().or(options.value("migrateuri")).unwrap_or("tcp:");
        uri.starts_with("tcp:")
            && !options.is_tunnelled()
            && !options.copies_storage()
            && !["parallel", "compressed", "zerocopy"].iter().any(|name| options.has(name))
            && options.value("comp-methods").is_none()
    }
}

/// How far something has been sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part {
    /// All of it, in bytes.
    pub total: u64,
    /// What has been sent, in bytes; more than `total` when memory is sent again.
    pub sent: u64,
    /// What is still to be sent, in bytes.
    pub remaining: u64,
    /// How fast it goes over the link, in bytes per second; 0 when that is not known.
    pub rate: u64,
}

/// What the hypervisor tells of a migration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// The guest's memory.
    pub memory: Part,
    /// Its disks, where they are copied along.
    pub storage: Part,
    /// How many times the memory has been gone through, the first counted.
    pub pass: u64,
    /// How much memory the guest dirties, in bytes per second; 0 when that is not known.
    pub dirty_rate: u64,
    /// By how many percent the guest's processors are slowed down.
    pub throttle: u8,
    /// How long the guest stood still, once it is over.
    pub downtime: Option<Duration>,
    /// How long it has taken, as the hypervisor counts.
    pub elapsed: Duration,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes >> 20;
        if self.storage.remaining > 0 {
            let Part { sent, total, .. } = self.storage;
            return write!(f, "disks: {} of {} MiB", mib(sent), mib(total));
        }
        write!(
            f,
            "pass {}: {} MiB sent, {} of {} MiB left at {} MiB/s, {} MiB/s dirtied",
            self.pass,
            mib(self.memory.sent),
            mib(self.memory.remaining),
            mib(self.memory.total),
            mib(self.memory.rate),
            mib(self.dirty_rate)
        )?;
        match self.throttle {
            0 => Ok(()),
            percent => write!(f, ", guest slowed down by {percent} %"),
        }
    }
}

/// A migration that has begun, or what else takes as long as a guest's memory. Letting go of this does not end it.
#[derive(Debug)]
pub struct Transfer(Receiver<Result<()>>);

impl Transfer {
    /// Makes the call that migrates, on a thread of its own.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(crate) fn begin(
        call: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (sender, answer) = channel();
        // Nobody receives any more what comes too late.
        thread::Builder::new().spawn(move || drop(sender.send(call())))?;
        Ok(Self(answer))
    }

    /// Waits until it has ended, one way or the other. What is true then must be looked up: neither
    /// success nor failure proves where the guest runs. `None` when it goes on at the deadline.
    #[must_use]
    pub fn wait(&self, by: Deadline) -> Option<Result<()>> {
        match self.0.recv_timeout(by.remaining()) {
            Ok(ended) => Some(ended),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(Error::Refused {
                what: "migrate the guest",
                words: "the call has ended without an answer".to_owned(),
            })),
        }
    }
}
