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
use std::path::{Path, PathBuf};
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

/// Logs something that was done, with figures of it: to the journal, each as a field of its own. Where
/// there is no journal only the message is logged.
pub fn event(message: impl Display, fields: &[(String, String)]) {
    if let Some(log) = LOG.get()
        && !log.send_fields(&message.to_string(), fields)
    {
        log.write(Level::Info, &message.to_string());
    }
}

fn write(level: Level, message: impl Display) {
    if let Some(log) = LOG.get() {
        log.write(level, &message.to_string());
    }
}

/// Opens the log of this process. No file and no socket is touched before there is a message.
pub(crate) fn open(agent: &str, environment: &Environment) {
    // A process is one agent: what is open already is this log.
    let _ = LOG.set(Log::new(agent, environment, Path::new("/")));
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
    journal: PathBuf,
    file: Option<PathBuf>,
    facility: Option<usize>,
    identifier: String,
}

impl Log {
    /// The log whose sockets are below a directory, as they are below the root of a node.
    fn new(agent: &str, environment: &Environment, root: &Path) -> Self {
        let facility = match environment.optional("HA_LOGFACILITY") {
            Some("none") => None,
            name => Some(FACILITIES.iter().position(|it| Some(*it) == name).unwrap_or(DAEMON)),
        };
        let instance = match environment.optional("OCF_RESOURCE_INSTANCE") {
            Some(instance) => format!("({})", line(instance, 100)),
            None => String::new(),
        };
        Self {
            socket: root.join("dev/log"),
            journal: root.join("run/systemd/journal/socket"),
            file: environment.optional("HA_LOGFILE").map(PathBuf::from),
            facility,
            identifier: format!("{agent}{instance}"),
        }
    }

    fn write(&self, level: Level, message: &str) {
        let (identifier, pid) = (&self.identifier, std::process::id());
        let text = format!("{identifier}[{pid}]: {}", line(message, LIMIT));
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
        send(&self.socket, &format!("<{priority}>{text}"))
    }

    /// Sends a message with fields by the journal's own protocol (systemd, "Native Journal Protocol").
    fn send_fields(&self, message: &str, fields: &[(String, String)]) -> bool {
        let facility = self.facility.unwrap_or(DAEMON);
        let mut text = format!(
            "MESSAGE={}\nPRIORITY={}\nSYSLOG_FACILITY={facility}\nSYSLOG_IDENTIFIER={}\n",
            line(message, LIMIT),
            Level::Info as usize,
            self.identifier
        );
        for (name, value) in fields {
            text.push_str(&format!("{name}={}\n", line(value, LIMIT)));
        }
        self.facility.is_some() && send(&self.journal, &text)
    }
}

/// Sends a datagram; false when nobody is there, as opposed to somebody who is busy.
fn send(path: &Path, text: &str) -> bool {
    let result = UnixDatagram::unbound().and_then(|socket| {
        socket.set_nonblocking(true)?;
        socket.send_to(text.as_bytes(), path)
    });
    !result.is_err_and(|it| matches!(it.kind(), NotFound | ConnectionRefused))
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

    fn log(root: &Path, pairs: &[(&str, &str)]) -> Log {
        Log::new("kvm", &pairs.iter().copied().collect(), root)
    }

    fn daemon(root: &Path, socket: &str) -> UnixDatagram {
        let path = root.join(socket);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let daemon = UnixDatagram::bind(path).unwrap();
        daemon.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        daemon
    }

    fn received(daemon: &UnixDatagram) -> String {
        let mut buffer = [0; 1000];
        let length = daemon.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_message_has_its_priority_and_the_name_of_the_instance() {
        let directory = tempfile::tempdir().unwrap();
        let daemon = daemon(directory.path(), "dev/log");
        let received = |variables: &[(&str, &str)]| {
            log(directory.path(), variables).write(Level::Warning, "a\n\u{7}b");
            received(&daemon)
        };
        let pid = std::process::id();
        let local = [("OCF_RESOURCE_INSTANCE", "vm1"), ("HA_LOGFACILITY", "local5")];
        assert_eq!(received(&local), format!("<172>kvm(vm1)[{pid}]: a \u{fffd}b"));
        assert_eq!(received(&[]), format!("<28>kvm[{pid}]: a \u{fffd}b"));
    }

    #[test]
    fn the_journal_gets_each_figure_as_a_field() {
        let directory = tempfile::tempdir().unwrap();
        let log = log(directory.path(), &[("OCF_RESOURCE_INSTANCE", "vm1")]);
        let fields = [("HAWSER_X".to_owned(), "1\n2".to_owned())];
        assert!(!log.send_fields("done", &fields));
        let journal = daemon(directory.path(), "run/systemd/journal/socket");
        assert!(log.send_fields("done", &fields));
        let expected = "MESSAGE=done\nPRIORITY=6\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=kvm(vm1)\nHAWSER_X=1 2\n";
        assert_eq!(received(&journal), expected);
    }

    #[test]
    fn a_daemon_that_hangs_holds_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let _hanging = daemon(directory.path(), "dev/log");
        let (sender, done) = mpsc::channel();
        std::thread::spawn(move || {
            let log = log(directory.path(), &[]);
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
        let log = log(directory.path(), &variables);
        log.write(Level::Error, "one");
        log.write(Level::Error, "two");
        let text = std::fs::read_to_string(file).unwrap();
        let messages: Vec<&str> = text.lines().filter_map(|it| it.split(": ").nth(1)).collect();
        assert_eq!(messages, ["one", "two"]);
    }
}
