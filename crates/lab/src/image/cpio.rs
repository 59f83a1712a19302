/// An archive in cpio's "newc" format, as the Linux kernel unpacks it into its root filesystem
/// (Documentation/driver-api/early-userspace/buffer-format.rst). Everything in it belongs to root.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const SYMLINK: u32 = 0o120_777;
const TRAILER: &str = "TRAILER!!!";

impl Archive {
    /// Adds a directory. Its parent must have been added before.
    pub fn directory(&mut self, name: &str) {
        self.entry(name, DIRECTORY, &[]);
    }

    /// Adds a file that can be executed.
    pub fn program(&mut self, name: &str, content: &[u8]) {
        self.entry(name, PROGRAM, content);
    }

    /// Adds a symbolic link to `target`.
    pub fn symlink(&mut self, name: &str, target: &str) {
        self.entry(name, SYMLINK, target.as_bytes());
    }

    /// The archive with its end mark.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.entry(TRAILER, 0, &[]);
        self.bytes
    }

    /// Header fields: inode, mode, uid, gid, links, mtime, size, device and special device numbers
    /// (major and minor each), length of the name with its NUL, and a checksum that newc leaves 0.
    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let (size, name_size) = (content.len(), name.len() + 1);
        let inode = self.entries;
        let header = format!(
            "070701{inode:08x}{mode:08x}{zero:08x}{zero:08x}{one:08x}{zero:08x}{size:08x}\
             {zero:08x}{zero:08x}{zero:08x}{zero:08x}{name_size:08x}{zero:08x}",
            zero = 0,
            one = 1,
        );
        self.bytes.extend(header.as_bytes());
        self.bytes.extend(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exec::{Deadline, Tool};
    use std::time::Duration;

    #[test]
    fn busybox_unpacks_what_was_packed() {
        let mut archive = Archive::default();
        archive.directory("lib");
        archive.program("lib/odd", b"12345");
        archive.program("empty", b"");
        archive.symlink("link", "lib/odd");
        let directory = tempfile::tempdir().unwrap();
        Tool::new("busybox")
            .args(["cpio", "-i"])
            .directory(directory.path())
            .input(archive.finish())
            .run(Deadline::after(Duration::from_secs(10)))
            .unwrap();
        assert_eq!(std::fs::read(directory.path().join("link")).unwrap(), b"12345");
        assert_eq!(std::fs::read(directory.path().join("empty")).unwrap(), b"");
        assert!(directory.path().join("lib").is_dir());
    }
}
