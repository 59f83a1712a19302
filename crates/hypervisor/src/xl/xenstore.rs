//! What xenstored knows, over its own socket: a question takes no program, and so disturbs no migration.

use crate::Deadline;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

const SOCKETS: [&str; 2] = ["/run/xenstored/socket", "/var/run/xenstored/socket"];

/// Messages of its protocol (`xs_wire.h`).
const DIRECTORY: u32 = 1;
const READ: u32 = 2;

/// The longest answer (`XENSTORE_PAYLOAD_MAX`), in bytes.
const LONGEST: u32 = 4096;

/// Every domain with its name; `None` when it does not tell all of that.
pub fn domains(by: Deadline) -> Option<Vec<(u16, String)>> {
    // Connecting to one that hangs hangs too, once enough others are waiting.
    let told = by.bound(move || {
        let socket = SOCKETS.iter().find_map(|path| UnixStream::connect(path).ok())?;
        named(socket, by)
    });
    told.flatten()
}

fn named(socket: UnixStream, by: Deadline) -> Option<Vec<(u16, String)>> {
    let mut store = Store { socket, by };
    let listed = store.ask(DIRECTORY, "/local/domain").ok()?;
    let mut named = Vec::new();
    for id in listed.split('\0').filter_map(|id| id.parse::<u16>().ok()) {
        match store.ask(READ, &format!("/local/domain/{id}/name")) {
            Ok(name) => named.push((id, name)),
            // One that has no name any more, or not yet, is nobody.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return None,
        }
    }
    Some(named)
}

struct Store {
    socket: UnixStream,
    by: Deadline,
}

impl Store {
    /// Asks one thing: a header of four words (message, request, transaction, length), and the path.
    fn ask(&mut self, message: u32, path: &str) -> io::Result<String> {
        let left = self.by.remaining();
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.socket.set_read_timeout(Some(left))?;
        self.socket.set_write_timeout(Some(left))?;
        let length = u32::try_from(path.len() + 1).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut question: Vec<u8> =
            [message, 0, 0, length].iter().flat_map(|word| word.to_ne_bytes()).collect();
        question.extend(path.bytes().chain([0]));
        self.socket.write_all(&question)?;
        let mut header = [0; 16];
        self.socket.read_exact(&mut header)?;
        let word = |at: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&header[at..at + 4]);
            u32::from_ne_bytes(word)
        };
        let (answered, length) = (word(0), word(12));
        if length > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut answer = vec![0; length as usize];
        self.socket.read_exact(&mut answer)?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        // An error is a message of its own, with a name of the C library's.
        match text.trim_end_matches('\0') {
            _ if answered == message => Ok(text),
            "ENOENT" => Err(io::ErrorKind::NotFound.into()),
            other => Err(io::Error::other(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Duration;

    /// The message that is an error (`XS_ERROR`).
    const ERROR: u32 = 16;

    /// A store that answers each question with a message and a text.
    fn told(answers: &'static [(u32, &'static str)], by: Duration) -> Option<Vec<(u16, String)>> {
        let (socket, mut store) = UnixStream::pair().unwrap();
        thread::spawn(move || {
            for (message, text) in answers {
                let mut question = [0; 16];
                store.read_exact(&mut question).unwrap();
                let mut path = vec![0; question[12].into()];
                store.read_exact(&mut path).unwrap();
                assert!(path.starts_with(b"/local/domain") && path.ends_with(&[0]));
                let length = u32::try_from(text.len()).unwrap();
                let header: Vec<u8> =
                    [*message, 0, 0, length].iter().flat_map(|it| it.to_ne_bytes()).collect();
                store.write_all(&[&header, text.as_bytes()].concat()).unwrap();
            }
            // It is silent from now on.
            let _ = store.read(&mut [0]);
            thread::sleep(Duration::from_secs(20));
        });
        named(socket, Deadline::after(by))
    }

    #[test]
    fn domains_have_names_and_what_has_none_is_nobody() {
        let domains = told(
            &[(DIRECTORY, "0\x003\x007\0"), (READ, "Domain-0"), (READ, "g1"), (ERROR, "ENOENT\0")],
            Duration::from_secs(20),
        );
        assert_eq!(domains.unwrap(), [(0, "Domain-0".to_owned()), (3, "g1".to_owned())]);
    }

    #[test]
    fn a_store_that_is_silent_or_refuses_tells_nothing() {
        assert_eq!(told(&[], Duration::from_millis(100)), None);
        assert_eq!(told(&[(ERROR, "EACCES\0")], Duration::from_secs(20)), None);
        // What it tells then would be a part of the truth.
        let part = &[(DIRECTORY, "0\x003\0"), (READ, "Domain-0"), (ERROR, "EIO\0")];
        assert_eq!(told(part, Duration::from_secs(20)), None);
        assert_eq!(told(&part[..2], Duration::from_millis(100)), None);
    }
}
