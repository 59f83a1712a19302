use crate::backing::{Backing, Kind};
use crate::drbd;
use crate::obstacle::Obstacle;
use exec::Deadline;
use std::fs;
use std::path::{Path, PathBuf};

/// States of a SCSI device in which nothing gets to it. In others it may only be waited for.
const OFFLINE: [&str; 2] = ["offline", "transport-offline"];

/// A block device, as sysfs shows it.
#[derive(Debug)]
pub struct Device {
    sysfs: PathBuf,
    directory: PathBuf,
    number: (u64, u64),
}

impl Device {
    /// The one of that number; `None` where the kernel shows none.
    pub fn of(sysfs: &Path, number: (u64, u64)) -> Option<Self> {
        let link = sysfs.join(format!("dev/block/{}:{}", number.0, number.1));
        let directory = link.canonicalize().ok()?;
        Some(Self { sysfs: sysfs.to_owned(), directory, number })
    }

    /// The kernel's name for it, such as `sda1`.
    fn name(&self) -> String {
        self.directory.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The device that it is, or that it is a partition of.
    fn whole(&self) -> &Path {
        let is_part = self.directory.join("partition").exists();
        self.directory.parent().filter(|_| is_part).unwrap_or(&self.directory)
    }

    fn attribute(&self, name: &str) -> Option<String> {
        read(&self.directory.join(name)).or_else(|| read(&self.whole().join(name)))
    }

    /// The kind of storage that it is.
    pub fn backing(&self) -> Backing {
        let name = self.name();
        if let Some(map) = self.attribute("dm/name") {
            let uuid = self.attribute("dm/uuid").unwrap_or_default();
            let kind = match uuid.split('-').next() {
                Some("LVM") => Kind::Lvm,
                Some("mpath") => Kind::Multipath,
                _ => Kind::Map,
            };
            return Backing::new(kind, map);
        }
        if let Some(file) = self.attribute("loop/backing_file") {
            return Backing::new(Kind::Loop, file);
        }
        if let Some(session) = self.session() {
            return Backing::new(Kind::Iscsi, read(&session.join("targetname")).unwrap_or(name));
        }
        if let Some(image) = self.rbd_image() {
            return Backing::new(Kind::Rbd, image);
        }
        // Of the rest the kernel's names say the kind, as those of udev do.
        Backing::by_name(&Path::new("/dev").join(name))
    }

    /// The session with the iSCSI target that it is a unit of.
    fn session(&self) -> Option<PathBuf> {
        let mut above = self.directory.iter().filter_map(|it| it.to_str());
        let number = |it: &str| it.strip_prefix("session")?.parse::<u32>().ok();
        let session = above.find(|it| number(it).is_some())?;
        Some(self.sysfs.join("class/iscsi_session").join(session))
    }

    fn rbd_image(&self) -> Option<String> {
        let whole = self.whole().file_name()?.to_str()?.strip_prefix("rbd")?;
        let image = self.sysfs.join("bus/rbd/devices").join(whole);
        Some(format!("{}/{}", read(&image.join("pool"))?, read(&image.join("name"))?))
    }

    /// What is in the way of using it, if that can be told.
    pub fn obstacle(&self, writable: bool, by: Deadline) -> Option<Obstacle> {
        let (major, minor) = self.number;
        // Its device is read-only while it is Secondary, and may be promoted when it is opened.
        if major == drbd::MAJOR {
            return drbd::obstacle(minor, by);
        }
        if self.attribute("size").as_deref() == Some("0") {
            return Some(Obstacle::Empty { device: self.name(), backing: self.backing() });
        }
        if writable && self.attribute("ro").as_deref() == Some("1") {
            return Some(Obstacle::ReadOnly { what: format!("device {}", self.name()) });
        }
        self.cut_off().or_else(|| self.below(by))
    }

    /// What keeps the kernel from a SCSI device.
    fn cut_off(&self) -> Option<Obstacle> {
        if let Some(session) = self.session()
            && let Some(state) = read(&session.join("state")).filter(|it| it != "LOGGED_IN")
        {
            let target = read(&session.join("targetname")).unwrap_or_default();
            return Some(Obstacle::Session { target, state });
        }
        let state = self.attribute("device/state")?;
        let is_offline = OFFLINE.contains(&state.as_str());
        is_offline.then(|| Obstacle::Offline { device: self.name(), state })
    }

    /// What is in the way of all the devices that it is made of. Where one of them is left it may be a mirror, or
    /// another path.
    fn below(&self, by: Deadline) -> Option<Obstacle> {
        let slaves = fs::read_dir(self.directory.join("slaves")).ok()?;
        let mut first = None;
        for slave in slaves.filter_map(Result::ok) {
            let number = read(&slave.path().join("dev"))?;
            let (major, minor) = number.split_once(':')?;
            let device = Self::of(&self.sysfs, (major.parse().ok()?, minor.parse().ok()?))?;
            let obstacle = device.obstacle(false, by)?;
            first.get_or_insert(obstacle);
        }
        first
    }
}

fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::time::Duration;
    use tempfile::TempDir;

