use std::fmt;
use std::path::Path;

/// What kind of storage a disk is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file on a file system, local or not.
    File,
    /// An LVM volume.
    Lvm,
    /// A map of multipathd's.
    Multipath,
    /// Another map of the device mapper's, such as an encrypted device.
    Map,
    /// A unit of an iSCSI target.
    Iscsi,
    /// A DRBD volume.
    Drbd,
    /// An image in a Ceph cluster, mapped by the kernel.
    Rbd,
    /// A network block device.
    Nbd,
    /// A software RAID.
    Raid,
    /// A volume of ZFS.
    Zvol,
    /// A loop device.
    Loop,
    /// Another block device.
    Block,
    /// An image that the emulator reaches through the network.
    Network,
    /// That cannot be told.
    Unknown,
}

/// The storage of one disk: its kind, and its name among others of that kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backing {
    /// The kind.
    pub kind: Kind,
    /// The name: a file system with its source, a volume group, a target.
    pub name: String,
}

impl Backing {
    pub(crate) fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }

    /// What a path would be if it were there, by the names that udev gives.
    pub(crate) fn by_name(path: &Path) -> Self {
        let text = path.to_string_lossy();
        let Some(name) = text.strip_prefix("/dev/").filter(|it| !it.starts_with("shm/")) else {
            return Self::new(Kind::File, "");
        };
        let (first, rest) = name.split_once('/').unwrap_or((name, ""));
        let numbered = |word: &str| {
            first
                .strip_prefix(word)
                .is_some_and(|it| it.starts_with(|it: char| it.is_ascii_digit()))
        };
        match first {
            "mapper" => Self::of_map(rest),
            "disk" => Self::new(Kind::Block, rest).or_iscsi(rest),
            "drbd" => {
                let of_resource = rest.strip_prefix("by-res/").unwrap_or(rest);
                Self::new(Kind::Drbd, of_resource.split('/').next().unwrap_or_default())
            }
            "rbd" => Self::new(Kind::Rbd, rest),
            "zvol" => Self::new(Kind::Zvol, rest.split('/').next().unwrap_or_default()),
            "md" => Self::new(Kind::Raid, rest),
            _ if numbered("drbd") => Self::new(Kind::Drbd, name),
            _ if numbered("rbd") => Self::new(Kind::Rbd, name),
            _ if numbered("nbd") => Self::new(Kind::Nbd, name),
            _ if numbered("md") => Self::new(Kind::Raid, name),
            _ if rest.is_empty() => Self::new(Kind::Block, name),
            // The only other directories of block devices are those of volume groups.
            _ => Self::new(Kind::Lvm, first),
        }
    }

    /// By udev's name of a path to a unit: `by-path/ip-PORTAL-iscsi-TARGET-lun-N`.
    fn or_iscsi(self, name: &str) -> Self {
        let Some((_, unit)) = name.split_once("-iscsi-") else { return self };
        Self::new(Kind::Iscsi, unit.rsplit_once("-lun-").map_or(unit, |(target, _)| target))
    }

    /// LVM puts one hyphen between group and volume, and doubles those in the names.
    fn of_map(name: &str) -> Self {
        let hyphen = name.replace("--", "__").find('-');
        match hyphen {
            _ if name.starts_with("mpath") => Self::new(Kind::Multipath, name),
            Some(at) => Self::new(Kind::Lvm, name[..at].replace("--", "-")),
            None => Self::new(Kind::Map, name),
        }
    }

    /// What brings it to a node that does not have it.
    pub(crate) fn remedy(&self) -> String {
        let name = &self.name;
        match self.kind {
            Kind::File => "mount the file system that it is on".to_owned(),
            Kind::Lvm => format!("activate its volume group (vgchange --activate y {name})"),
            Kind::Multipath => {
                "see whether multipathd runs and has paths (multipath -ll)".to_owned()
            }
            Kind::Map => format!("open or activate it (dmsetup info {name})"),
            Kind::Iscsi => {
                format!("log in to the target (iscsiadm --mode node --targetname {name} --login)")
            }
            Kind::Drbd => format!("bring the resource up (drbdadm up {name})"),
            Kind::Rbd => format!("map the image (rbd map {name})"),
            Kind::Nbd => "connect it (nbd-client)".to_owned(),
            Kind::Raid => "assemble it (mdadm --assemble --scan)".to_owned(),
            Kind::Zvol => format!("import its pool (zpool import {name})"),
            Kind::Loop => "give it a file (losetup)".to_owned(),
            Kind::Block | Kind::Network | Kind::Unknown => {
                "see whether it is connected to this node".to_owned()
            }
        }
    }
}

impl fmt::Display for Backing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.kind {
            Kind::File => "a file on",
            Kind::Lvm => "LVM",
            Kind::Multipath => "multipath",
            Kind::Map => "device mapper",
            Kind::Iscsi => "iSCSI",
            Kind::Drbd => "DRBD",
            Kind::Rbd => "RBD",
            Kind::Nbd => "NBD",
            Kind::Raid => "RAID",
            Kind::Zvol => "ZFS volume",
            Kind::Loop => "loop device of",
            Kind::Block => "block device",
            Kind::Network => "network",
            Kind::Unknown => "unknown storage",
        };
        write!(f, "{}", format!("{words} {}", self.name).trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_not_there_tells_what_it_would_be() {
        for (path, kind, name) in [
            ("/srv/a.img", Kind::File, ""),
            ("/dev/shm/a.img", Kind::File, ""),
            ("/dev/vg1/root", Kind::Lvm, "vg1"),
            ("/dev/mapper/vg--a-lv--b", Kind::Lvm, "vg-a"),
            ("/dev/mapper/mpatha", Kind::Multipath, "mpatha"),
            ("/dev/mapper/3600a098038", Kind::Map, "3600a098038"),
            (
                "/dev/disk/by-path/ip-10.0.0.1:3260-iscsi-iqn.2001-04.com.example:a-lun-1",
                Kind::Iscsi,
                "iqn.2001-04.com.example:a",
            ),
            ("/dev/disk/by-id/wwn-0x5000", Kind::Block, "by-id/wwn-0x5000"),
            ("/dev/drbd/by-res/r0/0", Kind::Drbd, "r0"),
            ("/dev/drbd7", Kind::Drbd, "drbd7"),
            ("/dev/rbd/pool/vm1", Kind::Rbd, "pool/vm1"),
            ("/dev/nbd3", Kind::Nbd, "nbd3"),
            ("/dev/md/data", Kind::Raid, "data"),
            ("/dev/zvol/tank/vm1", Kind::Zvol, "tank"),
            ("/dev/sdb", Kind::Block, "sdb"),
        ] {
            assert_eq!(Backing::by_name(Path::new(path)), Backing::new(kind, name), "{path}");
        }
    }
}
