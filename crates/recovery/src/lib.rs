//! When a guest counts as failed, and what is done about it.
//!
//! A guest is not declared failed because one check failed, and not restarted for ever because every restart
//! fails. That is a finite state machine with hysteresis, which restarts a guest on any node or reinstalls it from
//! scratch (Calzolari et al., 3RC, 2010). Its paper gives no thresholds, budgets or times, so all of those, and most of
//! the rules, are a reconstruction; where one is taken from another system, its place says so.
//!
//! Everything here is pure: no clock, no file, no program. The time is an argument, and what has to be remembered
//! is a value that the caller keeps.
//!
//! * [`Filter`]: findings of checks become a verdict; [`GuestWatch`] is all that a node remembers of a guest
//! * [`Flapping`]: whether the verdict changes too often
//! * [`NodeWatch`]: whether it is the node that ails, and not its guests; [`Health`] is all that is judged of a node
//! * [`Ladder`]: restart, relocate, reinstall, hold
//! * [`Machine`]: all of it for one guest
//! * [`Record`]: what of it the whole cluster has to remember
//! * [`false_alarm`]: how likely a policy is to act on a guest that is well

mod chance;
mod error;
mod errors;
mod filter;
mod flap;
mod gauge;
mod health;
#[cfg(test)]
mod histories;
mod ladder;
mod machine;
mod node;
mod policy;
mod record;
mod time;
mod trigger;
mod watch;

pub use chance::false_alarm;
pub use error::{Error, Result};
pub use filter::{Filter, Finding, Verdict};
pub use flap::Flapping;
pub use gauge::Dwell;
pub use health::{Colour, Health, Limits, Signs, Source};
pub use ladder::{Bar, Decision, Ladder, Obstacle, Passed, Rung, Situation, Step};
pub use machine::{Machine, Outcome};
pub use node::{Node, NodeWatch};
pub use policy::{Policy, Terms};
pub use record::Record;
pub use time::Timestamp;
pub use trigger::{Band, Side};
pub use watch::GuestWatch;
