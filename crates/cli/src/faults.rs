//! `hawser faults`: what each agent answers when something is wrong.

use clap::{Args, ValueEnum};
use comparison::Subject;
use comparison::faults::{Trial, faults, named};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::error::Error;
use crate::facts;
use crate::hypervisor::Family;
use crate::terminal::{answer, note};

/// Make faults, and hold what the agents answer against the truth
///
/// Makes two labs of two nodes, one for the suite's agent and one for the stock one, makes each
/// fault while a guest runs and while it is stopped, and asks the agent for each action. Prints, in Markdown,
/// the answers, whether they were true, how long they took, and what Pacemaker would do with them. Takes
/// about 10 minutes. On Xen it takes an hour or more, and asks only for what the fault has a bearing on. Nothing of it is left.
#[derive(Debug, Args)]
pub struct Faults {
    #[command(flatten)]
    family: Family,

    /// Installed tree (DESTDIR of make install) with the agent; without it, the machine's own
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Only this fault; can be repeated
    #[arg(long, value_name = "FAULT")]
    only: Vec<String>,

    /// Only this agent
    #[arg(long)]
    agent: Option<Agent>,

    /// Write the table to this file instead
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Agent {
    /// The suite's
    Ours,
    /// The one of resource-agents
    Stock,
}

impl Faults {
    /// Ends with success only if the suite's own agent gave no false answer and none too late.
    pub fn run(self) -> Result<ExitCode, Error> {
        let hypervisor = self.family.hypervisor();
        let [ours, stock] = Subject::both(hypervisor);
        let subjects = match self.agent {
            Some(Agent::Ours) => vec![ours],
            Some(Agent::Stock) => vec![stock],
            None => vec![ours, stock],
        };
        let faults = match self.only.is_empty() {
            true => faults(hypervisor).iter().collect(),
            false => self.only.iter().map(|it| named(hypervisor, it)).collect::<Result<_, _>>()?,
        };
        let trial = Trial { subjects: &subjects, faults, root: self.root.as_deref(), note: &note };
        let report = facts::collect()
            .into_iter()
            .fold(trial.run()?, |report, (name, value)| report.condition(name, &value));
        let text = report.to_string();
        match &self.markdown {
            Some(path) => file::replace(path, text.as_bytes(), 0o644).map_err(Error::Output)?,
            None => answer(text.trim_end())?,
        }
        let ours = report.summary(ours);
        let flawless = ours.untrue == 0 && ours.late == 0;
        Ok(if flawless { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
