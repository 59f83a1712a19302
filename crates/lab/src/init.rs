//! A node's init: the first process in the namespaces that are the node.

use std::io;

use crate::place::Place;
use crate::plan::Plan;
use crate::protocol::{Connection, Reply};
use crate::services::Services;
use crate::syslog::Syslog;
use crate::{Error, Name, keeper, mounts};
use nix::unistd::sethostname;

/// Boots the node and stays until it is shut down.
pub fn run(lab: &Name, node: &str) -> Result<(), Error> {
    let place = Place::new(lab);
    let silent = |source: io::Error| Error::Silent { lab: lab.clone(), source };
    let mut keeper = Connection::open(&place.boot_socket(node)).map_err(silent)?;
    // Once the keeper knows this process it lays the cable, and then says so.
    keeper.receive::<Reply>(None).map_err(silent)?;
    let booted = boot(&place, node);
    let reply = booted.as_ref().map_or_else(|it| Reply::Failed(it.chain()), |_| Reply::Done);
    keeper.send(&reply).map_err(silent)?;
    booted?.supervise()
}

fn boot(place: &Place, node: &str) -> Result<Services, Error> {
    let settings = place.settings()?;
    let plan = Plan::named(node).ok_or_else(|| Error::UnknownNode {
        node: node.to_owned(),
        nodes: Plan::of(settings.nodes).into_iter().map(Plan::name).collect(),
    })?;
    sethostname(node).map_err(Error::kernel("set the node's name"))?;
    keeper::configure_node(plan)?;
    settings.link_speed.map_or(Ok(()), keeper::limit_migrations)?;
    mounts::isolate(place, &settings, node)?;
    // The log is there before the first daemon, and read once all of them have been started: the
    // daemons inherit the signals that `Services` blocks, or does not block yet.
    let syslog = Syslog::open()?;
    let services = Services::start(settings.stack)?;
    syslog.collect();
    Ok(services)
}
