//! The order in which systemd takes a node down: Pacemaker must be done with its guests before anything
//! that they need is stopped.
//!
//! pacemaker.service is ordered after [`TARGET`], which exists for drop-ins like ours, and systemd stops
//! units in the reverse of the order in which it starts them. What is written lives in `/run` and so as
//! long as the boot, like the records of the guests.

use exec::{Deadline, Tool};
use std::io;
use std::path::Path;
use std::time::Duration;

const TARGET: &str = "resource-agents-deps.target";
const DROP_IN: &str = "/run/systemd/system/resource-agents-deps.target.d/99-hawser-kvm.conf";

/// libvirt puts the scope of every guest before this target, so that whatever comes after it is stopped
/// before any guest is. That holds only while the target is active.
const GUESTS: &str = "virt-guest-shutdown.target";

/// libvirt's daemons, the monolithic one and the modular ones. To be after a unit that is not there
/// is no error.
const DAEMONS: &[&str] = &[
    "libvirtd",
    "virtqemud",
    "virtxend",
    "virtlxcd",
    "virtproxyd",
    "virtnetworkd",
    "virtnodedevd",
    "virtnwfilterd",
    "virtsecretd",
    "virtstoraged",
    "virtlockd",
    "virtlogd",
];

/// When it is stopped it shuts down every guest that runs, ours too. Debian enables it.
const SHUTS_DOWN: &str = "libvirt-guests.service";

const SYSTEMCTL_SLICE: Duration = Duration::from_secs(5);

/// Puts the order in place, where systemd runs and it is not there yet. A failure is logged, and tried
/// again with the next guest: it does not keep this one from running.
pub fn arrange(by: Deadline) {
    let (path, content) = (Path::new(DROP_IN), content());
    let systemd = Path::new("/run/systemd/system").is_dir();
    if !systemd || std::fs::read_to_string(path).is_ok_and(|found| found == content) {
        return;
    }
    if let Err(error) = write(path, &content) {
        return ocf::log::warn(format_args!("cannot write {DROP_IN}: {error}"));
    }
    if let Err(error) = tell_systemd(by) {
        ocf::log::warn(format_args!("{error}; guests may be killed when this node shuts down"));
        // A file that is there says that systemd has read it.
        if let Err(error) = std::fs::remove_file(path) {
            ocf::log::warn(format_args!("cannot remove {DROP_IN}: {error}"));
        }
    }
}

fn content() -> String {
    let daemons: String =
        DAEMONS.iter().map(|name| format!("After={name}.service {name}.socket\n")).collect();
    format!("[Unit]\n{daemons}After={SHUTS_DOWN} {GUESTS}\nWants={GUESTS}\n")
}

fn write(path: &Path, content: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    file::replace(path, content.as_bytes(), 0o644)
}

/// Has systemd read the drop-in, and activates the targets that are in it: Pacemaker, which wants them,
/// runs already. Nobody waits for that, since a node that boots may have much to start before.
fn tell_systemd(by: Deadline) -> Result<(), exec::Error> {
    for arguments in [&["daemon-reload"][..], &["start", "--no-block", TARGET, GUESTS]] {
        Tool::new("systemctl").args(arguments).run(by.slice(SYSTEMCTL_SLICE))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drop_in_is_readable_for_all_and_has_the_form_of_a_unit() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.target.d/99.conf");
        write(&path, &content()).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.starts_with("[Unit]\n"));
        for line in text.lines().skip(1) {
            let (key, value) = line.split_once('=').unwrap();
            assert!(["After", "Wants"].contains(&key) && !value.is_empty(), "{line}");
        }
    }
}
