use std::time::Duration;

/// What is told of a kind of hypervisor: what it can do about a migration that goes on besides aborting it, since
/// a plan has only those steps, and how it is to be dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// To tell how it goes on: [`crate::Hypervisor::progress`].
    pub progress: bool,
    /// To limit how long the guest stands still: [`crate::Hypervisor::limit_downtime`].
    pub downtime: bool,
    /// To limit how fast it is sent: [`crate::Hypervisor::limit_bandwidth`].
    pub bandwidth: bool,
    /// To let the guest run on the target before its memory is there: [`crate::Hypervisor::start_postcopy`].
    pub postcopy: bool,
    /// To send over several connections: [`crate::Migration::streams`].
    pub streams: bool,
    /// To ask a guest agent: [`crate::Hypervisor::ping_agent`].
    pub agent: bool,
    /// How long an answer takes, at most, from a host that is well.
    pub answer: Duration,
    /// How long it takes to end a guest by force, at most, where no kernel hangs.
    pub end: Duration,
    /// The command with which an administrator lets a paused guest run on.
    pub resume: &'static str,
}

impl Abilities {
    /// All of them, by a daemon that answers in milliseconds.
    pub const ALL: Self = Self {
        progress: true,
        downtime: true,
        bandwidth: true,
        postcopy: true,
        streams: true,
        agent: true,
        answer: Duration::from_secs(2),
        // libvirt waits 10 s after SIGTERM and 5 s after SIGKILL (`virProcessKillPainfully`).
        end: Duration::from_secs(16),
        resume: "virsh resume",
    };

    /// To migrate, without telling how it goes on or taking orders meanwhile. libvirt's driver for Xen cannot even
    /// abort it.
    pub const PLAIN: Self = Self {
        progress: false,
        downtime: false,
        bandwidth: false,
        postcopy: false,
        streams: false,
        agent: false,
        ..Self::ALL
    };
}
