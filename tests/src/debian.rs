use crate::fixture::skip;
use exec::{Deadline, Tool};
use lab::image;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the system's directory is called in the lab's cache, with a number that changes when it is made in another way.
const NAME: &str = "debian-system-1";

/// What is in it beside what every Debian has.
const PACKAGES: &str = "systemd-sysv,udev,dbus,initramfs-tools,linux-image-cloud-amd64,grub-pc,openssh-server,rsync,\
                        iproute2,ifupdown";

/// How long making it may take.
const MAKE_TIME: Duration = Duration::from_secs(1800);

/// The directory of a small Debian system with a kernel, a boot loader and an ssh server, from the lab's cache or made in it.
/// `None` where debootstrap cannot make it: that has been said then, and the test is to end.
///
/// # Panics
/// When the cache cannot be written.
#[must_use]
pub fn debian() -> Option<PathBuf> {
    let cache = Path::new(image::CACHE);
    fs::create_dir_all(cache).expect("the lab's cache");
    let by = Deadline::after(MAKE_TIME);
    let _lock = file::lock(cache, by).expect("the lab's cache can be locked");
    let system = cache.join(NAME);
    if system.is_dir() {
        return Some(system);
    }
    let work = cache.join(format!(".{NAME}"));
    if work.exists() {
        fs::remove_dir_all(&work).expect("what was left can be removed");
    }
    let made = Tool::new("debootstrap")
        .args(["--variant=minbase", &format!("--include={PACKAGES}"), "bookworm"])
        .arg(&work)
        .inherit_environment()
        .run(by);
    if let Err(error) = made {
        return skip(&format!("no Debian system can be made: {error}"));
    }
    for archive in fs::read_dir(work.join("var/cache/apt/archives")).expect("the packages") {
        let path = archive.expect("the packages").path();
        if path.is_file() {
            fs::remove_file(path).expect("a package");
        }
    }
    fs::rename(&work, &system).expect("the lab's cache");
    Some(system)
}
