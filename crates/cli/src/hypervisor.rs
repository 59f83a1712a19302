use clap::{Args, ValueEnum};

/// What guests run on, which says which agents there are for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hypervisor {
    /// ocf:hawser:kvm beside ocf:heartbeat:VirtualDomain
    Kvm,
    /// ocf:hawser:xen beside ocf:heartbeat:Xen, on Xen hosts that QEMU emulates: slow
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
