use agent::table::{
    CHECK_FAILURES, CHECK_GRACE, CHECK_SERVICES, CHECK_TIME, MIGRATION_NETWORK_SUFFIX,
    MIGRATION_PRIORITY, MIGRATION_STATE_PATH, MONITOR_SCRIPTS, RECIPE, RECOVERY_LADDER,
    RECOVERY_REINSTALLS, RECOVERY_RELOCATIONS, RECOVERY_RESTARTS,
};
use hypervisor::xl::DEFAULT_TRANSPORT;
use ocf::{Action, Agent, Parameter, Verb};
use std::path::PathBuf;

/// What Pacemaker is told about `ocf:hawser:xen`.
pub static AGENT: Agent = Agent {
    name: "xen",
    version: env!("CARGO_PKG_VERSION"),
    shortdesc: "Manages a guest of Xen: start, stop, monitor, live migration",
    longdesc: "Manages one guest of Xen (PV, PVH or HVM) with xl alone, and every parameter of ocf:heartbeat:Xen \
is accepted with its meaning.

What the cluster is told is what was seen. A guest that has crashed, is being torn down, or is what a migration \
has left behind does not count as running. An xl that hangs is given its time and no more, and what it cannot tell \
the hypervisor is asked itself: a stop that succeeds is proof that nothing of the guest is left, with or without an \
xl that answers. A guest that reboots is not missed.

Before the guest is started every disk that it needs is looked for, with nothing changed or begun. A node that cannot \
reach one answers 5, with what is in the way, so that the cluster goes elsewhere. validate-all does the same with \
OCF_CHECK_LEVEL=10. What a block script makes a device of cannot be told before.

A guest is stopped by asking it over xenstore and by its power button, one after the other, then by xl destroy, then \
by the hypervisor.

Live migration needs allow-migrate=true, and a migration_transport that gets to the other nodes without asking \
anybody anything. What the guest needs on the target is looked for before anything is sent. PV guests can be sent \
live only by a hypervisor with shadow paging, which Debian's is built without; PVH and HVM guests by all. The guests of \
a node leave one after the other, the higher migration_priority and the smaller guest first; and how each migration \
went is kept in /var/lib/hawser/migrations/history.jsonl.

A plain monitor runs monitor_scripts if there are any. With OCF_CHECK_LEVEL=0 it does not. Where nothing has changed \
it takes one question to the hypervisor.

A monitor that finds a guest paused by an administrator or shutting down gives 190: Pacemaker shows it and leaves \
it alone. So does one that has to ask xl, and gets no answer, of a guest that runs. A plain monitor of a guest that \
is well asks the hypervisor alone, and gives 0 whatever has become of xl.

A guest of which the checks fail is suspect first, which gives 190 as well, and has failed when they do so in as many \
monitors as check_failures says. A script that cannot be run says nothing of the guest, and gives 190.

Every parameter but xmfile and name can be changed while the guest runs.",
    parameters: &[
        &XMFILE,
        &NAME,
        &SHUTDOWN_TIMEOUT,
        &SHUTDOWN_ACPI,
        &MIGRATION_TRANSPORT,
        &NODE_IP_ATTRIBUTE,
        &MIGRATION_NETWORK_SUFFIX,
        &MIGRATION_STATE_PATH,
        &MIGRATION_PRIORITY,
        &RECIPE,
        &CHECK_SERVICES,
        &MONITOR_SCRIPTS,
        &CHECK_TIME,
        &CHECK_FAILURES,
        &CHECK_GRACE,
        &RECOVERY_LADDER,
        &RECOVERY_RESTARTS,
        &RECOVERY_RELOCATIONS,
        &RECOVERY_REINSTALLS,
        &AUTOSET_CPU,
        &AUTOSET_HV_MEMORY,
        &ALLOW_MEM_MANAGEMENT,
        &RESERVED_DOM0_MEMORY,
    ],
    actions: &[
        Action::new(Verb::Start, 60),
        Action::new(Verb::Stop, 90),
        Action::new(Verb::Status, 30).every(10),
        Action::new(Verb::Monitor, 30).every(10),
        Action::new(Verb::MigrateTo, 120),
        Action::new(Verb::MigrateFrom, 120),
        Action::new(Verb::ReloadAgent, 30),
        Action::new(Verb::ValidateAll, 5),
        Action::new(Verb::MetaData, 5),
        Action::new(Verb::Notify, 5),
    ],
};

