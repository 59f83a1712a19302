//! `hawser lab`: a real Pacemaker cluster on this machine.

mod enter;
mod measure;
mod nodes;
mod place;
mod status;
mod up;

use clap::{Args, Subcommand};
use lab::{Lab, Name};
use std::process::ExitCode;

use crate::error::Error;

const EXAMPLES: &str = "\
Examples:
  hawser lab up                             two nodes with Corosync, Pacemaker and libvirt
  hawser lab up --nodes 3 --root /tmp/x     three, with the agents of make install DESTDIR=/tmp/x
  hawser lab up --xen                       two real Xen hosts, which QEMU emulates, with the same
  hawser lab exec n1 -- crm_mon -1          a program on a node
  hawser lab enter observer                 a shell on the host that watches the nodes
  hawser lab place vm1                      a tiny guest on the shared storage
  hawser lab measure 10.77.0.100            its round trips and outages, from outside
  hawser lab kill n2                        pull the plug; the cluster fences and restarts it
  hawser lab down                           end the lab; nothing is left of it

Nodes are n1 to n5 at 10.77.0.1 to 10.77.0.5, the observer is at 10.77.0.250; all nodes see the
same /srv/shared. The network exists only inside of the lab.";

/// Run a real Pacemaker cluster on this machine
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct LabArguments {
    /// Which lab, when there are several
    #[arg(long = "lab", value_name = "NAME", default_value = "lab", global = true)]
    name: Name,

    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Up(up::Up),
    /// End the lab; nothing is left of it
    Down,
    /// Show the nodes: power, network and cluster membership
    Status,
    /// List the labs that run
    List,
    Exec(enter::Exec),
    Enter(enter::Enter),
    Logs(nodes::Logs),
    Place(place::Place),
    Measure(measure::Measure),
    /// Switch a node on
    Start(nodes::Node),
    /// Shut a node down: its resources are stopped, then its daemons
    Stop(nodes::Node),
    /// Switch a node off, like pulling its plug; a cluster fences it, which switches it on again
    Kill(nodes::Node),
    /// Cut a node off from the network
    Cut(nodes::Node),
    /// Connect a node with the network again
    Join(nodes::Node),
}

impl LabArguments {
    pub fn run(self) -> Result<ExitCode, Error> {
        let name = self.name;
        match self.verb {
            Verb::Up(up) => up.run(name)?,
            Verb::List => status::list()?,
            Verb::Down => Lab::open(name)?.down()?,
            Verb::Status => status::show(&Lab::open(name)?)?,
            Verb::Exec(exec) => return exec.run(&Lab::open(name)?),
            Verb::Enter(enter) => return enter.run(&Lab::open(name)?),
            Verb::Logs(logs) => return logs.run(&Lab::open(name)?),
            Verb::Place(place) => place.run(&Lab::open(name)?)?,
            Verb::Measure(measure) => measure.run(&Lab::open(name)?)?,
            Verb::Start(node) => Lab::open(name)?.node(&node.node)?.start()?,
            Verb::Stop(node) => Lab::open(name)?.node(&node.node)?.stop()?,
            Verb::Kill(node) => Lab::open(name)?.node(&node.node)?.kill()?,
            Verb::Cut(node) => Lab::open(name)?.node(&node.node)?.cut_off()?,
            Verb::Join(node) => Lab::open(name)?.node(&node.node)?.reconnect()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
