use super::*;
use crate::histories::{findings, many};
use crate::{Node, Obstacle, Passed, Terms};
use proptest::prelude::*;
use std::time::Duration;

/// One check of a history.
#[derive(Debug, Clone)]
struct Check {
    /// Seconds since the one before.
    after: u64,
    finding: Finding,
    /// Which of the nodes could take the guest, a bit for each.
    up: u8,
    node_suspect: bool,
    start_failed: bool,
    suspended: bool,
    /// Whether an admin has moved the guest to the next node before it.
    moved: bool,
}

/// What was done, and when.
#[derive(Debug, Clone, PartialEq)]
struct Act {
    at: Timestamp,
    rung: Rung,
    node: Node,
}

fn node(index: u8) -> Node {
    Node::try_from(format!("n{index}")).unwrap()
}

/// A cluster of four nodes with one guest, and all that was done about it.
struct World {
    policy: Policy,
    machine: Machine,
    now: Timestamp,
    node: u8,
    acts: Vec<Act>,
}

impl World {
    fn new(policy: Policy) -> Self {
        let now = Timestamp(1_000_000);
        Self { policy, machine: Machine::default(), now, node: 0, acts: vec![] }
    }

    fn situation(&self, check: &Check) -> Situation {
        let others = (0..4).filter(|it| *it != self.node && check.up >> it & 1 == 1);
        Situation {
            node: node(self.node),
            others: others.map(node).collect(),
            bar: check.node_suspect.then_some(Bar::Node),
            failed: check.start_failed,
            suspended: check.suspended,
        }
    }

    /// Waits until the check.
    fn wait(&mut self, check: &Check) {
        self.now = self.now + Duration::from_secs(check.after);
        self.node = (self.node + u8::from(check.moved)) % 4;
    }

    /// Makes the check when its time has come.
    fn check(&mut self, check: &Check) -> (Situation, Outcome) {
        self.wait(check);
        self.make(check)
    }

    /// Makes the check, does what is decided, and returns the situation that it was decided in.
    fn make(&mut self, check: &Check) -> (Situation, Outcome) {
        let situation = self.situation(check);
        let outcome = self.machine.check(&self.policy, self.now, check.finding, &situation);
        if let Some(Decision { step: Step::Act(rung), .. }) = &outcome.decision {
            self.acts.push(Act { at: self.now, rung: *rung, node: node(self.node) });
            if *rung == Rung::Relocate {
                let ladder = &self.machine.ladder;
                let takes = |it: &u8| {
                    situation.others.contains(&node(*it))
                        && !ladder.refuses(&node(*it), &situation.others)
                };
                self.node = (0..4).find(takes).expect("no node takes the guest");
            }
        }
        (situation, outcome)
    }

    /// How many actions, all or some, there were in the window that ends now.
    fn used(&self, counts: impl Fn(&Act) -> bool) -> usize {
        let recent = |act: &&Act| self.now.since(act.at) < self.policy.window;
        let done = self.acts.iter().filter(|act| act.rung != Rung::Hold);
        done.filter(recent).filter(|act| counts(act)).count()
    }
}

