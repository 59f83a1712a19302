//! libvirt's status files: one per active guest in `/run/libvirt/qemu`, rewritten (by rename) at
//! each change of the guest's state or devices.

use crate::definition::attribute;
use crate::identity::Name;
use crate::process::{self, Process};
use crate::witness::Stamp;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const DIRECTORY: &str = "/run/libvirt/qemu";

/// Which edition of the guest's status file is there now. libvirt writes a new file for each edition, so
/// inode, modification time and size together never come back.
pub(super) fn stamp(guest: &Name) -> Option<Stamp> {
    let it = fs::metadata(path(guest)).ok()?;
    Some(Stamp([it.ino(), it.mtime().cast_unsigned(), it.mtime_nsec().cast_unsigned(), it.size()]))
}

/// The daemons that keep QEMU guests: the monolithic one or the modular one.
const DAEMONS: [&str; 2] = ["libvirtd", "virtqemud"];

/// The one that runs.
pub(super) fn daemon() -> Option<Process> {
    process::daemon(&DAEMONS).map(|(process, _)| process)
}

/// Whether that daemon can be seen to be at work, without talking to it: its process is there, and
/// neither stopped nor waiting for a disk.
pub(super) fn daemon_works() -> bool {
    process::daemon(&DAEMONS).is_some_and(|(_, stat)| matches!(stat.state, b'R' | b'S'))
}

/// The guest's monitor socket, as its status file names it.
pub(super) fn monitor(guest: &Name) -> Option<PathBuf> {
    let text = fs::read_to_string(path(guest)).ok()?;
    let mut reader = Reader::from_str(&text);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) | Event::Empty(element)
                if element.name().as_ref() == b"monitor" =>
            {
                return attribute(&element, "path").map(PathBuf::from);
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

fn path(guest: &Name) -> PathBuf {
    // A guest's name has no slash in it, so this stays in the directory.
    Path::new(DIRECTORY).join(format!("{guest}.xml"))
}
