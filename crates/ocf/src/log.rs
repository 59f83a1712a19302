//! The log of an agent: syslog, under the agent's and the instance's name.
//!
//! [`crate::main`] opens it; before that, messages go nowhere. A message does not wait for the
//! log's daemon: when that hangs, it is lost, because an agent that hangs with it would be killed
//! and its resource restarted. Messages are one line of at most 2000 characters. `HA_LOGFACILITY`
//! names the facility; where there is no daemon, or the facility is `none`, messages are appended
//! to `HA_LOGFILE` behind the time in seconds since 1970.

use crate::environment::Environment;
use crate::line::line;
use std::fmt::Display;
use std::fs::File;
use std::io::ErrorKind::{ConnectionRefused, NotFound};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// The length of a message, in characters: every syslog daemon takes that much in one piece.
const LIMIT: usize = 2000;

/// The names of syslog's facilities; a facility's number is its place, by RFC 5424.
const FACILITIES: &[&str] = &[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];
const DAEMON: usize = 3;

static LOG: OnceLock<Log> = OnceLock::new();

/// Logs something that was done.
pub fn info(message: impl Display) {
    write(Level::Info, message);
}

/// Logs something that is wrong and did not make the action fail.
pub fn warn(message: impl Display) {
    write(Level::Warning, message);
}

/// Logs a failure.
pub fn error(message: impl Display) {
    write(Level::Error, message);
}

fn write(level: Level, message: impl Display) {
    if let Some(log) = LOG.get() {
        log.write(level, &message.to_string());
    }
}

/// Opens the log of this process. No file and no socket is touched before there is a message.
pub(crate) fn open(agent: &str, environment: &Environment) {
    // A process is one agent: what is open already is this log.
    let _ = LOG.set(Log::new(agent, environment, PathBuf::from("/dev/log")));
}

/// The severities of syslog, by RFC 5424.
#[derive(Clone, Copy)]
enum Level {
    Error = 3,
    Warning = 4,
    Info = 6,
}

struct Log {
    socket: PathBuf,
    file: Option<PathBuf>,
    facility: Option<usize>,
    identifier: String,
}

impl Log {
    fn new(agent: &str, environment: &Environment, socket: PathBuf) -> Self {
        let facility = match environment.optional("HA_LOGFACILITY") {
            Some("none") => None,
            name => Some(FACILITIES.iter().position(|it| Some(*it) == name).unwrap_or(DAEMON)),
        };
        let instance = match environment.optional("OCF_RESOURCE_INSTANCE") {
            Some(instance) => format!("({})", line(instance, 100)),
            None => String::new(),
        };
        Self {
            socket,
            file: environment.optional("HA_LOGFILE").map(PathBuf::from),
            facility,
            identifier: format!("{agent}{instance}[{}]", std::process::id()),
        }
    }

    fn write(&self, level: Level, message: &str) {
        let text = format!("{}: {}", self.identifier, line(message, LIMIT));
        let sent = self.facility.is_some_and(|facility| self.send(facility, level, &text));
        if let (false, Some(file)) = (sent, &self.file) {
            // There is nobody left to tell about a log that cannot be written.
            let _ = append(file, &text);
        }
    }

    /// Sends a message to the log's daemon; false when there is none, as opposed to one that is
    /// busy.
    fn send(&self, facility: usize, level: Level, text: &str) -> bool {
        let priority = facility * 8 + level as usize;
        let message = format!("<{priority}>{text}");
        let result = UnixDatagram::unbound().and_then(|socket| {
            socket.set_nonblocking(true)?;
            socket.send_to(message.as_bytes(), &self.socket)
        });
        !result.is_err_and(|it| matches!(it.kind(), NotFound | ConnectionRefused))
    }
}

fn append(file: &PathBuf, text: &str) -> io::Result<()> {
    let mut file = File::options().append(true).create(true).mode(0o600).open(file)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    file.write_all(format!("{} {text}\n", now.as_secs()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    fn log(socket: PathBuf, pairs: &[(&str, &str)]) -> Log {
        Log::new("kvm", &pairs.iter().copied().collect(), socket)
    }

    #[test]
    fn a_message_has_its_priority_and_the_name_of_the_instance() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let daemon = UnixDatagram::bind(&path).unwrap();
        daemon.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let received = |variables: &[(&str, &str)]| {
            log(path.clone(), variables).write(Level::Warning, "a\n\u{7}b");
            let mut buffer = [0; 100];
            let length = daemon.recv(&mut buffer).unwrap();
            String::from_utf8(buffer[..length].to_vec()).unwrap()
        };
        let pid = std::process::id();
        let local = [("OCF_RESOURCE_INSTANCE", "vm1"), ("HA_LOGFACILITY", "local5")];
        assert_eq!(received(&local), format!("<172>kvm(vm1)[{pid}]: a \u{fffd}b"));
        assert_eq!(received(&[]), format!("<28>kvm[{pid}]: a \u{fffd}b"));
    }

    #[test]
    fn a_daemon_that_hangs_holds_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let _hanging = UnixDatagram::bind(&path).unwrap();
        let (sender, done) = mpsc::channel();
        std::thread::spawn(move || {
            let log = log(path, &[]);
            for _ in 0..5000 {
                log.write(Level::Info, &"x".repeat(3000));
            }
            sender.send(())
        });
        done.recv_timeout(Duration::from_secs(20)).unwrap();
    }

    #[test]
    fn without_a_daemon_the_log_file_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ha.log");
        let variables = [("HA_LOGFILE", file.to_str().unwrap())];
        let log = log(directory.path().join("absent"), &variables);
        log.write(Level::Error, "one");
        log.write(Level::Error, "two");
        let text = std::fs::read_to_string(file).unwrap();
        let messages: Vec<&str> = text.lines().filter_map(|it| it.split(": ").nth(1)).collect();
        assert_eq!(messages, ["one", "two"]);
    }
}
