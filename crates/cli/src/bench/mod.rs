//! `hawser bench`: the suite's agent and the stock one, measured in the same run.

use clap::{Args, Subcommand};
use comparison::{Setting, cost, outage};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::error::Error;
use crate::facts;
use crate::terminal::{answer, note};

/// How this program is called inside of nodes.
const NODE: [&str; 2] = ["bench", "node"];

/// Measure ocf:hawser:kvm beside ocf:heartbeat:VirtualDomain, in labs of this machine
///
/// Both agents get the same guests, parameters and nodes in the same run, in turn; the ratios count, for
/// the times depend on the machine and on what else it does. Prints Markdown.
#[derive(Debug, Args)]
pub struct Bench {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    Cost(Cost),
    Outage(Outage),
    /// Measure inside of a node; `hawser bench cost` calls it
    #[command(hide = true)]
    Node,
}

impl Bench {
    pub fn run(self) -> Result<ExitCode, Error> {
        match self.subject {
            Subject::Cost(cost) => cost.run()?,
            Subject::Outage(outage) => outage.run()?,
            Subject::Node => cost::serve(io::stdin().lock(), io::stdout().lock())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Measure what a monitor, a start and a stop cost, and the monitoring of 50 guests
#[derive(Debug, Args)]
struct Cost {
    #[command(flatten)]
    root: Root,

    /// Measure less, just to see that it works: 3 minutes instead of 10
    #[arg(long)]
    quick: bool,
}

impl Cost {
    fn run(self) -> Result<(), Error> {
        let (monitors, starts, guests, seconds) =
            if self.quick { (10, 4, 10, 20) } else { (60, 16, 50, 120) };
        let fleet = cost::Fleet { guests, time: Duration::from_secs(seconds) };
        let path = std::env::current_exe().map_err(Error::Itself)?;
        let program = cost::Program { path, arguments: NODE.map(str::to_owned).into() };
        let setting = self.root.setting();
        answer(&format!("## What the agents cost\n\n{}", conditions()))?;
        answer(&cost::one_guest(setting, &program, monitors, starts)?)?;
        answer(cost::many_guests(setting, &program, fleet)?.trim_end())
    }
}

/// Measure what a guest's users notice of live migrations, and of nodes that die
#[derive(Debug, Args)]
struct Outage {
    #[command(flatten)]
    root: Root,

    /// Migrations of each agent's guest, as many by standby as by crm_resource --move
    #[arg(long, value_name = "COUNT", default_value_t = 12)]
    moves: usize,

    /// Kills of the node that runs each agent's guest
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    kills: usize,

    /// Measure less, just to see that it works: one of each
    #[arg(long, conflicts_with_all = ["moves", "kills"])]
    quick: bool,
}

impl Outage {
    fn run(self) -> Result<(), Error> {
        let (moves, kills) = if self.quick { (1, 1) } else { (self.moves, self.kills) };
        let setting = self.root.setting();
        answer(&format!("## What a guest's users notice\n\n{}", conditions()))?;
        answer(&outage::moves(setting, moves)?)?;
        answer(outage::kills(setting, kills)?.trim_end())
    }
}

#[derive(Debug, Args)]
struct Root {
    /// Installed tree (DESTDIR of make install) with the agent; without it, the machine's own
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

impl Root {
    fn setting(&self) -> Setting<'_> {
        Setting { root: self.root.as_deref(), note: &note }
    }
}

fn conditions() -> String {
    facts::collect().iter().map(|(name, value)| format!("- {name}: {value}\n")).collect()
}
