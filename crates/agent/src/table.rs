//! The parameters that agents have in common. What differs between them, such as a default, is added by each.

use ocf::Parameter;
use std::path::PathBuf;

/// Programs that check the guest's services.
pub const MONITOR_SCRIPTS: Parameter<Vec<String>> = Parameter::list(
    "monitor_scripts",
    "Programs that check the guest's services",
    "Programs, separated by spaces, that are run without arguments to check services inside the guest. Any \
     that fails, or does not end in its share of the monitor's timeout, fails the check; start and migrate_from wait \
     until all succeed, for as long as their timeout lets them.",
)
.reloadable();

/// Services of the guest that are asked over the network.
pub const CHECK_SERVICES: Parameter<Vec<String>> = Parameter::list(
    "check_services",
    "Services of the guest that are to answer over the network",
    "What is asked from this node, separated by spaces, each for a second: tcp://ADDRESS:PORT has to accept a connection, \
     and http://ADDRESS[:PORT]/PATH has to answer a GET with a code below 400. Any that does not fails the check; start and \
     migrate_from wait until all do. Example: check_services=\"tcp://192.0.2.7:22 http://192.0.2.7/health\".",
)
.reloadable();

/// For how long a check that fails is repeated.
pub const CHECK_TIME: Parameter<u64> = Parameter::integer(
    "check_time",
    "For how long a check that fails is repeated (s)",
    "When a check of a recurring monitor fails (check_services, monitor_scripts, and what OCF_CHECK_LEVEL asks for), the checks are \
     tried again, once a second, and have failed when that came to nothing for so many seconds. With 1 they are tried \
     once. The monitor's timeout has to be longer; scripts have all of that.",
)
.range(1, 60)
.default("5")
.reloadable();

/// How many checks in a row make a failure.
pub const CHECK_FAILURES: Parameter<u64> = Parameter::integer(
    "check_failures",
    "How many monitors in a row find a guest failed",
    "In how many recurring monitors the checks have to fail for the guest to have failed; one in which they succeed \
     makes up for one in which they failed. Until then the monitor gives 190, which Pacemaker shows and does not act \
     upon. With 2, check_time=5 and an interval of 10 s, a guest whose checks fail is found within 30 s, and one of which every \
     fifth attempt fails at random is found failed in one of 20000 runs of 500 monitors; hawser recovery simulate \
     tells both for other values. With 1 the first monitor in which they fail has failed. What the hypervisor says \
     of a guest that crashed or does not run counts at once.",
)
.range(1, 100)
.default("2")
.reloadable();

/// How long a guest has to answer its first check.
pub const CHECK_GRACE: Parameter<u64> = Parameter::integer(
    "check_grace",
    "How long a guest has to answer its first check (s)",
    "How long after its start, in seconds, a guest that has not answered any check yet is taken to be booting: the \
     monitor gives 190. For guests whose guest agent is checked; start waits for services and scripts anyway.",
)
.range(0, 86_400)
.default("120")
.reloadable();

/// Whether there is a ladder.
pub const RECOVERY_LADDER: Parameter<bool> = Parameter::boolean(
    "recovery_ladder",
    "Relocate and then hold a guest that fails again and again",
    "Without this a guest that has failed is Pacemaker's alone, which restarts it as often as migration-threshold lets \
     it. With it, it is restarted recovery_restarts times on a node, then relocated, recovery_relocations times, then held: \
     as long as it runs the monitor gives 190, and no start succeeds, until an operator releases it \
     (crm_resource --refresh). Budgets are for 24 h. Give the resource a failure-timeout, such as 20min, and no \
     migration-threshold: Pacemaker remembers a start that was refused until then. See docs/recovery.md.",
)
.default("false")
.reloadable();

