use crate::{Call, Node};
use hypervisor::State;
use hypervisor::scripted::Host;
use std::path::{Path, PathBuf};

/// An agent that is put to the test.
#[derive(Clone, Copy)]
pub struct Agent {
    /// Its OCF type.
    pub name: &'static str,
    /// Its built program.
    pub program: &'static str,
    /// The parameter that names the guest's configuration file.
    pub config: &'static str,
    /// What such a file has in it for a guest of that name, with disks that are these files.
    pub define: fn(&str, &[&Path]) -> String,
    /// A call on the pretend host in that file, beside which are the files of the others.
    pub on: fn(Call, &Path) -> Call,
    /// A parameter with the value that has a stop end the guest at once.
    pub by_force: (&'static str, &'static str),
    /// A reloadable parameter with a value that is none for it, and one that is.
    pub mistyped: (&'static str, &'static str, &'static str),
    /// Whether its hypervisor can ask a guest agent.
    pub asks_guest: bool,
    /// The command that lets a paused guest run on.
    pub resume: &'static str,
}

impl Agent {
    /// A node with that host; the other one is empty.
    #[must_use]
    pub fn node(&self, host: &Host) -> Node {
        Node::new(self, host)
    }

    /// A node on which the guest was started by the agent.
    #[must_use]
    pub fn started(&self) -> Node {
        let node = self.node(&Host::default());
        node.call("start").gives(0);
        node
    }

    /// A node on which something else made the guest what it is.
    #[must_use]
    pub fn with(&self, state: State) -> Node {
        self.node(&Host::default().with(crate::GUEST, state))
    }

    /// Where its meta-data is checked in.
    #[must_use]
    pub fn metadata(&self) -> PathBuf {
        let file = format!("../../ocf-metadata/{}.xml", self.name);
        Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
    }
}
