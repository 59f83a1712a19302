use crate::Error;
use exec::Deadline;
use lab::{Builder, Lab};
use std::path::Path;
use std::time::Duration;

/// How long the nodes may take to form a cluster: about 7 s on an idle machine.
const ONLINE_TIME: Duration = Duration::from_secs(120);

/// Under what conditions things are measured.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// Installed tree (DESTDIR of make install) with the suite's agent; without it, the machine's own.
    pub root: Option<&'a Path>,
    /// Gets a sentence for every step.
    pub note: &'a dyn Fn(&str),
}

impl Setting<'_> {
    /// A lab whose nodes have formed a cluster.
    pub(crate) fn lab(&self, builder: Builder) -> Result<Lab, Error> {
        let lab = self.root.into_iter().fold(builder, lab::Builder::root).start(self.note)?;
        (self.note)("waiting for the nodes to form a cluster");
        lab.wait_online(Deadline::after(ONLINE_TIME))?;
        Ok(lab)
    }

    pub(crate) fn note(&self, text: &str) {
        (self.note)(text);
    }
}
