use std::time::Duration;

/// The actions of the OCF resource agent API 1.1 that an agent of this suite can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Bring the resource up; 0 only when it is active.
    Start,
    /// Take the resource down; 0 only when nothing of it is active.
    Stop,
    /// Say whether the resource runs.
    Monitor,
    /// [`Verb::Monitor`] under the name that Heartbeat's resource.d uses.
    Status,
    /// Push the resource live to another node; runs on the source.
    MigrateTo,
    /// Verify that the resource arrived; runs on the target.
    MigrateFrom,
    /// Take over changed parameters while the resource runs.
    ReloadAgent,
    /// Check the parameters.
    ValidateAll,
    /// Describe the agent in XML.
    MetaData,
    /// Hear about another instance's actions.
    Notify,
    /// Bring the resource into the promoted role.
    Promote,
    /// Bring the resource out of the promoted role.
    Demote,
    /// Describe the agent to a person: `usage`, `help`, `--help` and `-h`.
    Usage,
}

impl Verb {
    const ALL: &'static [Self] = &[
        Self::Start,
        Self::Stop,
        Self::Monitor,
        Self::Status,
        Self::MigrateTo,
        Self::MigrateFrom,
        Self::ReloadAgent,
        Self::ValidateAll,
        Self::MetaData,
        Self::Notify,
        Self::Promote,
        Self::Demote,
        Self::Usage,
    ];

    /// The name by which the cluster manager calls the action.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Monitor => "monitor",
            Self::Status => "status",
            Self::MigrateTo => "migrate_to",
            Self::MigrateFrom => "migrate_from",
            Self::ReloadAgent => "reload-agent",
            Self::ValidateAll => "validate-all",
            Self::MetaData => "meta-data",
            Self::Notify => "notify",
            Self::Promote => "promote",
            Self::Demote => "demote",
            Self::Usage => "usage",
        }
    }

    /// The action of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "help" | "--help" | "-h" => Some(Self::Usage),
            _ => Self::ALL.iter().copied().find(|verb| verb.name() == name),
        }
    }
}

/// A row of an agent's action table.
#[derive(Debug, Clone, Copy)]
pub struct Action {
    pub(crate) verb: Verb,
    pub(crate) timeout: Duration,
    pub(crate) interval: Option<Duration>,
    pub(crate) depth: Option<u32>,
}

impl Action {
    /// An action with its advertised timeout in seconds, which is also its real one under a manager
    /// that sets none.
    #[must_use]
    pub const fn new(verb: Verb, timeout: u64) -> Self {
        Self { verb, timeout: Duration::from_secs(timeout), interval: None, depth: None }
    }

    /// Advertises an interval in seconds, for a monitor. Several monitors need different ones.
    #[must_use]
    pub const fn every(mut self, seconds: u64) -> Self {
        self.interval = Some(Duration::from_secs(seconds));
        self
    }

    /// Advertises the `OCF_CHECK_LEVEL` of a monitor: 0, 10 or 20.
    #[must_use]
    pub const fn depth(mut self, level: u32) -> Self {
        self.depth = Some(level);
        self
    }
}
