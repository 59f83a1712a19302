use crate::error::Flaw;
use crate::exclusion::{Exclusion, is_within};
use crate::interface::{Device, Interface};
use crate::machine::Machine;
use crate::system::{Initramfs, SIGNS, System};
use crate::{Error, Result};
use exec::Deadline;
use serde::Deserialize;
use std::time::Duration;

/// The types of file systems whose files are copied.
const COPIED: [&str; 8] = ["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "zfs"];

/// Those of media that nothing is written to.
const MEDIA: [&str; 3] = ["iso9660", "squashfs", "udf"];

/// Where the EFI's partition is mounted: the guest boots by BIOS.
const EFI: [&str; 2] = ["/boot/efi", "/efi"];

const RSYNC: &str = "/usr/bin/rsync";

/// How long a question to the machine may take.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// What a machine is, as far as its guest is concerned.
#[derive(Debug)]
pub struct Survey {
    /// The file systems that are copied, the root first.
    pub mounts: Vec<Mount>,
    /// Its swap files.
    pub swap_files: Vec<String>,
    /// Its memory in MiB.
    pub memory: u64,
    /// How many processors it has.
    pub processors: u32,
    /// Its network interfaces.
    pub devices: Vec<Device>,
    /// How it boots.
    pub system: System,
    /// Its fstab(5).
    pub fstab: String,
    /// Its crypttab(5).
    pub crypttab: String,
}

/// A file system of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Mount {
    /// Where it is mounted.
    pub target: String,
    source: String,
    fstype: String,
    /// Its UUID, where the machine knows one.
    pub uuid: Option<String>,
    /// Its label, where it has one.
    pub label: Option<String>,
    /// How much of it is used, in bytes; none where it is on no device.
    used: Option<u64>,
    /// How large it is, in bytes.
    size: Option<u64>,
}

#[derive(Deserialize)]
struct Mounts {
    filesystems: Vec<Mount>,
}

impl Survey {
    /// Asks the machine, and refuses what cannot become a guest.
    pub fn take(
        machine: &Machine,
        wanted: &[Interface],
        excluded: &[Exclusion],
        by: Deadline,
    ) -> Result<Self> {
        let run = |words: &[&str]| machine.run(words, by.slice(ANSWER_TIME));
        // What is not there is empty.
        let list = |words: &[&str]| -> Result<String> {
            Ok(machine.ask(words, by.slice(ANSWER_TIME))?.text())
        };
        let unsuitable = |source| Error::Unsuitable { what: machine.to_string(), source };
        let architecture = run(&["uname", "-m"])?;
        if architecture.trim() != "x86_64" {
            let found = architecture.trim().to_owned();
            return Err(unsuitable(Flaw::Architecture { found }));
        }
        let listed: String = list(&[&["ls", "-d", RSYNC], &SIGNS[..]].concat())?;
        let has = |path: &str| listed.lines().any(|it| it == path);
        if !has(RSYNC) {
            return Err(unsuitable(Flaw::NoRsync));
        }
        let system = System::judge(has).map_err(unsuitable)?;
        if system.initramfs == Initramfs::Dracut {
            return Err(unsuitable(Flaw::Dracut));
        }
        let columns = "TARGET,SOURCE,FSTYPE,UUID,LABEL,USED,SIZE";
        let mounts = run(&["findmnt", "--json", "--list", "--bytes", "--output", columns])?;
        let links = run(&["ip", "-json", "-details", "link"])?;
        Ok(Self {
            mounts: chosen(&mounts, excluded)?.map_err(unsuitable)?,
            swap_files: swap_files(&run(&["cat", "/proc/swaps"])?),
            memory: memory(&run(&["cat", "/proc/meminfo"])?)?,
            processors: processors(&run(&["nproc"])?)?,
            devices: Device::choose(&links, wanted)?,
            system,
            fstab: list(&["cat", "/etc/fstab"])?,
            crypttab: list(&["cat", "/etc/crypttab"])?,
        })
    }

