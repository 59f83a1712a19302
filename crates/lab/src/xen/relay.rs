use std::fs::File;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use super::machine::KEEPER_PORT;
use crate::Error;
use crate::mounts::KEEPER_SOCKET;
use crate::protocol::{Connection, Reply, Request};

/// The keeper's socket, as a host has it: what is asked there goes out of the machine through a serial
/// port, one request after the other.
pub struct Relay {
    listener: UnixListener,
    keeper: Connection<File>,
}

impl Relay {
    pub fn open() -> Result<Self, Error> {
        let path = Path::new(KEEPER_SOCKET);
        let listener = UnixListener::bind(path).map_err(Error::file("open", path))?;
        Ok(Self { listener, keeper: Connection::new(super::host::open_port(KEEPER_PORT)?) })
    }

    /// Goes on in the background, for as long as the host runs.
    pub fn serve(mut self) {
        thread::spawn(move || {
            while let Ok((stream, _)) = self.listener.accept() {
                // Who asked and is gone gets no answer; the keeper's was read all the same.
                let _ = self.pass_on(stream);
            }
        });
    }

    fn pass_on(&mut self, stream: UnixStream) -> io::Result<()> {
        let mut client = Connection::new(stream);
        let Some(request) = client.receive::<Request>()? else { return Ok(()) };
        self.keeper.send(&request)?;
        let reply = self.keeper.receive::<Reply>()?;
        client.send(&reply.ok_or(io::ErrorKind::UnexpectedEof)?)
    }
}
