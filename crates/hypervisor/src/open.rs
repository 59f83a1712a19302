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

/// The part of a connection URI that says which driver or toolstack it means: `DRIVER[+TRANSPORT]://…`.
pub(crate) fn driver(uri: &str) -> &str {
    uri.split(['+', ':']).next().unwrap_or_default()
}

/// What this node shows of that hypervisor's guests without it. Of those on another host it shows nothing.
#[must_use]
pub fn witness(uri: &str) -> Box<dyn Witness> {
    #[cfg(feature = "scripted")]
    if let Some(host) = Scripted::at(uri) {
        return Box::new(host);
    }
    match driver(uri) {
        "qemu" if is_here(uri) => Box::new(Qemu),
        "xl" if is_here(uri) => Box::new(Xen::XL),
        "xen" if is_here(uri) => Box::new(Xen::LIBVIRT),
        _ => Box::new(Blind),
    }
}
