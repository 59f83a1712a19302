//! `hawser faults`: what each agent answers when something is wrong.

use clap::{Args, ValueEnum};
use comparison::Subject;
use comparison::faults::{FAULTS, Fault, Trial};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::error::Error;
use crate::facts;
use crate::terminal::{answer, note};

/// Make faults, and hold what the agents answer against the truth
///
/// Makes two labs of two nodes, one for ocf:hawser:kvm and one for ocf:heartbeat:VirtualDomain, makes each
/// fault while a guest runs and while it is stopped, and asks the agent for each action. Prints, in Markdown,
/// the answers, whether they were true, how long they took, and what Pacemaker would do with them. Takes
/// about 10 minutes; nothing of it is left.
#[derive(Debug, Args)]
pub struct Faults {
    /// Installed tree (DESTDIR of make install) with the agent; without it, the machine's own
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Only this fault; can be repeated
    #[arg(long, value_name = "FAULT", value_parser = fault)]
    only: Vec<&'static Fault>,

    /// Only this agent
    #[arg(long)]
    agent: Option<Agent>,

    /// Write the table to this file instead
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Agent {
    /// ocf:hawser:kvm
    Ours,
    /// ocf:heartbeat:VirtualDomain
    Stock,
}

fn fault(name: &str) -> Result<&'static Fault, String> {
    let known = || FAULTS.iter().map(|it| it.name).collect::<Vec<_>>().join(", ");
    FAULTS.iter().find(|it| it.name == name).ok_or_else(|| format!("expected one of {}", known()))
}

impl Faults {
    /// Ends with success only if the suite's own agent gave no false answer and none too late.
    pub fn run(self) -> Result<ExitCode, Error> {
        let subjects: &[Subject] = match self.agent {
            Some(Agent::Ours) => &[Subject::Ours],
            Some(Agent::Stock) => &[Subject::Stock],
            None => &Subject::ALL,
        };
        let faults = if self.only.is_empty() { FAULTS.iter().collect() } else { self.only };
        let trial = Trial { subjects, faults, root: self.root.as_deref(), note: &note };
        let report = facts::collect()
            .into_iter()
            .fold(trial.run()?, |report, (name, value)| report.condition(name, &value));
        let text = report.to_string();
        match &self.markdown {
            Some(path) => file::replace(path, text.as_bytes(), 0o644).map_err(Error::Output)?,
            None => answer(text.trim_end())?,
        }
        let ours = report.summary(Subject::Ours);
        let flawless = ours.untrue == 0 && ours.late == 0;
        Ok(if flawless { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
