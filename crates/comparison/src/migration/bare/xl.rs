//! A guest of Xen without a cluster: xl is told by hand.

use crate::stage::{self, BOOT_TIME, NODES};
use crate::{Error, Setting, resource, subject};
use exec::Deadline;
use lab::image::Hypervisor;
use lab::{Guest, Lab};
use std::time::{Duration, Instant};

/// How long a migration may take until it is given up. Most take 20 s to 60 s.
const MIGRATION_TIME: Duration = Duration::from_secs(300);

/// The guest, wherever it runs now.
pub struct Xl {
    guest: Guest,
    node: &'static str,
}

impl Xl {
    pub fn start(setting: Setting<'_>, lab: &Lab, guest: Guest) -> Result<Self, Error> {
        lab.place(&guest, setting.within(BOOT_TIME))?;
        let node = NODES[0];
        let create = lab.node(node)?.tool("xl")?.arg("create");
        create.arg(subject::config(Hypervisor::Xen, &guest)).run(setting.within(BOOT_TIME))?;
        resource::wait_up(lab, &guest, setting.within(BOOT_TIME))?;
        Ok(Self { guest, node })
    }

    pub fn migrate(&mut self, lab: &Lab) -> Result<Option<Duration>, Error> {
        let away = stage::other(self.node);
        let begun = Instant::now();
        let migrate = lab.node(self.node)?.tool("xl")?.args(["migrate", &self.guest.name, away]);
        if !migrate.output(Deadline::after(MIGRATION_TIME))?.status.success() {
            return Ok(None);
        }
        self.node = away;
        Ok(Some(begun.elapsed()))
    }
}
