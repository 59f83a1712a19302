//! What Pacemaker knows about resources, and what an agent tells it.
//!
//! Everything here asks the cluster's information base through Pacemaker's own tools. That can take
//! long or fail, for instance while the cluster shuts down, so it is best effort: each call has a
//! deadline, and it has no place in a plain recurring monitor. Each write aborts the transition
//! that Pacemaker is in, so nothing is written that is there already.

mod pacemaker;
mod standing;
mod transient;
mod utilization;

pub use pacemaker::{Error, Pacemaker};
pub use standing::Standing;
pub use transient::HEALTH;
pub use utilization::Change;
