//! What is done about a guest that fails again and again: Pacemaker restarts it, and the ladder says where, and when
//! that is enough. Its record is an attribute of every node, so that it survives the loss of any.

use crate::Resource;
use crate::error::Error;
use crate::instance::Instance;
use cluster::{HEALTH, Pacemaker, Standing};
use exec::Deadline;
use ocf::Answer;
use recovery::{
    Bar, Colour, Decision, Finding, Ladder, Node, Obstacle, Record, Rung, Situation, Step,
    Timestamp,
};
use std::time::{Duration, SystemTime};

/// How long all that is asked and told of the cluster may take, at most; never more than a quarter of what is left.
const SLICE: Duration = Duration::from_secs(5);

/// What `ocf:hawser:node` says of a node that is not well.
const UNWELL: [&str; 2] = [Colour::Yellow.name(), Colour::Red.name()];

/// The ladder of one guest.
struct Recovery<'a, R> {
    instance: &'a Instance<'a, R>,
    pacemaker: Pacemaker,
    attribute: String,
    node: Node,
    now: Timestamp,
    by: Deadline,
}

impl<'a, R: Resource> Recovery<'a, R> {
    /// The ladder, if it is wanted and there is a cluster to remember it.
    fn of(instance: &'a Instance<'a, R>) -> Option<Self> {
        let node = instance.request.node().filter(|_| instance.settings().ladder)?;
        Some(Self {
            instance,
            pacemaker: Pacemaker::local(),
            attribute: format!("hawser-recovery-{}", instance.request.instance()),
            node: Node::try_from(node.to_owned()).ok()?,
            now: SystemTime::now().into(),
            by: instance.by.slice(SLICE.min(instance.by.remaining() / 4)),
        })
    }

    /// Decides what a guest's failure leads to. Nothing if the cluster cannot be asked: then it is Pacemaker's alone.
    fn act(&self, finding: Finding) -> Option<Decision> {
        self.noted("act upon a failure", self.try_act(finding))
    }

    fn try_act(&self, finding: Finding) -> Result<Decision, Error> {
        let policy = &self.instance.settings().policy;
        let record = self.load()?;
        if let Some(step) = self.pending(&record.ladder) {
            return Ok(Decision { step, passed: vec![] });
        }
        let standing = self.standing()?;
        let mut ladder = record.ladder.clone();
        ladder.rest(policy, self.now);
        let others = self.others(&standing.ready);
        let early = ladder.grace(policy).is_some_and(|until| self.now < until);
        let situation = Situation {
            bar: self.is_suspect(&others)?.then_some(Bar::Node),
            others,
            node: self.node.clone(),
            failed: early && finding == Finding::Gone,
            suspended: !standing.managed,
        };
        let decision = ladder.act(policy, self.now, &situation);
        if let Step::Act(rung) = decision.step {
            self.store(&record.followed_by(ladder), &standing)?;
            self.instance.note_decision(Some((self.now, rung)));
            let name = &self.instance.identity.name;
            ocf::log::warn(format_args!("guest {name} has failed on {}: {decision}", self.node));
        }
        Ok(decision)
    }

    /// What was decided before, if Pacemaker has not come to it yet: as long as it is busy elsewhere, monitors go on, and
    /// what they find is no further failure.
    fn pending(&self, ladder: &Ladder) -> Option<Step> {
        let (decided, rung) = self.instance.record.as_ref()?.decided?;
        let stands = rung != Rung::Hold && ladder.last_at() == Some(decided);
        stands.then_some(Step::Act(rung))
    }

    /// Refuses to start the guest where the ladder does not want it, and tells which reinstallation it is to begin with. It
    /// starts as it is if the cluster cannot be asked.
    fn admit(&self) -> Result<Option<String>, Error> {
        let asked = self.load().and_then(|record| Ok((record, self.standing()?)));
        let Some((record, standing)) = self.noted("find out whether it may start", asked) else {
            return Ok(None);
        };
        let (mut ladder, guest) = (record.ladder, self.instance.identity.name.clone());
        let policy = &self.instance.settings().policy;
        ladder.rest(policy, self.now);
        match ladder.level() {
            Some(Rung::Hold) => {
                Err(Error::Held { guest, resource: self.instance.request.instance().to_owned() })
            }
            _ if ladder.refuses(&self.node, &self.others(&standing.ready)) => {
                Err(Error::Excluded { guest, node: self.node.to_string() })
            }
            // It may have been decided when it was still permitted.
            Some(Rung::Reinstall) if policy.reinstalls > 0 => {
                Ok(record.reinstallation.map(|decided| decided.to_string()))
            }
            _ => Ok(None),
        }
    }

    /// Takes a probe for an operator's word that a guest which is held is to be acted upon again: Pacemaker probes it
    /// for nobody else where that was decided, or where the record is known when that node is gone. A node that has left the
    /// cluster since, and is probed because it is back, has lost its attributes.
    fn probed(&self) {
        let released = self.release_if_held();
        self.noted("release a guest that is held", released);
    }

