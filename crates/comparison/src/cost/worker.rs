//! The part of the benchmark that runs inside a node: to enter one costs more than what is measured.

use super::daemon::{Daemon, DaemonTime};
use crate::Error;
use exec::{Deadline, Tool};
use lab::{Lab, Node, SHARED};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// The program's file on the lab's shared storage.
const PROGRAM: &str = "hawser-bench";

/// How long one order may take.
const ORDER_TIME: Duration = Duration::from_secs(600);

/// How long after a command daemons are still watched: they answer first and clear up afterwards.
const AFTERMATH: Duration = Duration::from_millis(20);

/// How often it is looked whether a file is gone; also the resolution of what is measured so.
const LOOK: Duration = Duration::from_millis(1);

/// How long a file may still be there after the command has ended.
const GONE_TIME: Duration = Duration::from_secs(60);

/// A command that is measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Command {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// What is measured ends when this file is gone, too.
    pub until_gone: Option<PathBuf>,
}

/// What a command cost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cost {
    /// How long it took, from before the fork.
    pub wall: Duration,
    /// CPU time, user and system, of it and of everything that it started and waited for.
    pub cpu: Duration,
    /// What the node's daemons used meanwhile and shortly after.
    pub daemons: Vec<DaemonTime>,
    /// Whether its exit code was 0.
    pub success: bool,
}

#[derive(Debug, Serialize, Deserialize)]
enum Order {
    /// Run these, one after the other.
    Run(Vec<Command>),
    /// Read the daemons' CPU time.
    Daemons,
}

/// The worker's program, on the shared storage of a lab.
#[derive(Debug)]
pub struct Worker {
    path: PathBuf,
    arguments: Vec<String>,
}

impl Worker {
    /// Puts the program where the nodes of the lab can run it.
    pub fn install(lab: &Lab, program: &super::Program) -> Result<Self, Error> {
        let copy = lab.shared().join(PROGRAM);
        std::fs::copy(&program.path, &copy)
            .map_err(|source| Error::Install { path: copy, source })?;
        let arguments = program.arguments.clone();
        Ok(Self { path: Path::new(SHARED).join(PROGRAM), arguments })
    }

    /// Runs the commands on a node, one after the other, and tells what each cost.
    pub fn run(&self, node: &Node<'_>, commands: Vec<Command>) -> Result<Vec<Cost>, Error> {
        self.ask(node, &Order::Run(commands))
    }

    /// The CPU time of a node's daemons.
    pub fn daemons(&self, node: &Node<'_>) -> Result<Vec<DaemonTime>, Error> {
        self.ask(node, &Order::Daemons)
    }

    fn ask<T: for<'a> Deserialize<'a>>(&self, node: &Node<'_>, order: &Order) -> Result<T, Error> {
        let input = serde_json::to_vec(order).map_err(Error::Worker)?;
        let tool = node.tool(&self.path.to_string_lossy())?.args(&self.arguments).input(input);
        let answer = tool.run(Deadline::after(ORDER_TIME))?.stdout;
        serde_json::from_slice(&answer).map_err(Error::Worker)
    }
}

/// Does what one order on `input` says, in the node that this process is in, and answers on `output`.
///
/// # Errors
/// When the order is none, a command cannot be started, or the answer cannot be written.
pub fn serve(input: impl Read, output: impl Write) -> Result<(), Error> {
    match serde_json::from_reader(input).map_err(Error::Worker)? {
        Order::Daemons => {
            let times: Vec<_> = Daemon::all().iter().map(Daemon::time).collect();
            serde_json::to_writer(output, &times).map_err(Error::Worker)
        }
        Order::Run(commands) => {
            let daemons = Daemon::all();
            let costs = commands.iter().map(|command| measure(command, &daemons));
            let costs = costs.collect::<Result<Vec<_>, _>>()?;
            serde_json::to_writer(output, &costs).map_err(Error::Worker)
        }
    }
}

fn measure(command: &Command, daemons: &[Daemon]) -> Result<Cost, Error> {
    let tool = command
        .environment
        .iter()
        .fold(Tool::new(&command.program), |tool, (name, value)| tool.env(name, value));
    let daemons_before: Vec<DaemonTime> = daemons.iter().map(Daemon::time).collect();
    let cpu_before = children()?;
    let begun = Instant::now();
    let child = tool.args(&command.arguments).spawn(None)?;
    // Not `Child::wait`, which looks every 2 ms: that is what an agent takes.
    let status = waitpid(Pid::from_raw(child.id().cast_signed()), None).map_err(Error::Usage)?;
    if let Some(file) = &command.until_gone {
        let deadline = Deadline::after(GONE_TIME);
        while file.exists() && deadline.pause(LOOK) {}
    }
    let wall = begun.elapsed();
    let cpu = children()? - cpu_before;
    thread::sleep(AFTERMATH);
    let used = daemons.iter().zip(daemons_before).map(|(daemon, before)| daemon.time() - before);
    let success = matches!(status, WaitStatus::Exited(_, 0));
    Ok(Cost { wall, cpu, daemons: used.collect(), success })
}

/// The CPU time of all children that have ended, and of theirs.
fn children() -> Result<Duration, Error> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(Error::Usage)?;
    let duration = |time: TimeVal| {
        let part = |it: i64| u64::try_from(it).unwrap_or_default();
        Duration::from_secs(part(time.tv_sec())) + Duration::from_micros(part(time.tv_usec()))
    };
    Ok(duration(usage.user_time()) + duration(usage.system_time()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_grandchild_used_is_counted() {
        let script = r#"for (my $t = time; (times)[0] < 0.2 && time < $t + 30;) {}"#;
        let order = Order::Run(vec![Command {
            program: "timeout".into(),
            arguments: ["30", "perl", "-e", script].map(str::to_owned).into(),
            environment: Vec::new(),
            until_gone: None,
        }]);
        let (input, mut output) = (serde_json::to_vec(&order).unwrap(), Vec::new());
        serve(&input[..], &mut output).unwrap();
        let costs: Vec<Cost> = serde_json::from_slice(&output).unwrap();
        assert!(costs[0].success);
        assert!(costs[0].cpu >= Duration::from_millis(190), "{costs:?}");
        assert!(costs[0].wall >= Duration::from_millis(190), "{costs:?}");
    }
}
