use serde::{Deserialize, Serialize};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::packages::Apt;
use crate::image::{self, Error, Kernel};
use exec::{Deadline, Tool};

/// A number that changes when images are made in another way, so that those in the cache are not used.
const FORMAT: u32 = 5;

/// How the names of images begin in the cache, and those of what is there while one is made.
const PREFIX: &str = "xen-host-";
const WORK: &str = ".xen-";

/// The hypervisor's file in an image. QEMU boots it only when it is not compressed.
const HYPERVISOR: &str = "xen";

/// The size of a host's disk in bytes. What is not used of it takes no room.
const DISK: u64 = 4 << 30;

/// How long making the disk may take.
const DISK_TIME: Duration = Duration::from_secs(180);

/// How long compiling the libraries may take.
const COMPILE_TIME: Duration = Duration::from_secs(180);

/// How long copying within the image's tree may take.
const COPY_TIME: Duration = Duration::from_secs(60);

/// The host's modules in the order in which they must be loaded.
const MODULES: &[&str] = &[
    "virtio_ring",
    "virtio",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "virtio_blk",
    "failover",
    "net_failover",
    "virtio_net",
    "virtio_console",
    "crc32c_generic",
    "libcrc32c",
    "crc16",
    "mbcache",
    "jbd2",
    "ext4",
    "netfs",
    "fscache",
    "9pnet",
    "9pnet_virtio",
    "9p",
    "overlay",
    "llc",
    "stp",
    "bridge",
    "loop",
    "xen-evtchn",
    "xen-gntdev",
    "xen-gntalloc",
    "xen-privcmd",
    "xenfs",
    "xen-netback",
    "xen-blkback",
];

/// The directories that are links into `usr` on every Debian since 12. Packages still have files in them.
const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// The links that packages would have made when they were configured.
const LINKS: &[(&str, &str)] = &[
    ("usr/bin/awk", "gawk"),
    ("usr/bin/which", "which.debianutils"),
    ("var/lock", "/run/lock"),
    ("var/run", "/run"),
];

/// The rules that PAM's packages would have made when they were configured: nobody has a password, and root needs
/// none.
const PAM: &[(&str, &str)] = &[
    ("account", "account required pam_permit.so\n"),
    ("auth", "auth required pam_deny.so\n"),
    ("password", "password required pam_deny.so\n"),
    ("session", "session required pam_permit.so\n"),
    ("session-noninteractive", "session required pam_permit.so\n"),
];

/// The files that a Xen host boots from: a directory of the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostImage(PathBuf);

impl HostImage {
    /// The image of Debian's packages as they are now, from the cache or built into it. One that is built takes
    /// the place of all others but those that are in use.
    ///
    /// # Errors
    /// When apt cannot find or fetch a package, or a program that is needed fails.
    pub fn obtain(
        cache: &Path,
        in_use: &[Self],
        progress: &mut dyn FnMut(&str),
        deadline: Deadline,
    ) -> Result<Self, Error> {
        fs::create_dir_all(cache).map_err(Error::write(cache))?;
        let _lock = file::lock(cache, deadline).map_err(Error::write(cache))?;
        let work = tempfile::Builder::new().prefix(WORK).tempdir_in(cache);
        let work = work.map_err(Error::write(cache))?;
        let apt = Apt::new(&work.path().join("apt"))?;
        let fingerprint = apt.fingerprint(deadline)?;
        let image = Self(cache.join(format!("{PREFIX}{FORMAT}-{fingerprint}")));
        if !image.0.is_dir() {
            progress("building the image of a Xen host from Debian's packages, about a minute");
            clear_away(cache, work.path(), in_use)?;
            let built = build(&apt, work.path(), deadline)?;
            fs::rename(&built, &image.0).map_err(Error::write(cache))?;
        }
        Ok(image)
    }

    /// The hypervisor, as QEMU boots it.
    pub fn hypervisor(&self) -> PathBuf {
        self.0.join(HYPERVISOR)
    }

    /// The control domain's kernel, with the modules that its init loads.
    pub fn kernel(&self) -> Result<Kernel, Error> {
        let versions = image::versions(&self.0);
        let version = versions.last().ok_or_else(|| Error::NoTree { tree: self.0.clone() })?;
        Kernel::in_tree(&self.0, version, MODULES)
    }

    /// The control domain's root file system, in ext4.
    pub fn disk(&self) -> PathBuf {
        self.0.join("disk.img")
    }
}

/// Removes what nobody needs any more from the cache, which is locked: what builds that were killed have left,
/// and the images that no lab boots from.
fn clear_away(cache: &Path, work: &Path, in_use: &[HostImage]) -> Result<(), Error> {
    for path in image::list(cache)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_left = name.starts_with(WORK) && path != work;
        let is_old = name.starts_with(PREFIX) && in_use.iter().all(|image| image.0 != path);
        if is_left || is_old {
            fs::remove_dir_all(&path).map_err(Error::write(&path))?;
        }
    }
    Ok(())
}

