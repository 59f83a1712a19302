//! A node's init: the first process in the namespaces, or in the machine, that are the node.

use nix::sys::signal::{Signal, kill};
use nix::unistd::{getpid, sethostname};
use std::io::{self, Read, Write};
use std::thread;

use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::protocol::{Connection, Reply, Request};
use crate::services::Services;
use crate::syslog::Syslog;
use crate::{Error, Name, keeper, mounts};

/// Boots a node that is made of namespaces, and stays until it is shut down.
pub fn run(lab: &Name, node: &str) -> Result<(), Error> {
    let place = Place::new(lab);
    let keeper = Connection::open(&place.boot_socket(node));
    let keeper = keeper.map_err(|source| Error::Silent { lab: lab.clone(), source })?;
    serve(lab, keeper, || boot(&place, node))
}

/// Boots a node when the keeper says so, tells it what came of that, and stays until the node is shut
/// down.
pub fn serve<S: Read + Write + Send + 'static>(
    lab: &Name,
    mut keeper: Connection<S>,
    boot: impl FnOnce() -> Result<Services, Error>,
) -> Result<(), Error> {
    let silent = |source: io::Error| Error::Silent { lab: lab.clone(), source };
    // Once the keeper knows this process it lays the cable, and then says so.
    keeper.receive::<Reply>().map_err(silent)?;
    let booted = boot();
    let reply = booted.as_ref().map_or_else(|it| Reply::Failed(it.chain()), |_| Reply::Done);
    keeper.send(&reply).map_err(silent)?;
    let services = booted?;
    thread::spawn(move || {
        if let Ok(Some(Request::Stop(_))) = keeper.receive() {
            // The services wait for this signal.
            let _ = kill(getpid(), Signal::SIGTERM);
        }
    });
    services.supervise()
}

fn boot(place: &Place, node: &str) -> Result<Services, Error> {
    let settings = place.settings()?;
    let plan = plan(&settings, node)?;
    sethostname(node).map_err(Error::kernel("set the node's name"))?;
    keeper::configure_node(plan)?;
    settings.link_speed.map_or(Ok(()), keeper::limit_migrations)?;
    mounts::isolate(place, &settings, node)?;
    start(&settings)
}

/// What is planned of a node.
pub fn plan(settings: &Settings, node: &str) -> Result<Plan, Error> {
    Plan::named(node).ok_or_else(|| Error::UnknownNode {
        node: node.to_owned(),
        nodes: Plan::of(settings.nodes).into_iter().map(Plan::name).collect(),
    })
}

/// Starts the node's log and daemons.
pub fn start(settings: &Settings) -> Result<Services, Error> {
    // The log is there before the first daemon, and read once all of them have been started: the
    // daemons inherit the signals that `Services` blocks, or does not block yet.
    let syslog = Syslog::open()?;
    let services = Services::start(settings)?;
    syslog.collect();
    Ok(services)
}
