use lab::Guest;
use std::fmt;

/// An agent that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The suite's: `ocf:hawser:kvm`.
    Ours,
    /// The one of resource-agents: `ocf:heartbeat:VirtualDomain`.
    Stock,
}

impl Subject {
    /// Both, ours first.
    pub const ALL: [Self; 2] = [Self::Ours, Self::Stock];

    /// Its OCF provider.
    #[must_use]
    pub fn provider(self) -> &'static str {
        match self {
            Self::Ours => "hawser",
            Self::Stock => "heartbeat",
        }
    }

    /// Its OCF type.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Ours => "kvm",
            Self::Stock => "VirtualDomain",
        }
    }

    /// Its path in a node.
    #[must_use]
    pub fn path(self) -> String {
        format!("/usr/lib/ocf/resource.d/{}/{}", self.provider(), self.type_name())
    }

    /// The parameters with which it manages a guest of the lab: the same for both.
    #[must_use]
    pub fn parameters(self, guest: &Guest) -> Vec<(String, String)> {
        [
            ("config", guest.config().display().to_string()),
            ("hypervisor", "qemu:///system".to_owned()),
            ("migration_transport", "tcp".to_owned()),
            // The lab's storage is shared, which libvirt cannot know.
            ("migrate_options", "--unsafe".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ocf:{}:{}", self.provider(), self.type_name())
    }
}
