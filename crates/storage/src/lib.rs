//! Whether this node can reach a guest's disks, what kind of storage each is on, and what is in the way.
//!
//! Everything here only looks. Nothing is opened for writing, and a block device is not opened at all: what the kernel
//! tells of it in sysfs is enough, and opening one can keep a DRBD peer from being promoted. No target is
//! logged in to, and nothing is activated or mounted, but for what automounts by itself when its path is walked.
//!
//! **What cannot be told is no obstacle.** A disk counts as out of reach only where something says that it is.
//!
//! * [`look`]: what is to be found out of some disks
//! * [`Finding`]: what was found of one: its [`Backing`], which is the kind of storage, and whether it is in
//!   [`Reach`]
//! * [`Obstacle`]: why it is not

mod backing;
mod device;
mod drbd;
mod finding;
mod mounts;
mod node;
mod obstacle;
mod server;

pub use backing::{Backing, Kind};
pub use finding::{Finding, Reach};
pub use obstacle::Obstacle;

use exec::Deadline;
use hypervisor::{Disk, Hypervisor};
use node::Node;
use std::sync::Arc;
use std::thread;

/// Looks at disks, all at once, from where this thread is: its mount namespace counts. Volumes of storage pools are
/// looked up with the hypervisor. A disk that gives no answer by the deadline is left behind, and is out of
/// reach.
#[must_use]
pub fn look(disks: &[Disk], hypervisor: &dyn Hypervisor, by: Deadline) -> Vec<Finding> {
    let node = Arc::new(Node::here());
    let placed = disks.iter().map(|disk| (disk, finding::place(disk, hypervisor, by)));
    let placed: Vec<_> = placed.collect();
    thread::scope(|scope| {
        let looks = placed.into_iter().map(|(disk, place)| {
            let node = &node;
            (disk, scope.spawn(move || finding::look(disk, place, node, by)))
        });
        let looks: Vec<_> = looks.collect();
        let found = |(disk, look): (&Disk, thread::ScopedJoinHandle<'_, Finding>)| {
            look.join().unwrap_or_else(|_| Finding::untold(disk))
        };
        looks.into_iter().map(found).collect()
    })
}
