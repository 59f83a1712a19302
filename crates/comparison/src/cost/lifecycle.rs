//! Start and stop of a guest of libvirt's, beside what libvirt alone takes for them.

use super::worker::{Command, Cost};
use super::{ACTION_TIME, BOOT_TIME, Bench, command};
use crate::series::Series;
use crate::table::{Figure, RATIO, Table};
use crate::{Action, Call, Error, Subject, resource};
use exec::Deadline;
use lab::Guest;
use lab::image::Hypervisor;
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

const DOERS: [Doer; 3] =
    [None, Some(Subject::Ours(Hypervisor::Kvm)), Some(Subject::Stock(Hypervisor::Kvm))];

/// Starts and stops a guest `count` times with each in turn, every second time by force, and gives the
/// figures as Markdown.
pub fn measure(bench: &Bench<'_>, count: usize) -> Result<String, Error> {
    bench.lab.run("pcs", &["property", "set", "maintenance-mode=true"])?;
    for subject in bench.setting.subjects() {
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
    Ok(format!("### Start and stop\n\n{}", table(&costs)))
}

fn guest(doer: Doer) -> Guest {
    resource::guest(doer.unwrap_or(Subject::Ours(Hypervisor::Kvm)))
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

fn table(costs: &[(Doer, Deed, Cost)]) -> String {
    let mut table = Table::new(
        ["action", "by"],
        ["n", "wall, median", "p95", "CPU, median", "wall beyond libvirt", "CPU beyond libvirt"],
    );
    for (deed, title) in Deed::ALL {
        let [libvirt, ours, stock] = DOERS.map(|doer| {
            let of = costs.iter().filter(|it| (it.0, it.1) == (doer, deed)).map(|it| &it.2);
            (of.clone().map(|it| it.wall).collect(), of.map(|it| it.cpu).collect())
        });
        table.row([title, &name(None, deed)], figures(&libvirt, None));
        let (ours, stock) = (figures(&ours, Some(&libvirt)), figures(&stock, Some(&libvirt)));
        for (subject, figures) in Subject::both(Hypervisor::Kvm).into_iter().zip([ours, stock]) {
            table.row([title, &subject.to_string()], figures);
        }
        table.ratios([title, RATIO], ours, stock);
    }
    table.to_string()
}

/// Wall and CPU times of the same deed.
type Times = (Series<Duration>, Series<Duration>);

/// The figures of a deed, and what of its times is not `libvirt`'s own.
fn figures((wall, cpu): &Times, libvirt: Option<&Times>) -> [Figure; 6] {
    let beyond = |time: Duration, of: fn(&Times) -> Duration| {
        libvirt.map_or(Figure::Nothing, |it| Figure::Time(time.saturating_sub(of(it))))
    };
    [
        Figure::Count(wall.len()),
        Figure::Time(wall.median()),
        Figure::Time(wall.p95()),
        Figure::Time(cpu.median()),
        beyond(wall.median(), |it| it.0.median()),
        beyond(cpu.median(), |it| it.1.median()),
    ]
}
