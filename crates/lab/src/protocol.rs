//! What is said on the keeper's socket: one JSON value per line, a request first, then replies.

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::Error;
use exec::Deadline;

/// What the keeper can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Make the lab, and end it when this connection ends. Progress comes before the last reply.
    Own,
    /// Only on the owner's connection: go on without an owner.
    Release,
    /// End the lab. There is no reply: the lab has ended when its outermost process has.
    Down,
    /// What the nodes are doing.
    Status,
    /// Switch a node on; nothing happens when it runs.
    Start(String),
    /// Have a node shut down cleanly.
    Stop(String),
    /// Switch a node off. Done means that no process of it is left.
    Kill(String),
    /// Switch a node off and, a second later, on again. Done means that it is off.
    Reboot(String),
    /// Set a node's network link.
    Link(String, Link),
}

/// What the keeper says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    Progress(String),
    Done,
    Status(Vec<NodeStatus>),
    Failed(String),
}

/// The state of a node's cable to the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// Plugged in.
    Up,
    /// Cut off from all other nodes and from the observer.
    Cut,
}

/// What a node is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The node's name.
    pub name: String,
    /// Its address in the lab's network.
    pub address: Ipv4Addr,
    /// The state of its cable.
    pub link: Link,
    /// The process id of its init in the keeper's process namespace; none when the node is off.
    pub init: Option<i32>,
}

/// One side of a connection: a socket, or a port that leads to one out of a machine.
#[derive(Debug)]
pub struct Connection<S = UnixStream> {
    reader: BufReader<S>,
}

impl<S: Read + Write> Connection<S> {
    pub fn new(stream: S) -> Self {
        Self { reader: BufReader::new(stream) }
    }

    pub fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.reader.get_mut().write_all(&line)
    }

    /// The next message, whenever it comes; `None` when the other side has closed the connection.
    pub fn receive<T: for<'a> Deserialize<'a>>(&mut self) -> io::Result<Option<T>> {
        let mut line = String::new();
        match self.reader.read_line(&mut line)? {
            0 => Ok(None),
            _ => Ok(Some(serde_json::from_str(&line)?)),
        }
    }
}

impl Connection {
    pub fn open(socket: &Path) -> io::Result<Self> {
        UnixStream::connect(socket).map(Self::new)
    }

    /// The process at the other end, as this process's namespace numbers it; 0 for one outside of it.
    pub fn peer(&self) -> Result<Pid, Error> {
        getsockopt(self.reader.get_ref(), PeerCredentials)
            .map(|it| Pid::from_raw(it.pid()))
            .map_err(Error::kernel("learn who is at the other end of a socket"))
    }

    /// The next message, in time; `None` when the other side has closed the connection.
    pub fn receive_by<T: for<'a> Deserialize<'a>>(
        &mut self,
        deadline: Deadline,
    ) -> io::Result<Option<T>> {
        // A timeout of zero means none at all to the kernel.
        let patience = deadline.remaining().max(std::time::Duration::from_millis(1));
        self.reader.get_ref().set_read_timeout(Some(patience))?;
        self.receive()
    }

    /// Closes the connection for both sides.
    pub fn hang_up(&self) -> io::Result<()> {
        self.reader.get_ref().shutdown(Shutdown::Both)
    }

    /// Sends a request and gives the reply to it, in time.
    pub fn ask(&mut self, request: &Request, deadline: Deadline) -> io::Result<Reply> {
        self.send(request)?;
        self.receive_by(deadline)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
