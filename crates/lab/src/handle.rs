use nix::unistd::Pid;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::builder::Builder;
use crate::place::{self, Place, Settings};
use crate::protocol::{Connection, NodeStatus, Reply, Request};
use crate::{Error, Name, Node, Observer, members, process};
use exec::{Child, Deadline};

/// How long the keeper may take for what needs no node to do anything.
const KEEPER_TIME: Duration = Duration::from_secs(40);

/// How long the whole lab may take to end.
const END_TIME: Duration = Duration::from_secs(30);

/// A lab that runs.
///
/// One that was made with [`Builder::start`] ends when it is dropped; one that was found with
/// [`Lab::open`] does not.
#[derive(Debug)]
pub struct Lab {
    name: Name,
    pub(crate) place: Place,
    owner: Option<Owner>,
}

/// What keeps a lab alive.
#[derive(Debug)]
pub struct Owner {
    /// `unshare`, which ends after every process of the lab has ended.
    pub unshare: Child,
    /// The keeper ends the lab when this closes.
    pub connection: Connection,
}

impl Owner {
    /// Ends the lab and waits until nothing of it is left.
    pub fn end(&mut self) {
        // It fails only when the keeper is gone.
        let _ = self.connection.hang_up();
        if self.unshare.wait(Deadline::after(END_TIME)).is_none() {
            self.unshare.kill();
        }
        // The keeper removes its files, unless it was killed; if they cannot be removed now, they will
        // be when the next lab is made.
        let _ = place::lock().and_then(|it| place::sweep(&it));
    }
}

impl Lab {
    /// Starts to describe a lab of this name.
    #[must_use]
    pub fn builder(name: Name) -> Builder {
        Builder::new(name)
    }

    /// The labs that run on this machine, in the order of their names. Files that killed labs have
    /// left behind are removed.
    ///
    /// # Errors
    /// When the directory of labs cannot be read or written: without root, mostly.
    pub fn list() -> Result<Vec<Name>, Error> {
        if !nix::unistd::geteuid().is_root() {
            return Err(Error::NotRoot);
        }
        place::sweep(&place::lock()?)
    }

    /// A lab that somebody else has made.
    ///
    /// # Errors
    /// [`Error::UnknownLab`] when it does not run, and [`Error::NotRoot`].
    pub fn open(name: Name) -> Result<Self, Error> {
        let running = Self::list()?;
        if running.contains(&name) {
            Ok(Self { place: Place::new(&name), name, owner: None })
        } else {
            Err(Error::UnknownLab { lab: name, running })
        }
    }

    pub(crate) fn owned(name: Name, owner: Owner) -> Self {
        Self { place: Place::new(&name), name, owner: Some(owner) }
    }

    /// The lab's name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What the nodes are doing, in the order of their numbers.
    ///
    /// # Errors
    /// When the keeper does not answer.
    pub fn nodes(&self) -> Result<Vec<NodeStatus>, Error> {
        match self.ask(&Request::Status, KEEPER_TIME)? {
            Reply::Status(nodes) => Ok(nodes),
            other => Err(self.unexpected(&other)),
        }
    }

