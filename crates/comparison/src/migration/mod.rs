//! Live migrations: what a guest's users notice of them, and whether the guest survives them.
//!
//! Three guests are migrated in turn: one by each agent, under the cluster's orders, and one by its
//! hypervisor alone, which shows what is possible.

mod bare;
mod load;
mod report;
mod round;

use load::working_set;
pub use load::{LINK, Load};
pub use report::Report;

use crate::resource::{self, Operations};
use crate::stage::{Cause, NODES, Stage};
use crate::{Error, Setting, Subject};
use bare::Bare;
use lab::Guest;
use lab::image::Hypervisor;
use std::fmt;
use std::time::Duration;

/// The memory that a guest boots with, in MiB. It has more for what it writes.
const MEMORY: u32 = 80;

/// How long a migrate_to may take.
const MIGRATION_TIME: Duration = Duration::from_secs(30);

/// How many migrations of the bare guest must fail, with none that succeeds, to show that they all do.
const HOPELESS: usize = 3;

/// Who migrates a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mover {
    Agent(Subject),
    Bare(Hypervisor),
}

impl Mover {
    /// Ours, the stock one, and the hypervisor alone.
    fn all(hypervisor: Hypervisor) -> [Self; 3] {
        let [ours, stock] = Subject::both(hypervisor).map(Self::Agent);
        [ours, stock, Self::Bare(hypervisor)]
    }

    fn is_bare(self) -> bool {
        matches!(self, Self::Bare(_))
    }

    fn guest(self) -> Guest {
        let (guest, hypervisor) = match self {
            Self::Agent(subject) => (resource::guest(subject), subject.hypervisor()),
            Self::Bare(hypervisor) => (resource::named(hypervisor, "bare", 2), hypervisor),
        };
        Guest { memory: guest.memory.max(MEMORY + working_set(hypervisor)), ..guest }
    }
}

impl fmt::Display for Mover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(subject) => subject.fmt(f),
            Self::Bare(Hypervisor::Kvm) => f.write_str("bare QEMU"),
            Self::Bare(Hypervisor::Xen) => f.write_str("bare xl"),
        }
    }
}

/// A cluster with the three guests.
pub struct Bench<'a> {
    stage: Stage<'a>,
    /// The speed of each node's link, in Mbit/s.
    link: u32,
    bare: Bare,
}

impl<'a> Bench<'a> {
    /// Makes the cluster, with links of so many Mbit/s for migrations, and boots the guests, which takes
    /// about 30 s, and some minutes on Xen, where links have no speed of their own.
    ///
    /// # Errors
    /// When the lab cannot be made, or a guest does not start.
    pub fn new(setting: Setting<'a>, link: u32) -> Result<Self, Error> {
        let lab = setting.describe("bench-migration")?.nodes(2);
        let lab = match setting.hypervisor {
            Hypervisor::Kvm => lab.link_speed(link),
            Hypervisor::Xen => lab,
        };
        let stage = Stage::set(setting, lab)?;
        let operations = Operations { migration: MIGRATION_TIME, ..Operations::default() };
        for subject in setting.subjects() {
            let guest = Mover::Agent(subject).guest();
            stage.enlist(subject, &guest, operations)?;
            stage.send(&guest, NODES[0])?;
        }
        let mover = Mover::Bare(setting.hypervisor);
        setting.note(&format!("starting a guest with {mover}"));
        let bare = Bare::start(setting, &stage.lab, mover.guest())?;
        Ok(Self { stage, link, bare })
    }

    /// Migrates each of the guests `count` times in turn, under a load, every other time by standby of its
    /// node, where that is not emulated. All begin on the same node, and each goes first in every third round: who does
    /// finds a target that has nothing else to do. 25 times take about 12 minutes, and 35 when the guest is faster than the
    /// link and has to be restarted.
    ///
    /// # Errors
    /// When a guest does not come back from a migration that has failed.
    pub fn measure(&mut self, load: Load, count: usize) -> Result<Report, Error> {
        let hypervisor = self.stage.setting.hypervisor;
        let mut report = Report::new(hypervisor, load);
        let causes = Cause::all(hypervisor).iter().copied().cycle();
        let mut movers = Mover::all(hypervisor);
        for (number, cause) in (1..=count).zip(causes) {
            for mover in movers {
                if mover.is_bare() && report.never_ends(mover, HOPELESS) {
                    continue;
                }
                self.stage.setting.note(&format!("{load}: round {number} of {count}, {mover}"));
                let round = self.round(mover, cause, load)?;
                self.stage.setting.note(&format!("  {round}"));
                report.add(round);
            }
            movers.rotate_left(1);
        }
        Ok(report)
    }

    /// Ends the cluster.
    ///
    /// # Errors
    /// When processes do not end.
    pub fn end(self) -> Result<(), Error> {
        Ok(self.stage.lab.down()?)
    }
}
