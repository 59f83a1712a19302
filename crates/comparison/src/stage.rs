use crate::resource::{self, Operations};
use crate::{Error, Setting, Subject};
use lab::image::Hypervisor;
use lab::probe::Probe;
use lab::{Builder, Guest, Lab};
use lab_guest::{Command, Status};
use std::fmt;
use std::time::Duration;

/// The nodes that guests go to and fro between.
pub const NODES: [&str; 2] = ["n1", "n2"];

/// How long placing, starting and booting a guest may take.
pub const BOOT_TIME: Duration = Duration::from_secs(180);

/// How long the cluster may take for anything it is told.
pub const CLUSTER_TIME: Duration = Duration::from_secs(300);

/// How long a guest that runs may take to answer steadily, or to do what it is told.
const EASE_TIME: Duration = Duration::from_secs(60);

/// For how long a guest answers every probe that is at ease.
const AT_EASE: Duration = Duration::from_secs(1);

/// The node of [`NODES`] that is not this one.
pub fn other(node: &str) -> &'static str {
    NODES[usize::from(node == NODES[0])]
}

/// What makes a guest leave its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// `crm_resource --move`.
    Move,
    /// Standby of its node, which all of its guests leave.
    Standby,
}

impl Cause {
    /// Those that are compared. Before a standby the guest of the other agent is moved away, which takes an
    /// emulated node as long as what is measured.
    pub fn all(hypervisor: Hypervisor) -> &'static [Self] {
        match hypervisor {
            Hypervisor::Kvm => &[Self::Move, Self::Standby],
            Hypervisor::Xen => &[Self::Move],
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Move => "crm_resource --move",
            Self::Standby => "standby",
        })
    }
}

/// A cluster of two nodes, in which guests are watched while something is done to them.
pub struct Stage<'a> {
    pub setting: Setting<'a>,
    pub lab: Lab,
}

impl<'a> Stage<'a> {
    /// Makes the lab, and waits until its nodes have formed a cluster.
    pub fn set(setting: Setting<'a>, lab: Builder) -> Result<Self, Error> {
        Ok(Self { setting, lab: setting.lab(lab)? })
    }

    /// Has the cluster manage a guest with an agent, and start it.
    pub fn enlist(
        &self,
        subject: Subject,
        guest: &Guest,
        operations: Operations,
    ) -> Result<(), Error> {
        self.setting.note(&format!("starting guest {} with {subject}", guest.name));
        self.lab.place(guest, self.setting.within(BOOT_TIME))?;
        resource::create(&self.lab, subject, std::slice::from_ref(guest), operations)?;
        self.settle(guest, |_| true).map(drop)
    }

    /// Begins to probe a guest, and returns when it answers steadily.
    pub fn probe(&self, guest: &Guest) -> Result<Probe, Error> {
        let probe = self.lab.probe(guest.address())?;
        self.ease(guest, &probe)?;
        Ok(probe)
    }

    /// Waits until a guest answers steadily.
    pub fn ease(&self, guest: &Guest, probe: &Probe) -> Result<(), Error> {
        match probe.wait_for_replies(probe.count(AT_EASE), self.setting.within(EASE_TIME)) {
            true => Ok(()),
            false => Err(late(&format!("steady answers of guest {}", guest.name))),
        }
    }

    /// Sends a guest to a node and waits until it is there; it may be there already.
    pub fn send(&self, guest: &Guest, node: &str) -> Result<(), Error> {
        if self.settle(guest, |_| true)? != node {
            self.order(guest, node, Cause::Move)?;
            self.settle(guest, |it| it == node)?;
            self.withdraw(guest, Cause::Move)?;
        }
        Ok(())
    }

    /// Orders the cluster to move a guest from the other node to this one.
    pub fn order(&self, guest: &Guest, node: &str, cause: Cause) -> Result<(), Error> {
        match cause {
            Cause::Standby => self.standby(other(node), "on"),
            Cause::Move => {
                let arguments = ["--move", "--resource", &guest.name, "--node", node];
                self.lab.run("crm_resource", &arguments)?;
                Ok(())
            }
        }
    }

    /// Takes that order back, forgets what went wrong with it, and waits until the cluster has seen to it.
    /// The guest's stickiness keeps it where it is.
    pub fn withdraw(&self, guest: &Guest, cause: Cause) -> Result<(), Error> {
        let crm_resource =
            |verb| self.lab.run("crm_resource", &[verb, "--resource", &guest.name]).map(drop);
        match cause {
            Cause::Standby => NODES.iter().try_for_each(|node| self.standby(node, "off"))?,
            Cause::Move => crm_resource("--clear")?,
        }
        crm_resource("--cleanup")?;
        self.settle(guest, |_| true).map(drop)
    }

    /// Puts a node into standby (`on`) or takes it back (`off`); pcs would take a second for it.
    pub fn standby(&self, node: &str, value: &str) -> Result<(), Error> {
        let arguments = ["--node", node, "--name", "standby", "--update", value];
        self.lab.run("crm_attribute", &arguments)?;
        Ok(())
    }

    /// How long an action on a guest took on a node, as the cluster's history has it.
    pub fn took(&self, guest: &Guest, action: &str, node: &str) -> Result<Option<Duration>, Error> {
        let history = format!(
            "//node_state[@uname='{node}']//lrm_resource[@id='{}']/lrm_rsc_op[@operation='{action}']",
            guest.name
        );
        let found = self.lab.run("cibadmin", &["--query", "--xpath", &history])?.text();
        let time = found.split("exec-time=\"").nth(1).and_then(|it| it.split('"').next());
        Ok(time.and_then(|it| it.parse().ok()).map(Duration::from_millis))
    }

    /// Waits until a guest runs on a node that fits, and the cluster is at rest. Returns that node.
    pub fn settle(&self, guest: &Guest, fits: impl Fn(&str) -> bool) -> Result<String, Error> {
        let deadline = self.setting.within(CLUSTER_TIME);
        Ok(self.lab.wait_located(&guest.name, fits, deadline)?)
    }

    /// Waits until all guests run on a node, and the cluster is at rest.
    pub fn settle_all(&self, guests: &[Guest], node: &str) -> Result<(), Error> {
        guests.iter().try_for_each(|guest| self.settle(guest, |it| it == node).map(drop))
    }

    /// Tells a guest something as soon as it can be told, which may be when it has booted.
    pub fn tell(&self, guest: &Guest, command: Command) -> Result<Status, Error> {
        let mut control = resource::wait_up(&self.lab, guest, self.setting.within(BOOT_TIME))?;
        Ok(control.tell(command, self.setting.within(EASE_TIME)).map_err(lab::Error::from)?)
    }
}

pub fn late(what: &str) -> Error {
    lab::Error::NotInTime { what: what.to_owned() }.into()
}
