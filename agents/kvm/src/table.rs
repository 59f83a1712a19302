mod migration;

pub use migration::*;

use agent::table::{
    CHECK_FAILURES, CHECK_GRACE, CHECK_SERVICES, CHECK_TIME, MIGRATION_NETWORK_SUFFIX,
    MIGRATION_PRIORITY, MIGRATION_STATE_PATH, MONITOR_SCRIPTS, RECIPE, RECOVERY_LADDER,
    RECOVERY_REINSTALLS, RECOVERY_RELOCATIONS, RECOVERY_RESTARTS,
};
use ocf::{Action, Agent, Parameter, Verb};
use std::path::PathBuf;

/// What Pacemaker is told about `ocf:hawser:kvm`.
pub static AGENT: Agent = Agent {
    name: "kvm",
    version: env!("CARGO_PKG_VERSION"),
    shortdesc: "Manages a libvirt guest: start, stop, monitor, live migration",
    longdesc: "Manages one virtual machine through libvirt, and every parameter of \
ocf:heartbeat:VirtualDomain is accepted with its meaning.

The guest is started transient from its configuration file. A persistent definition of the same name is \
left as it is, and NVRAM variables and the state of an emulated TPM are never deleted. What the cluster \
is told is what was seen: a stop that succeeds is proof that nothing of the guest is left, with or \
without a libvirt daemon that answers.

Before the guest is started every disk that it needs is looked for, with nothing changed or begun. A node that cannot \
reach one answers 5, with what is in the way, so that the cluster goes elsewhere. validate-all does the same with \
OCF_CHECK_LEVEL=10.

Live migration needs allow-migrate=true, and libvirt daemons that reach each other as \
migration_transport says. It is done peer to peer. What the guest needs on the target is checked before a \
byte of it moves; the guests of a node leave one after the other, the higher migration_priority and the \
smaller guest first; and how each migration went is kept in \
/var/lib/hawser/migrations/history.jsonl.

A plain monitor runs monitor_scripts if there are any, as VirtualDomain does. With OCF_CHECK_LEVEL=0 it does \
not. With 10 it asks the QEMU guest agent for a sign of life. With 20 it asks the guest agent, if the guest \
has one, and runs the scripts. These levels are not advertised as actions, because pcs would add each of \
them to every guest.

A monitor that finds a guest paused by an administrator, asleep (ACPI S3), shutting down, or running with \
a libvirt daemon that does not answer gives 190: Pacemaker shows it and leaves it alone. A guest that crashed \
or is paused on an I/O error has failed.

A guest of which the checks fail is suspect first, which gives 190 as well, and has failed when they do so in as many \
monitors as check_failures says. A script that cannot be run says nothing of the guest, and gives 190.

Every parameter but config and hypervisor can be changed while the guest runs.",
    parameters: &[
        &CONFIG,
        &HYPERVISOR,
        &FORCE_STOP,
        &SHUTDOWN_MODE,
        &SNAPSHOT,
        &MIGRATION_TRANSPORT,
        &MIGRATION_USER,
        &MIGRATION_DOWNTIME,
        &MIGRATION_SPEED,
        &MIGRATION_NETWORK_SUFFIX,
        &MIGRATEURI,
        &MIGRATEPORT,
        &REMOTEURI,
        &MIGRATE_OPTIONS,
        &MIGRATION_POLICY,
        &MIGRATION_SECURITY,
        &MIGRATION_STATE_PATH,
        &MIGRATION_PRIORITY,
        &RECIPE,
        &CHECK_SERVICES,
        &MONITOR_SCRIPTS,
        &CHECK_TIME,
        &CHECK_FAILURES,
        &CHECK_GRACE,
        &IO_ERROR_ACTION,
        &IO_ERROR_TIME,
        &RECOVERY_LADDER,
        &RECOVERY_RESTARTS,
        &RECOVERY_RELOCATIONS,
        &RECOVERY_REINSTALLS,
        &AUTOSET_CPU,
        &AUTOSET_HOST_MEMORY,
        &AUTOSET_HV_MEMORY,
        &UNSET_CPU,
        &UNSET_HOST_MEMORY,
        &UNSET_HV_MEMORY,
        &SAVE_CONFIG,
        &SYNC_CONFIG,
        &BACKINGFILE,
        &STATELESS,
        &COPYINDIRS,
        &START_RESOURCES,
    ],
    actions: &[
        Action::new(Verb::Start, 90),
        Action::new(Verb::Stop, 90),
        Action::new(Verb::Status, 30).every(10),
        Action::new(Verb::Monitor, 30).every(10),
        Action::new(Verb::MigrateTo, 120),
        Action::new(Verb::MigrateFrom, 60),
        Action::new(Verb::ReloadAgent, 30),
        Action::new(Verb::ValidateAll, 5),
        Action::new(Verb::MetaData, 5),
        Action::new(Verb::Notify, 5),
    ],
};

