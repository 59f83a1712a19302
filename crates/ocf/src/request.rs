use crate::action::{Action, Verb};
use crate::environment::Environment;
use crate::error::Error;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The longest file name that is made from an instance's name, in bytes; far enough below NAME_MAX,
/// 255, for what a caller puts around it.
const FILE_NAME: usize = 128;

/// One action on one instance of a resource, as the cluster manager asked for it.
#[derive(Debug)]
pub struct Request {
    verb: Verb,
    environment: Environment,
    started: Instant,
    timeout: Duration,
    instance: String,
}

impl Request {
    /// The request to perform an action of the table that came with this environment, in a process
    /// that began at `started`.
    ///
    /// # Errors
    /// [`Error::Encoding`] when the instance's name is not UTF-8.
    pub fn new(action: &Action, environment: Environment, started: Instant) -> Result<Self, Error> {
        let instance = environment.text("OCF_RESOURCE_INSTANCE")?.filter(|it| !it.is_empty());
        let instance = instance.unwrap_or("default").to_owned();
        let timeout = milliseconds(&environment, "OCF_RESKEY_CRM_meta_timeout")
            .filter(|timeout| !timeout.is_zero())
            .unwrap_or(action.timeout);
        Ok(Self { verb: action.verb, environment, started, timeout, instance })
    }

    /// The action.
    #[must_use]
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// The variables that came with the request.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The resource's name in the cluster. An instance of a clone may carry a suffix, `:0` and up.
    /// It is `default` under a manager that gives no name.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The instance's name as a part of a file name: other bytes than letters, digits, `.`, `_` and
    /// `-` are written as `%3A`, so that two instances never share one; at most 128 bytes.
    #[must_use]
    pub fn instance_file_name(&self) -> String {
        file_name(&self.instance)
    }

    /// How long the manager waits before it kills the agent: `OCF_RESKEY_CRM_meta_timeout`, or the
    /// timeout in the agent's table when that is unset, 0 or no number.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// When the action must have ended by itself.
    ///
    /// Pacemaker kills a late agent with SIGKILL, at once. So this is the start of the process plus
    /// [`Request::timeout`] less a reserve: a tenth of it, at least 1 s, at most 5 s, never more
    /// than half.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.started + self.timeout - reserve(self.timeout)
    }

    /// The interval of a recurring action; zero or `None` for one that is done once, and `None` under a manager
    /// that does not say.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        milliseconds(&self.environment, "OCF_RESKEY_CRM_meta_interval")
    }

    /// Whether this is a probe: a monitor, done once, by which the manager learns what runs where.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.verb == Verb::Monitor && probes(&self.environment)
    }

    /// How deep a monitor or validate-all shall look: `OCF_CHECK_LEVEL`; `None` when that is unset
    /// or no number. An agent takes an unknown level for the next lower one it knows.
    #[must_use]
    pub fn check_level(&self) -> Option<u32> {
        self.environment.optional("OCF_CHECK_LEVEL")?.parse().ok()
    }

    /// The cluster's name of this node, which need not be its host name.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.environment.optional("OCF_RESKEY_CRM_meta_on_node")
    }

    /// The cluster's name of the node that a live migration leaves.
    #[must_use]
    pub fn migrate_source(&self) -> Option<&str> {
        self.environment.optional("OCF_RESKEY_CRM_meta_migrate_source")
    }

    /// The cluster's name of the node that a live migration goes to.
    #[must_use]
    pub fn migrate_target(&self) -> Option<&str> {
        self.environment.optional("OCF_RESKEY_CRM_meta_migrate_target")
    }

    /// Where Hawser keeps what outlives a boot and no guest depends on: `hawser` in `HA_VARLIB`, or in
    /// `/var/lib`.
    #[must_use]
    pub fn library_directory(&self) -> PathBuf {
        let directory = self.environment.optional("HA_VARLIB").filter(|it| it.starts_with('/'));
        PathBuf::from(directory.unwrap_or("/var/lib")).join("hawser")
    }

    /// Where agents keep what must not outlive a boot: `HA_RSCTMP`, or `/run/resource-agents`.
    #[must_use]
    pub fn state_directory(&self) -> PathBuf {
        let directory = self.environment.optional("HA_RSCTMP").filter(|it| it.starts_with('/'));
        PathBuf::from(directory.unwrap_or("/run/resource-agents"))
    }
}

fn reserve(timeout: Duration) -> Duration {
    (timeout / 10).clamp(Duration::from_secs(1), Duration::from_secs(5)).min(timeout / 2)
}

/// A time of Pacemaker's, which holds them in 32 bits of milliseconds.
fn milliseconds(environment: &Environment, variable: &str) -> Option<Duration> {
    let value: u32 = environment.optional(variable)?.parse().ok()?;
    Some(Duration::from_millis(value.into()))
}

