use recovery::{
    Decision, Machine, Node, Outcome, Policy, Rung, Situation, Step, Timestamp, Verdict,
};

use crate::error::Error;
use crate::recovery::history::{self, Check};
use crate::terminal::answer;

/// A guest, its nodes, and what a policy does about it.
pub struct Simulation {
    policy: Policy,
    machine: Machine,
    nodes: Vec<Node>,
    /// Where the guest is.
    node: Option<Node>,
    all: bool,
    /// The row that was last printed, but for what differs each time.
    printed: Option<[String; 4]>,
    checks: usize,
    last: Timestamp,
    acts: Vec<Rung>,
    acted: Option<Rung>,
}

impl Simulation {
    pub fn new(policy: Policy, nodes: Vec<Node>, all: bool) -> Self {
        Self {
            policy,
            machine: Machine::default(),
            node: nodes.first().cloned(),
            nodes,
            all,
            printed: None,
            checks: 0,
            last: Timestamp::default(),
            acts: vec![],
            acted: None,
        }
    }

    /// What was done at the last check.
    pub fn acted(&self) -> Option<Rung> {
        self.acted
    }

    /// Makes a check, prints what is thought of it, and does what is decided.
    pub fn check(&mut self, check: &Check) -> Result<(), Error> {
        let Some(node) = check.node.clone().or_else(|| self.node.clone()) else { return Ok(()) };
        let others: Vec<_> = self.nodes.iter().filter(|it| **it != node).cloned().collect();
        let situation =
            Situation { node: node.clone(), others, bar: None, failed: false, suspended: false };
        let outcome = self.machine.check(&self.policy, check.at, check.finding, &situation);
        self.print(check, &node, &outcome)?;
        (self.checks, self.last) = (self.checks + 1, check.at);
        self.acted = match outcome.decision {
            Some(Decision { step: Step::Act(rung), .. }) => Some(rung),
            _ => None,
        };
        self.acts.extend(self.acted);
        let ladder = &self.machine.ladder;
        let takes = |other: &&Node| !ladder.refuses(other, &situation.others);
        let target =
            situation.others.iter().find(takes).filter(|_| self.acted == Some(Rung::Relocate));
        self.node = Some(target.cloned().unwrap_or(node));
        Ok(())
    }

    fn print(&mut self, check: &Check, node: &Node, outcome: &Outcome) -> Result<(), Error> {
        let verdict = match outcome.verdict {
            Verdict::Healthy if !self.machine.watch.filter().counts(check.at) => "grace",
            Verdict::Healthy => "healthy",
            Verdict::Suspect => "suspect",
            Verdict::Failed => "failed",
        };
        let node = node.to_string();
        let level = self.machine.ladder.level().map_or_else(|| "-".to_owned(), |it| it.to_string());
        let action = outcome.decision.as_ref().map_or_else(String::new, Decision::to_string);
        let changing = [&node, verdict, &level, &action].map(str::to_owned);
        if !self.all && self.printed.as_ref() == Some(&changing) {
            return Ok(());
        }
        if self.printed.is_none() {
            answer(&row(["second", "node", "check", "verdict", "score", "level", "action"]))?;
        }
        let (second, score) = (check.at.to_string(), outcome.score.to_string());
        let found = history::word(check.finding);
        answer(&row([&second, &node, found, verdict, &score, &level, &action]))?;
        self.printed = Some(changing);
        Ok(())
    }

    /// What was done in all.
    pub fn summary(&self) -> String {
        let count = |rung| self.acts.iter().filter(|it| **it == rung).count();
        format!(
            "{} checks in {} s: restarts {}, relocations {}, reinstallations {}; {}.",
            self.checks,
            self.last,
            count(Rung::Restart),
            count(Rung::Relocate),
            count(Rung::Reinstall),
            if count(Rung::Hold) > 0 { "held for an operator" } else { "not held" },
        )
    }
}

fn row([second, node, check, verdict, score, level, action]: [&str; 7]) -> String {
    let row = format!(
        "{second:>8}  {node:<8}  {check:<7}  {verdict:<7}  {score:>5}  {level:<9}  {action}"
    );
    row.trim_end().to_owned()
}
