//! A node that is a real Xen host: Debian's hypervisor and kernel in a machine that QEMU emulates.
//!
//! To the lab it is a node like any other: [`machine`] is what the keeper's power switch starts, and
//! [`host`] is the node's init, the first process of the host's control domain. What the host's disk has
//! comes out of Debian's packages, once for all labs ([`image`]).

mod domain;
pub mod host;
mod image;
pub mod machine;
mod packages;
mod relay;
pub mod ssh;
pub mod toolstack;

pub use domain::configuration;
pub use image::HostImage;
