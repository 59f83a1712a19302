//! Start and stop, beside what libvirt alone takes for them.

use super::worker::{Command, Cost};
use super::{ACTION_TIME, BOOT_TIME, Bench, command};
use crate::series::Series;
use crate::table::{Table, ratio};
use crate::{Action, Call, Error, Subject, resource};
use exec::Deadline;
use lab::Guest;
use lab::report::duration;
use std::path::Path;
use std::time::Duration;

const URI: &str = "qemu:///system";

/// Where libvirt keeps the pid files of its guests: one is there as long as its guest is.
const PID_FILES: &str = "/run/libvirt/qemu";

/// What is done to a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Start,
    /// With its own help, until it is gone.
    ShutDown,
    /// At once.
    Destroy,
}

impl Deed {
    const ALL: [(Self, &str); 3] = [
        (Self::Start, "start"),
        (Self::Destroy, "stop, `force_stop`"),
        (Self::ShutDown, "stop, graceful"),
    ];

    /// What libvirt's own client does for it.
    fn of_libvirt(self, guest: &Guest) -> Command {
        let name = guest.name.as_str();
        let config = guest.config().display().to_string();
        match self {
            Self::Start => command("virsh", &["-c", URI, "create", &config]),
            Self::Destroy => command("virsh", &["-c", URI, "destroy", name]),
            Self::ShutDown => Command {
                until_gone: Some(Path::new(PID_FILES).join(format!("{name}.pid"))),
                ..command("virsh", &["-c", URI, "shutdown", name])
            },
        }
    }

    fn of_agent(self, bench: &Bench<'_>, subject: Subject, guest: &Guest) -> Command {
        let action = if self == Self::Start { Action::Start } else { Action::Stop };
        let force = if self == Self::Destroy { "true" } else { "false" };
        let call = Call::new(action, ACTION_TIME).parameter("force_stop", force);
        bench.agent(subject, guest, &call)
    }
}

/// Who does it: libvirt alone, or an agent.
type Doer = Option<Subject>;

const DOERS: [Doer; 3] = [None, Some(Subject::Ours), Some(Subject::Stock)];

/// Starts and stops a guest `count` times with each in turn, every second time by force, and gives the
/// figures as Markdown.
pub fn measure(bench: &Bench<'_>, count: usize) -> Result<String, Error> {
    bench.lab.run("pcs", &["property", "set", "maintenance-mode=true"])?;
    for subject in Subject::ALL {
        perform(bench, Some(subject), Deed::Destroy)?;
    }
    let mut costs: Vec<(Doer, Deed, Cost)> = Vec::new();
    for round in 0..count {
        bench.setting.note(&format!("starting and stopping, round {} of {count}", round + 1));
        let end = if round % 2 == 0 { Deed::Destroy } else { Deed::ShutDown };
        for doer in DOERS {
            costs.push((doer, Deed::Start, perform(bench, doer, Deed::Start)?));
            if end == Deed::ShutDown {
                // A guest that still boots does not hear that it is to shut down.
                let guest = guest(doer);
                resource::wait_up(bench.lab, &guest, Deadline::after(BOOT_TIME))?;
            }
            costs.push((doer, end, perform(bench, doer, end)?));
        }
    }
    Ok(format!("## Start and stop\n\n{}", table(&costs)))
}

fn guest(doer: Doer) -> Guest {
    resource::guest(doer.unwrap_or(Subject::Ours))
}

fn perform(bench: &Bench<'_>, doer: Doer, deed: Deed) -> Result<Cost, Error> {
    let guest = guest(doer);
    let command = match doer {
        None => deed.of_libvirt(&guest),
        Some(subject) => deed.of_agent(bench, subject, &guest),
    };
    let costs = bench.worker.run(&bench.node, vec![command])?;
    let what = || format!("{deed:?} by {}", name(doer, deed));
    costs.into_iter().find(|it| it.success).ok_or_else(|| Error::Unsuccessful { what: what() })
}

fn name(doer: Doer, deed: Deed) -> String {
    match (doer, deed) {
        (Some(subject), _) => subject.to_string(),
        (None, Deed::Start) => "`virsh create`".to_owned(),
        (None, Deed::Destroy) => "`virsh destroy`".to_owned(),
        (None, Deed::ShutDown) => "`virsh shutdown`, until gone".to_owned(),
    }
}

fn table(costs: &[(Doer, Deed, Cost)]) -> Table {
    let mut table = Table::new(
        ["action", "by"],
        ["n", "wall, median", "p95", "CPU, median", "wall beyond libvirt", "CPU beyond libvirt"],
    );
    for (deed, title) in Deed::ALL {
        let [libvirt, ours, stock] = DOERS.map(|doer| {
            let of = costs.iter().filter(|it| (it.0, it.1) == (doer, deed)).map(|it| &it.2);
            let wall: Series<Duration> = of.clone().map(|it| it.wall).collect();
            let cpu: Series<Duration> = of.clone().map(|it| it.cpu).collect();
            (doer, of.count(), wall, cpu)
        });
        let beyond = |it: &Series<Duration>, base: &Series<Duration>| {
            it.median().saturating_sub(base.median())
        };
        for (doer, count, wall, cpu) in [&libvirt, &ours, &stock] {
            let mut cells = vec![title.to_owned(), name(*doer, deed), count.to_string()];
            cells.extend([wall.median(), wall.p95(), cpu.median()].map(duration));
            if doer.is_some() {
                cells.extend([beyond(wall, &libvirt.2), beyond(cpu, &libvirt.3)].map(duration));
            }
            table.row(cells);
        }
        table.row([
            title.to_owned(),
            "ratio ours/stock".to_owned(),
            String::new(),
            ratio(ours.2.median(), stock.2.median()),
            ratio(ours.2.p95(), stock.2.p95()),
            ratio(ours.3.median(), stock.3.median()),
            ratio(beyond(&ours.2, &libvirt.2), beyond(&stock.2, &libvirt.2)),
            ratio(beyond(&ours.3, &libvirt.3), beyond(&stock.3, &libvirt.3)),
        ]);
    }
    table
}
