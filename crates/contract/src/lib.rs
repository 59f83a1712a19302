//! The contract of an agent for a guest: the built agent, as Pacemaker runs it, on pretend hosts that do what each
//! test says.
//!
//! No root, no daemon and no guest is needed. What holds for every call (a code that OCF knows, in
//! time, one line with the reason if it failed, nothing else) is checked at each one, in [`Call`]. Every
//! clause is a function that takes the [`Agent`]; [`suite`] makes tests of them all. For tests only: whatever
//! is linked to this has the pretend hypervisor.

#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::missing_panics_doc, missing_docs, reason = "the name of a clause says what it is")]

mod agent;
mod call;
pub mod checks;
pub mod disks;
pub mod input;
pub mod lifecycle;
pub mod metadata;
pub mod migration;
pub mod monitor;
mod node;
pub mod process;
pub mod recipes;
pub mod shutdown;
mod suite;

pub use agent::Agent;
pub use call::{Call, Ended};
pub use node::{GUEST, Node, install, only_state};
