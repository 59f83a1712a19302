//! However a migration ends, one copy of the guest runs or none, never two; the agent says which; and the
//! next action finds a state that it can work with.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use comparison::{Action, Answer};
use lab::Guest;
use lab_guest::{Command, Status};
use live::Fault::{
    AgentDies, DaemonDies, DaemonHangs, DaemonRestarts, FrontDies, LinkCut, LinkFlickers,
    TargetDies,
};
use live::Moment::{After, FirstPass, LatePass, Setup, Switchover};
use live::Side::{Source, Target};
use live::{Agent, Fault, Fixture, Moment, Turn, Watch, eventually, wait_until};
use std::{process, thread};

/// Slow enough that every moment of a migration lasts a while.
static LAB: Fixture = Fixture::bare("endings", 2).link_speed(200);

/// More than the link can carry, so that only the downtime limit decides when a migration ends.
const DIRTYING: Command = Command::Dirty { rate: 60, size: 12 };

/// A limit at which 12 MiB are sent while the guest stands still, in milliseconds.
const AT_ONCE: &str = "1000";

/// One at which they are not.
const NEVER: &str = "20";

/// How a migration ends that something befalls, and what the cluster does then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// It fails, and the guest stays. What came in on the target is stopped.
    Stays,
    /// It succeeds.
    Arrives,
    /// One of these, as the answer says.
    Either,
    /// Nobody answers, or the target is lost. The guest is stopped on both nodes at once.
    Gone,
    /// Nobody answers, and the guest is migrated again.
    Again,
}

use Ending::{Again, Arrives, Either, Gone, Stays};

/// What befalls a migration, when, and how that ends. Each case is also the next action of the one before.
const CASES: &[(Fault, Moment, Ending)] = &[
    (TargetDies, Setup, Stays),
    (TargetDies, LatePass, Stays),
    (TargetDies, Switchover, Stays),
    (TargetDies, After, Gone),
    (LinkCut, FirstPass, Stays),
    (LinkCut, Setup, Stays),
    (LinkFlickers, FirstPass, Either),
    (LinkFlickers, Switchover, Either),
    (DaemonDies(Source), Setup, Stays),
    (DaemonDies(Source), LatePass, Stays),
    (DaemonDies(Source), Switchover, Either),
    (DaemonRestarts(Source), Switchover, Either),
    (DaemonHangs(Source), Switchover, Either),
    (DaemonDies(Target), Setup, Stays),
    (DaemonDies(Target), Switchover, Either),
    (DaemonDies(Target), After, Arrives),
    (DaemonRestarts(Target), FirstPass, Stays),
    (DaemonHangs(Target), LatePass, Stays),
    (DaemonHangs(Target), After, Arrives),
    (FrontDies, FirstPass, Again),
    (AgentDies, Setup, Gone),
    (AgentDies, LatePass, Again),
    (AgentDies, Switchover, Gone),
];

#[test]
fn however_a_migration_ends_there_is_one_guest_and_the_answer_is_true() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new(format!("ending-{}", process::id()), 0);
    lab.place(&guest);
    let mut agent = Agent::new(&lab, "n1", &guest);
    agent.start();
    for case in CASES {
        let watch = Watch::over(&guest);
        agent = endure(&lab, &guest, &agent, *case);
        watch.end();
    }
    agent.stop();
    assert!(lab.copies(&guest).is_empty());
}

/// Migrates the guest while something befalls that, and sees how it ends. Returns the agent on the node where
/// the guest is then.
fn endure<'a>(
    lab: &Turn,
    guest: &Guest,
    agent: &Agent<'a>,
    (fault, moment, ending): (Fault, Moment, Ending),
) -> Agent<'a> {
    let there = agent.on(Turn::other(agent.node()));
    let nodes = (agent.node(), there.node());
    let before = lab.tell(guest, DIRTYING);
    let answer = disturb(lab, guest, agent, (fault, moment));
    if fault.separates() {
        fault.lift(lab, nodes);
    }
    let arrived = match (ending, answer) {
        (Stays | Either, Answer::Code(1)) => false,
        (Arrives | Either, Answer::Code(0)) => true,
        (Gone, Answer::Code(0) | Answer::Signal(_)) => {
            end(lab, guest, agent, &there);
            return agent.clone();
        }
        (Again, Answer::Signal(_)) => {
            let again = agent.act(Action::MigrateTo { target: nodes.1.to_owned() });
            assert_eq!(again.answer, Answer::Code(0), "{again:?}");
            true
        }
        _ => panic!("{fault:?} at {moment:?}: {answer:?}"),
    };
    let (home, other) = if arrived { (&there, agent) } else { (agent, &there) };
    if arrived {
        assert_eq!(there.call(Action::MigrateFrom { source: nodes.0.to_owned() }).code, 0);
    }
    other.stop();
    assert_eq!(lab.copies(guest), [home.node()]);
    if !fault.separates() {
        fault.lift(lab, nodes);
    }
    wait_until("the guest runs", eventually(), || lab.state(home.node(), guest) == "running");
    assert_eq!((home.monitor().code, other.probe().code), (0, 7));
    is_the_same(lab, guest, &before);
    home.clone()
}

/// Has the agent migrate the guest, and something befall it at that moment.
fn disturb(
    lab: &Turn,
    guest: &Guest,
    agent: &Agent<'_>,
    (fault, moment): (Fault, Moment),
) -> Answer {
    let nodes = (agent.node(), Turn::other(agent.node()));
    let ends = matches!(moment, Switchover | After);
    let agent = agent.clone().set("migration_downtime", if ends { AT_ONCE } else { NEVER });
    // What hangs is waited for.
    let hangs = matches!(fault, LinkCut | DaemonHangs(_));
    let agent = agent.timeout(if hangs { 12 } else { 30 });
    let migrate = Action::MigrateTo { target: nodes.1.to_owned() };
    let answer = thread::scope(|scope| {
        let migration = scope.spawn(|| agent.act(migrate));
        if moment != After {
            moment.wait(lab, nodes.0, guest);
            fault.strike(lab, nodes);
        }
        migration.join().unwrap().answer
    });
    if moment == After {
        fault.strike(lab, nodes);
    }
    answer
}

/// Stops the guest on both nodes at once, as the cluster does when it was not told where that is, and
/// starts it again.
fn end(lab: &Turn, guest: &Guest, agent: &Agent<'_>, there: &Agent<'_>) {
    thread::scope(|scope| {
        for agent in [agent, there] {
            scope.spawn(|| agent.stop());
        }
    });
    assert!(lab.copies(guest).is_empty());
    agent.start();
}

/// Asserts that this is the guest that was there before, and that it has lost nothing.
fn is_the_same(lab: &Turn, guest: &Guest, before: &Status) {
    let after = lab.tell(guest, Command::Check);
    assert_eq!((after.boot_id, after.corrupt), (before.boot_id, 0), "{after}");
    assert!(after.counter >= before.counter && after.written > before.written, "{before}; {after}");
}
