//! A guest's QEMU monitor, for the time in which no daemon holds it.

use crate::Deadline;
use crate::state::{Pause, State};
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, UnixAddr};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// What one line of the monitor may hold, in bytes.
const LINE_LIMIT: u64 = 1 << 16;

/// A monitor that has greeted. It serves one client at a time: a second one is not refused but
/// waits, which the deadline ends.
pub struct Monitor {
    stream: BufReader<UnixStream>,
    by: Deadline,
}

impl Monitor {
    pub fn open(path: &Path, by: Deadline) -> Option<Self> {
        let mut monitor = Self { stream: BufReader::new(connect(path)?), by };
        monitor.read()?.get("QMP")?;
        monitor.execute("qmp_capabilities")?;
        Some(monitor)
    }

    /// The guest's state, from QMP's `query-status` (QEMU, qapi/run-state.json, `RunState`).
    pub fn state(&mut self) -> Option<State> {
        let answer = self.execute("query-status")?;
        Some(match answer.get("status")?.as_str()? {
            "running" => State::Running,
            "paused" | "prelaunch" => State::Paused(Pause::Unknown),
            "restore-vm" | "save-vm" => State::Paused(Pause::Job),
            "io-error" => State::Paused(Pause::IoError),
            "watchdog" => State::Paused(Pause::Watchdog),
            "inmigrate" => State::Paused(Pause::Incoming),
            "finish-migrate" | "postmigrate" => State::Paused(Pause::Outgoing),
            "guest-panicked" | "internal-error" => State::Crashed,
            "suspended" => State::PmSuspended,
            "shutdown" => State::ShuttingDown,
            _ => State::Alive,
        })
    }

    pub fn power_down(&mut self) -> bool {
        self.execute("system_powerdown").is_some()
    }

    fn execute(&mut self, command: &str) -> Option<Value> {
        let mut line = json!({ "execute": command }).to_string();
        line.push('\n');
        self.stream.get_ref().set_write_timeout(self.timeout()).ok()?;
        self.stream.get_mut().write_all(line.as_bytes()).ok()?;
        // Events may stand between a command and its answer.
        loop {
            let mut answer = self.read()?;
            if let Some(value) = answer.get_mut("return") {
                return Some(value.take());
            }
            if answer.get("error").is_some() {
                return None;
            }
        }
    }

    fn read(&mut self) -> Option<Value> {
        self.stream.get_ref().set_read_timeout(self.timeout()).ok()?;
        let mut line = Vec::new();
        self.stream.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line).ok()?;
        serde_json::from_slice(&line).ok()
    }

    /// What is left of the time; never zero, which the kernel takes for "no limit".
    fn timeout(&self) -> Option<Duration> {
        Some(self.by.remaining().max(Duration::from_millis(1)))
    }
}

/// Connects without waiting. While a daemon that hangs holds the monitor, nobody takes the connections
/// of those who ask meanwhile; QEMU's queue is full after two of them, and a plain `connect` would then
/// block for ever.
fn connect(path: &Path) -> Option<UnixStream> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None).ok()?;
    socket::connect(socket.as_raw_fd(), &UnixAddr::new(path).ok()?).ok()?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false).ok()?;
    Some(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::Backlog;

    #[test]
    fn a_monitor_that_takes_no_connection_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("monitor.sock");
        let flags = SockFlag::empty();
        let qemu = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None).unwrap();
        socket::bind(qemu.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
        socket::listen(&qemu, Backlog::new(1).unwrap()).unwrap();
        let queue: Vec<UnixStream> = std::iter::from_fn(|| connect(&path)).take(10).collect();
        assert_eq!(queue.len(), 2);
        let by = Deadline::after(Duration::from_secs(5));
        assert!(Monitor::open(&path, by).is_none());
        assert!(!by.expired());
    }
}
