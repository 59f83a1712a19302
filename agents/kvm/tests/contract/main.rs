//! The contract: the built agent, as Pacemaker runs it, on pretend hosts that do what each test says.
//!
//! No root, no daemon and no guest is needed. What holds for every call (a code that OCF knows, in
//! time, one line with the reason if it failed, nothing else) is checked at each one, in `node`.

#![allow(clippy::unwrap_used, reason = "tests")]

mod input;
mod lifecycle;
mod metadata;
mod migration;
mod monitor;
mod node;
mod process;
mod shutdown;
