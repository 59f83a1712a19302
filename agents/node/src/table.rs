use ocf::{Action, Agent, Parameter, Verb};

/// What Pacemaker is told about `ocf:hawser:node`.
pub static AGENT: Agent = Agent {
    name: "node",
    version: env!("CARGO_PKG_VERSION"),
    shortdesc: "Watches a node's health, with hysteresis",
    longdesc: "Judges the health of the node that it runs on and sets the node attribute #health-hawser to green, \
yellow or red. What the cluster makes of that is for its property node-health-strategy to say. It is meant as a clone:

pcs resource create health ocf:hawser:node op monitor interval=10s timeout=60s on-fail=ignore \
clone allow-unhealthy-nodes=true

The clone needs the meta attribute allow-unhealthy-nodes=true: without it the resource would leave a node that is red, \
and so take back that it is. on-fail=ignore keeps what is known of a node that is too busy to answer a monitor in time.

A node is judged by four sources: how long processes wait for a processor (cpu), how long all of them wait for memory \
(memory), both as the kernel measures it (PSI); errors that the kernel counts of disks (disks); and guests of this \
suite's agents that fail there together (guests). Each is judged by itself, with two thresholds: pressure counts when it \
is at the upper one, and then until it is at the lower one. That it is there, or not any more, has to last before the \
colour changes.

A monitor never fails. One that cannot tell the cluster gives 190, which Pacemaker shows and does not act upon, and the \
next one tries again. Where the kernel does not measure pressure, that source stays green; validate-all with \
OCF_CHECK_LEVEL=10 says so.

Every parameter can be changed at any time.",
    parameters: &[
        &YELLOW,
        &RED,
        &CPU_PRESSURE,
        &MEMORY_PRESSURE,
        &DISK_ERRORS,
        &FAILED_GUESTS,
        &WORSE_AFTER,
        &BETTER_AFTER,
    ],
    actions: &[
        Action::new(Verb::Start, 30),
        Action::new(Verb::Stop, 30),
        Action::new(Verb::Status, 60).every(10),
        Action::new(Verb::Monitor, 60).every(10),
        Action::new(Verb::ReloadAgent, 30),
        Action::new(Verb::ValidateAll, 5),
        Action::new(Verb::MetaData, 5),
    ],
};

/// No source: pcs takes an empty value for an unset one.
pub const NONE: &str = "none";

pub const YELLOW: Parameter<String> = Parameter::string(
    "yellow",
    "What makes the node yellow",
    "Sources, separated by spaces, that make the node yellow when they are bad: cpu, memory, disks, guests. For example, \
     \"disks guests\" where processors may be as busy as they like. A source that is neither here nor in red is not \
     heeded. none: the node is never yellow for itself.",
)
.default("cpu disks guests")
.reloadable();

pub const RED: Parameter<String> = Parameter::string(
    "red",
    "What makes the node red",
    "Sources that make the node red, which with most strategies has every resource leave it, guests by live migration. So \
     it is for what gets better by that on one node, and does not come over all nodes at once: with every node red nothing \
     runs anywhere. A node does not turn red where the cluster knows of no other one that is green or yellow. For example, \
     \"memory guests\" where guests that fail together are their node's fault and never that of a network or storage which \
     all nodes share. none: the node is never red.",
)
.default("memory")
.reloadable();

pub const CPU_PRESSURE: Parameter<String> = Parameter::string(
    "cpu_pressure",
    "When processors are too busy (%)",
    "In which share of the last minute processes waited for a processor, in percent: the threshold below which that is \
     over, and the one from which on it counts. For example, 20-40 for guests that cannot wait. The kernel shows it as \
     avg60 of \"some\" in /proc/pressure/cpu.",
)
.default("50-80")
.reloadable();

pub const MEMORY_PRESSURE: Parameter<String> = Parameter::string(
    "memory_pressure",
    "When memory is too scarce (%)",
    "In which share of the last minute nothing on the node could go on for want of memory, in percent: the threshold at \
     which that is over, and the one from which on it counts. For example, 2-10 to get guests away early. The kernel shows \
     it as avg60 of \"full\" in /proc/pressure/memory.",
)
.default("5-20")
.reloadable();

pub const DISK_ERRORS: Parameter<u64> = Parameter::integer(
    "disk_errors",
    "How many errors make disks bad",
    "How many new errors of disks, within the time of better_after, make them bad; they are so until there was none for as \
     long. Counted are those that the kernel counts of SCSI and SATA disks, of members of MD arrays, and of ext4 and btrfs. \
     Some disks count a request that they do not know, as monitoring programs make them. For example, 1 where there are \
     none of those.",
)
.range(1, 1_000_000)
.default("5")
.reloadable();

pub const FAILED_GUESTS: Parameter<u64> = Parameter::integer(
    "failed_guests",
    "How many guests that fail make the node suspect",
    "How many guests that fail on the node within 120 s, and less than better_after, are the node's fault; it is until none \
     has failed there for the time of better_after. A guest has failed when its agent's monitor finds it failed or gone. For \
     example, 5 on a node with many small guests that depend on each other.",
)
.range(2, 1000)
.default("3")
.reloadable();

pub const WORSE_AFTER: Parameter<u64> = Parameter::integer(
    "worse_after",
    "How long pressure has to last (s)",
    "How long the pressure on processors or memory has to be above its thresholds before it counts, in seconds. For example, \
     300 where backups keep a node busy for some minutes. Errors and guests that failed count at once.",
)
.range(0, 86_400)
.default("60")
.reloadable();

pub const BETTER_AFTER: Parameter<u64> = Parameter::integer(
    "better_after",
    "How long it has to be gone (s)",
    "How long a source has to be well again before that counts, in seconds. It is what keeps guests from going to and fro: \
     less load is the first thing that comes of their leaving, and it has to be longer than that takes. For example, 3600 to keep a node that was unhealthy empty \
     for an hour.",
)
.range(2, 86_400)
.default("900")
.reloadable();