/// Makes an image in a directory below `work` and returns that directory.
fn build(apt: &Apt, work: &Path, deadline: Deadline) -> Result<PathBuf, Error> {
    let (tree, image) = (work.join("tree"), work.join("image"));
    fs::create_dir_all(&image).map_err(Error::write(&image))?;
    apt.unpack(&tree, deadline)?;
    boot_files(&tree, &image, deadline)?;
    for directory in MERGED {
        merge(&tree, directory, deadline)?;
    }
    for (name, target) in LINKS {
        let path = tree.join(name);
        if path.is_dir() {
            fs::remove_dir_all(&path).map_err(Error::write(&path))?;
        }
        link(target, &path)?;
    }
    for (kind, rules) in PAM {
        let path = tree.join("etc/pam.d").join(format!("common-{kind}"));
        fs::write(&path, rules).map_err(Error::write(&path))?;
    }
    compile(&tree, deadline)?;
    let disk = image.join("disk.img");
    let file = fs::File::create(&disk).map_err(Error::write(&disk))?;
    file.set_len(DISK).map_err(Error::write(&disk))?;
    // The disk is read, and what is written to it is forgotten: it needs no journal.
    Tool::new("mkfs.ext4")
        .args(["-q", "-F", "-m", "0", "-O", "^has_journal", "-d"])
        .args([&tree, &disk])
        .run(deadline.slice(DISK_TIME))?;
    Ok(image)
}

/// Compiles what is in Python, as packages do when they are configured: on the emulated processor pcs would
/// take a minute longer to start.
fn compile(tree: &Path, deadline: Deadline) -> Result<(), Error> {
    let libraries = image::list(&tree.join("usr/lib"))?.into_iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?;
        name.starts_with("python3").then(|| format!("/usr/lib/{name}"))
    });
    Tool::new("chroot")
        .arg(tree)
        .args(["/usr/bin/python3", "-m", "compileall", "-q"])
        .args(libraries)
        .run(deadline.slice(COMPILE_TIME))?;
    Ok(())
}

/// Moves what is not read from the host's disk out of its tree: the hypervisor, the kernel, and of its
/// modules those that are loaded.
fn boot_files(tree: &Path, image: &Path, deadline: Deadline) -> Result<(), Error> {
    let boot = tree.join("boot");
    let is_hypervisor = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("xen-") && name.ends_with(".gz")
    };
    let files = image::list(&boot)?;
    let none = || Error::NoHypervisor { tree: boot.clone() };
    let hypervisor = files.iter().rfind(is_hypervisor).ok_or_else(none)?;
    let packed = image.join(HYPERVISOR).with_extension("gz");
    copy(hypervisor, &packed)?;
    Tool::new("gzip").arg("--decompress").arg(&packed).run(deadline.slice(COPY_TIME))?;

    let versions = image::versions(tree);
    let version = versions.last().ok_or_else(|| Error::NoTree { tree: tree.to_owned() })?;
    let kernel = Kernel::in_tree(tree, version, MODULES)?;
    let built_in = tree.join("lib/modules").join(version).join("modules.builtin");
    for file in kernel.modules.iter().chain([&kernel.image, &built_in]) {
        let name = file.strip_prefix(tree).unwrap_or(file);
        copy(file, &image.join(name))?;
    }
    for directory in [boot, tree.join("lib/modules")] {
        fs::remove_dir_all(&directory).map_err(Error::write(&directory))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let made = to.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::copy(from, to)).map(drop).map_err(Error::write(to))
}

/// Moves what packages have in one of the [`MERGED`] directories to where it belongs.
fn merge(tree: &Path, directory: &str, deadline: Deadline) -> Result<(), Error> {
    let (old, target) = (tree.join(directory), format!("usr/{directory}"));
    fs::create_dir_all(tree.join(&target)).map_err(Error::write(&old))?;
    if old.is_dir() {
        let content = old.join(".");
        Tool::new("cp")
            .args(["--archive", "--link", "--no-clobber"])
            .args([&content, &tree.join(&target)])
            .run(deadline.slice(COPY_TIME))?;
        fs::remove_dir_all(&old).map_err(Error::write(&old))?;
    }
    link(&target, &old)
}

fn link(target: &str, name: &Path) -> Result<(), Error> {
    symlink(target, name).map_err(Error::write(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_needs_leaves_the_cache() {
        let cache = tempfile::tempdir().unwrap();
        let stay = ["xen-host-4-used", ".xen-mine", "linux-image-6", "accelerator"];
        for name in ["xen-host-4-old", ".xen-killed"].iter().chain(&stay) {
            fs::create_dir_all(cache.path().join(name).join("tree")).unwrap();
        }
        let path = |name: &str| cache.path().join(name);
        let in_use = [HostImage(path("xen-host-4-used"))];
        clear_away(cache.path(), &path(".xen-mine"), &in_use).unwrap();
        let mut expected = stay.map(path);
        expected.sort();
        assert_eq!(image::list(cache.path()).unwrap(), expected);
    }
}
