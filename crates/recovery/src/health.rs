use crate::errors::ErrorWatch;
use crate::gauge::{Dwell, Gauge};
use crate::node::NodeWatch;
use crate::policy::Policy;
use crate::time::Timestamp;
use crate::trigger::{Band, Side};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a node's health is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Whether processes wait for a processor.
    Cpu,
    /// Whether all that would run waits for memory.
    Memory,
    /// Whether disks fail.
    Disks,
    /// Whether several guests have failed within a short time.
    Guests,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cpu, Self::Memory, Self::Disks, Self::Guests];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disks => "disks",
            Self::Guests => "guests",
        }
    }
}

/// A node's health as Pacemaker knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// It is well.
    Green,
    /// It is getting unwell.
    Yellow,
    /// It is unwell.
    Red,
}

impl Colour {
    /// The value of a health attribute.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
        }
    }
}

/// What was seen of a node. What could not be seen changes nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Signs {
    /// The share of time in which processes waited for a processor, in percent.
    pub cpu: Option<f64>,
    /// The share of time in which all that would have run waited for memory, in percent.
    pub memory: Option<f64>,
    /// The counters of errors that disks have, by their names.
    pub errors: BTreeMap<String, u64>,
    /// The guests that have failed here, and when each did so last.
    pub failures: BTreeMap<String, Timestamp>,
}

/// From where on a node is unwell, and how much.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// In percent.
    pub cpu: Band<f64>,
    /// In percent.
    pub memory: Band<f64>,
    /// So many new errors of disks within [`Dwell::better`].
    pub errors: u64,
    /// When failed guests make the node suspect.
    pub guests: Policy,
    /// How long the pressure on processors and memory has to last.
    pub dwell: Dwell,
    /// What makes the node yellow.
    pub yellow: BTreeSet<Source>,
    /// What makes it red.
    pub red: BTreeSet<Source>,
}

impl Limits {
    /// What a source that is bad makes the node.
    fn colour(&self, source: Source) -> Colour {
        if self.red.contains(&source) {
            Colour::Red
        } else if self.yellow.contains(&source) {
            Colour::Yellow
        } else {
            Colour::Green
        }
    }
}

/// Judges a node's health, each source by itself and with hysteresis.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    cpu: Gauge,
    memory: Gauge,
    disks: ErrorWatch,
    guests: NodeWatch,
}

impl Health {
    /// Takes note of what was seen. Returns the node's colour, and the sources that give it one but green.
    pub fn note(
        &mut self,
        limits: &Limits,
        now: Timestamp,
        signs: &Signs,
    ) -> (Colour, Vec<Source>) {
        for (guest, at) in &signs.failures {
            self.guests.note(*at, guest);
        }
        let dwell = &limits.dwell;
        let bad: Vec<Source> = [
            (Source::Cpu, self.cpu.note(&limits.cpu, dwell, now, signs.cpu)),
            (Source::Memory, self.memory.note(&limits.memory, dwell, now, signs.memory)),
            (Source::Disks, self.disks.note(limits.errors, dwell.better, now, &signs.errors)),
            (Source::Guests, self.guests.judge(&limits.guests, now)),
        ]
        .into_iter()
        .filter(|(source, side)| *side == Side::High && limits.colour(*source) > Colour::Green)
        .map(|(source, _)| source)
        .collect();
        let colour = bad.iter().map(|source| limits.colour(*source)).max();
        (colour.unwrap_or(Colour::Green), bad)
    }
}

#[cfg(test)]
mod tests;
