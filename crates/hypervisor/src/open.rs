//! Which backend a connection URI means.

use crate::libvirt::Libvirt;
use crate::qemu::Qemu;
#[cfg(feature = "scripted")]
use crate::scripted::Scripted;
use crate::xl::{Xen, Xl};
use crate::{Blind, Hypervisor, Witness};

/// The hypervisor at a connection URI of libvirt's. Nothing is asked of it yet.
#[must_use]
pub fn libvirt(uri: &str) -> Box<dyn Hypervisor> {
    #[cfg(feature = "scripted")]
    if let Some(host) = Scripted::at(uri) {
        return Box::new(host);
    }
    Box::new(Libvirt::new(uri))
}

/// The toolstack at an address of xl's. Nothing is asked of it yet.
#[must_use]
pub fn xl(uri: &str) -> Box<dyn Hypervisor> {
    #[cfg(feature = "scripted")]
    if let Some(host) = Scripted::at(uri) {
        return Box::new(host);
    }
    Box::new(Xl::new(uri))
}

/// Whether a connection URI means a hypervisor on this node: it names no host.
#[must_use]
pub fn is_here(uri: &str) -> bool {
    uri.split_once("://").is_some_and(|(_, rest)| rest.starts_with('/'))
}

/// What this node shows of that hypervisor's guests without it.
#[must_use]
pub fn witness(uri: &str) -> Box<dyn Witness> {
    #[cfg(feature = "scripted")]
    if let Some(host) = Scripted::at(uri) {
        return Box::new(host);
    }
    match uri {
        _ if Xl::serves(uri) => Box::new(Xen),
        _ if Qemu::serves(uri) => Box::new(Qemu),
        _ => Box::new(Blind),
    }
}