pub const CONFIG: Parameter<PathBuf> = Parameter::path(
    "config",
    "Guest configuration file",
    "Absolute path to the guest's libvirt domain XML. The guest is the one that this file names. It is \
     needed to start the guest; a running guest is monitored, migrated and stopped without it.",
)
.required()
.unique();

/// The hypervisor where none is given, and where what is given is no URI.
pub const DEFAULT_HYPERVISOR: &str = "qemu:///system";

pub const HYPERVISOR: Parameter<String> = Parameter::string(
    "hypervisor",
    "Hypervisor connection URI",
    "libvirt connection URI of this node's hypervisor, used for everything. VirtualDomain takes what \
     \"virsh uri\" says instead, which depends on the environment that the cluster manager was started \
     in; so the default here is fixed.",
)
.default(DEFAULT_HYPERVISOR);

pub const FORCE_STOP: Parameter<bool> = Parameter::boolean(
    "force_stop",
    "Always end the guest at once on stop",
    "On stop, end the guest at once (virsh destroy) without asking it to shut down. Cannot be combined \
     with snapshot.",
)
.default("false")
.reloadable();

pub const SHUTDOWN_MODE: Parameter<Vec<String>> = Parameter::list(
    "shutdown_mode",
    "Ways of asking the guest to shut down",
    "Ways in which the guest is asked to shut down: acpi, agent, initctl, signal, paravirt; or a list of \
     them, separated by commas or spaces, of which each is tried if the one before did not help, in equal \
     shares of the time. Unset: what libvirt finds best. What is left of the stop timeout, at least 20 s of it \
     if there is enough, is kept for ending the guest by force.",
)
.reloadable();

pub const SNAPSHOT: Parameter<PathBuf> = Parameter::path(
    "snapshot",
    "Directory for the guest's saved memory",
    "Absolute path of a directory that all nodes share. On stop the guest's memory is saved there instead \
     of shutting the guest down, and the next start resumes it, once. If it cannot be resumed, it is kept as \
     NAME.state.used and the guest boots; VirtualDomain fails for ever. Cannot be combined with \
     force_stop or stateless.",
)
.reloadable();

pub const IO_ERROR_ACTION: Parameter<String> = Parameter::string(
    "io_error_action",
    "What is done about a guest that stands still because a disk gave an error",
    "QEMU stops a guest at an I/O error of a disk with error_policy='stop'. fail: the monitor fails, and Pacemaker \
     restarts the guest, which may be of no use while the storage is away. resume: the guest is let run on with every \
     monitor, and fails if that has not helped for io_error_time. leave: it is left as it is, for an administrator; the \
     monitor gives 190. kill: it is ended at once, without being asked to shut down, and the monitor fails. Example: \
     io_error_action=resume io_error_time=600 for storage that comes back within ten minutes.",
)
.default("fail")
.reloadable();

pub const IO_ERROR_TIME: Parameter<u64> = Parameter::integer(
    "io_error_time",
    "How long a guest may stand still at an I/O error (s)",
    "How long a guest that stands still because a disk gave an error is watched, with 190, or tried to be resumed, \
     until io_error_action has it fail. From when a monitor found it so first.",
)
.range(0, 86_400)
.default("0")
.reloadable();

pub const AUTOSET_CPU: Parameter<bool> = agent::table::AUTOSET_CPU.default("true");

