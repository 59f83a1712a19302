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

/// Every domain with its name; `None` when it does not tell.
pub fn domains(by: Deadline) -> Option<Vec<(u16, String)>> {
    let mut store = Store::open(by)?;
    let listed = store.ask(DIRECTORY, "/local/domain").ok()?;
    let ids = listed.split('\0').filter_map(|id| id.parse::<u16>().ok());
    // One that has no name any more, or not yet, is nobody.
    let named = ids.filter_map(|id| {
        let name = store.ask(READ, &format!("/local/domain/{id}/name")).ok()?;
        Some((id, name))
    });
    Some(named.collect())
}

struct Store {
    socket: UnixStream,
    by: Deadline,
}

impl Store {
    fn open(by: Deadline) -> Option<Self> {
        let socket = SOCKETS.iter().find_map(|path| UnixStream::connect(path).ok())?;
        Some(Self { socket, by })
    }

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
        // An error is a message of its own.
        if answered == message { Ok(text) } else { Err(io::Error::other(text)) }
    }
}
