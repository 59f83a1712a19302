use crate::error::Flaw;
use crate::exclusion::Exclusion;
use crate::machine::Machine;
use crate::survey::{Mount, Survey};
use crate::{Error, Note, Result, disk};
use exec::{Deadline, Tool};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::path::{Path, PathBuf};
use std::thread;

/// Where the disk's file system is seen, by nobody but who copies.
const TARGET: &str = "/mnt";

/// What is in a root file system and of no use in another machine.
const TRANSIENT: [&str; 5] = ["/dev", "/proc", "/run", "/sys", "/tmp"];

/// How long rsync may say nothing, on either side.
const SILENCE: &str = "--timeout=600";

/// rsync's exit code when files vanished before they were copied, as files of a machine that works do.
const VANISHED: i32 = 24;

/// One pass of copying a machine's files to a disk.
#[derive(Debug, Clone, Copy)]
pub struct Copy<'a> {
    /// From where.
    pub machine: &'a Machine,
    /// What.
    pub survey: &'a Survey,
    /// Directories whose content is left out.
    pub excluded: &'a [Exclusion],
    /// The disk, which nothing else has mounted.
    pub disk: &'a Path,
}

impl Copy<'_> {
    /// Makes the disk's files what the machine's are. The file system is mounted in a namespace of this thread's own, by a
    /// loop device that ends with it, so that a SIGKILL leaves nothing behind.
    pub fn pass(&self, name: &str, by: Deadline, note: Note<'_>) -> Result<()> {
        let copied = thread::scope(|scope| scope.spawn(|| self.pass_apart(name, by, note)).join());
        copied.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    fn pass_apart(&self, name: &str, by: Deadline, note: Note<'_>) -> Result<()> {
        let failed = Error::file("mount", self.disk);
        isolate().map_err(|error| failed(error.into()))?;
        let mount = Tool::new("mount").args(["-t", "ext4", "-o"]);
        let options = format!("loop,offset={},nodev,noexec,nosuid", disk::ROOT);
        let mount = mount.arg(options).args([self.disk, Path::new(TARGET)]);
        mount.run(by).map_err(Error::tool("mount", self.disk))?;
        for mount in &self.survey.mounts {
            let what = format!("{name}: {}", mount.target);
            note(&what, Some(0));
            self.copy(mount, by, &mut |percent| note(&what, Some(percent)))?;
        }
        // What is still to be written has been when this is done.
        Tool::new("umount").arg(TARGET).run(by).map(drop).map_err(Error::tool("unmount", self.disk))
    }

    fn copy(&self, mount: &Mount, by: Deadline, progress: &mut dyn FnMut(u8)) -> Result<()> {
        let to = self.directory(mount)?;
        let rsync = self.machine.rsync().args(["--archive", "--hard-links", "--acls", "--xattrs"]);
        let done = rsync
            .args(["--sparse", "--numeric-ids", "--delete", "--one-file-system", "-s"])
            .args(["--no-inc-recursive", "--info=progress2", SILENCE])
            .args(self.filters(mount).iter().map(|it| format!("--exclude={it}")))
            .arg(self.machine.directory(&mount.target))
            .arg(to)
            .follow(by, &mut |text| percent(text).into_iter().for_each(&mut *progress));
        match done {
            Err(exec::Error::Failed { status, .. }) if status.code() == Some(VANISHED) => Ok(()),
            done => done
                .map(drop)
                .map_err(|source| Error::Copy { directory: mount.target.clone(), source }),
        }
    }

    /// Where the files of a file system go. What was copied before is foreign: a link in it, or `..`, would lead to files of
    /// this host.
    fn directory(&self, mount: &Mount) -> Result<PathBuf> {
        let to = PathBuf::from(format!("{TARGET}{}", mount.target.trim_end_matches('/')));
        if to.starts_with(TARGET) && to.canonicalize().is_ok_and(|it| it == to) {
            return Ok(to.join(""));
        }
        let source = Flaw::Strays { target: mount.target.clone() };
        Err(Error::Unsuitable { what: self.machine.to_string(), source })
    }

    /// What is neither copied of a file system nor deleted in the copy, as rsync's patterns: other file systems that come
    /// from elsewhere, what is left out, and swap files.
    fn filters(&self, mount: &Mount) -> Vec<String> {
        let root = &mount.target;
        let parent = root.trim_end_matches('/');
        let others = self.survey.mounts.iter().map(|it| it.target.as_str());
        let transient = TRANSIENT.iter().copied().filter(|_| root == "/");
        let contents = others.chain(transient).chain(self.excluded.iter().map(Exclusion::path));
        let contents = contents.filter(|it| it != root).map(|it| format!("{it}/*"));
        let files = self.survey.swap_files.iter().cloned();
        let all = contents.chain(files).chain([format!("{parent}/lost+found")]);
        all.filter_map(|it| it.strip_prefix(parent).filter(|it| it.starts_with('/')).map(pattern))
            .collect()
    }
}

