//! Holds an agent of the suite beside the stock one, in the lab, in the same run.
//!
//! A [`Subject`] is the agent that is looked at, and [`act`] has it perform one [`Action`] on a node of
//! a lab as Pacemaker would: with Pacemaker's environment, and killed with its process group when it is
//! late. Everything else is what somebody wants to know of the two.

mod action;
pub mod cost;
mod error;
pub mod evacuation;
pub mod failover;
pub mod faults;
pub mod migration;
pub mod resource;
mod series;
mod setting;
mod stage;
mod subject;
mod table;
mod verdict;

pub use action::{Action, Answer, Call, Outcome, act};
pub use error::Error;
pub use lab::image::Hypervisor;
pub use setting::Setting;
pub use subject::Subject;
pub use verdict::Verdict;
