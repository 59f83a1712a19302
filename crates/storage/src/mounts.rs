use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Options that say that nothing can be written. ext4 has the second one after an error.
const READ_ONLY: [&str; 2] = ["ro", "emergency_ro"];

/// A file system that is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    point: PathBuf,
    /// Its type and its source, such as `nfs4 server:/export`.
    pub system: String,
    /// The number of its block device; a major number of 0 for what is on none.
    pub device: (u64, u64),
    /// Whether nothing can be written to it.
    pub read_only: bool,
}

/// The file systems of a node: those that are mounted, in their order, and those that `/etc/fstab` knows.
#[derive(Debug, Default)]
pub struct Mounts {
    mounted: Vec<Mount>,
    known: Vec<(PathBuf, String)>,
}

impl Mounts {
    /// Those of this thread's mount namespace. This reads no file system that could hang.
    pub fn here() -> Self {
        let text = |path| fs::read(path).map(|it| String::from_utf8_lossy(&it).into_owned());
        let mounted = text("/proc/thread-self/mountinfo").unwrap_or_default();
        Self::read(&mounted, &text("/etc/fstab").unwrap_or_default())
    }

    /// Reads `proc_pid_mountinfo(5)` and `fstab(5)`.
    fn read(mounted: &str, known: &str) -> Self {
        let entries = known.lines().filter(|line| !line.trim_start().starts_with('#'));
        Self {
            mounted: mounted.lines().filter_map(mount).collect(),
            known: entries.filter_map(entry).collect(),
        }
    }

    /// The file system that a path is on, as far as its name tells: a symbolic link in it is not followed.
    pub fn of(&self, path: &Path) -> Option<&Mount> {
        let above = self.mounted.iter().filter(|it| path.starts_with(&it.point));
        above.max_by_key(|it| it.point.components().count())
    }

    /// The file system that the path would be on if it were mounted as `/etc/fstab` says, and that is not: where it
    /// belongs, and its type and source.
    pub fn missing(&self, path: &Path) -> Option<(PathBuf, String)> {
        let above = self.known.iter().filter(|(point, _)| path.starts_with(point));
        let deepest = above.max_by_key(|(point, _)| point.components().count())?;
        let is_mounted = self.mounted.iter().any(|it| it.point == deepest.0);
        (!is_mounted).then(|| deepest.clone())
    }
}

fn mount(line: &str) -> Option<Mount> {
    let (place, what) = line.split_once(" - ")?;
    let place: Vec<&str> = place.split(' ').collect();
    let [_, _, device, _, point, options, ..] = place[..] else { return None };
    let [system, source, all, ..] = what.split(' ').collect::<Vec<_>>()[..] else { return None };
    let (major, minor) = device.split_once(':')?;
    let mut options = options.split(',').chain(all.split(','));
    Some(Mount {
        point: unescaped(point),
        system: format!("{system} {}", unescaped(source).display()),
        device: (major.parse().ok()?, minor.parse().ok()?),
        read_only: options.any(|it| READ_ONLY.contains(&it)),
    })
}

fn entry(line: &str) -> Option<(PathBuf, String)> {
    let [source, point, system, ..] = line.split_whitespace().collect::<Vec<_>>()[..] else {
        return None;
    };
    let point = unescaped(point);
    point.is_absolute().then(|| (point, format!("{system} {}", unescaped(source).display())))
}

/// Takes back what stands for blanks and backslashes: `\040` and the like.
fn unescaped(text: &str) -> PathBuf {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        let digits = after.get(..3).filter(|_| *first == b'\\');
        let code = digits.and_then(|it| u8::from_str_radix(std::str::from_utf8(it).ok()?, 8).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTED: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro
30 22 0:44 / /srv/nfs rw,relatime shared:9 - nfs4 10.0.0.9:/export rw,vers=4.2,hard
31 22 8:17 / /srv/with\\040blank rw,relatime - ext4 /dev/sdb1 ro,emergency_ro
32 22 7:0 / /srv/below rw - iso9660 /dev/loop0 ro
33 22 0:50 / /srv/below rw - fuse.glusterfs gl1:/vol rw
";

    fn mounts() -> Mounts {
        let known = "# a comment\n10.0.0.9:/images /srv/images nfs4 _netdev 0 0\n\
                     10.0.0.9:/export /srv/nfs nfs4 defaults 0 0\nUUID=1 none swap sw 0 0\n\
                     UUID=2 / ext4 defaults 0 1\n";
        Mounts::read(MOUNTED, known)
    }

    #[test]
    fn a_file_is_on_what_was_mounted_last_above_it() {
        let mounts = mounts();
        for (path, system, device, read_only) in [
            ("/srv/nfsx/a.img", "ext4 /dev/vda", (254, 0), false),
            ("/srv/nfs/a.img", "nfs4 10.0.0.9:/export", (0, 44), false),
            ("/srv/with blank/a.img", "ext4 /dev/sdb1", (8, 17), true),
            ("/srv/below/a.img", "fuse.glusterfs gl1:/vol", (0, 50), false),
        ] {
            let found = mounts.of(Path::new(path)).unwrap();
            assert_eq!((found.system.as_str(), found.device), (system, device), "{path}");
            assert_eq!(found.read_only, read_only, "{path}");
        }
    }

    #[test]
    fn what_is_not_mounted_is_missed_where_it_is_known() {
        let mounts = mounts();
        let missing = |path| mounts.missing(Path::new(path));
        let images = (PathBuf::from("/srv/images"), "nfs4 10.0.0.9:/images".to_owned());
        assert_eq!(missing("/srv/images/a/b.img"), Some(images));
        assert_eq!(missing("/srv/nfs/a.img"), None);
        assert_eq!(missing("/srv/imagesx/a.img"), None);
    }
}