fn checks(times: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Check>> {
    let pauses = prop_oneof![8 => 5..15_u64, 1 => 15..200_u64, 1 => 200..3000_u64];
    let flag = |weight| prop::bool::weighted(weight);
    let flags = (flag(0.1), flag(0.1), flag(0.03), flag(0.02));
    // A guest stays as it is for a while.
    let check = (pauses, findings(), 1..8_usize, any::<u8>(), flags);
    let same = check.prop_map(|(after, finding, times, up, flags)| {
        let (node_suspect, start_failed, suspended, moved) = flags;
        vec![Check { after, finding, up, node_suspect, start_failed, suspended, moved }; times]
    });
    prop::collection::vec(same, times).prop_map(|checks| checks.concat())
}

fn policies() -> impl Strategy<Value = Policy> {
    let budgets = (0..3_u32, 0..3_u32, 0..2_u32, 1..3_u32, 0..4_u32);
    let times = (10..200_u64, 10..400_u64, 30..600_u64, 600..3000_u64);
    (budgets, times).prop_map(
        |((restarts, relocations, reinstalls, suspect, band), (grace, install, dwell, window))| {
            let failed = suspect + band;
            let terms = Terms {
                suspect,
                failed,
                ceiling: failed + 1,
                restarts,
                relocations,
                reinstalls,
                window: Duration::from_secs(window),
                grace: Duration::from_secs(grace),
                install_grace: Duration::from_secs(install),
                dwell: Duration::from_secs(dwell),
                ..Terms::default()
            };
            Policy::try_from(terms).unwrap()
        },
    )
}

fn rank(level: Option<Rung>) -> usize {
    level.map_or(0, |rung| rung as usize + 1)
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn nothing_is_done_below_the_threshold_unless_the_guest_is_gone(policy in policies(), checks in checks(1..30)) {
        let mut world = World::new(policy);
        // The highest score since something was done, and whether the guest was gone then.
        let (mut score, mut highest, mut gone, mut answered) = (0, 0, false, false);
        for check in checks {
            answered |= check.finding == Finding::Good;
            let quiet = !answered && world.acts.last().is_some_and(|act| {
                (world.now + Duration::from_secs(check.after)).since(act.at) < policy.grace_after(act.rung)
            });
            match check.finding {
                Finding::Bad if !quiet => score = policy.ceiling.min(score + policy.bad),
                Finding::Good => score = score.saturating_sub(policy.good),
                Finding::Gone => gone = true,
                _ => {}
            }
            highest = highest.max(score);
            let before = world.acts.len();
            world.check(&check);
            if world.acts.len() > before {
                prop_assert!(gone || highest >= policy.failed, "{:?}", world.acts);
                if world.acts[before].rung != Rung::Hold {
                    (score, highest, gone, answered) = (0, 0, false, false);
                }
            }
        }
    }

    #[test]
    fn what_was_done_has_its_grace_unless_it_failed_itself(policy in policies(), checks in checks(1..30)) {
        let mut world = World::new(policy);
        for check in checks {
            let before = world.acts.len();
            world.check(&check);
            let [.., last, act] = &world.acts[..] else { continue };
            if world.acts.len() > before && act.at.since(last.at) < policy.grace_after(last.rung) {
                prop_assert!(check.start_failed || check.finding == Finding::Gone);
                // Where a relocation has ended there may be no node to go on to.
                let stays = (last.rung, act.rung) == (Rung::Relocate, Rung::Restart);
                prop_assert!(act.rung > last.rung || act.rung == Rung::Relocate || stays, "{:?}", world.acts);
            }
        }
    }

    #[test]
    fn the_level_goes_up_past_nothing_that_is_left_and_down_by_one_in_its_time(policy in policies(), checks in checks(1..30)) {
        let mut world = World::new(policy);
        // The first of the checks that went well in a row.
        let mut well: Option<Timestamp> = None;
        for check in checks {
            let level = world.machine.ladder.level();
            let last = world.acts.last().cloned();
            world.wait(&check);
            let here = node(world.node);
            let counts = [Rung::Restart, Rung::Relocate, Rung::Reinstall].map(|rung| {
                world.used(|act| act.rung == rung && (rung != Rung::Restart || act.node == here))
            });
            let all = world.used(|_| true);
            let (situation, outcome) = world.make(&check);
            let now = world.machine.ladder.level();
            match outcome.verdict {
                Verdict::Healthy => { well.get_or_insert(world.now); }
                Verdict::Suspect | Verdict::Failed => well = None,
            }
            if rank(now) < rank(level) {
                prop_assert_eq!(rank(now) + 1, rank(level));
                let dwell = policy.dwell_on(level.unwrap());
                prop_assert!(well.is_some_and(|since| world.now.since(since) >= dwell));
                well = Some(world.now);
            }
            let decision = outcome.decision;
            let flapping = decision.as_ref().is_some_and(|it| it.passed.contains(&Passed::Barred { bar: Bar::Flapping }));
            for rung in rank(level).max(1)..rank(now) {
                let failed = last.as_ref().is_some_and(|act| act.rung as usize + 1 == rung)
                    && (check.start_failed || check.finding == Finding::Gone);
                let elsewhere = !situation.others.is_empty();
                let reason = match rung {
                    _ if all >= policy.budget() => true,
                    1 => counts[0] >= policy.restarts as usize || failed || ((check.node_suspect || flapping) && elsewhere),
                    2 => counts[1] >= policy.relocations as usize,
                    _ => counts[2] >= policy.reinstalls as usize || failed,
                };
                prop_assert!(reason, "{level:?} to {now:?}: {:?}", decision);
            }
        }
    }

    #[test]
    fn what_is_done_in_a_window_is_bounded(policy in policies(), checks in checks(1..60)) {
        let mut world = World::new(policy);
        let (restarts, relocations) = (policy.restarts as usize, policy.relocations as usize);
        let bound = restarts * (relocations + 1) + relocations + policy.reinstalls as usize;
        for check in checks {
            world.check(&check);
            prop_assert!(world.used(|_| true) <= bound, "{:?}", world.acts);
            prop_assert!(world.used(|act| act.rung == Rung::Relocate) <= relocations);
            prop_assert!(world.used(|act| act.rung == Rung::Reinstall) <= policy.reinstalls as usize);
            for index in 0..4 {
                let there = |act: &Act| act.rung == Rung::Restart && act.node == node(index);
                prop_assert!(world.used(there) <= restarts);
            }
        }
    }

    #[test]
    fn what_comes_and_goes_ends_on_a_rung_and_is_acted_upon_once_per_grace(
        policy in policies(), good in 1..60_usize, bad in 1..60_usize, gone: bool,
    ) {
        let mut world = World::new(policy);
        let finding = if gone { Finding::Gone } else { Finding::Bad };
        let check = |finding| Check { after: 10, finding, up: 15, node_suspect: false, start_failed: false, suspended: false, moved: false };
        let cycle = vec![check(Finding::Good); good].into_iter().chain(vec![check(finding); bad]);
        let times = 1 + 2 * policy.window.as_secs() as usize / 10;
        let mut steps = 0;
        for check in cycle.cycle().take(times) {
            steps += usize::from(world.check(&check).1.decision.is_some_and(|it| matches!(it.step, Step::Act(_))));
        }
        prop_assert_eq!(steps, world.acts.len());
        for pair in world.acts.windows(2) {
            let early = pair[1].at.since(pair[0].at) < policy.grace_after(pair[0].rung);
            prop_assert!(!early || gone, "{:?}", world.acts);
        }
        // Two windows cannot have more than two budgets and a last step, and the last is the end.
        prop_assert!(world.acts.len() <= 2 * policy.budget() + 2, "{:?}", world.acts);
        let held = world.acts.iter().position(|act| act.rung == Rung::Hold);
        prop_assert!(held.is_none_or(|position| position + 1 == world.acts.len()));
        // If it is acted upon at all, that goes on until it is held, unless it is well for long in between.
        let calm = policy.window.as_secs() as usize / 10 / (policy.budget() + 1);
        prop_assert!(world.acts.is_empty() || held.is_some() || good + bad >= calm, "{:?}", world.acts);
    }

    #[test]
    fn without_another_node_it_is_waited_for_as_long_as_it_takes(policy in policies(), checks in checks(1..30)) {
        let relocations = policy.relocations.max(1);
        let policy = Policy::try_from(Terms { relocations, ..*policy }).unwrap();
        let mut world = World::new(policy);
        for check in checks {
            let (_, outcome) = world.check(&Check { up: 0, moved: false, ..check });
            let step = outcome.decision.map(|it| it.step);
            let act = matches!(step, None | Some(Step::Act(Rung::Restart) | Step::Wait(_)));
            prop_assert!(act && step != Some(Step::Wait(Obstacle::Held)), "{step:?}");
        }
    }

    #[test]
    fn what_is_destructive_needs_permission_and_what_is_suspended_or_held_stays(policy in policies(), checks in checks(1..30)) {
        let policy = Policy::try_from(Terms { reinstalls: 0, ..*policy }).unwrap();
        let mut world = World::new(policy);
        for check in checks {
            let ladder = world.machine.ladder.clone();
            let (_, outcome) = world.check(&check);
            let act = outcome.decision.map(|it| it.step).filter(|it| matches!(it, Step::Act(_)));
            prop_assert_ne!(act, Some(Step::Act(Rung::Reinstall)));
            if check.suspended || ladder.level() == Some(Rung::Hold) {
                prop_assert_eq!((act, world.machine.ladder.level()), (None, ladder.level()));
            }
        }
    }
}
