//! A node's syslog: what is sent to /dev/log is appended to /var/log/syslog.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::thread;

use crate::Error;

const SOCKET: &str = "/dev/log";
const FILE: &str = "/var/log/syslog";

/// The longest message that is kept whole, in bytes.
const LONGEST: usize = 64 * 1024;

/// The severities of RFC 5424, section 6.2.1, by their number.
const SEVERITIES: [&str; 8] =
    ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

pub struct Syslog {
    socket: UnixDatagram,
    file: File,
}

impl Syslog {
    pub fn open() -> Result<Self, Error> {
        let path = Path::new(SOCKET);
        let socket = UnixDatagram::bind(path).map_err(Error::file("open", path))?;
        fs::set_permissions(path, Permissions::from_mode(0o666))
            .map_err(Error::file("set the mode of", path))?;
        let log = Path::new(FILE);
        let options = File::options().create(true).append(true).open(log);
        Ok(Self { socket, file: options.map_err(Error::file("open", log))? })
    }

    /// Goes on collecting in the background, for as long as the node runs.
    pub fn collect(mut self) {
        thread::spawn(move || {
            let mut message = vec![0; LONGEST];
            while let Ok(length) = self.socket.recv(&mut message) {
                let line = line(&String::from_utf8_lossy(&message[..length]));
                // A full disk must not stop the node; the next message may fit.
                let _ = self.file.write_all(line.as_bytes());
            }
        });
    }
}

/// A message as one line: the severity in front, as a word, instead of the number in angle brackets.
fn line(message: &str) -> String {
    let priority = message.strip_prefix('<').and_then(|it| it.split_once('>'));
    let (severity, text) =
        match priority.and_then(|(it, text)| Some((it.parse::<u8>().ok()?, text))) {
            Some((number, text)) => (SEVERITIES[usize::from(number & 7)], text),
            None => ("notice", message),
        };
    let text = text.trim_end_matches(['\n', '\0']).replace('\n', " ");
    format!("{severity} {text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_becomes_one_line() {
        assert_eq!(line("<27>Nov 21 12:00:00 kvm[1]: a\nb\n"), "err Nov 21 12:00:00 kvm[1]: a b\n");
        assert_eq!(line("<191>x\0"), "debug x\n");
        assert_eq!(line("<x>y"), "notice <x>y\n");
        assert_eq!(line(""), "notice \n");
    }
}
