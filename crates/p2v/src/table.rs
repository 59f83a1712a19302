//! The tables of a system that name its disks, as the guest is to have them.

/// What became of the system's disks.
#[derive(Debug, Clone)]
pub enum Disks {
    /// All files are on one file system in ext4, of this UUID.
    Merged(String),
    /// The first of them is as it was, and has this name in the guest.
    Renamed(&'static str),
}

/// Types of file systems that are on other machines.
const NETWORK: [&str; 8] =
    ["nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs"];

/// Names of a first disk, in front of the number of a partition.
const FIRST: [&str; 6] = ["sda", "hda", "vda", "xvda", "nvme0n1p", "mmcblk0p"];

/// The names under which a disk is known that is in no machine but the old one.
const VANISHED: [&str; 12] = [
    "sd",
    "hd",
    "vd",
    "xvd",
    "nvme",
    "mmcblk",
    "md",
    "sr",
    "fd",
    "cdrom",
    "disk/by-id/",
    "disk/by-path/",
];

impl Disks {
    /// fstab(5) with the file systems that the guest has. A line that has no meaning there stays as a comment that says
    /// why.
    pub fn fstab(&self, text: &str) -> String {
        let line = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            match fields[..] {
                [spec, target, kind, ..] if !spec.starts_with('#') => {
                    self.mount(line, spec, target, kind)
                }
                _ => line.to_owned(),
            }
        };
        let mut lines: Vec<String> = text.lines().map(line).collect();
        if let Self::Merged(uuid) = self {
            lines.push(format!("UUID={uuid} / ext4 errors=remount-ro 0 1"));
        }
        lines.join("\n") + "\n"
    }

    fn mount(&self, line: &str, spec: &str, target: &str, kind: &str) -> String {
        let is_device =
            spec.starts_with("/dev/") || spec.contains("UUID=") || spec.contains("LABEL=");
        match self {
            _ if NETWORK.contains(&kind) => line.to_owned(),
            Self::Merged(_) if kind == "swap" => comment(line, "the guest has no swap"),
            Self::Merged(_) if target == "/" || is_device => {
                comment(line, "what was copied of it is on the root file system")
            }
            Self::Renamed(disk) => match rename(spec, disk) {
                Some(renamed) => line.replacen(spec, &renamed, 1),
                None if has_vanished(spec) => comment(line, "the guest has no such device"),
                None => line.to_owned(),
            },
            Self::Merged(_) => line.to_owned(),
        }
    }

    /// crypttab(5) with the devices that the guest has.
    pub fn crypttab(&self, text: &str) -> String {
        let line = |line: &str| match self {
            Self::Merged(_) if !line.trim().is_empty() && !line.trim().starts_with('#') => {
                comment(line, "the guest has no such device")
            }
            _ => line.to_owned(),
        };
        text.lines().map(|it| line(it) + "\n").collect()
    }
}

fn comment(line: &str, why: &str) -> String {
    format!("# hawser p2v: {why}\n#{line}")
}

/// A partition of the first disk under its new name.
fn rename(spec: &str, disk: &str) -> Option<String> {
    let name = spec.strip_prefix("/dev/")?;
    let number = FIRST.iter().find_map(|it| name.strip_prefix(it))?;
    let is_number = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
    is_number.then(|| format!("/dev/{disk}{number}"))
}

fn has_vanished(spec: &str) -> bool {
    spec.strip_prefix("/dev/").is_some_and(|name| VANISHED.iter().any(|it| name.starts_with(it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FSTAB: &str = "# <file system> <mount point>   <type>  <options>       <dump>  <pass>
/dev/mapper/vg-root /               btrfs   subvol=@ 0       1
UUID=0a1b-2c3d  /boot/efi       vfat    umask=0077      0       1
/dev/nvme0n1p5 /home xfs defaults 0 2

LABEL=data\t/data ext4 nofail 0 2
/dev/sdb1 none swap sw 0 0
/swapfile none swap sw 0 0
/dev/sr0        /media/cdrom0   udf,iso9660 user,noauto     0       0
tmpfs /tmp tmpfs size=1G 0 0
/home/a /srv/a none bind 0 0
files:/export /mnt/nfs nfs _netdev 0 0";

    /// The lines that are no comments, by their first two fields.
    fn active(text: &str) -> Vec<String> {
        let lines = text.lines().filter(|it| !it.starts_with('#') && !it.is_empty());
        lines.map(|it| it.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn a_merged_system_mounts_its_root_and_what_is_elsewhere() {
        let text = Disks::Merged("4711".to_owned()).fstab(FSTAB);
        assert_eq!(
            active(&text),
            ["tmpfs /tmp", "/home/a /srv/a", "files:/export /mnt/nfs", "UUID=4711 /"]
        );
        assert!(
            text.contains("# hawser p2v: the guest has no swap\n#/swapfile none swap sw 0 0\n"),
            "{text}"
        );
        assert!(text.ends_with("UUID=4711 / ext4 errors=remount-ro 0 1\n"), "{text}");
        assert!(text.starts_with("# <file system>"), "{text}");
    }

    #[test]
    fn a_disk_that_stays_as_it_was_has_another_name() {
        let text = Disks::Renamed("vda").fstab(FSTAB);
        assert_eq!(
            active(&text),
            [
                "/dev/mapper/vg-root /",
                "UUID=0a1b-2c3d /boot/efi",
                "/dev/vda5 /home",
                "LABEL=data /data",
                "/swapfile none",
                "tmpfs /tmp",
                "/home/a /srv/a",
                "files:/export /mnt/nfs"
            ]
        );
    }

    #[test]
    fn a_merged_system_decrypts_nothing() {
        let text = "# a comment\nroot UUID=1 none luks\n\n";
        let merged = Disks::Merged("1".to_owned()).crypttab(text);
        assert_eq!(
            merged,
            "# a comment\n# hawser p2v: the guest has no such device\n#root UUID=1 none luks\n\n"
        );
        assert_eq!(Disks::Renamed("vda").crypttab(text), text);
    }
}
