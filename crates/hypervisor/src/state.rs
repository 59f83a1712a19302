use crate::identity::Uuid;
use serde::{Deserialize, Serialize};

/// Why a guest's CPUs stand still although it was not shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pause {
    /// Somebody asked for it (`virsh suspend`).
    Admin,
    /// A disk gave an error and the guest was stopped before it could see that.
    IoError,
    /// Its watchdog fired: nothing in it has fed that for too long.
    Watchdog,
    /// It is the incoming copy of a migration: the guest runs elsewhere, or is about to run here.
    Incoming,
    /// A migration's last phase: the guest is about to run elsewhere.
    Outgoing,
    /// A post-copy migration broke: neither copy has all of the memory.
    PostcopyFailed,
    /// A job of the hypervisor (save, dump, snapshot, start) that ends by itself.
    Job,
    /// It is being built, or was by somebody who is gone: there is no operating system in it yet.
    Building,
    /// Something else, which the hypervisor does not tell.
    Unknown,
}

/// A guest's state on one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its CPUs run, or would if they had work.
    Running,
    /// Its CPUs stand still.
    Paused(Pause),
    /// The guest's operating system panicked; what is left of it is kept for inspection.
    Crashed,
    /// The guest put itself to sleep (ACPI S3).
    PmSuspended,
    /// The guest has shut down, and its emulator is about to end.
    ShuttingDown,
    /// The hypervisor is tearing it down.
    Dying,
    /// It never runs here again, and is there to be cleared away: it was let go by a migration that has ended,
    /// or was torn down by nobody who would have done that.
    Remains,
    /// Its process is there; what it does cannot be told.
    Alive,
    /// Nothing of it is active here.
    Off,
}

impl State {
    /// Whether anything of the guest is active on this host.
    #[must_use]
    pub fn is_active(self) -> bool {
        self != Self::Off
    }
}

/// A job of the hypervisor that holds the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// None.
    None,
    /// One that can be aborted from here, if its driver can at all: an outgoing migration, a save.
    Running,
    /// One that has failed or been aborted, and holds the guest until the hypervisor has cleared up: it
    /// may have to wait for another host that does not answer.
    Ending,
    /// An incoming migration, which only its source can abort.
    Incoming,
}

impl Job {
    /// Whether it keeps the hypervisor from doing other things with the guest, and
    /// [`crate::Hypervisor::abort_job`] puts an end to that.
    #[must_use]
    pub fn holds(self) -> bool {
        matches!(self, Self::Running | Self::Ending)
    }
}

/// What a hypervisor tells about a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// The state.
    pub state: State,
    /// The UUID of the active guest, or of its persistent definition.
    pub uuid: Option<Uuid>,
    /// Whether a persistent definition of that name exists.
    pub persistent: bool,
    /// Virtual CPUs of the active guest.
    pub cpus: u32,
    /// Memory of the active guest, in MiB: of one of libvirt's the most that it may have, of one of xl's what it has.
    pub memory: u64,
    /// The job that holds the guest.
    pub job: Job,
}

impl Sight {
    /// Nothing of the guest is known here.
    pub const NOTHING: Self = Self {
        state: State::Off,
        uuid: None,
        persistent: false,
        cpus: 0,
        memory: 0,
        job: Job::None,
    };
}
