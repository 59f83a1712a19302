//! Which backend a connection URI means.

use crate::libvirt::Libvirt;
use crate::qemu::Qemu;
#[cfg(feature = "scripted")]
use crate::scripted::Scripted;
use crate::{Blind, Hypervisor, Witness};

/// The hypervisor at a connection URI. Nothing is asked of it yet.
#[must_use]
pub fn open(uri: &str) -> Box<dyn Hypervisor> {
    #[cfg(feature = "scripted")]
    if let Some(host) = Scripted::at(uri) {
        return Box::new(host);
    }
    Box::new(Libvirt::new(uri))
}

/// What this node shows of that hypervisor's guests without it.
#[must_use]
pub fn witness(uri: &str) -> Box<dyn Witness> {
    #[cfg(feature = "scripted")]
    if let Some(host) = Scripted::at(uri) {
        return Box::new(host);
    }
    if Qemu::serves(uri) { Box::new(Qemu) } else { Box::new(Blind) }
}
