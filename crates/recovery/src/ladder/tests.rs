use super::*;
use crate::Terms;

fn node(name: &str) -> Node {
    Node::try_from(name.to_owned()).unwrap()
}

fn at(name: &str, others: &[&str]) -> Situation {
    let others = others.iter().map(|name| node(name)).collect();
    Situation { node: node(name), others, bar: None, failed: false, suspended: false }
}

fn policy(reinstalls: u32) -> Policy {
    Policy::try_from(Terms { reinstalls, ..Terms::default() }).unwrap()
}

/// What it does about a guest that fails whenever it may be acted upon, each time in the next of these places.
fn climb(ladder: &mut Ladder, policy: &Policy, places: &[Situation]) -> Vec<Step> {
    let mut now = Timestamp(1000);
    let mut steps = vec![];
    for situation in places {
        now = ladder.grace(policy).map_or(now, |until| until.max(now));
        steps.push(ladder.act(policy, now, situation).step);
    }
    steps
}

#[test]
fn it_climbs_rung_by_rung() {
    let (n1, n2, n3) = (at("n1", &["n2", "n3"]), at("n2", &["n1", "n3"]), at("n3", &["n1", "n2"]));
    let places = [n1.clone(), n1.clone(), n1, n2, n3.clone(), n3.clone(), n3];
    let mut ladder = Ladder::default();
    let steps = climb(&mut ladder, &policy(1), &places);
    use Rung::{Hold, Reinstall, Relocate, Restart};
    let acts = [Restart, Restart, Relocate, Relocate, Reinstall, Hold].map(Step::Act);
    assert_eq!(steps[..6], acts);
    assert_eq!(steps[6], Step::Wait(Obstacle::Held));
    assert_eq!(climb(&mut Ladder::default(), &policy(0), &places)[4], Step::Act(Hold));
}

#[test]
fn nodes_that_it_failed_on_are_excluded_as_long_as_there_is_another() {
    let mut ladder = Ladder::default();
    let policy = policy(0);
    let (n1, n2, n3) = (node("n1"), node("n2"), node("n3"));
    climb(&mut ladder, &policy, &vec![at("n1", &["n2", "n3"]); 3]);
    assert_eq!(ladder.excluded(), std::slice::from_ref(&n1));
    climb(&mut ladder, &policy, &[at("n2", &["n1", "n3"])]);
    assert_eq!(ladder.excluded(), [n1.clone(), n2.clone()]);
    assert!(ladder.refuses(&n1, &[n2.clone(), n3.clone()]));
    assert!(!ladder.refuses(&n3, &[n1.clone(), n2.clone()]));
    // The only node left takes it, whatever was there.
    assert!(!ladder.refuses(&n1, &[n2]) && !ladder.refuses(&n1, &[]));

    let mut pair = Ladder::default();
    climb(&mut pair, &policy, &vec![at("n1", &["n2"]); 3]);
    assert_eq!(climb(&mut pair, &policy, &[at("n2", &["n1"])]), [Step::Act(Rung::Relocate)]);
    assert_eq!(pair.excluded(), [node("n2")]);
}

#[test]
fn what_failed_itself_is_followed_at_once_by_something_else() {
    let mut ladder = Ladder::default();
    let (policy, now) = (policy(0), Timestamp(1000));
    let first = at("n1", &["n2"]);
    assert_eq!(ladder.act(&policy, now, &first).step, Step::Act(Rung::Restart));
    let until = now + policy.grace;
    assert_eq!(ladder.act(&policy, now, &first).step, Step::Wait(Obstacle::Grace { until }));
    let failed = Situation { failed: true, ..first };
    let decision = ladder.act(&policy, now, &failed);
    assert_eq!(decision.to_string(), "relocate (restart failed)");
    let there = Situation { failed: true, ..at("n2", &["n1"]) };
    assert_eq!(ladder.act(&policy, now, &there).step, Step::Act(Rung::Relocate));
}

#[test]
fn a_restart_is_passed_over_only_where_there_is_somewhere_to_go() {
    for bar in [Bar::Flapping, Bar::Node] {
        let barred = |others: &[&str]| Situation { bar: Some(bar), ..at("n1", others) };
        let act = |situation| Ladder::default().act(&policy(0), Timestamp(1000), &situation).step;
        assert_eq!(act(barred(&["n2"])), Step::Act(Rung::Relocate));
        assert_eq!(act(barred(&[])), Step::Act(Rung::Restart));
        let terms = Terms { relocations: 0, reinstalls: 1, ..Terms::default() };
        let stays = Policy::try_from(terms).unwrap();
        let step = Ladder::default().act(&stays, Timestamp(1000), &barred(&["n2"])).step;
        assert_eq!(step, Step::Act(Rung::Restart), "it may go nowhere");
    }
}

#[test]
fn what_has_nowhere_to_go_is_restarted_where_it_is_and_then_waits() {
    let mut ladder = Ladder::default();
    let places = [vec![at("n1", &["n2"]); 3], vec![at("n2", &[]); 4]].concat();
    let steps = climb(&mut ladder, &policy(1), &places);
    let (restart, nowhere) = (Step::Act(Rung::Restart), Step::Wait(Obstacle::NoNode));
    assert_eq!(steps[2..], [Step::Act(Rung::Relocate), restart, restart, nowhere, nowhere]);
    assert_eq!(ladder.level(), Some(Rung::Relocate));
    let back = climb(&mut ladder, &policy(1), &[at("n2", &["n1"])]);
    assert_eq!(back, [Step::Act(Rung::Relocate)]);
}

#[test]
fn it_comes_down_by_itself_as_it_would_step_by_step() {
    let (policy, mut ladder) = (policy(0), Ladder::default());
    climb(&mut ladder, &policy, &vec![at("n1", &["n2"]); 3]);
    let done = ladder.uses.last().map(|it| it.at).unwrap();
    let level_after = |time| {
        let mut ladder = ladder.clone();
        ladder.rest(&policy, done + time);
        ladder.level()
    };
    let second = Duration::from_secs(1);
    assert_eq!(level_after(policy.dwell * 2 - second), Some(Rung::Relocate));
    assert_eq!(level_after(policy.dwell * 2), Some(Rung::Restart));
    assert_eq!(level_after(policy.dwell * 3 - second), Some(Rung::Restart));
    assert_eq!(level_after(policy.dwell * 3), None);
    climb(&mut ladder, &policy, &vec![at("n2", &["n1"]); 2]);
    assert_eq!(ladder.last_node(), Some(&node("n2")));
    ladder.rest(&policy, Timestamp(u64::MAX));
    assert_eq!(ladder.level(), Some(Rung::Hold));
}

#[test]
fn it_comes_down_rung_by_rung() {
    let mut ladder = Ladder::default();
    let policy = policy(1);
    climb(&mut ladder, &policy, &vec![at("n1", &["n2"]); 3]);
    assert!(!ladder.come_down(&policy, policy.dwell * 2 - Duration::from_secs(1)));
    assert!(ladder.come_down(&policy, policy.dwell * 2));
    assert_eq!((ladder.level(), ladder.excluded()), (Some(Rung::Restart), &[][..]));
    assert!(ladder.come_down(&policy, policy.dwell) && !ladder.come_down(&policy, Duration::MAX));
    // What was used stays used: the next failure is not the first again.
    let step = ladder.act(&policy, Timestamp(1000) + policy.dwell * 10, &at("n1", &["n2"])).step;
    assert_eq!(step, Step::Act(Rung::Relocate));
}
