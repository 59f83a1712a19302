//! Many guests of libvirt's, monitored by a real cluster.

use super::worker::Worker;
use super::{Program, Report, command};
use crate::resource::{self, Operations};
use crate::table::{Figure, RATIO, Table};
use crate::{Error, Setting, Subject, Verdict};
use exec::Deadline;
use lab::{Guest, Lab};
use std::thread;
use std::time::{Duration, Instant};

/// How often each guest is monitored.
const INTERVAL: Duration = Duration::from_secs(10);

/// How long the cluster may take to find the guests and monitor all of them.
const ADOPTION_TIME: Duration = Duration::from_secs(600);

/// The nodes.
const NODES: [&str; 2] = ["n1", "n2"];

/// What CPU time is counted by, before their sum: the agents, and daemons. QEMU is left out.
const COLUMNS: [&str; 5] =
    ["agents", "pacemaker-based", "libvirtd", "corosync", "rest of Pacemaker"];

/// Those that work for the sake of monitors, and not of the cluster, and what they may use together.
const MONITORING: usize = 3;
const SHARE: f64 = 3.0;

/// How many guests, and for how long they are watched.
#[derive(Debug, Clone, Copy)]
pub struct Fleet {
    /// 1 to 99; 50 need about 4 GiB of memory.
    pub guests: u8,
    /// Some intervals of the monitors: they run every 10 s.
    pub time: Duration,
}

/// Has a cluster monitor a number of guests with each agent in turn.
///
/// # Errors
/// When the lab cannot be made, or a guest is not well all along.
pub fn many_guests(setting: Setting<'_>, program: &Program, fleet: Fleet) -> Result<Report, Error> {
    let [agents, cib, libvirtd, corosync, rest] = COLUMNS;
    let headings = [agents, cib, libvirtd, corosync, rest, "sum"];
    let mut table = Table::new(["CPU, of one core"], headings);
    let [our_agent, stock_agent] = setting.subjects();
    let ours = with(setting, program, fleet, our_agent)?;
    let stock = with(setting, program, fleet, stock_agent)?;
    let [our_figures, stock_figures] = [ours, stock].map(figures);
    table.row([&our_agent.to_string()], our_figures);
    table.row([&stock_agent.to_string()], stock_figures);
    table.ratios([RATIO], our_figures, stock_figures);
    let mut verdict = Verdict::default();
    let monitoring = ours[..MONITORING].iter().sum::<f64>();
    let what = COLUMNS[..MONITORING].join(", ");
    verdict.claim(
        format!(
            "{} guests take {monitoring:.2} % of a core ({what}), less than {SHARE} %",
            fleet.guests
        ),
        monitoring < SHARE,
    );
    let figures = format!(
        "### {} guests on {} nodes, each monitored every {} s\n\n\
         Measured for {} s each; both nodes together, without QEMU.\n\n{table}",
        fleet.guests,
        NODES.len(),
        INTERVAL.as_secs(),
        fleet.time.as_secs()
    );
    Ok(Report { figures, verdict })
}

fn figures(used: [f64; COLUMNS.len()]) -> [Figure; COLUMNS.len() + 1] {
    let [agents, cib, libvirtd, corosync, rest] = used;
    [agents, cib, libvirtd, corosync, rest, used.iter().sum()].map(Figure::Percent)
}

/// What was used with an agent, in percent of one core, by [`COLUMNS`].
fn with(
    setting: Setting<'_>,
    program: &Program,
    fleet: Fleet,
    subject: Subject,
) -> Result<[f64; COLUMNS.len()], Error> {
    let lab = setting.lab(setting.describe("bench-fleet")?.nodes(2))?;
    let worker = Worker::install(&lab, program)?;
    let guests: Vec<Guest> =
        (0..fleet.guests).map(|it| Guest::new(format!("small-{it}"), it)).collect();
    setting.note(&format!("starting {} guests", guests.len()));
    start(&lab, &worker, &guests)?;
    setting.note(&format!("handing them to {subject}"));
    // The cluster finds that they run.
    resource::create(
        &lab,
        subject,
        &guests,
        Operations { interval: INTERVAL, ..Operations::default() },
    )?;
    wait_monitored(&lab, &guests)?;

    setting.note(&format!("measuring for {} s", fleet.time.as_secs()));
    let (begun, before) = (Instant::now(), used(&lab, &worker)?);
    thread::sleep(fleet.time);
    let (elapsed, after) = (begun.elapsed(), used(&lab, &worker)?);
    if running(&lab)? != guests.len() {
        return Err(Error::Unsuccessful { what: format!("monitoring by {subject}") });
    }
    lab.down()?;
    let mut earlier = before.into_iter();
    Ok(after.map(|it| {
        let used = it.saturating_sub(earlier.next().unwrap_or_default());
        used.as_secs_f64() * 100.0 / elapsed.as_secs_f64()
    }))
}

/// Starts the guests, dealt out to the nodes. They have no system to boot, and do nothing.
fn start(lab: &Lab, worker: &Worker, guests: &[Guest]) -> Result<(), Error> {
    for (place, node) in NODES.iter().enumerate() {
        let mut commands = Vec::new();
        for guest in guests.iter().skip(place).step_by(NODES.len()) {
            let path = lab.shared().join(format!("{}.xml", guest.name));
            std::fs::write(&path, domain(guest))
                .map_err(|source| Error::Install { path, source })?;
            let config = guest.config().display().to_string();
            commands.push(command("virsh", &["-c", "qemu:///system", "create", &config]));
        }
        let costs = worker.run(&lab.node(node)?, commands)?;
        if !costs.iter().all(|it| it.success) {
            return Err(Error::Unsuccessful { what: format!("virsh create on {node}") });
        }
    }
    Ok(())
}

fn domain(guest: &Guest) -> String {
    format!(
        "<domain type='qemu'>
  <name>{}</name>
  <uuid>{}</uuid>
  <memory unit='MiB'>16</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>
",
        guest.name,
        guest.uuid()
    )
}

/// Waits until the cluster has nothing more to do for the guests, and one more round of monitors is
/// over: the first costs more.
fn wait_monitored(lab: &Lab, guests: &[Guest]) -> Result<(), Error> {
    let deadline = Deadline::after(ADOPTION_TIME);
    while running(lab)? < guests.len() || !lab.is_idle()? {
        if !deadline.pause(Duration::from_secs(1)) {
            let what = format!("monitoring of {} guests", guests.len());
            return Err(lab::Error::NotInTime { what }.into());
        }
    }
    thread::sleep(INTERVAL * 2);
    Ok(())
}

/// How many guests the cluster knows to run, without a failure.
fn running(lab: &Lab) -> Result<usize, Error> {
    let status = lab.run("crm_mon", &["-1", "--output-as", "xml"])?.text();
    let well = |line: &&str| {
        line.contains("<resource id=\"small-")
            && line.contains("role=\"Started\"")
            && line.contains("failed=\"false\"")
    };
    Ok(status.lines().filter(well).count())
}

/// The CPU time so far on all nodes, by [`COLUMNS`]. The agents are what Pacemaker's executor starts.
fn used(lab: &Lab, worker: &Worker) -> Result<[Duration; COLUMNS.len()], Error> {
    let mut used = [Duration::ZERO; COLUMNS.len()];
    for node in NODES {
        for daemon in worker.daemons(&lab.node(node)?)? {
            let column = COLUMNS.iter().position(|it| *it == daemon.name);
            used[column.unwrap_or(COLUMNS.len() - 1)] += daemon.own;
            if daemon.name == "pacemaker-execd" {
                used[0] += daemon.children;
            }
        }
    }
    Ok(used)
}
