//! Guests as processes: `/proc`, read without following anybody's word.

use crate::Trace;
use crate::identity::{Identity, Uuid};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Every process on this node that is the guest.
pub fn find(guest: &Identity) -> Vec<Trace> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some(Trace { pid, start: start_time(pid)? }))
        .filter(|trace| is_guest(*trace, guest))
        .collect()
}

/// Whether that process is there, any thread of it.
pub fn alive(trace: Trace) -> bool {
    start_time(trace.pid) == Some(trace.start)
}

/// Whether that process is there and nobody has stopped it (SIGSTOP, a debugger).
pub fn unstopped(trace: Trace) -> bool {
    Stat::read(&thread(trace.pid, None))
        .is_some_and(|stat| stat.start == trace.start && !matches!(stat.state, b'T' | b't'))
}

/// Whether that process is there and is this guest.
pub fn is_guest(trace: Trace, guest: &Identity) -> bool {
    alive(trace)
        && living_thread(trace.pid)
            .and_then(|thread| fs::read(thread.join("cmdline")).ok())
            .is_some_and(|line| is_command_line(&line, guest))
}

/// When a process started, in clock ticks since boot; `None` when nothing of it is left.
fn start_time(pid: i32) -> Option<u64> {
    living_thread(pid)?;
    Some(Stat::read(&thread(pid, None))?.start)
}

/// Where `/proc` has a thread of that process that still lives. After a SIGKILL the first thread can
/// be a zombie, with nothing to be read of it, while another one still waits for a disk.
fn living_thread(pid: i32) -> Option<PathBuf> {
    let lives = |path: &PathBuf| Stat::read(path).is_some_and(|stat| !stat.is_dead());
    let first = thread(pid, None);
    if lives(&first) {
        return Some(first);
    }
    let others = fs::read_dir(first.join("task")).ok()?.flatten();
    others.map(|entry| thread(pid, Some(entry.file_name()))).find(lives)
}

fn thread(pid: i32, id: Option<OsString>) -> PathBuf {
    let process = PathBuf::from(format!("/proc/{pid}"));
    id.map_or(process.clone(), |id| process.join("task").join(id))
}

/// What proc(5) tells about a process or a thread in `stat`.
pub struct Stat {
    /// The name of its program, at most 15 bytes.
    pub command: String,
    /// The letter of its state.
    pub state: u8,
    /// When it started, in clock ticks since boot.
    pub start: u64,
}

impl Stat {
    /// Reads it. The command, in parentheses, may itself hold spaces and parentheses, so the fields
    /// are counted from the last one.
    pub fn read(thread: &Path) -> Option<Self> {
        let stat = fs::read(thread.join("stat")).ok()?;
        let open = stat.iter().position(|byte| *byte == b'(')?;
        let close = stat.iter().rposition(|byte| *byte == b')')?;
        let command = String::from_utf8_lossy(stat.get(open + 1..close)?).into_owned();
        let fields = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
        let mut fields = fields.split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        let start = fields.nth(18)?.parse().ok()?;
        Some(Self { command, state, start })
    }

    fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// The pid that a pid file names.
pub fn pid_file(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.trim().parse().ok().filter(|pid| *pid > 1)
}

/// Whether a command line is QEMU's for this guest: `-name guest=NAME,…` with that name to the
/// letter, and `-uuid` with that UUID if it is known. In QEMU's options a comma in a value is doubled.
fn is_command_line(line: &[u8], guest: &Identity) -> bool {
    let mut words = line.split(|byte| *byte == 0);
    let is_emulator = words.next().is_some_and(|program| {
        let program = program.rsplit(|byte| *byte == b'/').next().unwrap_or(program);
        program.starts_with(b"qemu") || program == b"kvm"
    });
    if !is_emulator {
        return false;
    }
    let escaped = guest.name.as_str().replace(',', ",,");
    let (mut named, mut uuid) = (false, None);
    while let Some(word) = words.next() {
        match word {
            b"-name" => {
                let value = words.next().unwrap_or_default();
                let value = value.strip_prefix(b"guest=").unwrap_or(value);
                named = value.strip_prefix(escaped.as_bytes()).is_some_and(|rest| {
                    rest.is_empty() || (rest[0] == b',' && rest.get(1) != Some(&b','))
                });
            }
            b"-uuid" => {
                uuid =
                    words.next().and_then(|it| std::str::from_utf8(it).ok()).and_then(Uuid::parse);
            }
            _ => {}
        }
    }
    named && (guest.uuid.is_none() || uuid.is_none() || guest.uuid == uuid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Name;

    const UUID: &str = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";

    fn guest(name: &str, uuid: Option<&str>) -> Identity {
        Identity {
            name: Name::try_from(name.to_owned()).unwrap(),
            uuid: uuid.and_then(Uuid::parse),
        }
    }

    fn line(name: &str) -> Vec<u8> {
        format!(
            "/usr/bin/qemu-system-x86_64\0-name\0guest={name},debug-threads=on\0-S\0-uuid\0{UUID}\0"
        )
        .into_bytes()
    }

    #[test]
    fn a_name_matches_to_the_letter() {
        for name in ["vm1", "vm 1", "v.m", "<&\"'>", "a(b)"] {
            assert!(is_command_line(&line(name), &guest(name, None)), "{name}");
        }
        assert!(!is_command_line(&line("vm10"), &guest("vm1", None)));
        assert!(!is_command_line(&line("vxm"), &guest("v.m", None)));
        assert!(!is_command_line(&line("myvm1"), &guest("vm1", None)));
        // A comma in the name is doubled; a name that goes on after one is another name.
        assert!(is_command_line(&line("a,,b"), &guest("a,b", None)));
        assert!(!is_command_line(&line("a,,b"), &guest("a", None)));
    }

    #[test]
    fn another_uuid_is_another_guest() {
        assert!(is_command_line(&line("vm1"), &guest("vm1", Some(UUID))));
        let other = "00000000-1d52-d8f3-2516-782e98ab3fa0";
        assert!(!is_command_line(&line("vm1"), &guest("vm1", Some(other))));
    }

    #[test]
    fn somebody_who_talks_about_a_guest_is_no_guest() {
        let grep = b"grep\0-name\0guest=vm1,\0";
        assert!(!is_command_line(grep, &guest("vm1", None)));
    }

    #[test]
    fn this_process_is_alive_and_the_next_with_its_pid_is_not() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let start = start_time(pid).unwrap();
        assert!(alive(Trace { pid, start }));
        assert!(!alive(Trace { pid, start: start + 1 }));
    }
}
