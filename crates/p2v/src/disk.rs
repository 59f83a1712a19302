use crate::survey::Mount;
use crate::{Error, Result};
use exec::{Deadline, Tool};
use file::Flock;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the root file system begins, in bytes: behind 1 MiB for the partition table and 1 MiB for GRUB.
pub const ROOT: u64 = 2 << 20;

/// What the second copy of the partition table takes at the disk's end, in bytes, rounded up.
const TAIL: u64 = 1 << 20;

/// The partitions in units of 512 bytes, for sfdisk(8): the first is the one that GRUB for BIOS puts itself in, which has
/// no number in the guest's own tables.
const PARTITIONS: &str = "label: gpt
start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649
start=4096, type=linux
";

/// How long what a conversion that was killed has started may take to end.
const END_TIME: Duration = Duration::from_secs(20);

/// How long making the file system may take.
const MAKE_TIME: Duration = Duration::from_secs(600);

/// The disk that is being made, which no other conversion works on.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
    file: Flock<File>,
}

impl Disk {
    /// Opens it, or makes an empty one that is root's alone, from whom libvirt gives it to a guest.
    pub fn open(path: &Path) -> Result<Self> {
        let mut options = File::options();
        let made = options.create(true).append(true).mode(0o600).open(path);
        made.map_err(Error::file("make", path))?;
        let by = Deadline::after(END_TIME);
        let file = file::lock(path, by).map_err(|_| Error::Busy { path: path.to_owned() })?;
        let disk = Self { path: path.to_owned(), file };
        disk.wait_unused()?;
        Ok(disk)
    }