pub const XMFILE: Parameter<PathBuf> = Parameter::path(
    "xmfile",
    "Guest configuration file",
    "Absolute path to the guest's configuration file for xl. It is needed to start the guest; a running guest is \
     monitored, migrated and stopped without it, and it is never written to.",
)
.required()
.unique();

pub const NAME: Parameter<String> = Parameter::string(
    "name",
    "Guest name",
    "The guest's name, if it is to be another one than the configuration file says. Where neither says one, or the \
     file cannot be read, the guest is looked for under the resource's name.",
);

pub const SHUTDOWN_TIMEOUT: Parameter<u64> = Parameter::integer(
    "shutdown_timeout",
    "Time for shutting down (s)",
    "How long the guest may take to shut down, in seconds, before it is destroyed. 0: it is destroyed at once. Unset: \
     what the stop timeout leaves, of which 16 s, or half of it if that is less, are kept for ending the guest by \
     force.",
)
.range(0, 86_400)
.reloadable();

pub const SHUTDOWN_ACPI: Parameter<bool> = Parameter::boolean(
    "shutdown_acpi",
    "Press the power button first",
    "On stop, press the guest's power button first (xl trigger power), and ask it over xenstore (xl shutdown) only if \
     that does not help. Without this it is the other way round. For HVM guests without PV drivers.",
)
.default("false")
.reloadable();

pub const MIGRATION_TRANSPORT: Parameter<String> = Parameter::string(
    "migration_transport",
    "Command that runs another one on a node",
    "Command, with its options, that is given a node and a command to run there, as ssh is: the other node's xl is \
     asked through it, and the guest's memory goes through it. It must not ask for anything. The default keeps one \
     connection to a node for 30 s. Letters, digits and \
     -_./=:@,+%[] only, because xl hands it to a shell.",
)
.default(DEFAULT_TRANSPORT)
.reloadable();

pub const NODE_IP_ATTRIBUTE: Parameter<String> = Parameter::string(
    "node_ip_attribute",
    "Node attribute with the target's address",
    "Name of a node attribute that has the address to which a guest is sent that migrates to that node. Where the \
     target has no such attribute, or where the address leads to a host that has the name of another node, it is its \
     node name with migration_network_suffix.",
)
.reloadable();

pub const AUTOSET_CPU: Parameter<bool> = agent::table::AUTOSET_CPU.default("false");

pub const AUTOSET_HV_MEMORY: Parameter<bool> = Parameter::boolean(
    "autoset_utilization_hv_memory",
    "Set the utilization attribute hv_memory",
    "Set the resource's utilization attribute hv_memory to the guest's memory in MiB. Written only when it differs. \
     The nodes must have that attribute too, as NodeUtilization sets it, or the guest can be placed nowhere.",
)
.default("false")
.reloadable();

pub const ALLOW_MEM_MANAGEMENT: Parameter<bool> = Parameter::boolean(
    "allow_mem_management",
    "Share the node's memory out among its guests",
    "When the guest starts and less memory is free than it needs, the guests that run on the node and have more than \
     an even share of its memory give what is lacking (xl mem-set), if together they can, but each keeps at least half \
     of its maxmem. When the guest stops, leaves or arrives, they get what they lack of their share, up to their \
     maxmem and as far as it is free. The guest itself starts with the memory that its configuration gives it, and the \
     file is left as it is; ocf:heartbeat:Xen writes to it, and takes memory from guests when nobody needs it.",
)
.default("false")
.reloadable();

pub const RESERVED_DOM0_MEMORY: Parameter<u64> = Parameter::integer(
    "reserved_Dom0_memory",
    "Memory for the first domain (MiB)",
    "What allow_mem_management leaves to the first domain, in MiB.",
)
.default("512")
.reloadable();

#[cfg(test)]
mod tests {
    use super::*;
    use ocf::Describe;

    #[test]
    fn the_tables_are_consistent() {
        assert_eq!(ocf::table_problems(&AGENT), Vec::<String>::new());
    }

    #[test]
    fn everything_but_the_identity_is_reloadable() {
        for parameter in AGENT.parameters {
            let it = Describe::description(*parameter);
            assert_eq!(it.reloadable, !["xmfile", "name"].contains(&it.name), "{}", it.name);
        }
    }
}