    /// One node, running or off.
    ///
    /// # Errors
    /// [`Error::UnknownNode`], and when the keeper does not answer.
    pub fn node(&self, name: &str) -> Result<Node<'_>, Error> {
        let nodes: Vec<String> = self.nodes()?.into_iter().map(|it| it.name).collect();
        match nodes.iter().any(|it| it == name) {
            true => Ok(Node::new(self, name.to_owned())),
            false => Err(Error::UnknownNode { node: name.to_owned(), nodes }),
        }
    }

    /// The place from which the lab is watched: a host in the nodes' network that is no node.
    ///
    /// # Errors
    /// When the keeper does not answer.
    pub fn observer(&self) -> Result<Observer, Error> {
        Ok(Observer::new(self.keeper()?))
    }

    /// The storage that all nodes share, as this process sees it; nodes see it at
    /// [`crate::SHARED`].
    #[must_use]
    pub fn shared(&self) -> PathBuf {
        self.place.shared()
    }

    /// The nodes that are online in the cluster, as the first node that can tell sees it.
    ///
    /// # Errors
    /// When the keeper does not answer.
    pub fn online(&self) -> Result<Vec<String>, Error> {
        for node in self.nodes()? {
            let seen = members::seen_by(&self.node(&node.name)?, Deadline::after(KEEPER_TIME))?;
            if !seen.is_empty() {
                return Ok(seen);
            }
        }
        Ok(Vec::new())
    }

    /// Waits until every node that runs now sees every other of them online.
    ///
    /// # Errors
    /// [`Error::Offline`] at the deadline.
    pub fn wait_online(&self, deadline: Deadline) -> Result<(), Error> {
        let running = self.nodes()?.into_iter().filter(|it| it.init.is_some()).map(|it| it.name);
        let running: Vec<String> = running.collect();
        loop {
            let mut online = running.clone();
            for witness in &running {
                let seen = members::seen_by(&self.node(witness)?, deadline)?;
                online.retain(|it| seen.contains(it));
            }
            if online == running {
                return Ok(());
            }
            if !deadline.pause(Duration::from_millis(100)) {
                let offline = running.into_iter().filter(|it| !online.contains(it));
                return Err(Error::Offline { nodes: offline.collect() });
            }
        }
    }

    /// Lets the lab run without this process: it goes on until somebody calls [`Lab::down`].
    ///
    /// # Errors
    /// When the keeper does not answer; the lab has ended then.
    pub fn release(mut self) -> Result<(), Error> {
        if let Some(mut owner) = self.owner.take() {
            let deadline = Deadline::after(KEEPER_TIME);
            let reply = owner.connection.ask(&Request::Release, deadline);
            if let Err(source) = reply {
                owner.end();
                return Err(Error::Silent { lab: self.name.clone(), source });
            }
        }
        Ok(())
    }

    /// Ends the lab, and returns when nothing of it is left: no process, mount, namespace or file.
    ///
    /// # Errors
    /// When the keeper does not answer, or processes do not end.
    pub fn down(mut self) -> Result<(), Error> {
        if let Some(mut owner) = self.owner.take() {
            owner.end();
            return Ok(());
        }
        let silent = |source| Error::Silent { lab: self.name.clone(), source };
        let init = process::parent(self.keeper()?).map_err(silent)?;
        let unshare = process::parent(init).map_err(silent)?;
        let mut connection = self.connect()?;
        connection.send(&Request::Down).map_err(silent)?;
        let deadline = Deadline::after(END_TIME);
        while process::runs(unshare) {
            if !deadline.pause(Duration::from_millis(2)) {
                return Err(silent(io::ErrorKind::TimedOut.into()));
            }
        }
        Ok(())
    }

    /// What the lab was asked to be.
    pub(crate) fn settings(&self) -> Result<Settings, Error> {
        self.place.settings()
    }

    /// The directory that holds what one node has on its disk.
    pub(crate) fn disk(&self, node: &str) -> PathBuf {
        self.place.disk(node)
    }

    /// The keeper's process, as this process's namespace numbers it.
    pub(crate) fn keeper(&self) -> Result<Pid, Error> {
        self.connect()?.peer()
    }

    /// Has the keeper do something.
    pub(crate) fn order(&self, request: &Request, time: Duration) -> Result<(), Error> {
        match self.ask(request, time)? {
            Reply::Done => Ok(()),
            other => Err(self.unexpected(&other)),
        }
    }

    fn ask(&self, request: &Request, time: Duration) -> Result<Reply, Error> {
        let reply = self.connect()?.ask(request, Deadline::after(time));
        reply.map_err(|source| Error::Silent { lab: self.name.clone(), source })
    }

    fn connect(&self) -> Result<Connection, Error> {
        Connection::open(&self.place.socket())
            .map_err(|source| Error::Silent { lab: self.name.clone(), source })
    }

    fn unexpected(&self, reply: &Reply) -> Error {
        let said = match reply {
            Reply::Failed(said) => said.clone(),
            other => format!("unexpected answer {other:?}"),
        };
        Error::Refused { lab: self.name.clone(), said }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(mut owner) = self.owner.take() {
            owner.end();
        }
    }
}
