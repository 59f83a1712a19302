use crate::backing::{Backing, Kind};
use crate::node::Node;
use crate::obstacle::Obstacle;
use crate::server;
use exec::Deadline;
use hypervisor::{Disk, Error, Hypervisor, Source};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// What was found of one disk.
#[derive(Debug)]
pub struct Finding {
    /// The disk.
    pub disk: Disk,
    /// What it is on.
    pub backing: Backing,
    /// Whether this node can reach it.
    pub reach: Reach,
}

/// Whether this node can reach a disk.
#[derive(Debug)]
pub enum Reach {
    /// It can, as far as can be told without using it.
    In,
    /// It cannot.
    Out(Obstacle),
    /// Nothing tells, for that reason if there is one.
    Untold(Option<Obstacle>),
}

impl From<Option<Obstacle>> for Reach {
    /// What waits may only be slow: a server that fails over gives an answer after a minute and a half. And what root
    /// may not read the emulator may, which is another user.
    fn from(obstacle: Option<Obstacle>) -> Self {
        match obstacle {
            None => Self::In,
            Some(obstacle) if obstacle.is_conclusive() => Self::Out(obstacle),
            inconclusive => Self::Untold(inconclusive),
        }
    }
}

/// Where a disk is to be looked for.
pub enum Place {
    /// At a path.
    Path(PathBuf),
    /// At servers.
    Servers { protocol: String, servers: Vec<(String, Option<u16>)> },
    /// It is known already not to be there.
    Nowhere(Error),
    /// That cannot be told.
    Unknown,
}

/// Where a disk is to be looked for, once a volume of a pool is known by what it is.
pub fn place(disk: &Disk, hypervisor: &dyn Hypervisor, by: Deadline) -> Place {
    match &disk.source {
        Source::Path(path) => Place::Path(path.clone()),
        Source::Network { protocol, servers, .. } => {
            Place::Servers { protocol: protocol.clone(), servers: servers.clone() }
        }
        Source::Volume { pool, volume } => {
            // A daemon that is silent must leave time for looking at the other disks.
            let by = by.slice(by.remaining() / 2);
            match hypervisor.volume(pool, volume, by) {
                Ok(path) if path.starts_with('/') => Place::Path(PathBuf::from(path)),
                Err(lack @ Error::NotAdmitted { .. }) => Place::Nowhere(lack),
                Ok(_) | Err(_) => Place::Unknown,
            }
        }
        Source::Opaque(_) => Place::Unknown,
    }
}

/// Looks at a disk. One that does not answer by the deadline is left behind.
pub fn look(disk: &Disk, place: Place, node: &Arc<Node>, by: Deadline) -> Finding {
    let waited = by.remaining();
    let (backing, reach) = match place {
        Place::Path(path) => {
            let silent = (node.backing(&path), Some(Obstacle::Silent { waited }));
            let (node, writable) = (Arc::clone(node), disk.writable);
            let examined = by.bound(move || node.examine(&path, writable, by));
            let (backing, obstacle) = examined.unwrap_or(silent);
            (backing, obstacle.into())
        }
        Place::Servers { protocol, servers } => {
            let backing = Backing::new(Kind::Network, &protocol);
            // Whoever has not found out by now has not been refused.
            let knocked = by.bound(move || server::reach(&protocol, &servers));
            (backing, knocked.unwrap_or(Reach::Untold(None)))
        }
        Place::Nowhere(lack) => {
            (Backing::new(Kind::Unknown, ""), Reach::Out(Obstacle::NoVolume { lack }))
        }
        Place::Unknown => return Finding::untold(disk),
    };
    Finding { disk: disk.clone(), backing, reach }
}

impl Finding {
    /// A disk of which nothing can be told.
    pub(crate) fn untold(disk: &Disk) -> Self {
        let backing = Backing::new(Kind::Unknown, "");
        Self { disk: disk.clone(), backing, reach: Reach::Untold(None) }
    }

    /// Whether the guest cannot be started here for want of this disk.
    #[must_use]
    pub fn is_in_the_way(&self) -> bool {
        matches!(self.reach, Reach::Out(_)) && !self.disk.optional
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "disk {}", self.disk)?;
        if self.backing.kind != Kind::Unknown {
            write!(f, ", {},", self.backing)?;
        }
        match &self.reach {
            Reach::In => f.write_str(" is in this node's reach"),
            Reach::Out(obstacle) => write!(f, " is out of this node's reach: {obstacle}"),
            Reach::Untold(reason) => {
                f.write_str(" may be out of this node's reach: ")?;
                match reason {
                    Some(reason) => reason.fmt(f),
                    None => f.write_str("nothing tells"),
                }
            }
        }
    }
}