    fn release_if_held(&self) -> Result<(), Error> {
        let texts = self.pacemaker.transient(&self.attribute, self.by)?;
        let remembers = texts.iter().any(|(node, _)| *node == self.node.to_string());
        let record = self.newest(texts);
        if record.ladder.level() != Some(Rung::Hold) {
            return Ok(());
        }
        let standing = self.standing()?;
        let decider = record.ladder.last_node().map(ToString::to_string).unwrap_or_default();
        let is_here = decider == self.node.to_string();
        if !is_here && standing.online.contains(&decider) {
            return Ok(());
        }
        if !remembers {
            return self.store(&record, &standing);
        }
        self.store(&record.followed_by(Ladder::default()), &standing)?;
        self.instance.note_decision(None);
        Ok(())
    }

    fn load(&self) -> Result<Record, Error> {
        Ok(self.newest(self.pacemaker.transient(&self.attribute, self.by)?))
    }

    /// The record that counts. One that cannot be read is none.
    fn newest(&self, texts: Vec<(String, String)>) -> Record {
        let read = |(node, text): (String, String)| match Record::parse(&text, self.now) {
            Ok(record) => Some(record),
            Err(error) => {
                let error = ocf::reason(&error);
                ocf::log::warn(format_args!("{} of node {node}: {error}", self.attribute));
                None
            }
        };
        Record::newest(texts.into_iter().filter_map(read)).unwrap_or_default()
    }

    /// Gives the record to this node and to the others. This node's has to be there.
    fn store(&self, record: &Record, standing: &Standing) -> Result<(), Error> {
        let text = record.text()?;
        let give = |node: &Node| {
            self.pacemaker.set_transient(&node.to_string(), &self.attribute, &text, self.by)
        };
        give(&self.node)?;
        for error in self.others(&standing.online).iter().filter_map(|node| give(node).err()) {
            ocf::log::warn(format_args!("{}", ocf::reason(&error)));
        }
        Ok(())
    }

    fn standing(&self) -> Result<Standing, Error> {
        Ok(self.pacemaker.standing(self.instance.request.instance(), self.by)?)
    }

    /// Those of the nodes that are not this one.
    fn others(&self, nodes: &[String]) -> Vec<Node> {
        let nodes = nodes.iter().filter_map(|name| Node::try_from(name.clone()).ok());
        nodes.filter(|node| *node != self.node).collect()
    }

    /// Whether this node is not well and one of the others is, as `ocf:hawser:node` has judged them.
    fn is_suspect(&self, others: &[Node]) -> Result<bool, Error> {
        let health = self.pacemaker.transient(HEALTH, self.by)?;
        let is_unwell = |node: &Node| {
            let here = health.iter().filter(|(name, _)| *name == node.to_string());
            here.map(|(_, colour)| colour).any(|colour| UNWELL.contains(&colour.as_str()))
        };
        Ok(is_unwell(&self.node) && others.iter().any(|node| !is_unwell(node)))
    }

    /// What came of it; nothing, and a line in the log, if it failed.
    fn noted<T>(&self, what: &str, result: Result<T, Error>) -> Option<T> {
        let note = |error: &Error| {
            let name = &self.instance.identity.name;
            ocf::log::warn(format_args!("cannot {what} of guest {name}: {}", ocf::reason(error)));
        };
        result.inspect_err(note).ok()
    }
}

/// Refuses to start a guest that is held, or that is to run elsewhere. Returns the id of the reinstallation that is to
/// be done first, if one is; it may have been done.
pub fn admit<R: Resource>(instance: &Instance<'_, R>) -> Result<Option<String>, Error> {
    Recovery::of(instance).map_or(Ok(None), |recovery| recovery.admit())
}

/// Takes a probe for an operator's word about a guest that is held.
pub fn probed<R: Resource>(instance: &Instance<'_, R>) {
    if let Some(recovery) = Recovery::of(instance) {
        recovery.probed();
    }
}

/// Decides what follows from a guest that did not come to run.
pub fn climb<R: Resource>(instance: &Instance<'_, R>) {
    Recovery::of(instance).and_then(|recovery| recovery.act(Finding::Gone));
}

/// Decides what follows from what a recurring monitor has found.
pub fn decide<R: Resource>(instance: &Instance<'_, R>, finding: Finding) -> Option<Decision> {
    instance.request.interval()?;
    Recovery::of(instance)?.act(finding)
}

/// Answers a monitor of a guest that has failed, with the reason and with what is done about it. Pacemaker acts if the
/// answer is an error; a guest that is to be left alone is degraded, and so is one of which nothing new was found out.
pub fn answer<R: Resource>(
    instance: &Instance<'_, R>,
    finding: Finding,
    error: Error,
) -> Result<Answer, Error> {
    let reason = ocf::reason(&error);
    if finding == Finding::Unknown && instance.settings().ladder {
        return Ok(Answer::Degraded { reason });
    }
    let Some(decision) = decide(instance, finding) else {
        return Err(error);
    };
    match decision.step {
        Step::Act(Rung::Hold) | Step::Wait(Obstacle::Held | Obstacle::Suspended) => {}
        // What the hypervisor says of a guest is beyond doubt, and it may be well again where it is.
        Step::Wait(_) if finding == Finding::Bad => {}
        Step::Act(_) | Step::Wait(_) => return Err(Error::Failed { reason, decision }),
    }
    Ok(Answer::Degraded { reason: format!("{decision}: {reason}") })
}
