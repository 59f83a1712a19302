//! What the agents cost: a monitor, a start and a stop of one guest, and the monitoring of many.

mod daemon;
mod fleet;
mod lifecycle;
mod monitor;
mod trace;
mod worker;

pub use fleet::{Fleet, many_guests};
pub use worker::serve;

use crate::action::environment;
use crate::resource::{self, Operations};
use crate::{Call, Error, Setting, Subject, Verdict};
use lab::image::Hypervisor;
use lab::{Guest, Lab, Node};
use std::path::PathBuf;
use std::time::Duration;
use worker::{Command, Worker};

/// What an agent's action may take before Pacemaker would kill it.
const ACTION_TIME: Duration = Duration::from_secs(60);

/// How long placing, starting and booting the guests may take.
const BOOT_TIME: Duration = Duration::from_secs(180);

/// The cluster is to leave the guests alone while the benchmark acts in its place.
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// A program that does [`serve`] on its standard streams when it gets these arguments. It is run inside
/// of nodes and must not need libraries that they lack.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// What was measured.
pub struct Report {
    /// The figures, as Markdown.
    pub figures: String,
    /// Whether the suite's agent reached what it is to reach.
    pub verdict: Verdict,
}

/// Measures `monitors` monitors of one guest by each agent, and where that is one of libvirt's `starts` starts,
/// every second one ended by force.
///
/// # Errors
/// When the lab cannot be made, or an agent fails to do what is measured.
pub fn one_guest(
    setting: Setting<'_>,
    program: &Program,
    monitors: usize,
    starts: usize,
) -> Result<Report, Error> {
    let lab = setting.lab(setting.describe("bench-cost")?.nodes(1))?;
    let bench = Bench {
        setting,
        lab: &lab,
        node: lab.node("n1")?,
        worker: Worker::install(&lab, program)?,
    };
    let operations = Operations { interval: NEVER, ..Operations::default() };
    for subject in setting.subjects() {
        let guest = resource::guest(subject);
        setting.note(&format!("starting a guest with {subject}"));
        lab.place(&guest, setting.within(BOOT_TIME))?;
        resource::create(&lab, subject, std::slice::from_ref(&guest), operations)?;
        resource::wait_up(&lab, &guest, setting.within(BOOT_TIME))?;
    }
    let monitor = monitor::measure(&bench, monitors)?;
    let lifecycle = match setting.hypervisor {
        Hypervisor::Kvm => lifecycle::measure(&bench, starts)?,
        Hypervisor::Xen => String::new(),
    };
    lab.down()?;
    Ok(Report { figures: format!("{}\n{lifecycle}", monitor.figures), ..monitor })
}

/// One node on which each agent has a guest.
struct Bench<'a> {
    setting: Setting<'a>,
    lab: &'a Lab,
    node: Node<'a>,
    worker: Worker,
}

impl Bench<'_> {
    /// An agent, called as Pacemaker would call it.
    fn agent(&self, subject: Subject, guest: &Guest, call: &Call) -> Command {
        Command {
            environment: environment(&self.node, subject, guest, call),
            ..command(&subject.path(), &[call.action.argument()])
        }
    }
}

fn command(program: &str, arguments: &[&str]) -> Command {
    Command {
        program: program.into(),
        arguments: arguments.iter().map(|it| (*it).to_owned()).collect(),
        environment: Vec::new(),
        until_gone: None,
    }
}
