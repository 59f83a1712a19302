use crate::{Error, Subject};
use exec::Deadline;
use lab::image::Hypervisor;
use lab::{Builder, Lab};
use std::path::Path;
use std::time::Duration;

/// How long the nodes may take to form a cluster: about 7 s on an idle machine.
const ONLINE_TIME: Duration = Duration::from_secs(120);

/// How many times as long something may take on a Xen host, which is an emulated machine.
const EMULATED: u32 = 10;

/// Under what conditions things are measured.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// What the guests run on.
    pub hypervisor: Hypervisor,
    /// Installed tree (DESTDIR of make install) with the suite's agent; without it, the machine's own.
    pub root: Option<&'a Path>,
    /// Gets a sentence for every step.
    pub note: &'a dyn Fn(&str),
}

impl Setting<'_> {
    /// Begins to describe a lab.
    pub(crate) fn describe(&self, name: &str) -> Result<Builder, Error> {
        describe(name, self.hypervisor, self.root)
    }

    /// A lab whose nodes have formed a cluster.
    pub(crate) fn lab(&self, builder: Builder) -> Result<Lab, Error> {
        let lab = builder.start(self.note)?;
        (self.note)("waiting for the nodes to form a cluster");
        lab.wait_online(self.within(ONLINE_TIME))?;
        Ok(lab)
    }

    /// Both agents, ours first.
    pub(crate) fn subjects(&self) -> [Subject; 2] {
        Subject::both(self.hypervisor)
    }

    pub(crate) fn note(&self, text: &str) {
        (self.note)(text);
    }

    /// The deadline for what may take `time` where nodes are namespaces.
    pub(crate) fn within(&self, time: Duration) -> Deadline {
        Deadline::after(allowed(self.hypervisor, time))
    }
}

/// Begins to describe a lab for agents of that hypervisor. There may be one of this name for each.
pub(crate) fn describe(
    name: &str,
    hypervisor: Hypervisor,
    root: Option<&Path>,
) -> Result<Builder, Error> {
    let builder = match hypervisor {
        Hypervisor::Kvm => Lab::builder(name.parse()?),
        Hypervisor::Xen => Lab::builder(format!("{name}-xen").parse()?).xen(),
    };
    Ok(root.into_iter().fold(builder, Builder::root))
}

/// How long something may take on the nodes that may take `time` where nodes are namespaces.
pub(crate) fn allowed(hypervisor: Hypervisor, time: Duration) -> Duration {
    match hypervisor {
        Hypervisor::Kvm => time,
        Hypervisor::Xen => time * EMULATED,
    }
}
