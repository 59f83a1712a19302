use crate::config;
use crate::error::Error;
use crate::state::State;
use crate::{kernel, table};
use cluster::{HEALTH, Pacemaker};
use exec::Deadline;
use guest::failures;
use ocf::{Answer, Request, Verb};
use recovery::{Colour, Signs, Source};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long looking at the node may take: what is read is made by the kernel, and some of that waits for disks.
const LOOK_SLICE: Duration = Duration::from_secs(5);

/// How long telling the cluster may take.
const TELL_SLICE: Duration = Duration::from_secs(10);

/// The resource on this node, for one action.
pub struct Instance<'a> {
    request: &'a Request,
    root: PathBuf,
    state: PathBuf,
    by: Deadline,
}

impl<'a> Instance<'a> {
    /// The resource on the node that the kernel shows below that directory.
    pub fn new(request: &'a Request, root: &Path) -> Self {
        let state = format!("hawser-{}-{}.json", table::AGENT.name, request.instance_file_name());
        let state = request.state_directory().join(state);
        Self { request, root: root.to_owned(), state, by: Deadline::at(request.deadline()) }
    }

    /// Does the action.
    pub fn perform(&self) -> Result<Answer, Error> {
        match self.request.verb() {
            Verb::Start => self.start().map(|()| Answer::Success),
            Verb::Stop => Ok(self.stop()),
            Verb::Monitor | Verb::Status => Ok(self.monitor()),
            Verb::ValidateAll => self.validate().map(|()| Answer::Success),
            // The next monitor goes by the changed parameters.
            _ => Ok(Answer::Success),
        }
    }

    fn start(&self) -> Result<(), Error> {
        let state = State::load(&self.state).unwrap_or_default();
        // What the cluster was told before, it may have forgotten.
        match self.judge(State { told: None, ..state }) {
            Err(error @ Error::Cluster(_)) => {
                put_off(&error);
                Ok(())
            }
            answer => answer,
        }
    }

    /// Takes back what the cluster was told. A stop that fails has the node fenced, which this is not worth: what
    /// cannot be taken back ends with the node's membership.
    fn stop(&self) -> Answer {
        let by = self.by.slice(TELL_SLICE);
        let delete = |node| Pacemaker::local().delete_transient(node, HEALTH, by);
        if let Some(Err(error)) = self.request.node().map(delete) {
            put_off(&error.into());
        }
        if let Err(source) = State::remove(&self.state) {
            put_off(&Error::State { path: self.state.clone(), source });
        }
        Answer::Success
    }

    /// Never fails. Pacemaker would answer that with a stop, which takes back that the node is unhealthy, just when it is
    /// most.
    fn monitor(&self) -> Answer {
        let probe = self.request.is_probe();
        let Some(state) = State::load(&self.state) else {
            let reason = "this node's health is not watched".to_owned();
            return Answer::NotRunning { reason: Some(reason).filter(|_| !probe) };
        };
        if probe {
            // Pacemaker has been restarted, or the history was refreshed: what it was told it may have forgotten.
            if let Err(source) = (State { told: None, ..state }).store(&self.state) {
                put_off(&Error::State { path: self.state.clone(), source });
            }
            return Answer::Success;
        }
        match self.judge(state) {
            Err(error) if self.request.interval().is_some() => {
                Answer::Degraded { reason: ocf::reason(&error) }
            }
            // A manager that gives no interval is not Pacemaker and knows no code for this.
            answer => {
                answer.unwrap_or_else(|error| put_off(&error));
                Answer::Success
            }
        }
    }

    fn validate(&self) -> Result<(), Error> {
        config::limits(self.request)?;
        if self.request.check_level().is_some_and(|level| level >= 10) {
            kernel::cpu(&self.root)?;
            kernel::memory(&self.root)?;
        }
        Ok(())
    }

    /// Looks at the node, and tells the cluster if its health is not what it was told before.
    fn judge(&self, mut state: State) -> Result<(), Error> {
        let limits = config::limits(self.request)?;
        let signs = self.look();
        let (colour, bad) = state.health.note(&limits, SystemTime::now().into(), &signs);
        let told = self.tell(colour, state.told);
        if let Ok(told) = told
            && state.told.replace(told) != Some(told)
        {
            let last =
                if told == colour { "" } else { ", and not red because no other node is better" };
            let bad: String = bad.iter().map(|source| found(*source, &signs)).collect();
            ocf::log::info(format_args!("this node is {}{last}{bad}", told.name()));
        }
        let stored = state.store(&self.state);
        stored.map_err(|source| Error::State { path: self.state.clone(), source })?;
        told.map(drop)
    }

    /// What is to be seen of the node, as far as that can be had in time.
    fn look(&self) -> Signs {
        let root = self.root.clone();
        let seen = self.by.slice(LOOK_SLICE).bound(move || kernel::look(&root));
        let failures = failures::read(&self.request.state_directory());
        Signs { failures, ..seen.unwrap_or_default() }
    }

    /// Tells the cluster a colour, if it was told another one. Returns which it knows then. A manager that names no node
    /// has no attributes.
    fn tell(&self, colour: Colour, told: Option<Colour>) -> Result<Colour, Error> {
        let Some(node) = self.request.node() else { return Ok(colour) };
        let (pacemaker, by) = (Pacemaker::local(), self.by.slice(TELL_SLICE));
        // The last node that is not red keeps the guests: with every node red they would run nowhere. The others may have
        // gone since.
        let colour = match colour {
            Colour::Red => {
                let ready = pacemaker.standing(self.request.instance(), by)?.ready;
                let known = pacemaker.transient(HEALTH, by)?;
                if is_last(&known, &ready, node) { Colour::Yellow } else { Colour::Red }
            }
            colour => colour,
        };
        if told != Some(colour) {
            pacemaker.set_transient(node, HEALTH, colour.name(), by)?;
        }
        Ok(colour)
    }
}

/// Whether none of the other nodes that are ready is known to be anything but red.
fn is_last(known: &[(String, String)], ready: &[String], here: &str) -> bool {
    let serves = [Colour::Green, Colour::Yellow].map(Colour::name);
    let is_other = |node: &String| node != here && ready.contains(node);
    !known.iter().any(|(node, colour)| is_other(node) && serves.contains(&colour.as_str()))
}

/// Logs what the action does not fail for.
fn put_off(error: &Error) {
    ocf::log::warn(ocf::reason(error));
}

/// A source that is bad, with what was seen of it, as it is told behind a colour.
fn found(source: Source, signs: &Signs) -> String {
    let percent = match source {
        Source::Cpu => signs.cpu,
        Source::Memory => signs.memory,
        Source::Disks | Source::Guests => None,
    };
    let percent = percent.map_or_else(String::new, |percent| format!(" {percent} %"));
    format!("; {}{percent}", source.name())
}

#[cfg(test)]
mod tests;
