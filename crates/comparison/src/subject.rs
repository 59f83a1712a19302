use lab::Guest;
use lab::image::Hypervisor;
use std::fmt;

/// An agent that is looked at: one for guests of that hypervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The suite's: `ocf:hawser:kvm` or `ocf:hawser:xen`.
    Ours(Hypervisor),
    /// The one of resource-agents: `ocf:heartbeat:VirtualDomain` or `ocf:heartbeat:Xen`.
    Stock(Hypervisor),
}

impl Subject {
    /// Both agents for a hypervisor, ours first.
    #[must_use]
    pub fn both(hypervisor: Hypervisor) -> [Self; 2] {
        [Self::Ours(hypervisor), Self::Stock(hypervisor)]
    }

    /// What its guests run on.
    #[must_use]
    pub fn hypervisor(self) -> Hypervisor {
        match self {
            Self::Ours(hypervisor) | Self::Stock(hypervisor) => hypervisor,
        }
    }

    /// Its OCF provider.
    #[must_use]
    pub fn provider(self) -> &'static str {
        match self {
            Self::Ours(_) => "hawser",
            Self::Stock(_) => "heartbeat",
        }
    }

    /// Its OCF type.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Ours(Hypervisor::Kvm) => "kvm",
            Self::Ours(Hypervisor::Xen) => "xen",
            Self::Stock(Hypervisor::Kvm) => "VirtualDomain",
            Self::Stock(Hypervisor::Xen) => "Xen",
        }
    }

    /// Its path in a node.
    #[must_use]
    pub fn path(self) -> String {
        format!("/usr/lib/ocf/resource.d/{}/{}", self.provider(), self.type_name())
    }

    /// The parameters with which it manages a guest of the lab: the same for both agents.
    #[must_use]
    pub fn parameters(self, guest: &Guest) -> Vec<(String, String)> {
        let config = config(self.hypervisor(), guest);
        let parameters: &[(&str, &str)] = match self.hypervisor() {
            Hypervisor::Kvm => &[
                ("config", &config),
                ("hypervisor", "qemu:///system"),
                ("migration_transport", "tcp"),
                // The lab's storage is shared, which libvirt cannot know.
                ("migrate_options", "--unsafe"),
            ],
            Hypervisor::Xen => &[("xmfile", &config)],
        };
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }
}

/// A guest's configuration file, as the nodes see it.
pub(crate) fn config(hypervisor: Hypervisor, guest: &Guest) -> String {
    let file = match hypervisor {
        Hypervisor::Kvm => guest.config(),
        Hypervisor::Xen => guest.file("cfg"),
    };
    file.display().to_string()
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ocf:{}:{}", self.provider(), self.type_name())
    }
}