/// How often the ladder restarts a guest on a node.
pub const RECOVERY_RESTARTS: Parameter<u64> = Parameter::integer(
    "recovery_restarts",
    "Restarts on one node within 24 h",
    "With recovery_ladder: how often within 24 h a guest that has failed is started again on the same node before it is \
     relocated. With 0 it is relocated at once.",
)
.range(0, 5)
.default("2")
.reloadable();

/// How often the ladder relocates a guest.
pub const RECOVERY_RELOCATIONS: Parameter<u64> = Parameter::integer(
    "recovery_relocations",
    "Relocations within 24 h",
    "With recovery_ladder: how often within 24 h a guest that has failed is started on another node before it is held. A \
     node that it has failed on refuses to start it as long as another node can, with code 5. With 0 it stays on its \
     node.",
)
.range(0, 5)
.default("2")
.reloadable();

/// How often the ladder has a guest's disks made anew.
pub const RECOVERY_REINSTALLS: Parameter<u64> = Parameter::integer(
    "recovery_reinstalls",
    "Reinstallations within 24 h",
    "With recovery_ladder and a recipe: how often within 24 h the disks that the recipe names are made anew, when neither \
     restarts nor relocations have helped, before the guest is held. The old disks are kept aside for as long as the recipe \
     has it. What is only on them is not in the guest any more: 0, the default, permits none.",
)
.range(0, 3)
.default("0")
.reloadable();

/// The suffix of node names on the migration network, for [`crate::on_network`].
pub const MIGRATION_NETWORK_SUFFIX: Parameter<String> = Parameter::string(
    "migration_network_suffix",
    "Suffix of node names on the migration network",
    "Appended to the target's node name, before the first dot if it has one, for the connection to its \
     hypervisor and for the guest's memory: with -mig, the target node2.example.com is reached as \
     node2-mig.example.com. Ignored where another parameter gives the address.",
)
.reloadable();

/// Where the memory goes of a guest that could not be migrated.
pub const MIGRATION_STATE_PATH: Parameter<PathBuf> = Parameter::path(
    "migration_state_path",
    "Directory for the memory of a guest that could not be migrated",
    "Absolute path of a directory that all nodes share. Pacemaker answers a failed migration with a stop \
     and a start on the target, and one that is not wanted any more when it has ended in the same way. With \
     this the stop that follows a failed migration within 5 minutes, on the same boot of the node and with no \
     monitor in between, or a successful one before its migrate_from, saves the guest's memory there, and the \
     start that follows within 5 minutes, on the target or on the source, resumes it, once: the guest does \
     not boot. In every other case stop and start are as they are without it, but a start fails where the directory \
     cannot be read. A guest whose memory cannot be saved or resumed is shut down and boots. Only root may \
     write to the directory.",
)
.reloadable();

/// What the guest's disks are made from.
pub const RECIPE: Parameter<PathBuf> = Parameter::path(
    "recipe",
    "Recipe of the guest's disks",
    "Absolute path of a file that says what the disks of the guest are made from: templates, a seed for cloud-init, and how \
     the guest says that it is up (docs/provision.md, examples/recipe.toml). A start makes those that are not there, and \
     with them waits for the guest's own word. Its timeout has to suffice for that. Disks that the recipe does not \
     name are never touched.",
)
.reloadable();

/// Which guest of a node leaves first.
pub const MIGRATION_PRIORITY: Parameter<u64> = Parameter::integer(
    "migration_priority",
    "Which guest of a node leaves first",
    "When several guests leave a node they go one after the other, those with a higher number first, and of \
     the same number the smaller one. Pacemaker does not tell an agent the resource's priority.",
)
.range(0, 1_000_000)
.default("0")
.reloadable();

/// Whether the utilization attribute `cpu` is set. It has no default.
pub const AUTOSET_CPU: Parameter<bool> = Parameter::boolean(
    "autoset_utilization_cpu",
    "Set the utilization attribute cpu",
    "Set the resource's utilization attribute cpu to the guest's number of virtual CPUs. Written only when \
     it differs.",
)
.reloadable();
