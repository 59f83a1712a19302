//! `hawser bench`: the suite's agent and the stock one, measured in the same run.

use clap::{Args, Subcommand};
use comparison::migration::{LINK, Load};
use comparison::{Hypervisor, Setting, Verdict, cost, evacuation, failover, migration};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::error::Error;
use crate::facts;
use crate::hypervisor::Family;
use crate::terminal::{answer, note};

/// How this program is called inside of nodes.
const NODE: [&str; 2] = ["bench", "node"];

/// Measure an agent beside the stock one, in labs of this machine
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
    Migration(Migration),
    Evacuation(Evacuation),
    Failover(Failover),
    /// Measure inside of a node; `hawser bench cost` calls it
    #[command(hide = true)]
    Node,
}

impl Bench {
    pub fn run(self) -> Result<ExitCode, Error> {
        match self.subject {
            Subject::Cost(cost) => return cost.run(),
            Subject::Migration(migration) => return migration.run(),
            Subject::Evacuation(evacuation) => return evacuation.run(),
            Subject::Failover(failover) => failover.run()?,
            Subject::Node => cost::serve(io::stdin().lock(), io::stdout().lock())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Measure what a monitor, a start and a stop cost, and the monitoring of 50 guests; on Xen a monitor alone
///
/// Ends with success only if the suite's agent reached what is listed at the end.
#[derive(Debug, Args)]
struct Cost {
    #[command(flatten)]
    family: Family,

    #[command(flatten)]
    root: Root,

    /// Measure less, just to see that it works: 3 minutes instead of 10
    #[arg(long)]
    quick: bool,
}

impl Cost {
    fn run(self) -> Result<ExitCode, Error> {
        let (monitors, starts, guests, seconds) =
            if self.quick { (10, 4, 10, 20) } else { (60, 16, 50, 120) };
        let fleet = cost::Fleet { guests, time: Duration::from_secs(seconds) };
        let path = std::env::current_exe().map_err(Error::Itself)?;
        let program = cost::Program { path, arguments: NODE.map(str::to_owned).into() };
        let setting = self.root.setting(self.family.hypervisor());
        answer(&format!("## What the agents cost\n\n{}", conditions()))?;
        let one = cost::one_guest(setting, &program, monitors, starts)?;
        answer(&one.figures)?;
        let mut verdict = one.verdict;
        if setting.hypervisor == Hypervisor::Kvm {
            let many = cost::many_guests(setting, &program, fleet)?;
            answer(&many.figures)?;
            verdict.extend(many.verdict);
        }
        conclude(setting.hypervisor, &verdict)
    }
}

/// Migrate guests live, by each agent and by the hypervisor alone, and measure what their users notice
///
/// Ends with success only if the suite's agent reached what is listed at the end.
#[derive(Debug, Args)]
struct Migration {
    #[command(flatten)]
    family: Family,

    #[command(flatten)]
    root: Root,

    /// Migrations by each of the three, under each load
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..))]
    count: u16,

    /// Only this load: idle, or what the guest dirties in percent of what the link carries; can be repeated
    #[arg(long, default_values = ["idle", "25", "75", "150"], default_value_if("hypervisor", "xen", "idle"))]
    load: Vec<Load>,

    /// Speed of each node's link for migrations, in Mbit/s; on Xen links have no speed, and loads go by it
    #[arg(long, value_name = "MBIT_S", default_value_t = LINK, value_parser = clap::value_parser!(u32).range(1..))]
    link: u32,
}

impl Migration {
    fn run(self) -> Result<ExitCode, Error> {
        let setting = self.root.setting(self.family.hypervisor());
        let link = match setting.hypervisor {
            Hypervisor::Kvm => format!("- Link: {} Mbit/s\n", self.link),
            Hypervisor::Xen => String::new(),
        };
        answer(&format!("## Live migrations\n\n{}{link}", conditions()))?;
        let mut bench = migration::Bench::new(setting, self.link)?;
        let mut verdict = Verdict::default();
        for load in self.load {
            let report = bench.measure(load, self.count.into())?;
            answer(&report.to_string())?;
            verdict.extend(report.verdict());
        }
        bench.end()?;
        conclude(setting.hypervisor, &verdict)
    }
}

/// Put a node with many guests into standby, and measure how soon all of them are on the other one
///
/// Ends with success only if every guest of the suite's agent moved live.
#[derive(Debug, Args)]
struct Evacuation {
    #[command(flatten)]
    root: Root,

    /// Guests on the node; 20 need about 6 GiB of memory
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..100))]
    guests: u8,

    /// Evacuations by each agent
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    count: u16,
}

impl Evacuation {
    fn run(self) -> Result<ExitCode, Error> {
        answer(&format!("## Evacuations\n\n{}", conditions()))?;
        let report =
            evacuation::measure(self.root.setting(Hypervisor::Kvm), self.guests, self.count)?;
        answer(&report.to_string())?;
        conclude(Hypervisor::Kvm, &report.verdict())
    }
}

/// Kill the node that runs a guest, and measure how soon its users have it back
#[derive(Debug, Args)]
struct Failover {
    #[command(flatten)]
    root: Root,

    /// Kills of the node that runs each agent's guest
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    count: u16,
}

impl Failover {
    fn run(self) -> Result<(), Error> {
        answer(&format!("## Nodes that die\n\n{}", conditions()))?;
        answer(failover::kills(self.root.setting(Hypervisor::Kvm), self.count.into())?.trim_end())
    }
}

#[derive(Debug, Args)]
struct Root {
    /// Installed tree (DESTDIR of make install) with the agent; without it, the machine's own
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

impl Root {
    fn setting(&self, hypervisor: Hypervisor) -> Setting<'_> {
        Setting { hypervisor, root: self.root.as_deref(), note: &note }
    }
}

fn conditions() -> String {
    facts::collect().iter().map(|(name, value)| format!("- {name}: {value}\n")).collect()
}

/// Prints what was to be reached and whether it was, which is also the exit code.
fn conclude(hypervisor: Hypervisor, verdict: &Verdict) -> Result<ExitCode, Error> {
    let ours = comparison::Subject::Ours(hypervisor);
    answer(&format!("### What {ours} is to reach\n\n{verdict}"))?;
    Ok(if verdict.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
