//! Disks on this machine's own storage: what of it is out of reach is said, and in time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use exec::{Deadline, Tool};
use hypervisor::{Disk, Source, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use storage::{Finding, look};
use tempfile::TempDir;

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

fn disk(path: &Path) -> Disk {
    let source = Source::Path(path.to_owned());
    Disk { name: "vda".to_owned(), source, writable: true, optional: false }
}

fn found(path: &Path, by: Deadline) -> Finding {
    look(&[disk(path)], &*open::xl("xl:///"), by).remove(0)
}

fn told(path: &Path) -> String {
    found(path, soon()).to_string()
}

/// Says that a test is skipped on this machine, which the caller may have forbidden.
fn skip(why: &str) {
    assert_ne!(std::env::var("HAWSER_NO_SKIP").as_deref(), Ok("1"), "{why}");
    let _ = writeln!(std::io::stderr(), "\nskipped: {why}");
}

/// Runs a test with mounts of its own, if this machine lets it, in a directory that goes after
/// them: it cannot be removed where something is mounted on it or in it.
fn apart(test: impl FnOnce(&Path) + Send) {
    if !nix::unistd::geteuid().is_root() {
        return skip("mounts need root");
    }
    let place = TempDir::new().unwrap();
    let isolated = || {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
        test(place.path());
    };
    thread::scope(|scope| scope.spawn(isolated).join()).unwrap();
    place.close().unwrap();
}

fn tmpfs(at: &Path, flags: MsFlags) {
    fs::create_dir_all(at).unwrap();
    mount(Some("images"), at, Some("tmpfs"), flags, None::<&str>).unwrap();
}

#[test]
fn a_file_system_that_is_not_mounted_is_named_where_fstab_knows_it() {
    apart(|place| {
        let (point, fstab) = (place.join("nfs"), place.join("fstab"));
        fs::create_dir(&point).unwrap();
        let image = point.join("a.img");
        assert!(told(&image).contains("mount the file system that it is on"), "{}", told(&image));

        fs::write(&fstab, format!("n9:/images {} nfs4 _netdev 0 0\n", point.display())).unwrap();
        mount(Some(&fstab), "/etc/fstab", None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
        let expected = format!("nfs4 n9:/images is not mounted on {}; mount it", point.display());
        assert!(told(&image).contains(&expected), "{}", told(&image));
        tmpfs(&point, MsFlags::empty());
        assert!(!told(&image).contains("is not mounted"), "{}", told(&image));
        fs::write(&image, "").unwrap();
        assert!(!found(&image, soon()).is_in_the_way(), "{}", told(&image));
    });
}

#[test]
fn a_file_system_that_cannot_be_written_to_is_of_no_use_for_a_disk_that_is() {
    apart(|place| {
        let image = place.join("a.img");
        tmpfs(place, MsFlags::empty());
        fs::write(&image, "").unwrap();
        assert!(told(&image).contains("a file on tmpfs images, is in this node's reach"));
        let again = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, place, None::<&str>, again, None::<&str>).unwrap();
        assert!(told(&image).contains("tmpfs images is read-only here"), "{}", told(&image));
        let medium = Disk { writable: false, ..disk(&image) };
        let finding = look(&[medium], &*open::xl("xl:///"), soon()).remove(0);
        assert!(!finding.is_in_the_way(), "{finding}");
    });
}

/// A file system whose server takes questions and answers none.
#[test]
fn storage_that_hangs_is_told_in_time_and_holds_up_no_other_disk() {
    apart(|place| {
        let Ok(server) = File::options().read(true).write(true).open("/dev/fuse") else {
            return skip("there is no /dev/fuse");
        };
        let (point, near) = (place.join("gone"), place.join("near.img"));
        fs::create_dir(&point).unwrap();
        fs::write(&near, "").unwrap();
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", server.as_raw_fd());
        let kind = Some("fuse.glusterfs");
        mount(Some("n9:/volume"), &point, kind, MsFlags::empty(), Some(options.as_str())).unwrap();

        let (begun, patience) = (Instant::now(), Duration::from_secs(1));
        let disks = [disk(&point.join("a.img")), disk(&near)];
        let findings = look(&disks, &*open::xl("xl:///"), Deadline::after(patience));
        assert!(begun.elapsed() < 3 * patience, "{:?}", begun.elapsed());
        let gone = findings[0].to_string();
        assert!(gone.contains("a file on fuse.glusterfs n9:/volume, may be out of"), "{gone}");
        assert!(gone.contains("does not answer within 1.0 s"), "{gone}");
        assert!(!findings.iter().any(Finding::is_in_the_way), "{findings:?}");
    });
}

#[test]
fn a_loop_device_is_told_by_its_file_and_needs_one() {
    if !nix::unistd::geteuid().is_root() || !Path::new("/dev/loop-control").exists() {
        return skip("a loop device needs root and /dev/loop-control");
    }
    let place = TempDir::new().unwrap();
    let file = place.path().join("a.img");
    File::create(&file).unwrap().set_len(1 << 20).unwrap();
    let losetup = |arguments: &[&str]| Tool::new("losetup").args(arguments).run(soon()).unwrap();
    let path = file.display().to_string();
    for (options, expected) in [
        (&["--find", "--show"][..], "is in this node's reach".to_owned()),
        (&["--read-only", "--find", "--show"], "is read-only here".to_owned()),
    ] {
        let device = losetup(&[options, &[&path]].concat()).text().trim().to_owned();
        let told = told(Path::new(&device));
        losetup(&["--detach", &device]);
        assert!(told.contains(&format!("loop device of {path}, ")), "{told}");
        assert!(told.contains(&expected), "{told}");
    }
    let free = losetup(&["--find"]).text().trim().to_owned();
    assert!(told(Path::new(&free)).contains("has a size of 0"), "{}", told(Path::new(&free)));
}

#[test]
fn a_device_that_is_not_there_is_told_by_what_it_would_be() {
    let finding = found(Path::new("/dev/hawser-none/vm1"), soon());
    assert!(finding.is_in_the_way());
    let words = finding.to_string();
    assert!(words.contains("LVM hawser-none, is out of this node's reach"), "{words}");
    assert!(words.contains("vgchange --activate y hawser-none"), "{words}");
}
