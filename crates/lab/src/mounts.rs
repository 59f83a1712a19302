//! The file systems of a node. All of this happens in the node's own mount namespace.

use nix::mount::{MsFlags, mount};
use nix::unistd::chown;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::place::{Place, Settings};
use crate::{Error, keeper};

/// Where nodes see the storage that they share.
pub const SHARED: &str = "/srv/shared";

/// The keeper's socket, as a node sees it.
pub const KEEPER_SOCKET: &str = "/run/hawser-lab.sock";

/// The directories of an installed tree that are laid over a node's.
pub const OVERLAID: &[&str] = &["usr/lib/ocf/resource.d", "usr/libexec", "usr/sbin"];

/// The devices of the machine that a node has; those that the machine lacks are left out.
const DEVICES: &[&str] =
    &["fuse", "full", "kvm", "net/tun", "null", "random", "tty", "urandom", "vhost-net", "zero"];

/// The names that every /dev has for something else.
const LINKS: &[(&str, &str)] = &[
    ("fd", "/proc/self/fd"),
    ("ptmx", "pts/ptmx"),
    ("stderr", "/proc/self/fd/2"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
];

/// Gives the observer, and the copies of /etc that the nodes get, the lab's host names.
pub fn name_hosts(place: &Place, hosts: &str) -> Result<(), Error> {
    fs::write(place.hosts(), hosts).map_err(Error::file("write", &place.hosts()))?;
    bind(&place.hosts(), Path::new("/etc/hosts"))
}

/// Everything that sets the file systems of a node that is made of namespaces apart from the machine's.
pub fn isolate(place: &Place, settings: &Settings, node: &str) -> Result<(), Error> {
    furnish(place, settings, node, keeper::PRIVATE)?;
    link(&place.socket(), Path::new(KEEPER_SOCKET))?;
    devices()?;
    // A sysfs of the node's network; libvirt sees no cgroups in it and does without.
    attach("sysfs", Path::new("/sys"), MsFlags::empty(), "")?;
    // Pacemaker resets a machine that it gives up through this file, which would be the real one. It
    // then asks the kernel to reboot, which in a process namespace ends just that.
    let reset = Path::new("/proc/sysrq-trigger");
    if reset.exists() { bind(Path::new("/dev/null"), reset) } else { Ok(()) }
}

/// What every node has: the installed trees, its own directories out of those that are `private`, the
/// shared storage, and what does not outlive it.
pub fn furnish(
    place: &Place,
    settings: &Settings,
    node: &str,
    private: &[&str],
) -> Result<(), Error> {
    // The trees first: they may lie in a directory that is covered afterwards.
    let mut trees = vec![place.tree()];
    trees.extend(settings.roots.iter().cloned());
    for directory in OVERLAID {
        overlay(&trees, directory)?;
    }
    for directory in private {
        let own = Path::new("/").join(directory);
        create(&own)?;
        bind(&place.disk(node).join(directory), &own)?;
    }
    tmpfs("/tmp", 0o1777)?;
    tmpfs("/srv", 0o755)?;
    create(Path::new(SHARED))?;
    bind(&place.shared(), Path::new(SHARED))?;
    tmpfs("/run", 0o755)?;
    populate_run()
}

/// What the distribution's boot would have created.
fn populate_run() -> Result<(), Error> {
    for (name, mode) in [("lock", 0o1777), ("resource-agents", 0o1755), ("crm", 0o750)] {
        let path = Path::new("/run").join(name);
        create(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(mode))
            .map_err(Error::file("set the mode of", &path))?;
    }
    if let Some((user, group)) = keeper::pacemaker()? {
        chown("/run/crm", Some(user), Some(group))
            .map_err(Error::kernel("set the owner of /run/crm"))?;
    }
    Ok(())
}

/// A /dev of the node's own, so that it has its own /dev/log and no disks of the machine. It is made
/// beside the machine's, which it then covers.
fn devices() -> Result<(), Error> {
    let staging = Path::new("/tmp/dev");
    create(staging)?;
    attach("tmpfs", staging, MsFlags::MS_NOSUID, "mode=755")?;
    for directory in ["net", "pts", "shm"] {
        create(&staging.join(directory))?;
    }
    for device in DEVICES {
        let original = Path::new("/dev").join(device);
        if original.exists() {
            let copy = staging.join(device);
            fs::write(&copy, "").map_err(Error::file("create", &copy))?;
            bind(&original, &copy)?;
        }
    }
    let dev = Path::new("/dev");
    put(staging, dev, MsFlags::MS_MOVE)?;
    fs::remove_dir(staging).map_err(Error::file("remove", staging))?;
    attach("devpts", &dev.join("pts"), MsFlags::MS_NOSUID, "newinstance,ptmxmode=666,gid=5")?;
    tmpfs("/dev/shm", 0o1777)?;
    link_devices()
}

/// Gives what is in /dev its other names.
pub fn link_devices() -> Result<(), Error> {
    let names = LINKS.iter().map(|(name, target)| (Path::new("/dev").join(name), target));
    let mut missing = names.filter(|(name, _)| !name.exists());
    missing.try_for_each(|(name, target)| link(Path::new(target), &name))
}

/// Lays what the trees have of a directory over the machine's, read-only.
fn overlay(trees: &[PathBuf], directory: &str) -> Result<(), Error> {
    let target = Path::new("/").join(directory);
    let mut layers: Vec<PathBuf> = trees.iter().map(|it| it.join(directory)).collect();
    layers.retain(|it| it.is_dir());
    if layers.is_empty() {
        return Ok(());
    }
    layers.push(target.clone());
    attach("overlay", &target, MsFlags::MS_RDONLY, lower_layers(&layers))
}

/// The mount option that lists layers. Colons separate them and commas separate options.
fn lower_layers(layers: &[PathBuf]) -> OsString {
    let mut option = b"lowerdir=".to_vec();
    for (index, layer) in layers.iter().enumerate() {
        if index > 0 {
            option.push(b':');
        }
        for byte in layer.as_os_str().as_bytes() {
            if matches!(byte, b':' | b',' | b'\\') {
                option.push(b'\\');
            }
            option.push(*byte);
        }
    }
    OsString::from_vec(option)
}

pub fn tmpfs(target: &str, mode: u32) -> Result<(), Error> {
    create(Path::new(target))?;
    attach("tmpfs", Path::new(target), MsFlags::MS_NOSUID, format!("mode={mode:o}"))
}

/// Mounts a new file system that is on nothing.
pub fn attach(
    kind: &str,
    target: &Path,
    flags: MsFlags,
    options: impl AsRef<OsStr>,
) -> Result<(), Error> {
    attach_from(kind, kind, target, flags, options)
}

/// Mounts a file system that is on a device, or behind a name.
pub fn attach_from(
    what: &str,
    kind: &str,
    target: &Path,
    flags: MsFlags,
    options: impl AsRef<OsStr>,
) -> Result<(), Error> {
    mount(Some(what), target, Some(kind), flags, Some(options.as_ref()))
        .map_err(|source| Error::Mount { what: what.to_owned(), target: target.to_owned(), source })
}

fn bind(source: &Path, target: &Path) -> Result<(), Error> {
    put(source, target, MsFlags::MS_BIND)
}

/// Makes what is seen at one path seen at another.
pub fn put(from: &Path, target: &Path, how: MsFlags) -> Result<(), Error> {
    mount(Some(from), target, None::<&str>, how, None::<&str>).map_err(|source| Error::Mount {
        what: from.display().to_string(),
        target: target.to_owned(),
        source,
    })
}

fn link(target: &Path, name: &Path) -> Result<(), Error> {
    symlink(target, name).map_err(Error::file("create", name))
}

pub fn create(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(Error::file("create", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_in_a_path_do_not_separate() {
        let option = lower_layers(&["/a b".into(), "/c:d,e\\f".into(), "/usr/sbin".into()]);
        assert_eq!(option, r"lowerdir=/a b:/c\:d\,e\\f:/usr/sbin");
    }
}
