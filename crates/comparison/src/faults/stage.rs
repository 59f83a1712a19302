use super::judgement::{After, Before};
use super::{kvm, xen};
use crate::resource;
use crate::setting::{allowed, describe};
use crate::{Action, Answer, Call, Error, Outcome, Subject, act, subject};
use exec::Deadline;
use lab::image::Hypervisor;
use lab::probe::{Control, Namespace};
use lab::{Guest, Lab, Node, Stack};
use lab_guest::{BootId, Command};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The node whose agent is asked.
const HERE: &str = "n1";

/// The node that a guest is to be migrated to.
const THERE: &str = "n2";

/// How long a guest's kernel may be fetched when the first guest is placed on a machine.
const PLACE_TIME: Duration = Duration::from_secs(180);

/// How long what is no agent may take, on an emulated host too: a tool, or a daemon that starts.
pub const TOOL_TIME: Duration = Duration::from_secs(120);

/// How long a healthy agent may take to start a guest, and the guest to boot.
const START_TIME: Duration = Duration::from_secs(60);

/// How long a guest that is up may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(3);

const TRY_TIME: Duration = Duration::from_millis(1000);
pub const POLL: Duration = Duration::from_millis(50);

/// Where agents keep what they know of their guests until the node boots.
const RECORDS: &str = "/run/resource-agents";

/// What a node shows of a guest: of its QEMU processes, or of its domains that are not being torn down.
#[derive(Debug, PartialEq, Eq)]
pub enum Presence {
    /// There is nothing of it.
    Absent,
    /// It is there, and cannot answer.
    Idle(Before),
    /// It is there, and may answer.
    Active,
}

/// A lab in which one agent is put to the test, with one guest.
pub struct Stage {
    lab: Lab,
    network: Namespace,
    pub subject: Subject,
    pub guest: Guest,
}

impl Stage {
    /// Two nodes with the hypervisor, and what a guest needs.
    pub fn set(subject: Subject, root: Option<&Path>, note: impl Fn(&str)) -> Result<Self, Error> {
        let name = format!("faults-{}", subject.provider());
        let builder = describe(&name, subject.hypervisor(), root)?.nodes(2).stack(Stack::Bare);
        let lab = builder.start(note)?;
        let network = Namespace::open(&lab.observer()?.network()).map_err(lab::Error::from)?;
        let guest = resource::named(subject.hypervisor(), "vm1", 0);
        Ok(Self { lab, network, subject, guest })
    }

    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    fn hypervisor(&self) -> Hypervisor {
        self.subject.hypervisor()
    }

    fn allowed(&self, time: Duration) -> Duration {
        allowed(self.hypervisor(), time)
    }

    /// The deadline for what may take `time` where nodes are namespaces.
    pub fn within(&self, time: Duration) -> Deadline {
        Deadline::after(self.allowed(time))
    }

