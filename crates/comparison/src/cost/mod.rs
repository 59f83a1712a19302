//! What the agents cost: a monitor, a start and a stop of one guest, and the monitoring of many.

mod daemon;
mod fleet;
mod lifecycle;
mod monitor;
mod trace;
mod worker;

pub use worker::serve;

use crate::action::environment;
use crate::{Call, Error, Setting, Subject, resource};
use exec::Deadline;
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

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Monitors of each agent.
    pub monitors: usize,
    /// Starts of each agent, every second one ended by force.
    pub starts: usize,
    /// Guests that are monitored at a time, 1 to 99.
    pub guests: u8,
    /// For how long they are.
    pub time: Duration,
}

impl Extent {
    /// What the published figures come from; takes about 8 minutes.
    pub const FULL: Self =
        Self { monitors: 60, starts: 16, guests: 50, time: Duration::from_secs(120) };

    /// To see that it works; takes about 3 minutes.
    pub const QUICK: Self =
        Self { monitors: 10, starts: 4, guests: 10, time: Duration::from_secs(20) };
}

/// A program that does [`serve`] on its standard streams when it gets these arguments. It is run inside
/// of nodes and must not need libraries that they lack.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Measures both agents and gives the figures as Markdown.
///
/// # Errors
/// When a lab cannot be made, or an agent fails to do what is measured.
pub fn measure(setting: Setting<'_>, program: &Program, extent: Extent) -> Result<String, Error> {
    let single = on_one_guest(setting, program, extent)?;
    let fleet = fleet::measure(setting, program, extent)?;
    Ok(format!("{single}\n{fleet}"))
}

fn on_one_guest(setting: Setting<'_>, program: &Program, extent: Extent) -> Result<String, Error> {
    let lab = setting.lab("bench-cost", 1)?;
    let bench = Bench {
        setting,
        lab: &lab,
        node: lab.node("n1")?,
        worker: Worker::install(&lab, program)?,
    };
    for subject in Subject::ALL {
        let guest = resource::guest(subject);
        setting.note(&format!("starting a guest with {subject}"));
        lab.place(&guest, Deadline::after(BOOT_TIME))?;
        resource::create(&lab, subject, &guest, NEVER)?;
        resource::wait_up(&lab, &guest, Deadline::after(BOOT_TIME))?;
    }
    let monitor = monitor::measure(&bench, extent.monitors)?;
    let lifecycle = lifecycle::measure(&bench, extent.starts)?;
    lab.down()?;
    Ok(format!("{monitor}\n{lifecycle}"))
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