    /// A device at a place in sysfs, with attributes and what it is made of.
    fn add(sysfs: &Path, number: &str, place: &str, attributes: &[(&str, &str)], slaves: &[&str]) {
        let directory = sysfs.join("devices").join(place);
        let all = [("dev", number), ("size", "2048"), ("ro", "0")];
        for (name, value) in all.iter().chain(attributes) {
            let file = directory.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, format!("{value}\n")).unwrap();
        }
        fs::create_dir_all(sysfs.join("dev/block")).unwrap();
        symlink(&directory, sysfs.join("dev/block").join(number)).unwrap();
        for slave in slaves {
            fs::create_dir_all(directory.join("slaves")).unwrap();
            let below = sysfs.join("dev/block").join(slave).canonicalize().unwrap();
            symlink(below, directory.join("slaves").join(slave)).unwrap();
        }
    }

    fn session(sysfs: &Path, name: &str, state: &str) {
        let directory = sysfs.join("class/iscsi_session").join(name);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("state"), state).unwrap();
        fs::write(directory.join("targetname"), "iqn.2001-04.com.example:a\n").unwrap();
    }

    fn unit(sysfs: &Path, number: &str, session: u8, name: &str, state: &str) {
        let place = format!("platform/host3/session{session}/target3:0:0/3:0:0:1/block/{name}");
        add(sysfs, number, &place, &[("device/state", state)], &[]);
    }

    fn told(sysfs: &Path, major: u64, minor: u64) -> (String, String) {
        let by = Deadline::after(Duration::from_secs(10));
        let device = Device::of(sysfs, (major, minor)).unwrap();
        let obstacle = device.obstacle(true, by);
        (device.backing().to_string(), obstacle.map(|it| it.to_string()).unwrap_or_default())
    }

    fn clear(storage: &str) -> (String, String) {
        (storage.to_owned(), String::new())
    }

    #[test]
    fn the_kernel_tells_the_kinds_apart() {
        let sysfs = TempDir::new().unwrap();
        let sysfs = sysfs.path();
        session(sysfs, "session1", "LOGGED_IN");
        unit(sysfs, "8:16", 1, "sdb", "running");
        let lvm = [("dm/name", "vg-lv"), ("dm/uuid", "LVM-abc")];
        add(sysfs, "253:0", "virtual/block/dm-0", &lvm, &["8:16"]);
        let map = [("dm/name", "luks-1"), ("dm/uuid", "CRYPT-LUKS2-abc")];
        add(sysfs, "253:1", "virtual/block/dm-1", &map, &["8:16"]);
        add(sysfs, "7:0", "virtual/block/loop0", &[("loop/backing_file", "/srv/a")], &[]);
        add(sysfs, "251:0", "rbd/0/block/rbd0", &[], &[]);
        fs::create_dir_all(sysfs.join("bus/rbd/devices/0")).unwrap();
        fs::write(sysfs.join("bus/rbd/devices/0/pool"), "vms\n").unwrap();
        fs::write(sysfs.join("bus/rbd/devices/0/name"), "vm1\n").unwrap();
        add(sysfs, "9:0", "virtual/block/md0", &[], &["8:16"]);
        add(sysfs, "254:1", "pci/virtio0/block/vda", &[], &[]);
        for (major, minor, storage) in [
            (8, 16, "iSCSI iqn.2001-04.com.example:a"),
            (253, 0, "LVM vg-lv"),
            (253, 1, "device mapper luks-1"),
            (7, 0, "loop device of /srv/a"),
            (251, 0, "RBD vms/vm1"),
            (9, 0, "RAID md0"),
            (254, 1, "block device vda"),
        ] {
            assert_eq!(told(sysfs, major, minor), clear(storage));
        }
        assert!(Device::of(sysfs, (1, 1)).is_none());
    }

    #[test]
    fn what_has_lost_its_storage_is_told_through_whatever_is_on_it() {
        let sysfs = TempDir::new().unwrap();
        let sysfs = sysfs.path();
        session(sysfs, "session1", "LOGGED_IN");
        session(sysfs, "session2", "FAILED");
        unit(sysfs, "8:16", 1, "sdb", "running");
        unit(sysfs, "8:32", 2, "sdc", "running");
        unit(sysfs, "8:48", 1, "sdd", "transport-offline");
        let part = [("partition", "1")];
        add(
            sysfs,
            "8:49",
            "platform/host3/session1/target3:0:0/3:0:0:1/block/sdd/sdd1",
            &part,
            &[],
        );
        let paths = [("dm/name", "mpatha"), ("dm/uuid", "mpath-36001")];
        add(sysfs, "253:0", "virtual/block/dm-0", &paths, &["8:16", "8:32"]);
        add(sysfs, "253:1", "virtual/block/dm-1", &paths, &["8:32", "8:48"]);
        let volume = [("dm/name", "vg-lv"), ("dm/uuid", "LVM-abc")];
        add(sysfs, "253:2", "virtual/block/dm-2", &volume, &["253:1"]);
        assert_eq!(told(sysfs, 253, 0), clear("multipath mpatha"));
        let words = |minor, major| told(sysfs, major, minor).1;
        assert!(words(32, 8).contains("with iSCSI target iqn.2001-04.com.example:a is FAILED"));
        assert!(words(48, 8).contains("device sdd is transport-offline"));
        assert!(words(49, 8).contains("device sdd1 is transport-offline"));
        assert!(!words(1, 253).is_empty());
        assert!(!words(2, 253).is_empty());
    }

    #[test]
    fn a_device_without_size_and_one_that_cannot_be_written_to_are_of_no_use() {
        let sysfs = TempDir::new().unwrap();
        let sysfs = sysfs.path();
        add(sysfs, "43:0", "virtual/block/nbd0", &[("size", "0")], &[]);
        add(sysfs, "254:1", "virtual/block/vda", &[("ro", "1")], &[]);
        assert!(told(sysfs, 43, 0).1.contains("device nbd0 has a size of 0; connect it"));
        assert!(told(sysfs, 254, 1).1.contains("device vda is read-only here"));
        let by = Deadline::after(Duration::from_secs(10));
        let read_only = Device::of(sysfs, (254, 1)).unwrap();
        assert!(read_only.obstacle(false, by).is_none());
    }
}