pub const AUTOSET_HOST_MEMORY: Parameter<bool> = Parameter::boolean(
    "autoset_utilization_host_memory",
    "Set the utilization attribute host_memory",
    "Set the resource's utilization attribute host_memory to the guest's maximum memory in MiB. Written \
     only when it differs.",
)
.default("true")
.reloadable();

pub const AUTOSET_HV_MEMORY: Parameter<bool> = Parameter::boolean(
    "autoset_utilization_hv_memory",
    "Set the utilization attribute hv_memory",
    "Set the resource's utilization attribute hv_memory to the guest's maximum memory in MiB. Written only \
     when it differs. VirtualDomain's default is true; here it is false, because NodeUtilization says \
     hv_memory=0 for every node that is no Xen host, and a guest that asks for more can then be placed \
     nowhere unless placement-strategy is default.",
)
.default("false")
.reloadable();

pub const UNSET_CPU: Parameter<bool> = Parameter::boolean(
    "unset_utilization_cpu",
    "Remove the utilization attribute cpu",
    "Remove the utilization attribute cpu from the resource, where autoset_utilization_cpu is false.",
)
.default("false")
.reloadable();

pub const UNSET_HOST_MEMORY: Parameter<bool> = Parameter::boolean(
    "unset_utilization_host_memory",
    "Remove the utilization attribute host_memory",
    "Remove the utilization attribute host_memory from the resource, where autoset_utilization_host_memory \
     is false.",
)
.default("false")
.reloadable();

pub const UNSET_HV_MEMORY: Parameter<bool> = Parameter::boolean(
    "unset_utilization_hv_memory",
    "Remove the utilization attribute hv_memory",
    "Remove the utilization attribute hv_memory from the resource, where autoset_utilization_hv_memory is \
     false.",
)
.default("false")
.reloadable();

pub const SAVE_CONFIG: Parameter<bool> = Parameter::boolean(
    "save_config_on_stop",
    "Keep the configuration file up to date",
    "Write the guest's current definition back to config when it differs: on stop, on migration, and when a \
     monitor finds that libvirt has changed its record of the guest. The file is replaced in one step, and only \
     root can read it, since it can hold passwords.",
)
.default("false")
.reloadable();

pub const SYNC_CONFIG: Parameter<bool> = Parameter::boolean(
    "sync_config_on_stop",
    "Copy a changed configuration file to the other nodes",
    "Run csync2 -x on config when save_config_on_stop, which this implies, has changed it. A failure is \
     logged and is no other.",
)
.default("false")
.reloadable();

pub const BACKINGFILE: Parameter<PathBuf> = Parameter::path(
    "backingfile",
    "Image to put a copy-on-write overlay on",
    "Absolute path of a disk image that stays unchanged. If there is none yet, a qcow2 overlay on it is \
     made at start beside config: /srv/vm.d/a.xml has /srv/vm.d/a.qcow2, which the configuration must name. \
     VirtualDomain cuts that path at its first dot.",
)
.reloadable();

pub const STATELESS: Parameter<bool> = Parameter::boolean(
    "stateless",
    "Make the overlay anew at each start",
    "Make the overlay on backingfile anew at each start, so that the guest forgets everything. Cannot be \
     combined with snapshot or migration_state_path.",
)
.default("false")
.reloadable();

pub const COPYINDIRS: Parameter<Vec<String>> = Parameter::list(
    "copyindirs",
    "Files to copy into a new overlay",
    "Files and directories, separated by spaces, that virt-copy-in (libguestfs) copies to the root of a \
     new overlay. The image must hold an operating system that libguestfs recognises.",
)
.reloadable();

pub const START_RESOURCES: Parameter<bool> = Parameter::boolean(
    "start_resources",
    "Start the pools and networks that the guest needs",
    "Before a start and before a migration, start the storage pools and virtual networks that the \
     configuration names, where they are not active, and refresh those pools that are.",
)
.default("false")
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
            assert_eq!(it.reloadable, !["config", "hypervisor"].contains(&it.name), "{}", it.name);
        }
    }
}
