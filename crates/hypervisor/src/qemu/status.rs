//! libvirt's status files: one per active guest in `/run/libvirt/qemu`, rewritten (by rename) at
//! each change of the guest's state or devices.

use super::process;
use crate::definition::attribute;
use crate::identity::Name;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::{Deserialize, Serialize};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const DIRECTORY: &str = "/run/libvirt/qemu";

/// Which edition of a status file it is. libvirt writes a new file for each edition, so inode,
/// modification time and size together never come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    inode: u64,
    seconds: i64,
    nanoseconds: i64,
    size: u64,
}

impl Stamp {
    /// The edition that is there now. To go with an answer it must be taken *before* the question
    /// is asked: a change in between then shows as another edition later.
    pub(super) fn read(guest: &Name) -> Option<Self> {
        let it = fs::metadata(path(guest)).ok()?;
        Some(Self {
            inode: it.ino(),
            seconds: it.mtime(),
            nanoseconds: it.mtime_nsec(),
            size: it.size(),
        })
    }
}

/// What can be seen of the daemon that keeps QEMU guests, without talking to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daemon {
    /// Its process is there and not stopped.
    Answering,
    /// Its process is there, but was stopped (SIGSTOP, a debugger, a freezer).
    Stopped,
    /// There is none.
    Absent,
}

/// Looks for the daemon: the monolithic libvirtd or the modular virtqemud.
#[must_use]
pub fn daemon() -> Daemon {
    let states: Vec<u8> = ["/run/libvirtd.pid", "/run/virtqemud.pid"]
        .iter()
        .filter_map(|path| process::run_state(process::pid_file(Path::new(path))?))
        .collect();
    if states.iter().any(|state| matches!(state, b'R' | b'S' | b'D' | b'I')) {
        Daemon::Answering
    } else if states.iter().any(|state| matches!(state, b'T' | b't')) {
        Daemon::Stopped
    } else {
        Daemon::Absent
    }
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
