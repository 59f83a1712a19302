//! The order in which systemd takes a node down: Pacemaker must be done with its guests before
//! libvirt's daemons, and the guests' own scopes, are stopped.

use exec::{Deadline, Tool};
use std::io;
use std::path::Path;
use std::time::Duration;

/// pacemaker.service is ordered after this target, which exists for drop-ins like ours.
const DROP_IN: &str = "/run/systemd/system/resource-agents-deps.target.d/99-hawser-kvm.conf";

/// Ordering after a unit that does not exist is no error, so every daemon that can serve guests is
/// named, monolithic or modular. virt-guest-shutdown.target comes after the guests' scopes when a node
/// goes down (libvirt's libvirt-guests.service uses it likewise).
const CONTENT: &str = "\
[Unit]
Description=Guests that Pacemaker manages leave before the daemons that serve them
After=libvirtd.service libvirtd.socket libvirtd-tcp.socket libvirtd-tls.socket
After=virtqemud.service virtqemud.socket virtproxyd.service virtproxyd-tcp.socket virtproxyd-tls.socket
After=virtxend.service virtlxcd.service virtnetworkd.service virtstoraged.service
After=virtlockd.service virtlogd.service systemd-machined.service virt-guest-shutdown.target
Wants=virt-guest-shutdown.target
";

const SYSTEMCTL_SLICE: Duration = Duration::from_secs(5);

/// Puts the order in place, where systemd runs and it is not there yet. A failure is logged: it does not
/// keep a guest from running.
pub fn arrange(by: Deadline) {
    if !Path::new("/run/systemd/system").is_dir() {
        return;
    }
    if std::fs::read_to_string(DROP_IN).is_ok_and(|found| found == CONTENT) {
        return;
    }
    if let Err(error) = write(Path::new(DROP_IN)) {
        ocf::log::warn(format_args!("cannot write {DROP_IN}: {error}"));
        return;
    }
    for arguments in [&["daemon-reload"][..], &["start", "virt-guest-shutdown.target"]] {
        if let Err(error) = Tool::new("systemctl").args(arguments).run(by.slice(SYSTEMCTL_SLICE)) {
            ocf::log::warn(format_args!("{error}; guests may be killed when this node shuts down"));
        }
    }
}

fn write(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    file::replace(path, CONTENT.as_bytes(), 0o644)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drop_in_is_readable_for_all_and_has_the_form_of_a_unit() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.target.d/99.conf");
        write(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.starts_with("[Unit]\n"));
        for line in text.lines().skip(1) {
            let (key, value) = line.split_once('=').unwrap();
            assert!(
                ["After", "Wants", "Description"].contains(&key) && !value.is_empty(),
                "{line}"
            );
        }
    }
}
