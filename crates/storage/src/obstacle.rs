use crate::backing::Backing;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a disk is out of this node's reach, and what can be done about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// The device is not there.
    #[error("it is not there; {}", .expected.remedy())]
    NoDevice {
        /// What it would be by its name.
        expected: Backing,
    },
    /// The file is not there.
    #[error(
        "it is not there, and the nearest directory that is, {}, is on {system}; mount the file system that \
         it is on, or put it there", .nearest.display()
    )]
    NoFile {
        /// The nearest directory that is there.
        nearest: PathBuf,
        /// The file system which that is on.
        system: String,
    },
    /// The file is not there, nor the file system that it is on.
    #[error("it is not there: {system} is not mounted on {}; mount it", .point.display())]
    NotMounted {
        /// Where `/etc/fstab` has it.
        point: PathBuf,
        /// Its type and source, as they are there.
        system: String,
    },
    /// The kernel refuses it.
    #[error("it cannot be read: {cause}")]
    Unreadable {
        /// The kernel's words.
        cause: io::Error,
    },
    /// Nothing came of looking at it.
    #[error(
        "it does not answer within {:.1} s; its server or device is gone or overloaded", .waited.as_secs_f32()
    )]
    Silent {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The guest is to write to what cannot be written to.
    #[error(
        "the guest is to write to it, and {what} is read-only here; see the kernel's log for why, or make the disk \
         read-only"
    )]
    ReadOnly {
        /// The device or file system.
        what: String,
    },
    /// A device without anything behind it.
    #[error("device {device} has a size of 0; {}", .backing.remedy())]
    Empty {
        /// The device.
        device: String,
        /// What it is.
        backing: Backing,
    },
    /// A SCSI device that the kernel has given up.
    #[error("device {device} is {state}; see to the way to its storage, and then rescan it")]
    Offline {
        /// The device.
        device: String,
        /// The kernel's word for its state.
        state: String,
    },
    /// The session with an iSCSI target is interrupted.
    #[error(
        "the session with iSCSI target {target} is {state}; see to the network and the target, or log in anew"
    )]
    Session {
        /// The target.
        target: String,
        /// The kernel's word for its state.
        state: String,
    },
    /// A DRBD volume that this node may not write to.
    #[error(
        "this node is Secondary of DRBD resource {resource}{}; promote it here before the guest starts",
        .primary.as_ref().map(|it| format!(" and {it} is Primary")).unwrap_or_default()
    )]
    Secondary {
        /// The resource, or its device where that is all that is known.
        resource: String,
        /// The peer that is Primary.
        primary: Option<String>,
    },
    /// A DRBD volume with no good data in reach.
    #[error(
        "DRBD resource {resource} is {disk} here and no peer that is UpToDate is connected; connect it (drbdadm \
         adjust), or attach this node's disk"
    )]
    NoData {
        /// The resource, or its device where that is all that is known.
        resource: String,
        /// The state of this node's disk.
        disk: String,
    },
    /// Servers that take no connection.
    #[error("no connection to {servers}; see to the network and to the servers")]
    NoServer {
        /// Each server with its port.
        servers: String,
    },
    /// The volume or its pool is not there.
    #[error("{lack}; start the storage pool, or set start_resources")]
    NoVolume {
        /// What the hypervisor says.
        lack: hypervisor::Error,
    },
}
impl Obstacle {
    /// Whether the guest would meet it as well.
    pub fn is_conclusive(&self) -> bool {
        match self {
            Self::Silent { .. } => false,
            Self::Unreadable { cause } => cause.kind() != io::ErrorKind::PermissionDenied,
            _ => true,
        }
    }
}
