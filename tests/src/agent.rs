use crate::Turn;
use comparison::{Action, Call, Hypervisor, Outcome, Subject, act};
use lab::Guest;
use std::time::Duration;

/// The timeout that an action has unless the test says otherwise, and on an emulated processor.
const TIMEOUT: Duration = Duration::from_secs(60);
const XEN_TIMEOUT: Duration = Duration::from_secs(300);

/// The suite's agent for one guest on one node, called as Pacemaker's executor calls it.
///
/// Every call must end before its timeout, with an exit code, and print nothing on stderr but the reason
/// for a code that needs one.
#[derive(Clone)]
pub struct Agent<'a> {
    turn: &'a Turn,
    subject: Subject,
    node: String,
    guest: Guest,
    timeout: Duration,
    parameters: Vec<(String, String)>,
}

/// What the agent answered.
#[derive(Debug)]
pub struct Answer {
    /// The exit code.
    pub code: i32,
    /// The exit reason; empty when none was given.
    pub reason: String,
    /// How long it took.
    pub took: Duration,
}

impl<'a> Agent<'a> {
    /// The agent for a guest, whose name is the resource's name too. Where there is no cluster, it is not
    /// to tell one what the guest uses.
    #[must_use]
    pub fn new(turn: &'a Turn, node: &str, guest: &Guest) -> Self {
        let hypervisor = turn.hypervisor().expect("the lab answers");
        Self::made_for(hypervisor, turn, node, guest)
    }

    /// The same of the agent for another hypervisor than the lab's.
    #[must_use]
    pub fn made_for(kind: Hypervisor, turn: &'a Turn, node: &str, guest: &Guest) -> Self {
        let hypervisor = turn.hypervisor().expect("the lab answers");
        let agent = Self {
            turn,
            subject: Subject::Ours(kind),
            node: node.to_owned(),
            guest: guest.clone(),
            timeout: if hypervisor == Hypervisor::Xen { XEN_TIMEOUT } else { TIMEOUT },
            parameters: Vec::new(),
        };
        let told = if turn.is_cluster() { "true" } else { "false" };
        match kind {
            Hypervisor::Kvm => agent
                .set("autoset_utilization_cpu", told)
                .set("autoset_utilization_host_memory", told),
            // It tells nothing that it is not asked for.
            Hypervisor::Xen => agent,
        }
    }

    /// Sets a parameter.
    #[must_use]
    pub fn set(mut self, parameter: &str, value: &str) -> Self {
        self.parameters.push((parameter.to_owned(), value.to_owned()));
        self
    }

    /// Sets the timeout of every action, in seconds.
    #[must_use]
    pub fn timeout(mut self, seconds: u64) -> Self {
        self.timeout = Duration::from_secs(seconds);
        self
    }

    /// The same on another node.
    #[must_use]
    pub fn on(&self, node: &str) -> Self {
        Self { node: node.to_owned(), ..self.clone() }
    }

    /// Where this is.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Starts the guest, which must succeed.
    ///
    /// # Panics
    /// When it fails.
    pub fn start(&self) -> Answer {
        self.succeed(Action::Start)
    }

    /// Stops the guest, which must succeed.
    ///
    /// # Panics
    /// When it fails.
    pub fn stop(&self) -> Answer {
        self.succeed(Action::Stop)
    }

    /// Runs a recurring monitor.
    #[must_use]
    pub fn monitor(&self) -> Answer {
        self.call(Action::Monitor)
    }

    /// Runs a probe.
    #[must_use]
    pub fn probe(&self) -> Answer {
        self.call(Action::Probe)
    }

    /// Migrates the guest to a node and lets it arrive there, which must succeed.
    ///
    /// # Panics
    /// When it fails.
    pub fn migrate(&self, target: &str) {
        self.succeed(Action::MigrateTo { target: target.to_owned() });
        self.on(target).succeed(Action::MigrateFrom { source: self.node.clone() });
    }

    /// Runs an action.
    ///
    /// # Panics
    /// When it is late, dies, or prints what is no reason.
    #[must_use]
    pub fn call(&self, action: Action) -> Answer {
        let what = format!("{action:?} on {}", self.node);
        let outcome = self.act(action.clone());
        let comparison::Answer::Code(code) = outcome.answer else { panic!("{what}: {outcome:?}") };
        let silent = code == 0 || (code == 7 && action == Action::Probe);
        assert_eq!(outcome.stderr.lines().count(), usize::from(!silent), "{what}: {outcome:?}");
        assert_eq!(outcome.reason.is_none(), silent, "{what}: {outcome:?}");
        Answer { code, reason: outcome.reason.unwrap_or_default(), took: outcome.wall }
    }

    /// Runs an action, whatever comes of it.
    ///
    /// # Panics
    /// When the node is off.
    #[must_use]
    pub fn act(&self, action: Action) -> Outcome {
        let call = Call::new(action, self.timeout);
        let call =
            self.parameters.iter().fold(call, |call, (name, value)| call.parameter(name, value));
        act(&self.turn.node(&self.node), self.subject, &self.guest, &call).expect("a node")
    }

    fn succeed(&self, action: Action) -> Answer {
        let answer = self.call(action.clone());
        assert_eq!(answer.code, 0, "{action:?} on {}: {}", self.node, answer.reason);
        answer
    }
}
