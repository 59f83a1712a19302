//! What may be asked about a guest, and of whom.
//!
//! Two kinds of source answer questions about a guest, and each has a narrow trait:
//!
//! * a [`Hypervisor`] is the management daemon: it starts, stops and migrates guests and knows their
//!   state, as long as it answers at all;
//! * a [`Witness`] is the node itself: the guest's process, its monitor socket, Xen. It needs no
//!   daemon, so it still tells the truth when the daemon is stopped, restarting or hanging.
//!
//! Backends: [`libvirt`] with [`qemu`] as its witness, and [`xl`] with Xen itself as its own. A binary that
//! never names the libvirt module does not link the library. Nothing here knows of OCF or of the cluster.

mod abilities;
mod absent;
mod definition;
mod error;
mod identity;
pub mod libvirt;
mod migration;
pub mod open;
mod process;
pub mod qemu;
#[cfg(feature = "scripted")]
pub mod scripted;
mod state;
mod witness;
pub mod xl;

pub use abilities::Abilities;
pub use absent::Absent;
pub use definition::{Config, Definition, Disk, Document, Domain, Kind, Platform, Source};
pub use error::{Error, Result};
pub use exec::Deadline;
pub use identity::{Identity, Name, Uuid};
pub use migration::{Migration, Options, Part, Progress, Transfer};
pub use open::witness;
pub use process::Process;
pub use state::{Job, Pause, Sight, State};
pub use witness::{Blind, Stamp, Trace, Witness};

use std::path::Path;
use std::time::Duration;

/// How a guest is asked to shut down. The names are those of `virsh shutdown --mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownMode {
    /// Whatever the hypervisor finds: the guest agent if there is one, else the power button.
    Any,
    /// The ACPI power button.
    Acpi,
    /// The QEMU guest agent.
    Agent,
    /// SysV init's control FIFO in a container.
    Initctl,
    /// A signal to a container's init.
    Signal,
    /// Xen's paravirtual control channel.
    Paravirt,
}

impl ShutdownMode {
    /// Every mode with its name.
    pub const NAMES: &[(&str, Self)] = &[
        ("acpi", Self::Acpi),
        ("agent", Self::Agent),
        ("initctl", Self::Initctl),
        ("signal", Self::Signal),
        ("paravirt", Self::Paravirt),
    ];

    /// The mode of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, mode)| *mode)
    }
}

/// What an agent may ask of a hypervisor's management daemon. Every call ends by its deadline.
pub trait Hypervisor {
    /// What it can do about a migration, and how fast it answers.
    fn abilities(&self) -> Abilities;

    /// What is known of the guest here and now. A guest that is defined but not active is
    /// [`State::Off`], and so is one that was never heard of.
    ///
    /// # Errors
    /// When the daemon cannot be reached or does not answer in time. "Not found" is no error.
    fn look(&self, guest: &Identity, by: Deadline) -> Result<Sight>;

    /// Starts the guest from its definition, transient; a persistent definition of the same name
    /// stays as it is.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words.
    fn create(&self, definition: &Definition, by: Deadline) -> Result<()>;

    /// Lets a paused guest run on.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words.
    fn resume(&self, guest: &Name, by: Deadline) -> Result<()>;

    /// Asks the guest to shut down, and does not wait for it.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words: for one, that there is no guest agent to ask.
    fn shut_down(&self, guest: &Name, mode: ShutdownMode, by: Deadline) -> Result<()>;

    /// Ends the guest at once. A guest that is gone already is no error.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words.
    fn destroy(&self, guest: &Identity, by: Deadline) -> Result<()>;

    /// Removes what a migration has left of the guest: a copy that was coming in, or one that was let go. Where a
    /// hypervisor tells those from the guest itself, that one is not touched, whatever has become of the copy
    /// since it was looked at.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words.
    fn clear(&self, guest: &Identity, by: Deadline) -> Result<()> {
        self.destroy(guest, by)
    }

    /// Saves the guest's memory to a file and ends it.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words.
    fn save(&self, guest: &Name, file: &Path, by: Deadline) -> Result<()>;

    /// Starts the guest whose memory was saved to that file.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words.
    fn restore(&self, file: &Path, by: Deadline) -> Result<()>;

    /// The guest's definition as it will be at its next start, secrets included.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words.
    fn definition(&self, guest: &Name, by: Deadline) -> Result<String>;