    /// How much of it is to be copied, in bytes.
    pub fn used(&self) -> u64 {
        self.volumes().filter_map(|it| it.used).sum()
    }

    /// How large all of it is together, in bytes.
    pub fn size(&self) -> u64 {
        self.volumes().filter_map(|it| it.size).sum()
    }

    /// One of the mounts of each file system, of which subvolumes are mounted by themselves.
    fn volumes(&self) -> impl Iterator<Item = &Mount> {
        let is_first = |(at, it): &(usize, &Mount)| {
            self.mounts[..*at].iter().all(|other| other.volume() != it.volume())
        };
        self.mounts.iter().enumerate().filter(is_first).map(|(_, it)| it)
    }
}

impl Mount {
    /// The device, without the subvolume in it.
    fn volume(&self) -> &str {
        self.source.split('[').next().unwrap_or_default()
    }

    fn is_copied(&self) -> bool {
        // A part of a file system, other than a subvolume, is mounted elsewhere as well.
        let is_whole = !self.source.contains('[') || self.fstype == "btrfs";
        // An overlay is what a container has for its root.
        let is_root = self.target == "/" && self.fstype == "overlay";
        let is_known = COPIED.contains(&&*self.fstype) && (is_whole || self.target == "/");
        self.target.starts_with('/') && (is_root || is_known)
    }

    /// Whether data may be on it that would be missed.
    fn is_foreign(&self) -> bool {
        self.target != "/"
            && self.source.starts_with("/dev/")
            && !self.source.contains('[')
            && !COPIED.contains(&&*self.fstype)
            && !MEDIA.contains(&&*self.fstype)
            && !EFI.contains(&&*self.target)
    }
}

/// The mounts that are copied, the root first.
fn chosen(text: &str, excluded: &[Exclusion]) -> Result<std::result::Result<Vec<Mount>, Flaw>> {
    let unclear = |_| Error::Answer { program: "findmnt", found: text.to_owned() };
    let Mounts { filesystems: mut mounts } = serde_json::from_str(text).map_err(unclear)?;
    mounts.retain(|it| !excluded.iter().any(|other| is_within(&it.target, other.path())));
    if let Some(foreign) = mounts.iter().find(|it| it.is_foreign()) {
        let Mount { target, fstype, .. } = foreign.clone();
        return Ok(Err(Flaw::Foreign { target, fstype }));
    }
    let root = mounts.iter().rfind(|it| it.target == "/").map(|it| it.fstype.clone());
    // The first mount of a file system is the one that others repeat.
    let mut chosen: Vec<Mount> = Vec::new();
    for mount in mounts.into_iter().filter(Mount::is_copied) {
        // It hides what was mounted there before.
        chosen.retain(|it| it.target != mount.target);
        if chosen.iter().all(|it| it.source != mount.source) {
            chosen.push(mount);
        }
    }
    chosen.sort_by(|a, b| a.target.cmp(&b.target));
    match chosen.first() {
        Some(first) if first.target == "/" => Ok(Ok(chosen)),
        _ => Ok(Err(Flaw::NoRoot { found: root.unwrap_or_else(|| "none".to_owned()) })),
    }
}

/// The files in `/proc/swaps`, where a space is `\040`.
fn swap_files(text: &str) -> Vec<String> {
    let fields = text.lines().skip(1).map(|line| line.split_whitespace());
    let files = fields.filter_map(|mut it| Some((it.next()?, it.next()?)));
    files.filter(|(_, kind)| *kind == "file").map(|(path, _)| path.replace("\\040", " ")).collect()
}

