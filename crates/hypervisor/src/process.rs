//! Processes of this node: `/proc`, read without following anybody's word.

use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// One process, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Its process id.
    pub pid: i32,
    /// When it started, in clock ticks since boot: with the pid it names one process for ever, since pids are
    /// used again.
    pub start: u64,
}

impl Process {
    /// The process that has that pid now; `None` when nothing of it is left.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        Self::read(pid).map(|(process, _)| process)
    }

    fn read(pid: i32) -> Option<(Self, Stat)> {
        let stat = Stat::read(&thread(pid, None))?;
        let lives = !stat.is_dead() || living_thread(pid).is_some();
        lives.then_some((Self { pid, start: stat.start }, stat))
    }

    /// Every process of this node that runs a program. On a node with many, this is what a look costs.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let found = entries.filter_map(|it| Self::read(it.file_name().to_str()?.parse().ok()?));
        found.filter(|(_, stat)| !stat.kernel).map(|(process, _)| process)
    }

    /// The pid of the process that it was started by, or was handed to.
    pub(crate) fn parent(self) -> Option<i32> {
        Stat::read(&thread(self.pid, None)).map(|stat| stat.parent)
    }

    /// Whether it is there, any thread of it.
    pub(crate) fn alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Whether it is there and nobody has stopped it (SIGSTOP, a debugger).
    pub(crate) fn unstopped(self) -> bool {
        Stat::read(&thread(self.pid, None))
            .is_some_and(|stat| stat.start == self.start && !matches!(stat.state, b'T' | b't'))
    }

    /// The words of its command line, each ended by a NUL; `None` when it is gone.
    pub(crate) fn command_line(self) -> Option<Vec<u8>> {
        let line = |thread: PathBuf| fs::read(thread.join("cmdline")).ok();
        let first = line(thread(self.pid, None)).filter(|line| !line.is_empty());
        let line = first.or_else(|| line(living_thread(self.pid)?))?;
        self.alive().then_some(line)
    }
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

/// `PF_KTHREAD` of the kernel's `sched.h`.
const KERNEL_THREAD: u32 = 0x0020_0000;

/// What proc(5) tells about a process or a thread in `stat`.
pub struct Stat {
    /// The name of its program, at most 15 bytes.
    pub command: String,
    /// The letter of its state.
    pub state: u8,
    /// The pid of its parent.
    pub parent: i32,
    /// Whether it is the kernel's own, which runs no program (`PF_KTHREAD` of its flags).
    pub kernel: bool,
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
        let parent = fields.next()?.parse().ok()?;
        let flags: u32 = fields.nth(4)?.parse().ok()?;
        let start = fields.nth(12)?.parse().ok()?;
        Some(Self { command, state, parent, kernel: flags & KERNEL_THREAD != 0, start })
    }

    fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// The first of these daemons that runs, by the pid file of its name in `/run`.
pub fn daemon(names: &[&str]) -> Option<(Process, Stat)> {
    names.iter().find_map(|name| {
        let pid = fs::read_to_string(format!("/run/{name}.pid")).ok()?;
        let pid = pid.trim().parse().ok().filter(|pid| *pid > 1)?;
        let stat = Stat::read(&thread(pid, None))?;
        // A pid file can be older than the process that has its pid now.
        (stat.command == *name).then_some((Process { pid, start: stat.start }, stat))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_the_next_with_its_pid_is_not() {
        let this = Process::of(std::process::id().cast_signed()).unwrap();
        assert!(this.alive() && this.unstopped());
        assert!(!Process { start: this.start + 1, ..this }.alive());
        let all: Vec<Process> = Process::all().collect();
        assert!(all.contains(&this));
        // In a container there are none of the kernel's to be seen, and these two say nothing.
        let kernels = |it: &Process| Stat::read(&thread(it.pid, None)).is_some_and(|it| it.kernel);
        assert!(!all.iter().any(kernels));
        let second = Stat::read(&thread(2, None)).filter(|stat| stat.command == "kthreadd");
        assert!(second.is_none_or(|stat| stat.kernel));
        assert!(this.command_line().is_some_and(|line| line.contains(&0)));
    }
}
