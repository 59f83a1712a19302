use crate::{Error, Subject};
use exec::Deadline;
use lab::image::Hypervisor;
use lab::{Guest, Node};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

/// The interval of the recurring monitor.
const INTERVAL: Duration = Duration::from_secs(10);

/// How long the way into an emulated node may take, and back.
const WAY_TIME: Duration = Duration::from_secs(60);

/// What that way returns for an agent that was killed on the other side (ssh(1), EXIT STATUS).
const KILLED: i32 = 255;

/// What begins the line with which an agent gives its reason.
const REASON: &str = "ocf-exit-reason:";

/// What an agent can be asked to do. Nodes are named as the cluster names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A monitor that is done once, by which Pacemaker learns what runs where.
    Probe,
    /// The recurring monitor.
    Monitor,
    /// Start the guest.
    Start,
    /// Stop the guest.
    Stop,
    /// Send the guest to another node.
    MigrateTo {
        /// That node.
        target: String,
    },
    /// Take the guest that another node has sent.
    MigrateFrom {
        /// That node.
        source: String,
    },
}

impl Action {
    /// The argument that the agent gets.
    #[must_use]
    pub fn argument(&self) -> &'static str {
        match self {
            Self::Probe | Self::Monitor => "monitor",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::MigrateTo { .. } => "migrate_to",
            Self::MigrateFrom { .. } => "migrate_from",
        }
    }
}

/// One call of an agent.
#[derive(Debug, Clone)]
pub struct Call {
    /// What it is to do.
    pub action: Action,
    /// How long it may take before it is killed.
    pub timeout: Duration,
    /// Parameters beyond those of [`Subject::parameters`], or instead of them: the last one counts. Also
    /// `OCF_CHECK_LEVEL`, which Pacemaker gives an agent along with them.
    pub parameters: Vec<(String, String)>,
    /// The most memory that the agent and each program it runs may map, in bytes.
    pub memory: Option<u64>,
}

impl Call {
    /// The call with the usual parameters.
    #[must_use]
    pub fn new(action: Action, timeout: Duration) -> Self {
        Self { action, timeout, parameters: Vec::new(), memory: None }
    }

    /// Sets a parameter of the agent.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// How an agent answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// With an exit code.
    Code(i32),
    /// It died of a signal.
    Signal(i32),
    /// Not in time: it was killed, with its process group.
    Late,
}

/// What came of a call.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The answer.
    pub answer: Answer,
    /// What the agent said the reason was, as crm_mon shows it: the last one counts.
    pub reason: Option<String>,
    /// All that it wrote to stderr.
    pub stderr: String,
    /// How long it took. Entering the node is part of it, 2 ms or so.
    pub wall: Duration,
}

/// Has an agent do something on a node, as Pacemaker would, and kills it when it is late.
///
/// # Errors
/// When the node is off or the agent cannot be started; whatever the agent does is no error.
pub fn act(
    node: &Node<'_>,
    subject: Subject,
    guest: &Guest,
    call: &Call,
) -> Result<Outcome, Error> {
    let mut words = vec![subject.path()];
    if let Some(limit) = call.memory {
        words.splice(..0, ["prlimit".to_owned(), format!("--as={limit}")]);
    }
    let deadline = match subject.hypervisor() {
        // The way into the node forks, so the agent is in the group that is killed at the deadline.
        Hypervisor::Kvm => Deadline::after(call.timeout),
        // It is over the network, and who is on the other side would not notice that this one is killed.
        Hypervisor::Xen => {
            let seconds = call.timeout.as_secs_f64().to_string();
            words.splice(..0, ["timeout".to_owned(), "--signal=KILL".to_owned(), seconds]);
            Deadline::after(call.timeout + WAY_TIME)
        }
    };
    let mut agent = node.tool(&words[0])?.args(&words[1..]).arg(call.action.argument());
    for (name, value) in environment(node, subject, guest, call) {
        agent = agent.env(name, value);
    }
    let begun = Instant::now();
    let output = agent.output(deadline);
    let wall = begun.elapsed();
    let (answer, stderr) = match output {
        // The way there is no part of the agent's time.
        Ok(output) if wall >= call.timeout && output.status.code() == Some(KILLED) => {
            (Answer::Late, output.error_text())
        }
        Ok(output) => {
            let answer = match (output.status.code(), output.status.signal()) {
                (Some(code), _) => Answer::Code(code),
                (None, signal) => Answer::Signal(signal.unwrap_or_default()),
            };
            (answer, output.error_text())
        }
        Err(exec::Error::Late { stderr, .. }) => (Answer::Late, stderr),
        Err(error) => return Err(error.into()),
    };
    let reason = stderr.lines().rev().find_map(|line| line.strip_prefix(REASON));
    Ok(Outcome { answer, reason: reason.map(|it| it.trim().to_owned()), stderr, wall })
}

/// The environment that Pacemaker gives an agent (`lib/services`, `lib/lrmd`).
pub(crate) fn environment(
    node: &Node<'_>,
    subject: Subject,
    guest: &Guest,
    call: &Call,
) -> Vec<(String, String)> {
    let mut variables = vec![
        ("OCF_ROOT", "/usr/lib/ocf".to_owned()),
        ("OCF_RA_VERSION_MAJOR", "1".to_owned()),
        ("OCF_RA_VERSION_MINOR", "1".to_owned()),
        ("OCF_EXIT_REASON_PREFIX", REASON.to_owned()),
        ("OCF_RESOURCE_INSTANCE", guest.name.clone()),
        ("OCF_RESOURCE_TYPE", subject.type_name().to_owned()),
        ("OCF_RESOURCE_PROVIDER", subject.provider().to_owned()),
        ("OCF_RESKEY_CRM_meta_timeout", call.timeout.as_millis().to_string()),
        ("OCF_RESKEY_CRM_meta_name", call.action.argument().to_owned()),
        ("OCF_RESKEY_CRM_meta_on_node", node.name().to_owned()),
    ];
    if call.action == Action::Monitor {
        variables.push(("OCF_RESKEY_CRM_meta_interval", INTERVAL.as_millis().to_string()));
    }
    let (source, target) = match &call.action {
        Action::MigrateTo { target } => (node.name(), target.as_str()),
        Action::MigrateFrom { source } => (source.as_str(), node.name()),
        _ => ("", ""),
    };
    if !target.is_empty() {
        variables.push(("OCF_RESKEY_CRM_meta_migrate_source", source.to_owned()));
        variables.push(("OCF_RESKEY_CRM_meta_migrate_target", target.to_owned()));
    }
    let parameters = subject.parameters(guest).into_iter().chain(call.parameters.iter().cloned());
    variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .chain(parameters.map(|(name, value)| (variable(&name), value)))
        .collect()
}

/// The variable that holds a parameter: Pacemaker has all of them in one list, with this one exception.
fn variable(parameter: &str) -> String {
    match parameter {
        "OCF_CHECK_LEVEL" => parameter.to_owned(),
        _ => format!("OCF_RESKEY_{parameter}"),
    }
}