fn isolate() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
}

/// A path as one of rsync's patterns, in which only a star at its end has a meaning. What has none of its characters
/// in it is taken as it is.
fn pattern(path: &str) -> String {
    let (path, star) = path.strip_suffix("/*").map_or((path, ""), |path| (path, "/*"));
    let special = |it| "*?[\\".contains(it);
    if star.is_empty() && !path.contains(special) {
        return path.to_owned();
    }
    path.chars()
        .map(|it| if special(it) { format!("\\{it}") } else { it.to_string() })
        .collect::<String>()
        + star
}

/// How far rsync says that it has come, the last time in `  1,234  45%  10.50MB/s  0:00:12`.
fn percent(text: &[u8]) -> Option<u8> {
    let text = String::from_utf8_lossy(text);
    let (before, _) = text.rsplit_once('%')?;
    before.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{Initramfs, System};

    #[test]
    fn progress_is_the_last_that_was_said() {
        let said =
            "\r  32,768   0%    0.00kB/s    0:00:00  \r  97,058,816  45%   92.53MB/s    0:00:01  ";
        assert_eq!(percent(said.as_bytes()), Some(45));
        assert_eq!(percent(b""), None);
    }

    fn survey() -> Survey {
        let mount = |target: &str| {
            let text = format!(r#"{{"target": "{target}", "source": "a", "fstype": "ext4"}}"#);
            serde_json::from_str(&text).unwrap()
        };
        Survey {
            mounts: ["/", "/home", "/home/deep"].map(mount).into(),
            swap_files: vec!["/swapfile".to_owned(), "/home/swap".to_owned()],
            memory: 1,
            processors: 1,
            devices: Vec::new(),
            system: System { grub: "grub", initramfs: Initramfs::Tools },
            fstab: String::new(),
            crypttab: String::new(),
        }
    }

    #[test]
    fn what_comes_from_elsewhere_is_neither_copied_nor_deleted() {
        let (survey, machine) = (survey(), Machine::at("web").unwrap());
        let excluded = ["/home/cache".parse().unwrap()];
        let copy =
            Copy { machine: &machine, survey: &survey, excluded: &excluded, disk: Path::new("") };
        let filters = |number: usize| copy.filters(&survey.mounts[number]);
        let root = "/home/* /home/deep/* /dev/* /proc/* /run/* /sys/* /tmp/* /home/cache/* /swapfile \
                    /home/swap /lost+found";
        assert_eq!(filters(0), root.split(' ').collect::<Vec<_>>());
        assert_eq!(filters(1), ["/deep/*", "/cache/*", "/swap", "/lost+found"]);
        assert_eq!(filters(2), ["/lost+found"]);
    }

    #[test]
    fn a_pattern_means_one_path() {
        for (path, meant) in [
            ("/swap[1]", "/swap\\[1]"),
            ("/swapfile", "/swapfile"),
            ("/a*b/*", "/a\\*b/*"),
            ("/home/*", "/home/*"),
        ] {
            assert_eq!(pattern(path), meant);
        }
    }
}