fn file_name(instance: &str) -> String {
    let mut name = String::new();
    for (position, byte) in instance.bytes().enumerate() {
        match byte {
            b'.' if position == 0 => name.push_str("%2E"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => name.push(byte.into()),
            // Writing to a String cannot fail.
            _ => drop(write!(name, "%{byte:02X}")),
        }
    }
    if name.len() > FILE_NAME {
        let digest = format!("%{:016x}", fnv1a(&name));
        name.truncate(FILE_NAME - digest.len());
        name.push_str(&digest);
    }
    name
}

/// FNV-1a, 64 bits: the name of a file must be the same in every build, which the standard
/// library's hasher does not promise.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Whether a monitor is a probe.
///
/// Pacemaker's controller names the node with each action, and the interval with recurring ones alone (seen with 2.1.5;
/// the shell agents' library takes no interval for 0). `crm_resource --force-check` and managers that are not Pacemaker
/// give neither, and want to know how the resource is.
pub(crate) fn probes(environment: &Environment) -> bool {
    match environment.optional("OCF_RESKEY_CRM_meta_interval") {
        Some(interval) => interval == "0",
        None => environment.optional("OCF_RESKEY_CRM_meta_on_node").is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(verb: Verb, pairs: &[(&str, &str)]) -> Request {
        let environment = pairs.iter().copied().collect();
        Request::new(&Action::new(verb, 90), environment, Instant::now()).unwrap()
    }

    /// The time that an action has, in milliseconds, by what the manager says.
    fn time(timeout: &[(&str, &str)]) -> u128 {
        let request = request(Verb::Start, timeout);
        (request.deadline() - request.started).as_millis()
    }

    #[test]
    fn the_deadline_keeps_a_reserve() {
        let given = |timeout| time(&[("OCF_RESKEY_CRM_meta_timeout", timeout)]);
        assert_eq!(given("20000"), 18_000);
        assert_eq!(given("5000"), 4_000);
        assert_eq!(given("1000"), 500);
        assert_eq!(given("1200000"), 1_195_000);
        assert_eq!(given("4294967295"), 4_294_962_295);
    }

    #[test]
    fn without_a_timeout_the_table_has_one() {
        assert_eq!(time(&[]), 85_000);
        for nonsense in ["", "0", "-1", "20s", "99999999999999999999"] {
            assert_eq!(time(&[("OCF_RESKEY_CRM_meta_timeout", nonsense)]), 85_000, "{nonsense:?}");
        }
    }

    #[test]
    fn a_probe_is_a_monitor_with_the_interval_zero() {
        let interval = |value| [("OCF_RESKEY_CRM_meta_interval", value)];
        let node = ("OCF_RESKEY_CRM_meta_on_node", "n1");
        assert!(request(Verb::Monitor, &[node]).is_probe());
        assert!(!request(Verb::Monitor, &[node, interval("10000")[0]]).is_probe());
        assert!(!request(Verb::Start, &[node]).is_probe());
        assert!(request(Verb::Monitor, &interval("0")).is_probe());
        assert!(!request(Verb::Monitor, &interval("10000")).is_probe());
        assert!(!request(Verb::Monitor, &interval("")).is_probe());
        assert!(!request(Verb::Monitor, &[]).is_probe());
        assert!(!request(Verb::Start, &interval("0")).is_probe());
    }

    #[test]
    fn the_check_level_is_a_number_or_none() {
        let level = |value| request(Verb::Monitor, &[("OCF_CHECK_LEVEL", value)]).check_level();
        assert_eq!(
            (level("10"), level("0"), level("deep"), level("")),
            (Some(10), Some(0), None, None)
        );
    }

    #[test]
    fn a_file_name_keeps_plain_names_and_their_clone_number_apart() {
        let name = |instance| {
            request(Verb::Stop, &[("OCF_RESOURCE_INSTANCE", instance)]).instance_file_name()
        };
        assert_eq!(name("vm-1.a_b"), "vm-1.a_b");
        assert_eq!(name("vm1:0"), "vm1%3A0");
        assert_eq!(name("../x"), "%2E.%2Fx");
        assert_eq!(name(""), "default");
    }

    proptest! {
        #[test]
        fn a_file_name_is_safe_and_its_own(one in "[a.%:/\\PC]{1,200}", other in "[a.%:/\\PC]{1,200}") {
            let (first, second) = (file_name(&one), file_name(&other));
            prop_assert!(first.len() <= FILE_NAME && !first.starts_with('.'));
            prop_assert!(first.bytes().all(|it| it.is_ascii_graphic() && it != b'/'));
            prop_assert_eq!(one == other, first == second);
        }
    }
}
