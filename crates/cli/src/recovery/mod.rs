//! `hawser recovery`: what is done about a guest that fails, tried before it is trusted.

mod generator;
mod history;
mod options;
mod simulation;

use clap::{Args, Subcommand};
use recovery::{Policy, false_alarm};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::error::Error;
use crate::terminal::answer;
use generator::{Generator, Pattern};
use history::Check;
use options::PolicyOptions;
use simulation::Simulation;

/// Try what is done about a guest that fails
#[derive(Debug, Args)]
pub struct Recovery {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Simulate(Simulate),
}

impl Recovery {
    pub fn run(self) -> Result<ExitCode, Error> {
        match self.verb {
            Verb::Simulate(simulate) => simulate.run(),
        }
    }
}

/// Print what a policy does about a guest, check by check, over a history or over made-up failures
///
/// A history has a line for each check: the second, then what was found (good, bad, gone or unknown), then the guest's
/// node where it is another one than before; what follows # is a comment. Without a file it is read from standard input.
#[derive(Debug, Args)]
struct Simulate {
    /// The file with the history
    #[arg(value_name = "HISTORY", conflicts_with_all = ["random_failures", "hang_at"])]
    history: Option<PathBuf>,

    #[command(flatten)]
    pattern: Pattern,

    /// The nodes that can run the guest, the first one that it runs on first, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "n1,n2,n3")]
    nodes: Vec<String>,

    /// Print every check, and not only those that change something
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    policy: PolicyOptions,
}

impl Simulate {
    fn run(self) -> Result<ExitCode, Error> {
        let policy = self.policy.policy()?;
        let nodes =
            self.nodes.into_iter().map(recovery::Node::try_from).collect::<Result<_, _>>()?;
        let mut simulation = Simulation::new(policy, nodes, self.all);
        if self.pattern.is_given() {
            let mut generator = Generator::new(&self.pattern, policy.attempts);
            while let Some(check) = generator.next(simulation.acted()) {
                simulation.check(&check)?;
            }
        } else {
            let checks: Vec<Check> = history::read(self.history.as_deref())?;
            checks.iter().try_for_each(|check| simulation.check(check))?;
        }
        answer(&format!("\n{}", simulation.summary()))?;
        answer(&promise(&policy, &self.pattern))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What the policy promises at the pattern's interval, whatever came up this time.
fn promise(policy: &Policy, pattern: &Pattern) -> String {
    let interval = Duration::from_secs(pattern.interval);
    let hang = policy.detection(interval).as_secs();
    let every = pattern.interval;
    let mut text = format!("A hang is found within {hang} s, with a check every {every} s.");
    if let Some(percent) = pattern.random_failures {
        let chance = false_alarm(policy, f64::from(percent) / 100.0, pattern.checks);
        let checks = pattern.checks;
        text.push_str(&format!(
            "\nA guest that is well, and of which an attempt fails at random {percent} % of the time, is found failed \
             within {checks} checks with a probability of {chance:.1e}."
        ));
    }
    text
}
