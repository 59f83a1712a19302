use std::time::Duration;

/// What a guest may be asked for the sake of its migration.
///
/// Every policy leaves a guest alone that its link can carry. They differ in what is done about one
/// that dirties its memory faster than it can be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// Nothing: it is never slowed down, never stands still for longer than [`Policy::PAUSE`], and is
    /// never in danger. A migration that cannot end like that fails, and the guest stays.
    Safe,
    /// Its processors are slowed down, and the longer it takes the longer it may stand still; at the last
    /// moment for as long as it needs. It is never in danger.
    #[default]
    Balanced,
    /// Post-copy: it runs on the target before its memory is there, and waits for what it needs of that. If
    /// a node or the link between them fails in that time, the guest is lost, and boots.
    Finish,
}

impl Policy {
    /// Every policy with its name.
    pub const NAMES: &[(&str, Self)] =
        &[("safe", Self::Safe), ("balanced", Self::Balanced), ("finish", Self::Finish)];

    /// How long a guest may stand still at the end in any case. QEMU's own default.
    pub const PAUSE: Duration = Duration::from_millis(300);

    /// The policy of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, policy)| *policy)
    }

    /// How long it may stand still at the end when so much of the time for the migration is gone.
    pub(super) fn pause(self, spent: f64) -> Duration {
        match self {
            Self::Balanced | Self::Finish if spent >= 0.5 => 10 * Self::PAUSE,
            Self::Balanced | Self::Finish if spent >= 0.25 => 3 * Self::PAUSE,
            _ => Self::PAUSE,
        }
    }
}
