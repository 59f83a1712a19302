use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::machine::{Machine, Running};
use super::network;
use crate::Error;
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::protocol::{Connection, Link, NodeStatus, Reply, Request};
use crate::xen::machine::qemu;
use exec::{Child, Deadline, Tool};

/// How long a node may take to boot and start its daemons. On an idle machine that is well below a second,
/// and 20 s for a Xen host.
const BOOT_TIME: Duration = Duration::from_secs(240);

/// How long a clean shutdown may take; Pacemaker stops its resources meanwhile.
pub const STOP_TIME: Duration = Duration::from_secs(300);

/// The power switch of all nodes. It does one thing at a time.
pub struct Power {
    place: Place,
    settings: Settings,
    machines: Mutex<Vec<Machine>>,
}

impl Power {
    pub fn new(place: Place, settings: Settings) -> Self {
        let machines = Plan::of(settings.nodes).into_iter().map(Machine::new).collect();
        Self { place, settings, machines: Mutex::new(machines) }
    }

    /// Switches on all nodes at once: a node whose peers are late takes them for dead.
    pub fn start_all(&self) -> Result<(), Error> {
        let nodes: Vec<String> = self.lock().iter().map(|it| it.plan.name()).collect();
        thread::scope(|scope| {
            let booting: Vec<_> =
                nodes.iter().map(|node| scope.spawn(|| self.start(node))).collect();
            booting.into_iter().try_for_each(|it| it.join().unwrap_or_else(|it| resume_unwind(it)))
        })
    }

    /// Switches a node on and waits until it has booted. Others can be switched meanwhile, and so can
    /// this one.
    pub fn start(&self, node: &str) -> Result<(), Error> {
        let deadline = Deadline::after(BOOT_TIME);
        let switched_on = self.switch_on(find(&mut self.lock(), node)?, deadline)?;
        let Some((init, mut connection)) = switched_on else { return self.wait(node, deadline) };
        let booted = self.booted(node, &mut connection, deadline);
        let mut machines = self.lock();
        let machine = find(&mut machines, node)?;
        match (&booted, &mut machine.running) {
            (Ok(()), Some(running)) if running.init == init => running.ready = true,
            (Err(_), Some(running)) if running.init == init => machine.kill()?,
            // Somebody else has switched it meanwhile.
            _ => {}
        }
        booted
    }

    /// Waits until a node that somebody else has switched on is ready, or off again.
    fn wait(&self, node: &str, deadline: Deadline) -> Result<(), Error> {
        let booting = |machine: &mut Machine| machine.init().is_some() && !machine.is_ready();
        while booting(find(&mut self.lock(), node)?) {
            if !deadline.pause(Duration::from_millis(20)) {
                return Err(self.silent(node, io::ErrorKind::TimedOut.into()));
            }
        }
        Ok(())
    }

    /// Switches a node off, for `requester`. A power switch that is asked by two nodes to fence each
    /// other must serve only the first, so a requester that has ended by now gets nothing.
    pub fn kill(&self, node: &str, requester: Pid) -> Result<(), Error> {
        let mut machines = self.lock();
        let from_inside = requester.as_raw() > 0;
        if from_inside && kill(requester, None) == Err(Errno::ESRCH) {
            return Err(Error::RequesterGone);
        }
        find(&mut machines, node)?.kill()
    }

    /// Has a node shut down and waits for it.
    pub fn stop(&self, node: &str) -> Result<(), Error> {
        let deadline = Deadline::after(STOP_TIME);
        if let Some(running) = &mut find(&mut self.lock(), node)?.running {
            // One that does not listen any more has ended, or is waited for in vain.
            let _ = running.line.send(&Request::Stop(node.to_owned()));
        }
        while find(&mut self.lock(), node)?.init().is_some() {
            if !deadline.pause(Duration::from_millis(20)) {
                return Err(Error::Lingering { node: node.to_owned() });
            }
        }
        find(&mut self.lock(), node)?.kill()
    }

    pub fn set_link(&self, node: &str, link: Link) -> Result<(), Error> {
        let mut machines = self.lock();
        let machine = find(&mut machines, node)?;
        machine.link = link;
        match machine.init() {
            Some(_) => network::set_link(machine.plan, link),
            None => Ok(()),
        }
    }

    pub fn status(&self) -> Vec<NodeStatus> {
        let of = |machine: &mut Machine| NodeStatus {
            name: machine.plan.name(),
            address: machine.plan.address(),
            link: machine.link,
            init: machine.init().filter(|_| machine.is_ready()).map(Pid::as_raw),
        };
        self.lock().iter_mut().map(of).collect()
    }

