//! What the kernel shows of the node.

use crate::error::Error;
use recovery::Signs;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Where the kernel counts errors of disks, `*` standing for any end of a name (the kernel's documents
/// ABI/testing/sysfs-fs-ext4, -fs-btrfs and admin-guide/md.rst, and `ioerr_cnt` of its drivers/scsi/scsi_sysfs.c).
/// NVMe and virtio have no counters.
const COUNTERS: [&str; 4] = [
    "sys/block/sd*/device/ioerr_cnt",
    "sys/block/md*/md/dev-*/errors",
    "sys/fs/ext4/*/errors_count",
    "sys/fs/btrfs/*/devinfo/*/error_stats",
];

/// Looks at everything below that directory, which is `/` but in tests.
pub fn look(root: &Path) -> Signs {
    Signs {
        cpu: cpu(root).ok(),
        memory: memory(root).ok(),
        errors: errors(root),
        ..Signs::default()
    }
}

/// The share of the last minute in which some process waited for a processor, in percent.
pub fn cpu(root: &Path) -> Result<f64, Error> {
    pressure(root.join("proc/pressure/cpu"), "some")
}

/// The share of the last minute in which all processes that had something to do waited for memory, in percent.
pub fn memory(root: &Path) -> Result<f64, Error> {
    pressure(root.join("proc/pressure/memory"), "full")
}

/// The average over 60 s, by the kernel's accounting/psi.rst: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`.
fn pressure(path: PathBuf, whose: &str) -> Result<f64, Error> {
    let read = |text: String| {
        let line = text.lines().find_map(|line| line.strip_prefix(whose))?;
        let average = line.split_whitespace().find_map(|word| word.strip_prefix("avg60="))?;
        average.parse().ok().filter(|percent| (0.0..=100.0).contains(percent))
    };
    let text = fs::read_to_string(&path);
    let percent = text.and_then(|text| read(text).ok_or_else(|| ErrorKind::InvalidData.into()));
    percent.map_err(|source: io::Error| Error::Pressure { path, source })
}

/// Every counter of errors, by its path.
fn errors(root: &Path) -> BTreeMap<String, u64> {
    let paths = COUNTERS.into_iter().flat_map(|pattern| matching(root, pattern));
    paths.filter_map(|path| Some((path.display().to_string(), count(&path)?))).collect()
}

fn matching(root: &Path, pattern: &str) -> Vec<PathBuf> {
    pattern.split('/').fold(vec![root.to_owned()], |directories, name| {
        let Some(prefix) = name.strip_suffix('*') else {
            return directories.into_iter().map(|directory| directory.join(name)).collect();
        };
        let entries = directories.into_iter().filter_map(|it| fs::read_dir(it).ok()).flatten();
        let fits = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(prefix.as_bytes());
        entries.flatten().filter(|it| fits(&it.file_name())).map(|it| it.path()).collect()
    })
}

/// The sum of the numbers at the ends of the lines: btrfs has a line for each kind of error, SCSI writes hexadecimals.
fn count(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let number = |line: &str| {
        let word = line.split_whitespace().last()?;
        match word.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => word.parse().ok(),
        }
    };
    text.lines().map(number).try_fold(0, |sum: u64, count| Some(sum.saturating_add(count?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn put(root: &TempDir, path: &str, text: &str) {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn pressure_is_read_as_the_kernel_writes_it() {
        let root = TempDir::new().unwrap();
        put(
            &root,
            "proc/pressure/cpu",
            "some avg10=5.84 avg60=6.85 avg300=15.98 total=22271062930\n\
             full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
        );
        put(
            &root,
            "proc/pressure/memory",
            "some avg10=0.40 avg60=7.89 avg300=17.06 total=1074873107\n\
             full avg10=0.30 avg60=4.95 avg300=9.12 total=535050125\n",
        );
        let signs = look(root.path());
        assert_eq!((signs.cpu, signs.memory), (Some(6.85), Some(4.95)));
    }

    #[test]
    fn pressure_that_is_none_is_not_known() {
        let root = TempDir::new().unwrap();
        assert_eq!(look(root.path()), Signs::default());
        for text in ["", "some", "full avg60=1", "some avg60=", "some avg60=NaN", "some avg60=101"]
        {
            put(&root, "proc/pressure/cpu", text);
            let told = cpu(root.path()).unwrap_err().to_string();
            assert!(told.contains("pressure/cpu") && told.contains("psi=1"), "{text:?}: {told}");
        }
    }

    #[test]
    fn errors_are_counted_wherever_the_kernel_does() {
        let root = TempDir::new().unwrap();
        for (path, text) in [
            ("sys/block/sda/device/ioerr_cnt", "0x1f\n"),
            ("sys/block/sda/device/iorequest_cnt", "0x99\n"),
            ("sys/block/sr0/device/ioerr_cnt", "0x7\n"),
            ("sys/block/vda/size", "1\n"),
            ("sys/block/md0/md/dev-sda1/errors", "3\n"),
            ("sys/block/md0/md/dev-sdb1/errors", "no number\n"),
            ("sys/fs/ext4/sda2/errors_count", "2\n"),
            ("sys/fs/ext4/features/lazy_itable_init", "supported\n"),
            (
                "sys/fs/btrfs/0b-1/devinfo/1/error_stats",
                "write_errs 1\nread_errs 2\nflush_errs 0\ncorruption_errs 4\ngeneration_errs 0\n",
            ),
        ] {
            put(&root, path, text);
        }
        let found = look(root.path()).errors;
        let found = found.iter().map(|(path, count)| {
            (path.strip_prefix(&format!("{}/", root.path().display())).unwrap(), *count)
        });
        let expected = [
            ("sys/block/md0/md/dev-sda1/errors", 3),
            ("sys/block/sda/device/ioerr_cnt", 31),
            ("sys/fs/btrfs/0b-1/devinfo/1/error_stats", 7),
            ("sys/fs/ext4/sda2/errors_count", 2),
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
