use clap::Args;
use exec::Deadline;
use lab::{Lab, Name, Stack};
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;
use crate::terminal::note;

/// How long the nodes may take to form a cluster: about 7 s on an idle machine, and 40 s as Xen hosts.
const ONLINE_TIME: Duration = Duration::from_secs(300);

/// Start a lab
#[derive(Debug, Args)]
pub struct Up {
    /// How many nodes
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=5))]
    nodes: u8,

    /// Installed tree (DESTDIR of make install) whose agents the nodes see; the first of several wins
    #[arg(long, value_name = "DIR")]
    root: Vec<PathBuf>,

    /// Speed of each node's link for the migrations that it sends, in Mbit/s; no limit without this
    #[arg(long, value_name = "MBIT_S", value_parser = clap::value_parser!(u32).range(1..))]
    link: Option<u32>,

    /// Run only the hypervisor's daemons on the nodes, no Corosync and no Pacemaker
    #[arg(long)]
    bare: bool,

    /// Make each node a real Xen host, which QEMU emulates: slow, and 1 GiB of memory each
    #[arg(long, conflicts_with = "link")]
    xen: bool,
}

impl Up {
    pub fn run(self, name: Name) -> Result<(), Error> {
        let stack = if self.bare { Stack::Bare } else { Stack::Cluster };
        let builder = Lab::builder(name).nodes(self.nodes).stack(stack);
        let builder = self.link.into_iter().fold(builder, lab::Builder::link_speed);
        let builder = self.root.into_iter().fold(builder, lab::Builder::root);
        let builder = if self.xen { builder.xen() } else { builder };
        let lab = builder.start(note)?;
        if stack == Stack::Cluster {
            note("waiting for the nodes to form a cluster");
            lab.wait_online(Deadline::after(ONLINE_TIME))?;
        }
        note(&format!("lab {} is up; see hawser lab --help for what to do with it", lab.name()));
        Ok(lab.release()?)
    }
}