    /// Switches everything off for good: nothing can be started while the guard is held.
    pub fn end(&self) -> impl Sized + '_ {
        let mut machines = self.lock();
        for machine in machines.iter_mut() {
            // What lingers ends with the keeper's process namespace.
            let _ = machine.kill();
        }
        machines
    }

    /// Switches a machine that is off on: its init is there when this returns, and boots.
    fn switch_on(
        &self,
        machine: &mut Machine,
        deadline: Deadline,
    ) -> Result<Option<(Pid, Connection)>, Error> {
        if machine.init().is_some() {
            return Ok(None);
        }
        machine.kill()?;
        let node = machine.plan;
        let socket = self.place.boot_socket(&node.name());
        let _ = fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).map_err(Error::file("open", &socket))?;
        let mut process = self.spawn(machine)?;
        let met = meet(&listener, &mut process, deadline)
            .map_err(|error| self.silent(&node.name(), error))
            .and_then(|stream| self.connect(machine, stream));
        match met {
            Ok((init, line, connection)) => {
                machine.running = Some(Running { process, init, ready: false, line });
                Ok(Some((init, connection)))
            }
            Err(error) => {
                process.kill();
                Err(error)
            }
        }
    }

    /// Starts what the node is: a machine of its own, or a process in namespaces.
    fn spawn(&self, machine: &Machine) -> Result<Child, Error> {
        let name = machine.plan.name();
        let tool = match &self.settings.xen {
            Some(image) => {
                network::lay(machine.plan, machine.link)?;
                qemu(&self.place, &self.settings, image, machine.plan)?
            }
            None => Tool::new("unshare")
                .args(["--mount", "--pid", "--net", "--uts", "--ipc", "--mount-proc"])
                .args(["--propagation", "private", "--fork", "--kill-child"])
                .arg(self.place.program())
                .args(["node", self.settings.name.as_str(), &name]),
        };
        Ok(tool.spawn(Some(&self.console(&name)))?)
    }

    /// Learns who the node's init is, and plugs its cable in. Its process id is what the kernel says of
    /// the other end of the connection.
    fn connect(
        &self,
        machine: &Machine,
        stream: UnixStream,
    ) -> Result<(Pid, Connection, Connection), Error> {
        let line = stream.try_clone();
        let line = line.map_err(|error| self.silent(&machine.plan.name(), error))?;
        let connection = Connection::new(stream);
        let init = connection.peer()?;
        if self.settings.xen.is_none() {
            network::plug(machine.plan, init, machine.link)?;
        }
        Ok((init, Connection::new(line), connection))
    }

    /// Tells a node that its cable is there, and waits until it is ready.
    fn booted(
        &self,
        node: &str,
        connection: &mut Connection,
        deadline: Deadline,
    ) -> Result<(), Error> {
        match connection.send(&Reply::Done).and_then(|()| connection.receive_by(deadline)) {
            Ok(Some(Reply::Done)) => Ok(()),
            Ok(Some(Reply::Failed(said))) => Err(Error::Boot { node: node.to_owned(), said }),
            Ok(_) => Err(self.silent(node, io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(self.silent(node, error)),
        }
    }

    /// What is known of a node that did not say why it does not boot.
    fn silent(&self, node: &str, error: io::Error) -> Error {
        let console = fs::read(self.console(node)).unwrap_or_default();
        let console = String::from_utf8_lossy(&console);
        let last = console.lines().rev().find(|it| !it.trim().is_empty());
        let last = last.unwrap_or("nothing").trim();
        let said = format!("{error}; the last that its console says is: {last}");
        Error::Boot { node: node.to_owned(), said }
    }

    fn console(&self, node: &str) -> PathBuf {
        self.place.disk(node).join("var/log/console.log")
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Machine>> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<'a>(machines: &'a mut [Machine], node: &str) -> Result<&'a mut Machine, Error> {
    let nodes = machines.iter().map(|it| it.plan.name()).collect();
    let unknown = || Error::UnknownNode { node: node.to_owned(), nodes };
    machines.iter_mut().find(|it| it.plan.name() == node).ok_or_else(unknown)
}

/// Waits for a new node's init to connect.
fn meet(
    listener: &UnixListener,
    process: &mut Child,
    deadline: Deadline,
) -> io::Result<UnixStream> {
    listener.set_nonblocking(true)?;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            Err(_) if process.ended().is_some() => return Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) if deadline.pause(Duration::from_millis(2)) => {}
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        }
    }
}
