//! The guests that have failed on this node since it booted, for whoever judges the node: a file for each, of which the
//! time says when.

use recovery::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;
use std::{fs, io};

/// The directory of the files, beside the records of the guests.
const DIRECTORY: &str = "hawser-failures";

/// Takes note that the guest with that record has failed. A guest that stays as it is has failed once: its record is
/// written when something has changed.
///
/// # Errors
/// The kernel's.
pub fn note(record: &Path) -> io::Result<()> {
    let (Some(beside), Some(name)) = (record.parent(), record.file_name()) else { return Ok(()) };
    let directory = beside.join(DIRECTORY);
    let file = directory.join(name);
    // Without a record there was no guest of ours to fail.
    if written(&file) >= written(record) {
        return Ok(());
    }
    fs::create_dir_all(&directory)?;
    file::replace(&file, b"", 0o600)
}

/// When each guest failed last, by the name of its record, below the directory of the records.
#[must_use]
pub fn read(records: &Path) -> BTreeMap<String, Timestamp> {
    let files = fs::read_dir(records.join(DIRECTORY)).into_iter().flatten().flatten();
    let failure = |file: fs::DirEntry| {
        let name = file.file_name().into_string().ok()?;
        Some((name, written(&file.path())?.into()))
    };
    files.filter_map(failure).collect()
}

fn written(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|it| it.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Sets when a file was written, in seconds before now.
    fn age(path: &Path, seconds: u64) {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    #[test]
    fn a_failure_is_noted_once_for_each_change_of_the_record() {
        let directory = tempfile::tempdir().unwrap();
        let record = directory.path().join("hawser-kvm-vm1.json");
        note(&record).unwrap();
        assert_eq!(read(directory.path()), BTreeMap::new(), "there was no guest");

        fs::write(&record, "running").unwrap();
        age(&record, 500);
        note(&record).unwrap();
        let trace = directory.path().join(DIRECTORY).join("hawser-kvm-vm1.json");
        age(&trace, 400);
        let first = read(directory.path());
        assert_eq!(first.keys().collect::<Vec<_>>(), ["hawser-kvm-vm1.json"]);
        note(&record).unwrap();
        assert_eq!(read(directory.path()), first, "it is as it was");

        age(&record, 300);
        note(&record).unwrap();
        let second = read(directory.path());
        assert!(second["hawser-kvm-vm1.json"] > first["hawser-kvm-vm1.json"]);
        fs::remove_file(&record).unwrap();
        note(&record).unwrap();
        assert_eq!(read(directory.path()), second, "what was stopped has not failed");
    }
}
