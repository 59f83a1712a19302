use super::{Error, Namespace};
use exec::Deadline;
use lab_guest::{Command, Status, control};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

/// The control port of a guest: what it can be told is [`Command`].
pub struct Control {
    address: Ipv4Addr,
    stream: BufReader<TcpStream>,
}

impl Control {
    /// Connects to the guest's control port.
    ///
    /// # Errors
    /// [`Error::Control`] when it does not answer in time.
    pub fn connect(
        namespace: &Namespace,
        address: Ipv4Addr,
        deadline: Deadline,
    ) -> Result<Self, Error> {
        let peer = SocketAddr::from((address, control::PORT));
        let stream = namespace
            .within(|| TcpStream::connect_timeout(&peer, remaining(deadline)?))?
            .map_err(|source| Error::Control { address, source })?;
        Ok(Self { address, stream: BufReader::new(stream) })
    }

    /// Tells the guest something and waits for the status it answers with.
    ///
    /// # Errors
    /// [`Error::Refused`] with the guest's own words; [`Error::Control`] when there is no answer in time,
    /// as is normal after [`Command::Panic`] and [`Command::PowerOff`].
    pub fn tell(&mut self, command: Command, deadline: Deadline) -> Result<Status, Error> {
        let address = self.address;
        let line =
            self.ask(command, deadline).map_err(|source| Error::Control { address, source })?;
        match line.split_once(' ') {
            Some(("ok", status)) => {
                status.parse().map_err(|source| Error::Status { address, source })
            }
            _ => Err(Error::Refused {
                address,
                command: command.to_string(),
                reason: line.trim().trim_start_matches("error ").to_owned(),
            }),
        }
    }

    fn ask(&mut self, command: Command, deadline: Deadline) -> io::Result<String> {
        let stream = self.stream.get_mut();
        stream.set_write_timeout(Some(remaining(deadline)?))?;
        stream.set_read_timeout(Some(remaining(deadline)?))?;
        stream.write_all(format!("{command}\n").as_bytes())?;
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line),
        }
    }
}

/// What is left of the deadline; a socket takes no timeout of zero.
fn remaining(deadline: Deadline) -> io::Result<std::time::Duration> {
    Some(deadline.remaining())
        .filter(|left| !left.is_zero())
        .ok_or_else(|| io::ErrorKind::TimedOut.into())
}
