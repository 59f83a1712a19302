//! The keeper: the one process that holds a lab together.
//!
//! `unshare` starts [`init`] as the first process of a process, mount, network and host-name namespace
//! of the lab's own. That starts [`keep`], and the nodes are nested in it. Whatever ends the keeper ends
//! init, and with init the kernel ends every process of the lab, and with the last process its mounts,
//! network and namespaces: nothing needs to be cleaned up, so nothing can be forgotten.

mod disk;
mod machine;
mod network;
mod power;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, sethostname};
use std::fs;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::place::Place;
use crate::plan::Plan;
use crate::protocol::{Connection, Reply, Request};
use crate::xen::{self, ssh};
use crate::{Error, Name, config, fence, mounts, reaper};
use exec::{Deadline, Tool};
use power::Power;

pub use disk::{PRIVATE, pacemaker};
pub use network::{configure_node, configure_side, limit_migrations};

/// How long a lab that nobody owns yet may live: its builder died while it was made.
const OWNER_TIME: Duration = Duration::from_secs(10);

/// How long writing what Xen hosts boot may take.
const PREPARE_TIME: Duration = Duration::from_secs(60);

/// How long a fenced node stays off before it boots again.
const REBOOT_PAUSE: Duration = Duration::from_secs(1);

/// The first process of the lab: adopts orphans, and ends when the keeper does.
pub fn init(lab: &Name) -> Result<(), Error> {
    let place = Place::new(lab);
    let keeper =
        Tool::new(place.program()).args(["keep", lab.as_str()]).spawn(Some(&place.log()))?;
    reaper::reap_until(Pid::from_raw(keeper.id().cast_signed()))
}

/// Serves the lab's socket until the lab is to end; then leaves nothing of it.
pub fn keep(lab: &Name) -> Result<(), Error> {
    let place = Place::new(lab);
    let socket = place.socket();
    let listener = UnixListener::bind(&socket).map_err(Error::file("open", &socket))?;
    let (sender, event) = mpsc::channel();
    let power = Power::new(place.clone(), place.settings()?);
    let keeper = Arc::new(Keeper { place: place.clone(), power, event: sender });
    let server = Arc::clone(&keeper);
    thread::spawn(move || serve(&server, &listener));

    if let Ok(Event::Owned) = event.recv_timeout(OWNER_TIME) {
        // The sender lives as long as the server, so this waits for `End`.
        while let Ok(Event::Owned) = event.recv() {}
    }
    let _off = keeper.power.end();
    // Everything else in the namespace: what people run on the observer. Init is immune.
    let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
    place.clear()
}

enum Event {
    Owned,
    End,
}

struct Keeper {
    place: Place,
    power: Power,
    event: mpsc::Sender<Event>,
}

fn serve(keeper: &Arc<Keeper>, listener: &UnixListener) {
    for stream in listener.incoming().flatten() {
        let keeper = Arc::clone(keeper);
        thread::spawn(move || {
            // A client that is gone needs no answer.
            let _ = keeper.answer(Connection::new(stream));
        });
    }
}

impl Keeper {
    /// Answers one request after the other: from a Xen host they all come on one connection.
    fn answer(self: Arc<Self>, mut connection: Connection) -> std::io::Result<()> {
        let peer = connection.peer().map_err(std::io::Error::other)?;
        while let Some(request) = connection.receive()? {
            let reply = match request {
                Request::Own => return self.own(connection),
                Request::Down => return self.end(),
                Request::Release => {
                    Ok(Reply::Failed("only its owner can release a lab".to_owned()))
                }
                Request::Status => Ok(Reply::Status(self.power.status())),
                Request::Start(node) => self.power.start(&node).map(|()| Reply::Done),
                Request::Stop(node) => self.power.stop(&node).map(|()| Reply::Done),
                Request::Kill(node) => self.power.kill(&node, peer).map(|()| Reply::Done),
                Request::Reboot(node) => Arc::clone(&self).reboot(node, peer).map(|()| Reply::Done),
                Request::Link(node, link) => self.power.set_link(&node, link).map(|()| Reply::Done),
            };
            connection.send(&reply.unwrap_or_else(|error| Reply::Failed(error.chain())))?;
        }
        Ok(())
    }

    /// Makes the lab and lives as long as the connection does, or for ever once it was released.
    fn own(&self, mut connection: Connection) -> std::io::Result<()> {
        let _ = self.event.send(Event::Owned);
        let made = self.make(&mut connection);
        let _ =
            connection.send(&made.map_or_else(|it| Reply::Failed(it.chain()), |()| Reply::Done));
        match connection.receive() {
            Ok(Some(Request::Release)) => connection.send(&Reply::Done),
            _ => self.end(),
        }
    }

    fn end(&self) -> std::io::Result<()> {
        self.event.send(Event::End).map_err(std::io::Error::other)
    }

    fn make(&self, connection: &mut Connection) -> Result<(), Error> {
        let settings = self.place.settings()?;
        sethostname("observer").map_err(Error::kernel("set the observer's name"))?;
        network::raise_switch()?;
        let plans = Plan::of(settings.nodes);
        mounts::name_hosts(&self.place, &config::hosts(&plans))?;
        install_fence_agent(&self.place)?;
        let keys = disk::Keys::random()?;
        if let Some(image) = &settings.xen {
            ssh::make_key(&self.place)?;
            xen::machine::prepare(&self.place, image, Deadline::after(PREPARE_TIME))?;
        }
        for plan in &plans {
            disk::format(&self.place, &settings, *plan, &keys)?;
            // Whoever asked may have gone; the next read shows it.
            let _ = connection.send(&Reply::Progress(format!(
                "node {} at {}",
                plan.name(),
                plan.address()
            )));
        }
        self.power.start_all()
    }

    fn reboot(self: Arc<Self>, node: String, requester: Pid) -> Result<(), Error> {
        self.power.kill(&node, requester)?;
        thread::spawn(move || {
            thread::sleep(REBOOT_PAUSE);
            if let Err(error) = self.power.start(&node) {
                crate::program::complain(&error);
            }
        });
        Ok(())
    }
}

/// The fence agent is this program under another name, in the tree that is laid over every node's.
fn install_fence_agent(place: &Place) -> Result<(), Error> {
    let directory = place.tree().join("usr/sbin");
    fs::create_dir_all(&directory).map_err(Error::file("create", &directory))?;
    let agent = directory.join(fence::NAME);
    fs::hard_link(place.program(), &agent).map_err(Error::file("create", &agent))
}
