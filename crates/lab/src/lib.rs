//! A real Pacemaker cluster on one machine, for demonstrations, tests and anyone's experiments.
//!
//! A lab has 1 to 5 nodes. Each is a set of namespaces with its own network, processes, host name and
//! state on disk, and runs real Corosync, Pacemaker and libvirtd; the programs themselves are the
//! machine's. Or each is a machine that QEMU emulates, and a real Xen host ([`Builder::xen`]), with the
//! programs on its own disk. The nodes can be switched on and off, also by the cluster through a fence
//! device, and be cut off from their network. Nothing of a lab is visible outside of it, and it leaves
//! nothing behind, however it ends.
//!
//! It is not a container runtime: nodes trust each other and the machine trusts them.
//!
//! ```no_run
//! use exec::Deadline;
//! use lab::Lab;
//! use std::time::Duration;
//!
//! let lab = Lab::builder("demo".parse()?).nodes(2).start(|_| {})?;
//! let deadline = Deadline::after(Duration::from_secs(60));
//! lab.wait_online(deadline)?;
//! lab.node("n1")?.tool("crm_mon")?.arg("-1").run(deadline)?;
//! lab.node("n2")?.kill()?;
//! lab.down()?;
//! # Ok::<(), lab::Error>(())
//! ```

mod builder;
mod cluster;
mod config;
mod error;
mod fence;
mod guest;
mod handle;
pub mod image;
mod init;
mod keeper;
mod keeper_program;
mod members;
mod mounts;
mod name;
mod node;
mod packages;
mod place;
mod plan;
pub mod probe;
mod process;
#[doc(hidden)]
pub mod program;
mod protocol;
mod reaper;
pub mod report;
mod services;
mod syslog;
mod xen;

pub use builder::{Builder, Stack};
pub use error::Error;
pub use guest::{BRIDGE, Guest};
pub use handle::Lab;
pub use mounts::{OVERLAID, SHARED};
pub use name::Name;
pub use node::{Node, Observer};
pub use packages::Absent;
pub use plan::MIGRATION_PORTS;
pub use protocol::{Link, NodeStatus};
