//! The parameters of live migration.

use ocf::Parameter;

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
     itself; and --direct, which QEMU's driver does not have. Where \
     they copy the guest's disks migration_state_path has no effect.",
)
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