    /// The node whose agent is asked.
    pub fn here(&self) -> Result<Node<'_>, Error> {
        Ok(self.lab.node(HERE)?)
    }

    /// The node that a guest is to be migrated to.
    pub fn there(&self) -> Result<Node<'_>, Error> {
        Ok(self.lab.node(THERE)?)
    }

    /// Sending the guest to the other node.
    pub fn migration() -> Action {
        Action::MigrateTo { target: THERE.to_owned() }
    }

    /// The guest's configuration file, as this process sees it.
    pub fn config(&self) -> PathBuf {
        let file = subject::config(self.hypervisor(), &self.guest);
        self.lab.shared().join(Path::new(&file).file_name().unwrap_or_default())
    }

    /// Has the agent do something here.
    pub fn act(&self, call: &Call) -> Result<Outcome, Error> {
        act(&self.here()?, self.subject, &self.guest, call)
    }

    /// Runs a program in a node to its end and returns what it wrote.
    pub fn run(node: &Node<'_>, program: &str, arguments: &[&str]) -> Result<String, Error> {
        let tool = node.tool(program)?.args(arguments);
        Ok(tool.run(Deadline::after(TOOL_TIME))?.text())
    }

    /// Puts the guest's files in place anew, for guests that start from now on.
    pub fn place(&self) -> Result<(), Error> {
        Ok(self.lab.place(&self.guest, self.within(PLACE_TIME)).map(drop)?)
    }

    /// Makes the guest run here, started by the agent itself.
    pub fn raise(&self) -> Result<(), Error> {
        if matches!(self.before()?, Before::Well(_)) {
            return Ok(());
        }
        self.clear()?;
        let outcome = self.act(&Call::new(Action::Start, self.allowed(START_TIME)))?;
        if outcome.answer == Answer::Code(0) && self.boot(self.within(START_TIME))?.is_some() {
            return Ok(());
        }
        let words = outcome.stderr.trim();
        Err(Error::Unsuccessful {
            what: format!("the start of a guest by {}: {words}", self.subject),
        })
    }

    fn forced_stop(&self) -> Call {
        let (name, value) = match self.hypervisor() {
            Hypervisor::Kvm => ("force_stop", "true"),
            Hypervisor::Xen => ("shutdown_timeout", "0"),
        };
        Call::new(Action::Stop, self.allowed(START_TIME)).parameter(name, value)
    }

    /// Makes the guest be off, stopped by the agent itself if it could be.
    pub fn lower(&self) -> Result<(), Error> {
        if matches!(self.before()?, Before::Well(_)) {
            self.act(&self.forced_stop())?;
        }
        if self.before()? == Before::Off { Ok(()) } else { self.clear() }
    }

    /// Kills whatever there is of the guest and makes the agent forget it, as a boot of the nodes would.
    pub fn clear(&self) -> Result<(), Error> {
        for node in [self.here()?, self.there()?] {
            match self.hypervisor() {
                Hypervisor::Kvm => kvm::clear(&node, &self.guest)?,
                Hypervisor::Xen => xen::clear(&node, &self.guest)?,
            }
            Self::run(&node, "mkdir", &["-p", RECORDS])?;
            Self::run(&node, "find", &[RECORDS, "-mindepth", "1", "-delete"])?;
        }
        Ok(())
    }

    /// How the guest is, with nothing wrong with the nodes.
    pub fn before(&self) -> Result<Before, Error> {
        Ok(match (self.look(&self.here()?)?, self.look(&self.there()?)?) {
            (Presence::Absent, Presence::Absent) => Before::Off,
            (Presence::Idle(before), Presence::Absent) => before,
            (Presence::Active, Presence::Absent) => {
                self.boot(self.within(ANSWER_TIME))?.map_or(Before::Broken, Before::Well)
            }
            _ => Before::Broken,
        })
    }

    /// Where the guest is, seen from what the nodes have of it and from the network. One that has just been
    /// started `boots`, and gets the time that it needs.
    pub fn after(&self, boots: bool) -> Result<After, Error> {
        let seen = [self.look(&self.here()?)?, self.look(&self.there()?)?];
        let patience = if boots { START_TIME } else { ANSWER_TIME };
        let boot = match seen.contains(&Presence::Active) {
            true => self.boot(self.within(patience))?,
            false => None,
        };
        let [here, there] = seen.map(|it| it != Presence::Absent);
        Ok(After { here, there, boot })
    }

    fn look(&self, node: &Node<'_>) -> Result<Presence, Error> {
        match self.hypervisor() {
            Hypervisor::Kvm => kvm::look(node, &self.guest),
            Hypervisor::Xen => xen::look(node, &self.guest),
        }
    }

    /// The boot of the guest that answers on the network, if one does in time.
    fn boot(&self, deadline: Deadline) -> Result<Option<BootId>, Error> {
        loop {
            let status = self.tell(Command::Status, deadline.slice(self.allowed(TRY_TIME)));
            if status.is_some() || !deadline.pause(POLL) {
                return Ok(status);
            }
        }
    }

    /// Tells the guest something; the boot that answered, if any did.
    pub fn tell(&self, command: Command, by: Deadline) -> Option<BootId> {
        let mut control = Control::connect(&self.network, self.guest.address(), by).ok()?;
        control.tell(command, by).ok().map(|status| status.boot_id)
    }
}

/// Sends processes of a node a signal.
pub fn signal(node: &Node<'_>, name: &str, processes: &[String]) -> Result<(), Error> {
    let processes: Vec<&str> = processes.iter().map(String::as_str).collect();
    let option = format!("-{name}");
    // It fails when a process is gone already; whoever cares looks.
    node.tool("kill")?.arg(option).args(processes).output(Deadline::after(TOOL_TIME))?;
    Ok(())
}

pub fn late(what: &str) -> Error {
    lab::Error::NotInTime { what: what.to_owned() }.into()
}
