use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::resume_unwind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::network;
use crate::Error;
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::protocol::{Connection, Link, NodeStatus, Reply};
use exec::{Child, Deadline, Tool};

/// How long a node may take to start its daemons. They take well below a second on an idle machine.
const BOOT_TIME: Duration = Duration::from_secs(30);

/// How long a killed node's processes may take to end.
const KILL_TIME: Duration = Duration::from_secs(10);

/// How long a clean shutdown may take; Pacemaker stops its resources meanwhile.
pub const STOP_TIME: Duration = Duration::from_secs(300);

/// The power switch of all nodes. It does one thing at a time.
pub struct Power {
    place: Place,
    settings: Settings,
    machines: Mutex<Vec<Machine>>,
}

struct Machine {
    plan: Plan,
    link: Link,
    running: Option<Running>,
}

/// A node that was switched on.
struct Running {
    /// `unshare`, which waits for the node's init. The kernel lets it see the end of a namespace's
    /// init only after every other process of the namespace has ended, so its own end is the proof
    /// that nothing of the node runs.
    unshare: Child,
    init: Pid,
}

impl Machine {
    /// The node's init, while it runs.
    fn init(&mut self) -> Option<Pid> {
        let running = self.running.as_mut()?;
        if running.unshare.ended().is_some() { None } else { Some(running.init) }
    }

    fn kill(&mut self) -> Result<(), Error> {
        if let Some(running) = &mut self.running {
            // It fails only for a node that has ended already.
            let _ = kill(running.init, Signal::SIGKILL);
            if running.unshare.wait(Deadline::after(KILL_TIME)).is_none() {
                return Err(Error::Lingering { node: self.plan.name() });
            }
        }
        self.running = None;
        network::unplug(self.plan);
        Ok(())
    }
}

impl Power {
    pub fn new(place: Place, settings: Settings) -> Self {
        let machine = |plan| Machine { plan, link: Link::Up, running: None };
        let machines = Plan::of(settings.nodes).into_iter().map(machine).collect();
        Self { place, settings, machines: Mutex::new(machines) }
    }

    /// Switches on all nodes at once: a node whose peers are late takes them for dead.
    pub fn start_all(&self) -> Result<(), Error> {
        let mut machines = self.lock();
        thread::scope(|scope| {
            let booting: Vec<_> = machines
                .iter_mut()
                .map(|machine| scope.spawn(|| self.switch_on(machine)))
                .collect();
            booting.into_iter().try_for_each(|it| it.join().unwrap_or_else(|it| resume_unwind(it)))
        })
    }

    pub fn start(&self, node: &str) -> Result<(), Error> {
        let mut machines = self.lock();
        self.switch_on(find(&mut machines, node)?)
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
        let init = find(&mut self.lock(), node)?.init();
        if let Some(init) = init {
            kill(init, Signal::SIGTERM).map_err(Error::kernel("tell the node to stop"))?;
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
            init: machine.init().map(Pid::as_raw),
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

    fn switch_on(&self, machine: &mut Machine) -> Result<(), Error> {
        if machine.init().is_some() {
            return Ok(());
        }
        machine.kill()?;
        machine.running = Some(self.boot(machine.plan, machine.link)?);
        Ok(())
    }

    /// Starts a node's init and gives it its cable; the node is ready when this returns.
    fn boot(&self, node: Plan, link: Link) -> Result<Running, Error> {
        let name = node.name();
        let deadline = Deadline::after(BOOT_TIME);
        let socket = self.place.boot_socket(&name);
        let _ = fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).map_err(Error::file("open", &socket))?;
        let console = self.place.disk(&name).join("var/log/console.log");
        let mut unshare = Tool::new("unshare")
            .args(["--mount", "--pid", "--net", "--uts", "--ipc", "--mount-proc"])
            .args(["--propagation", "private", "--fork", "--kill-child"])
            .arg(self.place.program())
            .args(["node", self.settings.name.as_str(), &name])
            .spawn(Some(&console))?;
        match meet(&listener, &mut unshare, node, link, deadline) {
            Ok(init) => Ok(Running { unshare, init }),
            Err(error) => {
                unshare.kill();
                Err(error)
            }
        }
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

/// Waits for a new node's init, plugs its cable in and waits until it is ready. Its process id is
/// what the kernel says of the other end of the connection.
fn meet(
    listener: &UnixListener,
    unshare: &mut Child,
    node: Plan,
    link: Link,
    deadline: Deadline,
) -> Result<Pid, Error> {
    let failed = |said: String| Error::Boot { node: node.name(), said };
    let silent = |error: io::Error| failed(format!("{error}; see its /var/log/console.log"));
    let mut connection =
        accept(listener, unshare, deadline).map(Connection::new).map_err(silent)?;
    let init = connection.peer()?;
    network::plug(node, init, link)?;
    match connection.send(&Reply::Done).and_then(|()| connection.receive(Some(deadline))) {
        Ok(Some(Reply::Done)) => Ok(init),
        Ok(Some(Reply::Failed(said))) => Err(failed(said)),
        Ok(_) => Err(silent(io::ErrorKind::UnexpectedEof.into())),
        Err(error) => Err(silent(error)),
    }
}

fn accept(
    listener: &UnixListener,
    unshare: &mut Child,
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
            Err(_) if unshare.ended().is_some() => return Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) if deadline.pause(Duration::from_millis(2)) => {}
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        }
    }
}