    /// Asks the guest agent inside the guest for a sign of life.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words: no agent configured, not connected, no answer.
    fn ping_agent(&self, guest: &Name, by: Deadline) -> Result<()>;

    /// Whether the guest's file systems are frozen, as for a backup: what writes in it stands still. That is known of
    /// those that its guest agent has frozen (`guest-fsfreeze-status`).
    ///
    /// # Errors
    /// As [`Hypervisor::ping_agent`].
    fn is_frozen(&self, guest: &Name, by: Deadline) -> Result<bool>;

    /// The guest's definition as it runs now, for [`Hypervisor::admit`].
    ///
    /// # Errors
    /// The daemon's refusal, in its own words, and [`Error::Definition`] for what cannot be read.
    fn live_definition(&self, guest: &Name, by: Deadline) -> Result<Definition>;

    /// Whether a guest that is defined so could come in here, as far as the daemon knows without
    /// trying: its machine type, processor and TPM, its networks and pools, the memory that it needs, its
    /// name and UUID.
    ///
    /// # Errors
    /// [`Error::NotAdmitted`] names what is missing.
    fn admit(&self, definition: &Definition, by: Deadline) -> Result<()>;

    /// What a volume of one of the host's storage pools is there: a path, or what its kind of storage calls it.
    ///
    /// # Errors
    /// [`Error::NotAdmitted`] names the pool that is not active, or what is not there at all;
    /// [`Error::Foreign`] for a hypervisor that knows no pools.
    fn volume(&self, pool: &str, volume: &str, by: Deadline) -> Result<String>;

    /// Whether the memory of a guest that is defined so could be sent from here to that daemon's host.
    ///
    /// # Errors
    /// [`Error::NotAdmitted`] names what is in the way.
    fn reach(
        &self,
        definition: &Definition,
        target: &dyn Hypervisor,
        migration: &Migration,
        by: Deadline,
    ) -> Result<()>;

    /// The name of the host, as others are told to reach it.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words.
    fn host_name(&self, by: Deadline) -> Result<String>;

    /// Begins to migrate the guest live. It goes on when this process ends. The daemon gives it up by
    /// itself when it fails, and never because of a deadline: see [`Hypervisor::abort_job`].
    ///
    /// # Errors
    /// When it cannot even be asked for.
    fn migrate(&self, guest: &Name, migration: &Migration, by: Deadline) -> Result<Transfer>;

    /// How the migration with which the guest leaves goes on; `None` when there is none.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words.
    fn progress(&self, guest: &Name, by: Deadline) -> Result<Option<Progress>>;

    /// How the migration went with which the guest came here; `None` when it came by none.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words.
    fn arrival(&self, guest: &Name, by: Deadline) -> Result<Option<Progress>>;

    /// How long the guest may stand still at the end of its migration, the one that goes on or the next.
    /// Whole milliseconds, at least 1.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words.
    fn limit_downtime(&self, guest: &Name, downtime: Duration, by: Deadline) -> Result<()>;

    /// How fast the guest may be sent, in MiB/s, by the migration that goes on and by the next; `None`
    /// is as fast as can be.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words.
    fn limit_bandwidth(&self, guest: &Name, speed: Option<u64>, by: Deadline) -> Result<()>;

    /// Switches the migration to post-copy: the guest runs on the target from now on, and what it needs
    /// of its memory follows. Neither node can run it alone until all of it has arrived.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words: for one, that [`Migration::postcopy`] was not set.
    fn start_postcopy(&self, guest: &Name, by: Deadline) -> Result<()>;

    /// Aborts the job (a migration, a save) that holds the guest and waits until it has ended.
    /// No job is no error.
    ///
    /// # Errors
    /// When the job still runs at the deadline, or the daemon refuses.
    fn abort_job(&self, guest: &Name, by: Deadline) -> Result<()>;

    /// Starts the storage pools and virtual networks that the definition names, where they are not
    /// active yet, and refreshes those pools that are.
    ///
    /// # Errors
    /// The daemon's refusal, in its own words, with the pool's or network's name.
    fn start_resources(&self, definition: &Definition, by: Deadline) -> Result<()>;

    /// The same kind of hypervisor on another host.
    ///
    /// # Errors
    /// When it cannot be reached in time.
    fn remote(&self, uri: &str, by: Deadline) -> Result<Box<dyn Hypervisor>>;
}
