use crate::{Turn, soon, wait_until};

/// Something that befalls a migration from one node to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The target loses its power.
    TargetDies,
    /// The nodes cannot reach each other.
    LinkCut,
    /// The nodes cannot reach each other for a moment.
    LinkFlickers,
    /// A daemon does not come back by itself.
    DaemonDies(Side),
    /// A daemon ends, as an upgrade ends it, and is started again.
    DaemonRestarts(Side),
    /// A daemon answers nobody.
    DaemonHangs(Side),
    /// The agent's front is killed, and its full program is not.
    FrontDies,
    /// All of the agent is killed, as Pacemaker kills one that is late.
    AgentDies,
}

/// One of the two nodes of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that the guest leaves.
    Source,
    /// The one that it goes to.
    Target,
}

impl Side {
    fn of<'a>(self, (source, target): (&'a str, &'a str)) -> &'a str {
        match self {
            Self::Source => source,
            Self::Target => target,
        }
    }
}

impl Fault {
    /// Whether nothing more can be done on the target while it lasts: the cluster would fence it.
    #[must_use]
    pub fn separates(self) -> bool {
        matches!(self, Self::TargetDies | Self::LinkCut)
    }

    /// Has it happen between a source and a target.
    ///
    /// # Panics
    /// When it cannot be done.
    pub fn strike(self, lab: &Turn, nodes: (&str, &str)) {
        let (source, target) = nodes;
        match self {
            Self::TargetDies => lab.node(target).kill().expect("the node can be killed"),
            Self::LinkCut => lab.node(target).cut_off().expect("the node can be cut off"),
            Self::LinkFlickers => {
                Self::LinkCut.strike(lab, nodes);
                Self::LinkCut.lift(lab, nodes);
            }
            Self::DaemonDies(side) => end_daemon(lab, side.of(nodes), "-KILL"),
            Self::DaemonRestarts(side) => {
                end_daemon(lab, side.of(nodes), "-TERM");
                start_daemon(lab, side.of(nodes));
            }
            Self::DaemonHangs(side) => signal(lab, side.of(nodes), "-STOP"),
            Self::FrontDies => kill(lab, source, "resource.d/hawser/kvm migrate_to$"),
            Self::AgentDies => kill(lab, source, "hawser/kvm migrate_to$"),
        }
    }

    /// Puts an end to it.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn lift(self, lab: &Turn, nodes: (&str, &str)) {
        match self {
            Self::TargetDies => lab.node(nodes.1).start().expect("the node can be started"),
            Self::LinkCut => lab.node(nodes.1).reconnect().expect("the node can be connected"),
            Self::DaemonDies(side) => start_daemon(lab, side.of(nodes)),
            Self::DaemonHangs(side) => signal(lab, side.of(nodes), "-CONT"),
            Self::LinkFlickers | Self::DaemonRestarts(_) | Self::FrontDies | Self::AgentDies => {}
        }
    }
}

fn kill(lab: &Turn, node: &str, command: &str) {
    lab.exec(node, "pkill", &["-KILL", "--full", command]);
}

fn signal(lab: &Turn, node: &str, signal: &str) {
    lab.exec(node, "pkill", &[signal, "--exact", "libvirtd"]);
}

fn end_daemon(lab: &Turn, node: &str, how: &str) {
    signal(lab, node, how);
    wait_until("the daemon is gone", soon(), || {
        !lab.output(node, "pgrep", &["--exact", "libvirtd"]).status.success()
    });
}

fn start_daemon(lab: &Turn, node: &str) {
    lab.exec(node, "libvirtd", &["--daemon", "--listen"]);
    wait_until("the daemon answers", soon(), || {
        lab.output(node, "virsh", &["uri"]).status.success()
    });
}