fn memory(text: &str) -> Result<u64> {
    let total = text.lines().find_map(|it| it.strip_prefix("MemTotal:"));
    let kib = total.and_then(|it| it.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let unclear = || Error::Answer { program: "/proc/meminfo", found: text.to_owned() };
    kib.map(|it| it.div_ceil(1024)).ok_or_else(unclear)
}

fn processors(text: &str) -> Result<u32> {
    let count = text.trim().parse().ok().filter(|it| *it > 0);
    count.ok_or_else(|| Error::Answer { program: "nproc", found: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = r#"{"filesystems": [
        {"target":"/","source":"/dev/mapper/vg-root","fstype":"ext4","uuid":"6a","label":null,"used":5,"size":9},
        {"target":"/home","source":"/dev/sda3[/@home]","fstype":"btrfs","uuid":"6b","label":"h","used":6,"size":9},
        {"target":"/boot","source":"/dev/sda1","fstype":"ext2","uuid":"6c","label":null,"used":1,"size":2},
        {"target":"/boot/efi","source":"/dev/sda2","fstype":"vfat","uuid":"6-7","label":null,"used":1,"size":2},
        {"target":"/srv/bound","source":"/dev/mapper/vg-root[/srv/a]","fstype":"ext4","uuid":null,"label":null,"used":5,"size":9},
        {"target":"/data/deep","source":"/dev/sdb","fstype":"xfs","uuid":null,"label":null,"used":5,"size":9},
        {"target":"/database","source":"/dev/sdc","fstype":"xfs","uuid":null,"label":null,"used":5,"size":9},
        {"target":"/mnt/nfs","source":"files:/export","fstype":"nfs4","uuid":null,"label":null,"used":5,"size":9},
        {"target":"/snap/a","source":"/dev/loop0","fstype":"squashfs","uuid":null,"label":null,"used":5,"size":5},
        {"target":"/export","source":"/dev/sdc","fstype":"xfs","uuid":null,"label":null,"used":5,"size":9},
        {"target":"2/x","source":"/dev/sdd","fstype":"xfs","uuid":null,"label":null,"used":5,"size":9},
        {"target":"/var","source":"/dev/sda3[/@var]","fstype":"btrfs","uuid":"6b","label":"h","used":6,"size":9},
        {"target":"/proc","source":"proc","fstype":"proc","uuid":null,"label":null,"used":null,"size":null},
        {"target":"/var/lib/docker/overlay2/x/merged","source":"overlay","fstype":"overlay","uuid":null,"label":null,"used":5,"size":9}
    ]}"#;

    #[test]
    fn local_file_systems_are_copied_once_each_but_for_those_that_are_excluded() {
        let mounts = chosen(MOUNTS, &["/data".parse().unwrap()]).unwrap().unwrap();
        let targets: Vec<_> = mounts.iter().map(|it| it.target.as_str()).collect();
        assert_eq!(targets, ["/", "/boot", "/database", "/home", "/var"]);
        let reiser = MOUNTS.replacen("\"ext2\"", "\"reiserfs\"", 1);
        assert!(matches!(
            chosen(&reiser, &[]),
            Ok(Err(Flaw::Foreign { target, .. })) if target == "/boot"
        ));
        assert!(matches!(chosen(&reiser, &["/boot".parse().unwrap()]), Ok(Ok(_))));
        let foreign = MOUNTS.replacen("ext4", "nfs4", 1);
        assert!(
            matches!(chosen(&foreign, &[]), Ok(Err(Flaw::NoRoot { found })) if found == "nfs4")
        );
        assert!(matches!(chosen("{}", &[]), Err(Error::Answer { program: "findmnt", .. })));
    }

    #[test]
    fn what_the_kernel_prints_is_understood_or_refused() {
        let swaps = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority
/dev/dm-1                               partition\t1003516\t\t0\t\t-2
/swap\\040file                           file\t\t1048572\t\t0\t\t-3\n";
        assert_eq!(swap_files(swaps), ["/swap file"]);
        assert_eq!(memory("MemTotal:        2033364 kB\nMemFree: 1 kB\n").unwrap(), 1986);
        assert!(memory("MemFree: 1 kB\n").is_err());
        assert_eq!(processors("4\n").unwrap(), 4);
        assert!(processors("0\n").is_err());
    }
}
