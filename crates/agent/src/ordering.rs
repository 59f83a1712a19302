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
/// Where systemd finds drop-ins that hold for as long as the boot, if it runs at all.
const UNITS: &str = "/run/systemd/system";

const SYSTEMCTL_SLICE: Duration = Duration::from_secs(5);

/// What pacemaker.service is to be ordered after: what its guests need, and what would end them by itself.
#[derive(Debug, Clone, Copy)]
pub struct Ordering {
    /// The drop-in's name.
    pub name: &'static str,
    /// Units that are started before Pacemaker, each line of it a group. To be after a unit that is not there is
    /// no error.
    pub after: &'static [&'static str],
    /// Targets that only have a meaning while they are active.
    pub wants: &'static [&'static str],
}

impl Ordering {
    /// Puts the order in place, where systemd runs and it is not there yet. A failure is logged, and tried
    /// again with the next guest: it does not keep this one from running.
    pub(crate) fn arrange(&self, by: Deadline) {
        let path = Path::new(UNITS).join(format!("{TARGET}.d/{}", self.name));
        let content = self.content();
        let systemd = Path::new(UNITS).is_dir();
        if !systemd || std::fs::read_to_string(&path).is_ok_and(|found| found == content) {
            return;
        }
        let shown = path.display();
        if let Err(error) = write(&path, &content) {
            return ocf::log::warn(format_args!("cannot write {shown}: {error}"));
        }
        if let Err(error) = self.tell_systemd(by) {
            ocf::log::warn(format_args!("{error}; guests may be killed when this node shuts down"));
            // A file that is there says that systemd has read it.
            if let Err(error) = std::fs::remove_file(&path) {
                ocf::log::warn(format_args!("cannot remove {shown}: {error}"));
            }
        }
    }

    fn content(&self) -> String {
        let lines = |key: &str, units: &[&str]| -> String {
            units.iter().map(|units| format!("{key}={units}\n")).collect()
        };
        format!("[Unit]\n{}{}", lines("After", self.after), lines("Wants", self.wants))
    }

    /// Has systemd read the drop-in, and activates the targets that are in it: Pacemaker, which wants them,
    /// runs already. Nobody waits for that, since a node that boots may have much to start before.
    fn tell_systemd(&self, by: Deadline) -> Result<(), exec::Error> {
        let start = [&["start", "--no-block", TARGET], self.wants].concat();
        for arguments in [&["daemon-reload"][..], &start] {
            Tool::new("systemctl").args(arguments).run(by.slice(SYSTEMCTL_SLICE))?;
        }
        Ok(())
    }
}

fn write(path: &Path, content: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    file::replace(path, content.as_bytes(), 0o644)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drop_in_is_readable_for_all_and_has_the_form_of_a_unit() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.target.d/99.conf");
        let after = &["a.service a.socket", "b.service"];
        let ordering = Ordering { name: "99.conf", after, wants: &["c.target"] };
        write(&path, &ordering.content()).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.starts_with("[Unit]\n"));
        for line in text.lines().skip(1) {
            let (key, value) = line.split_once('=').unwrap();
            assert!(["After", "Wants"].contains(&key) && !value.is_empty(), "{line}");
        }
    }
}
