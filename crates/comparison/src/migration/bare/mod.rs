//! A guest that no agent manages: what its hypervisor's own program does with it is what is possible.

mod monitor;
mod qemu;
mod xl;

use crate::{Error, Setting};
use lab::image::Hypervisor;
use lab::{Guest, Lab};
use qemu::Qemu;
use std::time::Duration;
use xl::Xl;

/// The guest, wherever it runs now.
pub enum Bare {
    Qemu(Qemu),
    Xl(Xl),
}

impl Bare {
    /// Boots the guest.
    pub fn start(setting: Setting<'_>, lab: &Lab, guest: Guest) -> Result<Self, Error> {
        Ok(match setting.hypervisor {
            Hypervisor::Kvm => Self::Qemu(Qemu::start(lab, &guest)?),
            Hypervisor::Xen => Self::Xl(Xl::start(setting, lab, guest)?),
        })
    }

    /// Migrates the guest to the other node, where it runs when this returns. Gives the time that its
    /// hypervisor took for it; none when it was given up, and the guest is where it was.
    pub fn migrate(&mut self, lab: &Lab) -> Result<Option<Duration>, Error> {
        match self {
            Self::Qemu(guest) => guest.migrate(lab),
            Self::Xl(guest) => guest.migrate(lab),
        }
    }
}
