use crate::{Turn, soon, wait_until};
use lab::Guest;

/// A moment of a guest's migration, as its source's libvirt tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The copy that is to take the guest in has been started.
    Setup,
    /// All of the memory is being sent.
    FirstPass,
    /// What the guest has dirtied is being sent, again and again.
    LatePass,
    /// The guest stands still on both nodes, and the last of its memory is being sent.
    Switchover,
    /// The agent has answered.
    After,
}

impl Moment {
    /// Waits for the moment. The one after it is the caller's to know.
    ///
    /// # Panics
    /// When it has not come after 30 s.
    pub fn wait(self, lab: &Turn, source: &str, guest: &Guest) {
        let what = format!("{self:?} of the migration of {}", guest.name);
        wait_until(&what, soon(), || self.has_come(lab, source, guest));
    }

    fn has_come(self, lab: &Turn, source: &str, guest: &Guest) -> bool {
        let pass = || {
            let job = lab.output(source, "virsh", &["domjobinfo", &guest.name]).text();
            let field = |name: &str| {
                let line = job.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|it| it.trim().split('.').next()?.parse::<u64>().ok())
            };
            field("Iteration:").unwrap_or_default()
        };
        match self {
            Self::After => true,
            Self::Setup => lab.copies(guest).len() == 2,
            Self::FirstPass => pass() >= 1,
            Self::LatePass => pass() >= 3,
            Self::Switchover => {
                let state = lab.output(source, "virsh", &["domstate", "--reason", &guest.name]);
                state.text().contains("paused (migrating)")
            }
        }
    }
}
