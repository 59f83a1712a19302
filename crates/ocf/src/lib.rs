//! The contract between Pacemaker and a resource agent, by the OCF resource agent API 1.1.
//!
//! An agent is two tables, its parameters and its actions, and one function that performs an
//! action. Dispatch, meta-data, validation, usage and the default timeouts come out of the tables,
//! so what is advertised is what is there. This crate knows no guests and no hypervisor.
//!
//! ```no_run
//! use ocf::{Action, Agent, Answer, Parameter, Request, Verb};
//!
//! const DELAY: Parameter<u64> =
//!     Parameter::integer("delay", "Delay", "Seconds to wait before the start.").default("0");
//!
//! static AGENT: Agent = Agent {
//!     name: "sample",
//!     version: "0.1",
//!     shortdesc: "A sample",
//!     longdesc: "Does nothing, after a delay.",
//!     parameters: &[&DELAY],
//!     actions: &[
//!         Action::new(Verb::Start, 20),
//!         Action::new(Verb::Stop, 20),
//!         Action::new(Verb::Monitor, 20).every(10),
//!         Action::new(Verb::MetaData, 5),
//!         Action::new(Verb::ValidateAll, 5),
//!     ],
//! };
//!
//! fn perform(request: &Request) -> Result<Answer, ocf::Error> {
//!     let _seconds = DELAY.get(request)?;
//!     Ok(Answer::Success)
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     ocf::main(&AGENT, perform)
//! }
//! ```
//!
//! Times: what Pacemaker hands over (`CRM_meta_timeout`, `CRM_meta_interval`) is in milliseconds,
//! what an action table says is in seconds; inside a program both are a [`std::time::Duration`].

mod action;
mod agent;
mod code;
mod dispatch;
mod environment;
mod error;
mod line;
pub mod log;
mod metadata;
mod parameter;
mod request;
#[cfg(test)]
mod sample;
mod table;
mod usage;

pub use action::{Action, Verb};
pub use agent::Agent;
pub use code::{Answer, Code, Failure};
pub use dispatch::main;
pub use environment::Environment;
pub use error::Error;
pub use line::chain as reason;
pub use parameter::{Describe, Description, Kind, Parameter};
pub use request::Request;
pub use table::table_problems;