    /// Waits until no loop device and no QEMU has it: each may outlive for a moment who has made it.
    pub fn wait_unused(&self) -> Result<()> {
        let by = Deadline::after(END_TIME);
        loop {
            let loops = Tool::new("losetup").args(["--noheadings", "--associated"]).arg(&self.path);
            let loops =
                loops.run(by).map_err(Error::tool("look for loop devices of", &self.path))?;
            let written =
                provision::is_written(&self.file).map_err(Error::file("look at", &self.path))?;
            if loops.stdout.is_empty() && !written {
                return Ok(());
            }
            if !by.pause(Duration::from_millis(100)) {
                return Err(Error::Busy { path: self.path.clone() });
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How much of it is on the host's disk already, in bytes.
    pub fn allocated(&self) -> Result<u64> {
        use std::os::unix::fs::MetadataExt;
        let data = self.file.metadata().map_err(Error::file("look at", &self.path))?;
        Ok(data.blocks() * 512)
    }

    /// The size that it has, in bytes, if that is enough, so that what is on it can stay; otherwise `size`.
    pub fn size_from(&self, least: u64, size: u64) -> Result<u64> {
        let length = self.file.metadata().map_err(Error::file("look at", &self.path))?.len();
        Ok(if length < least { size } else { length })
    }

    /// Makes it `size` bytes large, with a root file system that has the label and the UUID of `like`, and returns that.
    /// What is on it stays if it has been made like that before.
    pub fn lay_out(&self, size: u64, like: &Mount, by: Deadline) -> Result<String> {
        let length = self.file.metadata().map_err(Error::file("look at", &self.path))?.len();
        let is_wanted =
            |it: &String| length == size && like.uuid.as_ref().is_none_or(|uuid| uuid == it);
        if let Some(found) = self.root(by)?.filter(is_wanted) {
            return Ok(found);
        }
        let resize = |size| self.file.set_len(size).map_err(Error::file("resize", &self.path));
        resize(0)?;
        resize(size)?;
        let partition = Tool::new("sfdisk").args(["--quiet", "--no-reread", "--no-tell-kernel"]);
        partition
            .arg(&self.path)
            .input(PARTITIONS)
            .run(by.slice(MAKE_TIME))
            .map_err(Error::tool("partition", &self.path))?;
        self.make_root((size - ROOT - TAIL) / 1024, like, by)?;
        let none = || Error::Answer { program: "blkid", found: String::new() };
        self.root(by)?.ok_or_else(none)
    }

    /// Makes a file system that systems older than this one can read, too.
    fn make_root(&self, kib: u64, like: &Mount, by: Deadline) -> Result<()> {
        let mut make = Tool::new("mke2fs")
            .args(["-q", "-F", "-t", "ext4", "-O", "^metadata_csum_seed,^orphan_file", "-E"])
            .arg(format!("offset={ROOT}"));
        for (option, value) in [("-U", &like.uuid), ("-L", &like.label)] {
            make = value.iter().fold(make, |make, value| make.arg(option).arg(value));
        }
        make.arg(&self.path)
            .arg(format!("{kib}k"))
            .run(by.slice(MAKE_TIME))
            .map(drop)
            .map_err(Error::tool("make a file system on", &self.path))
    }

    /// The UUID of the root file system, if there is one.
    fn root(&self, by: Deadline) -> Result<Option<String>> {
        let probe = Tool::new("blkid").args(["--probe", "--offset", &ROOT.to_string()]);
        let probe =
            probe.args(["--match-types", "ext4", "--match-tag", "UUID", "--output", "value"]);
        let found = probe.arg(&self.path).output(by).map_err(Error::tool("look at", &self.path))?;
        Ok(Some(found.text().trim().to_owned()).filter(|it| !it.is_empty()))
    }

    /// Sees to it that all of it is on the host's disk, and gives it its name, for good.
    pub fn finish(self, name: &Path) -> Result<()> {
        self.file.sync_all().map_err(Error::file("write", &self.path))?;
        // It must not take the place of one that is there by now, which a rename would.
        std::fs::hard_link(&self.path, name).map_err(Error::file("name", name))?;
        std::fs::remove_file(&self.path).map_err(Error::file("remove", &self.path))?;
        let directory = name.parent().unwrap_or(Path::new("/"));
        File::open(directory).and_then(|it| it.sync_all()).map_err(Error::file("sync", directory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_kept_while_it_is_what_is_wanted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("web.img.hawser-part");
        let disk = Disk::open(&path).unwrap();
        let by = Deadline::after(Duration::from_secs(60));
        let uuid = "0b2c4f5e-9a43-4c62-9b0a-0d3a6a1f7c11".to_owned();
        let mount = |uuid: &str| -> Mount {
            let known = r#""target": "/", "source": "a", "fstype": "xfs", "label": "ROOT", "uuid""#;
            serde_json::from_str(&format!("{{{known}: {uuid}}}")).unwrap()
        };
        let like = mount(&format!("\"{uuid}\""));

        assert_eq!(disk.lay_out(64 << 20, &like, by).unwrap(), uuid);
        let label =
            Tool::new("blkid").args(["-p", "-O", &ROOT.to_string(), "-o", "value", "-s", "LABEL"]);
        assert_eq!(label.arg(&path).run(by).unwrap().text(), "ROOT\n");
        // A byte that nothing makes: it is there as long as the file system is.
        let mark = |byte: &[u8]| {
            use std::os::unix::fs::FileExt;
            File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .write_all_at(byte, ROOT + 100)
                .unwrap();
        };
        let marked = || std::fs::read(&path).unwrap()[usize::try_from(ROOT).unwrap() + 100] == b'!';
        mark(b"!");
        assert_eq!(disk.lay_out(64 << 20, &mount("null"), by).unwrap(), uuid);
        assert_eq!(disk.lay_out(64 << 20, &like, by).unwrap(), uuid);
        assert!(marked());
        assert_eq!(disk.lay_out(65 << 20, &like, by).unwrap(), uuid);
        assert!(!marked());
        let other = mount(&format!("\"{}\"", uuid.replace('0', "1")));
        assert_ne!(disk.lay_out(65 << 20, &other, by).unwrap(), uuid);
    }
}
