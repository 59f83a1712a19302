use crate::faults::judgement::{After, Before};
use crate::{Action, Answer, Call, Error, Outcome, Subject, act};
use exec::Deadline;
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

/// How long what is no agent may take: a tool, or a daemon that starts.
const TOOL_TIME: Duration = Duration::from_secs(20);

/// How long a healthy agent may take to start a guest, and the guest to boot.
const START_TIME: Duration = Duration::from_secs(60);

/// How long a daemon may take to see that all guests are gone, before it is taken for stuck.
const NOTICE_TIME: Duration = Duration::from_secs(5);

/// How long a guest that is up may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(3);

const TRY_TIME: Duration = Duration::from_millis(1000);
const POLL: Duration = Duration::from_millis(50);

/// A lab in which one agent is put to the test, with one guest.
pub struct Stage {
    lab: Lab,
    network: Namespace,
    pub subject: Subject,
    pub guest: Guest,
}

impl Stage {
    /// Two nodes with libvirt, and what a guest needs.
    pub fn set(subject: Subject, root: Option<&Path>, note: impl Fn(&str)) -> Result<Self, Error> {
        let name = format!("faults-{}", subject.provider()).parse()?;
        let builder = Lab::builder(name).nodes(2).stack(Stack::Bare);
        let lab = root.into_iter().fold(builder, lab::Builder::root).start(note)?;
        let network = Namespace::open(&lab.observer()?.network()).map_err(lab::Error::from)?;
        let guest = Guest::new("vm1", 0);
        Ok(Self { lab, network, subject, guest })
    }

    pub fn lab(&self) -> &Lab {
        &self.lab
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
        self.lab.shared().join(format!("{}.xml", self.guest.name))
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
        Ok(self.lab.place(&self.guest, Deadline::after(PLACE_TIME)).map(drop)?)
    }

    /// Makes the guest run here, started by the agent itself.
    pub fn raise(&self) -> Result<(), Error> {
        if matches!(self.before()?, Before::Well(_)) {
            return Ok(());
        }
        self.clear()?;
        let outcome = self.act(&Call::new(Action::Start, START_TIME))?;
        match (outcome.answer, self.boot(Deadline::after(START_TIME))?) {
            (Answer::Code(0), Some(_)) => Ok(()),
            _ => Err(Error::Unsuccessful {
                what: format!(
                    "the start of a guest by {}: {}",
                    self.subject,
                    outcome.stderr.trim()
                ),
            }),
        }
    }

    /// Makes the guest be off, stopped by the agent itself if it could be.
    pub fn lower(&self) -> Result<(), Error> {
        if matches!(self.before()?, Before::Well(_)) {
            self.act(&Call::new(Action::Stop, START_TIME).parameter("force_stop", "true"))?;
        }
        if self.before()? == Before::Off { Ok(()) } else { self.clear() }
    }

    /// Kills whatever there is of the guest and makes the agent forget it, as a boot of the nodes would.
    pub fn clear(&self) -> Result<(), Error> {
        for node in [self.here()?, self.there()?] {
            let deadline = Deadline::after(TOOL_TIME);
            loop {
                let processes = self.processes(&node)?;
                if processes.is_empty() {
                    break;
                }
                signal(&node, "KILL", &processes)?;
                if !deadline.pause(POLL) {
                    return Err(late("the end of the guest's process"));
                }
            }
            Self::run(&node, "find", &["/run/resource-agents", "-mindepth", "1", "-delete"])?;
            if !lists(&node, str::is_empty)? {
                restart_daemon(&node)?;
            }
        }
        Ok(())
    }

    /// How the guest is, with nothing wrong with the nodes.
    pub fn before(&self) -> Result<Before, Error> {
        let (here, there) = (self.processes(&self.here()?)?, self.processes(&self.there()?)?);
        if here.is_empty() && there.is_empty() {
            return Ok(Before::Off);
        }
        let boot = self.boot(Deadline::after(ANSWER_TIME))?;
        Ok(boot.filter(|_| there.is_empty()).map_or(Before::Broken, Before::Well))
    }

    /// Where the guest is, seen from the nodes' processes and from the network. One that has just been
    /// started `boots`, and gets the time that it needs.
    pub fn after(&self, boots: bool) -> Result<After, Error> {
        let here = !self.processes(&self.here()?)?.is_empty();
        let there = !self.processes(&self.there()?)?.is_empty();
        let patience = if boots { START_TIME } else { ANSWER_TIME };
        let boot = if here || there { self.boot(Deadline::after(patience))? } else { None };
        Ok(After { here, there, boot })
    }

    /// The guest's QEMU processes on a node, from the node's own list of processes.
    pub fn processes(&self, node: &Node<'_>) -> Result<Vec<String>, Error> {
        let list = Self::run(node, "ps", &["-eww", "-o", "pid=,stat=,args="])?;
        let named = format!("guest={},", self.guest.name);
        let mut found = Vec::new();
        for line in list.lines() {
            let mut words = line.split_whitespace();
            let (Some(pid), Some(state)) = (words.next(), words.next()) else { continue };
            let is_emulator = words.next().is_some_and(|it| it.contains("/qemu-system"));
            if is_emulator && !state.starts_with('Z') && line.contains(&named) {
                found.push(pid.to_owned());
            }
        }
        Ok(found)
    }

    /// The boot of the guest that answers on the network, if one does in time.
    fn boot(&self, deadline: Deadline) -> Result<Option<BootId>, Error> {
        loop {
            let status = self.tell(Command::Status, deadline.slice(TRY_TIME));
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

/// The processes of a node's libvirt daemon: one, or none.
pub fn daemon(node: &Node<'_>) -> Result<Vec<String>, Error> {
    let output = node.tool("pidof")?.arg("libvirtd").output(Deadline::after(TOOL_TIME))?;
    Ok(output.text().split_whitespace().map(str::to_owned).collect())
}

/// Ends a node's libvirt daemon with a signal and waits until it is gone.
pub fn end_daemon(node: &Node<'_>, by: &str) -> Result<(), Error> {
    let deadline = Deadline::after(TOOL_TIME);
    signal(node, by, &daemon(node)?)?;
    while !daemon(node)?.is_empty() {
        if !deadline.pause(POLL) {
            return Err(late("the end of libvirtd"));
        }
    }
    Ok(())
}

/// Starts a node's libvirt daemon, as the lab does, and returns when it serves.
pub fn start_daemon(node: &Node<'_>) -> Result<(), Error> {
    Stage::run(node, "libvirtd", &["--listen", "--daemon"])?;
    if lists(node, |_| true)? { Ok(()) } else { Err(late("the start of libvirtd")) }
}

/// Kills a node's libvirt daemon, however stuck, and starts it again.
pub fn restart_daemon(node: &Node<'_>) -> Result<(), Error> {
    end_daemon(node, "KILL")?;
    start_daemon(node)
}

/// Whether a node's libvirt daemon answers in time, with a list of guests as it should be.
fn lists(node: &Node<'_>, fits: impl Fn(&str) -> bool) -> Result<bool, Error> {
    let deadline = Deadline::after(NOTICE_TIME);
    loop {
        let list = node.tool("virsh")?.args(["list", "--name"]).run(deadline);
        if list.is_ok_and(|it| fits(it.text().trim())) {
            return Ok(true);
        }
        if !deadline.pause(POLL) {
            return Ok(false);
        }
    }
}

pub fn late(what: &str) -> Error {
    lab::Error::NotInTime { what: what.to_owned() }.into()
}
