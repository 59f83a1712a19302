use clap::{Args, ValueEnum};

/// What guests run on, which says whose agents are theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hypervisor {
    /// QEMU by libvirt: ocf:hawser:kvm, and ocf:heartbeat:VirtualDomain
    Kvm,
    /// Xen by xl: ocf:hawser:xen, and ocf:heartbeat:Xen; a lab's Xen hosts are emulated, and slow
    Xen,
}

impl From<Hypervisor> for comparison::Hypervisor {
    fn from(hypervisor: Hypervisor) -> Self {
        match hypervisor {
            Hypervisor::Kvm => Self::Kvm,
            Hypervisor::Xen => Self::Xen,
        }
    }
}

impl From<Hypervisor> for p2v::Hypervisor {
    fn from(hypervisor: Hypervisor) -> Self {
        match hypervisor {
            Hypervisor::Kvm => Self::Kvm,
            Hypervisor::Xen => Self::Xen,
        }
    }
}

/// Which family of agents is looked at.
#[derive(Debug, Args)]
pub struct Family {
    /// What the guests run on
    #[arg(long, value_enum, default_value_t = Hypervisor::Kvm)]
    hypervisor: Hypervisor,
}

impl Family {
    pub fn hypervisor(&self) -> comparison::Hypervisor {
        self.hypervisor.into()
    }
}
