//! A guest's QEMU monitor, for the time in which no daemon holds it.

use crate::Deadline;
use crate::state::{Pause, State};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
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
        let stream = BufReader::new(UnixStream::connect(path).ok()?);
        let mut monitor = Self { stream, by };
        monitor.read()?.get("QMP")?;
        monitor.execute("qmp_capabilities")?;
        Some(monitor)
    }

    /// The guest's state, from QMP's `query-status` (QEMU, qapi/run-state.json, `RunState`).
    pub fn state(&mut self) -> Option<State> {
        let answer = self.execute("query-status")?;
        Some(match answer.get("status")?.as_str()? {
            "running" | "finish-migrate" | "restore-vm" | "save-vm" => State::Running,
            "paused" | "prelaunch" | "suspended-paused" => State::Paused(Pause::Unknown),
            "io-error" => State::Paused(Pause::IoError),
            "inmigrate" => State::Paused(Pause::Incoming),
            "postmigrate" => State::Paused(Pause::Outgoing),
            "postmigrate-paused" => State::Paused(Pause::PostcopyFailed),
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
