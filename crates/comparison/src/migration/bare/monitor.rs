//! A QEMU's monitor, which a benchmark that does without libvirt speaks to itself.

use crate::Error;
use exec::Deadline;
use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What one command may take.
const COMMAND_TIME: Duration = Duration::from_secs(10);

/// How often a socket that is not there yet is looked for.
const LOOK: Duration = Duration::from_millis(2);

/// A connection that has greeted.
pub struct Monitor {
    path: PathBuf,
    stream: BufReader<UnixStream>,
}

impl Monitor {
    /// Connects to the monitor of a QEMU that may still be starting.
    pub fn open(path: &Path, deadline: Deadline) -> Result<Self, Error> {
        let stream = loop {
            match UnixStream::connect(path) {
                Ok(stream) => break stream,
                Err(_) if deadline.pause(LOOK) => {}
                Err(error) => return Err(failed(path, error)),
            }
        };
        let mut monitor = Self { path: path.to_owned(), stream: BufReader::new(stream) };
        monitor.stream.get_ref().set_read_timeout(Some(COMMAND_TIME)).map_err(monitor.failure())?;
        monitor.read()?;
        monitor.execute("qmp_capabilities", json!({}))?;
        Ok(monitor)
    }

    /// Has QEMU do something, and gives what it returns.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, Error> {
        let line = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        self.stream.get_mut().write_all(line.as_bytes()).map_err(self.failure())?;
        // Events may stand between a command and its answer.
        loop {
            let mut answer = self.read()?;
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
            if let Some(error) = answer.get("error") {
                let (command, said) = (command.to_owned(), error["desc"].to_string());
                return Err(Error::Command { command, said });
            }
        }
    }

    /// One word of what a query returns.
    pub fn query(&mut self, query: &str, field: &str) -> Result<String, Error> {
        let answer = self.execute(query, json!({}))?;
        Ok(answer[field].as_str().unwrap_or_default().to_owned())
    }

    fn read(&mut self) -> Result<Value, Error> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => Err(failed(&self.path, io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => serde_json::from_str(&line).map_err(|it| failed(&self.path, it.into())),
            Err(error) => Err(failed(&self.path, error)),
        }
    }

    fn failure(&self) -> impl Fn(io::Error) -> Error + use<> {
        let path = self.path.clone();
        move |source| failed(&path, source)
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Monitor { path: path.to_owned(), source }
}
