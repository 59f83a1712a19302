//! Many guests, monitored by a real cluster.

use super::worker::Worker;
use super::{Extent, Program, command};
use crate::table::{Table, ratio};
use crate::{Error, Setting, Subject};
use exec::Deadline;
use lab::{Guest, Lab, SHARED};
use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How often each guest is monitored.
const INTERVAL: Duration = Duration::from_secs(10);

/// How long the cluster may take to find the guests and monitor all of them.
const ADOPTION_TIME: Duration = Duration::from_secs(600);

/// The nodes.
const NODES: [&str; 2] = ["n1", "n2"];

/// The CPU time of what the agents start, and of daemons, in a stretch of time.
struct Usage {
    elapsed: Duration,
    agents: Duration,
    daemons: BTreeMap<String, Duration>,
}

/// Has a cluster monitor a number of guests with each agent in turn, and gives the figures as Markdown.
pub fn measure(setting: Setting<'_>, program: &Program, extent: Extent) -> Result<String, Error> {
    let ours = with(setting, program, extent, Subject::Ours)?;
    let stock = with(setting, program, extent, Subject::Stock)?;
    let title = format!(
        "## {} guests on {} nodes, each monitored every {} s\n\nMeasured for {} s each, in % of one core, \
         both nodes together, QEMU left out.\n",
        extent.guests,
        NODES.len(),
        INTERVAL.as_secs(),
        extent.time.as_secs()
    );
    Ok(format!("{title}\n{}", table(&ours, &stock)))
}

fn with(
    setting: Setting<'_>,
    program: &Program,
    extent: Extent,
    subject: Subject,
) -> Result<Usage, Error> {
    let lab = setting.lab("bench-fleet", u8::try_from(NODES.len()).unwrap_or(u8::MAX))?;
    let worker = Worker::install(&lab, program)?;
    let guests: Vec<Guest> =
        (0..extent.guests).map(|it| Guest::new(format!("small-{it}"), it)).collect();
    setting.note(&format!("starting {} guests", guests.len()));
    start(&lab, &worker, &guests)?;
    setting.note(&format!("handing them to {subject}"));
    configure(&lab, subject, &guests)?;
    wait_monitored(&lab, &guests)?;

    setting.note(&format!("measuring for {} s", extent.time.as_secs()));
    let (begun, before) = (Instant::now(), used(&lab, &worker)?);
    thread::sleep(extent.time);
    let (elapsed, after) = (begun.elapsed(), used(&lab, &worker)?);
    if running(&lab)? != guests.len() {
        return Err(Error::Unsuccessful { what: format!("monitoring by {subject}") });
    }
    lab.down()?;
    let since = |name: &String, it: Duration| {
        it.saturating_sub(before.1.get(name).copied().unwrap_or_default())
    };
    Ok(Usage {
        elapsed,
        agents: after.0.saturating_sub(before.0),
        daemons: after
            .1
            .into_iter()
            .map(|(name, it)| {
                let it = since(&name, it);
                (name, it)
            })
            .collect(),
    })
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

/// Makes all of them resources in one change of the configuration. The cluster finds that they run.
fn configure(lab: &Lab, subject: Subject, guests: &[Guest]) -> Result<(), Error> {
    let resources: String = guests.iter().map(|guest| primitive(subject, guest)).collect();
    let (file, text) = ("fleet.cib", format!("<resources>{resources}</resources>"));
    let path = lab.shared().join(file);
    std::fs::write(&path, text).map_err(|source| Error::Install { path, source })?;
    let file = Path::new(SHARED).join(file).display().to_string();
    lab.run(
        "cibadmin",
        &["--modify", "--allow-create", "--scope", "resources", "--xml-file", &file],
    )?;
    Ok(())
}

fn primitive(subject: Subject, guest: &Guest) -> String {
    let (name, provider, kind) = (&guest.name, subject.provider(), subject.type_name());
    let parameters: String = subject
        .parameters(guest)
        .into_iter()
        .map(|(key, value)| format!("<nvpair id='{name}-{key}' name='{key}' value='{value}'/>"))
        .collect();
    let seconds = INTERVAL.as_secs();
    format!(
        "<primitive id='{name}' class='ocf' provider='{provider}' type='{kind}'>\
         <instance_attributes id='{name}-parameters'>{parameters}</instance_attributes>\
         <operations>\
         <op id='{name}-monitor' name='monitor' interval='{seconds}s' timeout='60s'/>\
         </operations>\
         <meta_attributes id='{name}-meta'>\
         <nvpair id='{name}-stickiness' name='resource-stickiness' value='1000'/>\
         </meta_attributes></primitive>"
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

/// The CPU time so far on all nodes: of the agents, which are what Pacemaker's executor starts, and of
/// the daemons themselves.
fn used(lab: &Lab, worker: &Worker) -> Result<(Duration, BTreeMap<String, Duration>), Error> {
    let (mut agents, mut daemons) = (Duration::ZERO, BTreeMap::<String, Duration>::new());
    for node in NODES {
        for time in worker.daemons(&lab.node(node)?)? {
            if time.name == "pacemaker-execd" {
                agents += time.children;
            }
            *daemons.entry(time.name).or_default() += time.own;
        }
    }
    Ok((agents, daemons))
}

fn table(ours: &Usage, stock: &Usage) -> Table {
    let mut table = Table::new(
        ["% of one core"],
        ["agents", "pacemaker-based", "libvirtd", "corosync", "rest of Pacemaker", "sum"],
    );
    let columns = |usage: &Usage| {
        let named = ["pacemaker-based", "libvirtd", "corosync"]
            .map(|name| usage.daemons.get(name).copied().unwrap_or_default());
        let [cib, libvirtd, corosync] = named;
        let all: Duration = usage.daemons.values().sum();
        let rest = all.saturating_sub(named.iter().sum());
        [usage.agents, cib, libvirtd, corosync, rest, usage.agents + all]
    };
    for (subject, usage) in [(Subject::Ours, ours), (Subject::Stock, stock)] {
        let percent =
            |it: Duration| format!("{:.2}", it.as_secs_f64() * 100.0 / usage.elapsed.as_secs_f64());
        let mut cells = vec![subject.to_string()];
        cells.extend(columns(usage).map(percent));
        table.row(cells);
    }
    let mut cells = vec!["ratio ours/stock".to_owned()];
    cells.extend(
        columns(ours).into_iter().zip(columns(stock)).map(|(ours, stock)| ratio(ours, stock)),
    );
    table.row(cells);
    table
}
