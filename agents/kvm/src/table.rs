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

Live migration needs allow-migrate=true, and libvirt daemons that reach each other as \
migration_transport says. It is done peer to peer. What the guest needs on the target is checked before a \
byte of it moves; the guests of a node leave one after the other, the higher priority and the smaller \
guest first; and how each migration went is kept in \
/var/lib/hawser/migrations/history.jsonl.

A plain monitor runs monitor_scripts if there are any, as VirtualDomain does. With OCF_CHECK_LEVEL=0 it does \
not. With 10 it asks the QEMU guest agent for a sign of life. With 20 it asks the guest agent, if the guest \
has one, and runs the scripts. These levels are not advertised as actions, because pcs would add each of \
them to every guest.

A monitor that finds a guest paused by an administrator, asleep (ACPI S3), shutting down, or running with \
a libvirt daemon that does not answer gives 190: Pacemaker shows it and leaves it alone. A guest that crashed \
or is paused on an I/O error has failed.

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
        &MONITOR_SCRIPTS,
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

pub const MIGRATION_TRANSPORT: Parameter<String> = Parameter::string(
    "migration_transport",
    "Transport of the connection to the target's hypervisor",
    "Transport of the connection to the target's libvirt daemon: tls, ssh, tcp, or another that libvirt \
     knows. Unset: libvirt's default, tls. The guest's memory does not go through this connection \
     unless migrate_options has --tunnelled; --tls encrypts it.",
)
.reloadable();

pub const MIGRATION_USER: Parameter<String> = Parameter::string(
    "migration_user",
    "User name on the target",
    "User name for the connection to the target's libvirt daemon. Letters, digits, dots, hyphens and \
     underscores; ignored when remoteuri is set.",
)
.reloadable();

pub const MIGRATION_DOWNTIME: Parameter<u64> = Parameter::integer(
    "migration_downtime",
    "Longest pause at the end of a migration (ms)",
    "How long the guest may stand still at the end of a live migration, in milliseconds. It is set before \
     the migration begins, not 2 s into it as VirtualDomain does. 0: 10 ms, and as much more as \
     migration_policy allows if the guest turns out to need it. VirtualDomain leaves it at QEMU's 300 ms, \
     and QEMU uses the time that it is given.",
)
.range(0, 2_000_000)
.default("0")
.reloadable();

pub const MIGRATION_SPEED: Parameter<u64> = Parameter::integer(
    "migration_speed",
    "Speed limit of a migration (MiB/s)",
    "Upper limit for the speed of a live migration, in MiB/s; 0 means none. It holds for that migration only.",
)
.range(0, 8_796_093_022_207)
.default("0")
.reloadable();

pub const MIGRATION_NETWORK_SUFFIX: Parameter<String> = Parameter::string(
    "migration_network_suffix",
    "Suffix of node names on the migration network",
    "Appended to the target's node name, before the first dot if it has one, for the connection to its \
     libvirt daemon and for the guest's memory: with -mig, the target node2.example.com is reached as \
     node2-mig.example.com. Ignored where remoteuri or migrateuri is set.",
)
.reloadable();

pub const MIGRATEURI: Parameter<String> = Parameter::string(
    "migrateuri",
    "URI for the guest's memory",
    "Where the guest's memory is sent, if not where the target's libvirt daemon says. %n is replaced by \
     the target's node name with migration_network_suffix, and never with migration_user.",
)
.reloadable();

pub const MIGRATEPORT: Parameter<u64> = Parameter::integer(
    "migrateport",
    "Port for the guest's memory",
    "TCP port on the target for the guest's memory, where migration_network_suffix is used. Unset: \
     libvirt takes a free one from its own range; VirtualDomain draws one at random, which may be taken.",
)
.range(1, 65535)
.reloadable();

pub const REMOTEURI: Parameter<String> = Parameter::string(
    "remoteuri",
    "URI of the target's hypervisor",
    "Connection URI of the target's hypervisor. %n is replaced by the target's node name. With it \
     migration_transport, migration_user and migration_network_suffix have no part in this connection.",
)
.reloadable();

pub const MIGRATE_OPTIONS: Parameter<String> = Parameter::string(
    "migrate_options",
    "Options for virsh migrate",
    "Further options as virsh migrate has them, such as --tls, --auto-converge, --copy-storage-all, --unsafe or \
     --bandwidth 100. Refused are --dname, --suspend and --offline, because the cluster would lose the guest; \
     --undefinesource, because a persistent definition stays; --postcopy-resume, because that is done by \
     itself; and --direct, which QEMU's driver does not have.",
)
.reloadable();

pub const MIGRATION_POLICY: Parameter<String> = Parameter::string(
    "migration_policy",
    "What a migration may cost the guest",
    "What is done about a guest that dirties its memory faster than it can be sent. safe: nothing; it is never \
     slowed down and never stands still for longer than migration_downtime (300 ms if that is not set), and \
     if it cannot be migrated like that the migration fails and the guest stays. balanced: its processors are \
     slowed down; it may stand still for 0.9 s when a quarter of migrate_to's timeout is gone, for 3 s when \
     half of it is gone, and at the last moment for as long as sending the rest takes. finish: post-copy; \
     the guest runs on the target before all of its memory is there, and boots anew if a node or the link \
     between them fails meanwhile. Other guests are migrated in the same way by all three.",
)
.default("balanced")
.reloadable();

pub const MIGRATION_SECURITY: Parameter<String> = Parameter::string(
    "migration_security",
    "Encryption of a migration",
    "none: the guest's memory is sent as migrate_options say, which is in the clear without --tls or \
     --tunnelled, whatever migration_transport encrypts. tls: the connection between the daemons and the \
     guest's memory are encrypted with the certificates of libvirt and QEMU. ssh: both go through ssh, so no \
     migration port has to be open, and only one processor encrypts. A migration that cannot be encrypted \
     like that fails, and the guest stays. Cannot be combined with another migration_transport or a remoteuri \
     that has another one.",
)
.default("none")
.reloadable();

pub const MIGRATION_STATE_PATH: Parameter<PathBuf> = Parameter::path(
    "migration_state_path",
    "Directory for the memory of a guest that could not be migrated",
    "Absolute path of a directory that all nodes share. Pacemaker answers a failed migration with a stop \
     and a start on the target. With this the stop that follows a failed migration within 10 minutes, on the \
     same boot of the node, saves the guest's memory there, and the start that follows within 10 minutes, on \
     the target or on the same node, resumes it, once: the guest does not boot. In every other case stop and \
     start are as they are without it. A guest whose memory cannot be saved or resumed is shut down and \
     boots.",
)
.reloadable();

pub const MONITOR_SCRIPTS: Parameter<Vec<String>> = Parameter::list(
    "monitor_scripts",
    "Programs that check the guest's services",
    "Programs, separated by spaces, that are run without arguments to check services inside the guest. Any \
     that fails, or does not end in its share of the monitor's timeout, fails the monitor; start and \
     migrate_from wait until all succeed.",
)
.reloadable();

pub const AUTOSET_CPU: Parameter<bool> = Parameter::boolean(
    "autoset_utilization_cpu",
    "Set the utilization attribute cpu",
    "Set the resource's utilization attribute cpu to the guest's number of virtual CPUs. Written only when \
     it differs.",
)
.default("true")
.reloadable();

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
    "Make the overlay on backingfile anew at each start, so that the guest forgets everything.",
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
