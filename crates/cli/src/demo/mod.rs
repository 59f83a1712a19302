//! `hawser demo`: a guest, moved live by a real cluster and recovered by it, and what that cost its
//! users.

mod resource;
mod story;

use clap::Args;
use exec::Deadline;
use lab::report::Report;
use lab::{Guest, Lab, Name};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::facts;
use crate::terminal::{answer, note};
use resource::Resource;
use story::Story;

/// How long the demo may take for all of it. It needs about 1 minute, and 10 on Xen.
const TIME: Duration = Duration::from_secs(300);
const XEN_TIME: Duration = Duration::from_secs(2400);

/// Show a live migration and a recovery by a real cluster, with the outages measured
///
/// Makes a lab of two nodes, starts a guest on it, puts the node that runs it in standby while
/// the guest is probed each millisecond (each 100 ms on Xen), brings it back, kills a node, and waits
/// for the recovery. Prints what happened and writes one page with the plot. Nothing of it is left.
#[derive(Debug, Args)]
pub struct Demo {
    /// Installed tree (DESTDIR of make install) with the agent; without it, the machine's own
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Make the nodes real Xen hosts, which QEMU emulates; needs 1 GiB of memory for each, and patience
    #[arg(long)]
    xen: bool,

    /// The page to write
    #[arg(long, value_name = "FILE", default_value = "demo.html")]
    html: PathBuf,
}

impl Demo {
    pub fn run(self) -> Result<ExitCode, Error> {
        let begun = Instant::now();
        let deadline = Deadline::after(if self.xen { XEN_TIME } else { TIME });
        let name: Name = "demo".parse()?;
        let builder = Lab::builder(name).nodes(2);
        let builder = if self.xen { builder.xen() } else { builder };
        let lab = self.root.into_iter().fold(builder, lab::Builder::root).start(note)?;
        let guest = Guest::new("vm1", 0);
        note("placing the guest; the first time on a machine its kernel is fetched");
        let config = lab.place(&guest, deadline)?;
        let resource = if self.xen { Resource::xen(&config) } else { Resource::kvm(&config) };
        note("waiting for the nodes to form a cluster");
        lab.wait_online(deadline)?;

        let measurement = Story { lab: &lab, guest: &guest, resource, deadline }.tell()?;
        let report =
            Report::new("A guest on a Pacemaker cluster, moved and recovered", &measurement);
        let report = facts::collect()
            .into_iter()
            .fold(report, |report, (name, value)| report.fact(name, value));
        lab.down()?;
        report.write_html(&self.html).map_err(lab::Error::from)?;
        answer("")?;
        answer(report.text().trim_end())?;
        answer("")?;
        answer(&format!(
            "The plot of all round-trip times is in {}. The demo took {} s.",
            self.html.display(),
            begun.elapsed().as_secs()
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}
