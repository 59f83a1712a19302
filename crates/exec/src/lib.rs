//! The one door for external programs.
//!
//! Every program that Hawser runs goes through [`Tool`]: it is looked up in a fixed list of
//! directories (an agent may be started with no `PATH` at all), it gets a small fixed environment
//! in the C locale and no terminal, it runs in a session of its own (Pacemaker's SIGKILL goes to the
//! agent's process group and must not tear a half-done `virsh` or `qemu-img` apart), it ends by its
//! [`Deadline`], and what it wrote to stderr is kept in the error. No shell is ever involved.
//!
//! ```no_run
//! use exec::{Deadline, Tool};
//! use std::time::Duration;
//!
//! let node = Tool::new("crm_node").arg("-n").run(Deadline::after(Duration::from_secs(2)))?;
//! let name = node.text().trim().to_owned();
//! # Ok::<(), exec::Error>(())
//! ```

mod capture;
mod child;
mod deadline;
mod session;
mod tool;
mod word;

pub use child::Child;
pub use deadline::Deadline;
pub use tool::{Error, Output, SEARCH_PATH, Tool, find};
pub use word::quoted;
