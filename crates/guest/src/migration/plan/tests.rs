use super::*;
use hypervisor::Part;
use proptest::prelude::*;

const MIB: u64 = 1 << 20;
const TICK: Duration = Duration::from_millis(1);
const LOOK: Duration = Duration::from_millis(100);

/// A guest that is sent over a link, as QEMU's pre-copy does it.
#[derive(Debug, Clone, Copy)]
struct Guest {
    /// Bytes.
    memory: u64,
    /// How much of it is pages of zeros, which take next to nothing of the link, in bytes.
    zeros: u64,
    /// What it writes to again and again, in bytes.
    working_set: u64,
    /// Bytes per second.
    dirty_rate: u64,
    /// Bytes per second.
    bandwidth: u64,
    /// Whether QEMU slows it down when it dirties more than half of what is sent.
    throttled: bool,
}

/// How its migration ended.
#[derive(Debug)]
struct End {
    time: Duration,
    /// How long it stood still; `None` when it did not get there.
    pause: Option<Duration>,
    postcopy: bool,
    steps: Vec<Step>,
}

fn terms(policy: Policy, seconds: u64) -> Terms {
    Terms {
        policy,
        downtime: None,
        force: None,
        limit: true,
        postcopy: policy == Policy::Finish,
        streams: false,
        pace: false,
        time: Duration::from_secs(seconds),
    }
}

impl Guest {
    fn migrate(self, terms: Terms) -> End {
        let mut plan = Plan::new(terms);
        let (mut remaining, mut dirty, mut pass, mut throttle) = (self.memory, 0, 1_u64, 0_u64);
        let (mut now, mut looked, mut sent, mut bandwidth) =
            (Duration::ZERO, Duration::ZERO, 0, self.bandwidth);
        let mut steps = Vec::new();
        let per_tick = |rate: u64| rate / 1000;
        while now < terms.time {
            now += TICK;
            // A link that stutters: nothing for half a second, now and then.
            let stutters = now.as_millis() % 5000 < 500;
            let (less, more) = match (pass, remaining > self.memory - self.zeros) {
                _ if stutters => (0, 0),
                (1, true) => (per_tick(1 << 30), per_tick(2 * MIB)),
                _ => (per_tick(bandwidth) * 10 / 9, per_tick(bandwidth) * 10 / 9),
            };
            (remaining, sent) = (remaining.saturating_sub(less), sent + more);
            let written = per_tick(self.dirty_rate) * (100 - throttle) / 100;
            dirty = (dirty + written).min(self.working_set);
            if remaining == 0 {
                let time = |speed: u64| Duration::from_secs_f64(dirty as f64 / speed as f64);
                let left = time(self.bandwidth);
                if time(bandwidth) <= plan.limit() {
                    return End { time: now + left, pause: Some(left), postcopy: false, steps };
                }
                if self.throttled && written * 2 > per_tick(self.bandwidth) {
                    throttle = (throttle + 10).clamp(20, 99);
                }
                (remaining, dirty, pass) = (dirty, 0, pass + 1);
            }
            if now - looked < LOOK {
                continue;
            }
            looked = now;
            let memory = Part { total: self.memory, sent, remaining, rate: 1000 * more };
            let progress = Progress { memory, pass, ..Progress::default() };
            let step = plan.next(now, &progress);
            step.iter().for_each(|step| plan.done(step));
            match step {
                Some(Step::Limit(limit)) if limit == plan.first_limit() => {}
                Some(Step::GiveUp(why)) => {
                    steps.push(Step::GiveUp(why));
                    return End { time: now, pause: None, postcopy: false, steps };
                }
                Some(Step::Postcopy) => {
                    steps.push(Step::Postcopy);
                    return End { time: now, pause: Some(Duration::ZERO), postcopy: true, steps };
                }
                Some(Step::Pace { speed, limit }) => {
                    bandwidth = speed * MIB;
                    steps.push(Step::Pace { speed, limit });
                }
                Some(step) => steps.push(step),
                None => {}
            }
        }
        End { time: now, pause: None, postcopy: false, steps }
    }
}

const IDLE: Guest = Guest {
    memory: 96 * MIB,
    zeros: 0,
    working_set: 2 * MIB,
    dirty_rate: MIB / 4,
    bandwidth: 48 * MIB,
    throttled: false,
};

/// Writes more than the link can carry.
const BUSY: Guest =
    Guest { memory: 160 * MIB, working_set: 64 * MIB, dirty_rate: 72 * MIB, ..IDLE };

#[test]
fn an_idle_guest_stands_still_for_the_shortest_time() {
    for policy in [Policy::Safe, Policy::Balanced, Policy::Finish] {
        let end = IDLE.migrate(terms(policy, 60));
        assert!(end.pause.unwrap() <= FIRST_LIMIT && end.steps.is_empty(), "{end:?}");
    }
}

#[test]
fn a_guest_that_needs_more_gets_what_it_needs_and_not_all_that_is_allowed() {
    // Passes stop getting shorter at about 40 ms.
    let guest = Guest { working_set: 2 * MIB, dirty_rate: 60 * MIB, ..IDLE };
    let end = guest.migrate(terms(Policy::Safe, 60));
    let pause = end.pause.unwrap();
    assert!(pause <= Duration::from_millis(80) && end.time < Duration::from_secs(8), "{end:?}");
}

#[test]
fn a_guest_that_the_link_can_just_carry_is_waited_for() {
    let guest = Guest { memory: 128 * MIB, working_set: 48 * MIB, dirty_rate: 36 * MIB, ..IDLE };
    let end = guest.migrate(Terms { pace: true, ..terms(Policy::Balanced, 35) });
    assert!(end.pause.unwrap() <= 3 * FIRST_LIMIT, "{end:?}");
    assert!(end.time < Duration::from_secs(16), "{end:?}");
}

#[test]
fn a_guest_that_outruns_the_link_costs_what_its_policy_says() {
    let safe = BUSY.migrate(terms(Policy::Safe, 60));
    assert!(safe.pause.is_none() && !safe.postcopy, "{safe:?}");
    let balanced = BUSY.migrate(terms(Policy::Balanced, 60));
    assert!(balanced.pause.unwrap() <= Duration::from_secs(3), "{balanced:?}");
    assert!(balanced.time < Duration::from_secs(40), "{balanced:?}");
    let slowed = Guest { throttled: true, ..BUSY }.migrate(terms(Policy::Balanced, 60));
    assert!(slowed.pause.unwrap() <= Duration::from_millis(900), "{slowed:?}");
    let finish = BUSY.migrate(terms(Policy::Finish, 60));
    assert!(finish.postcopy && finish.time < Duration::from_secs(15), "{finish:?}");
}

#[test]
fn what_cannot_end_in_time_is_given_up_early_and_says_why() {
    let guest = Guest { memory: 8192 * MIB, ..IDLE };
    for policy in [Policy::Safe, Policy::Balanced, Policy::Finish] {
        let end = guest.migrate(terms(policy, 60));
        let [Step::GiveUp(why)] = end.steps[..] else { panic!("{end:?}") };
        assert!(end.time < Duration::from_secs(15), "{end:?}");
        assert!(why.to_string().contains("raise the timeout of migrate_to"), "{why}");
    }
}

#[test]
fn pages_of_zeros_are_no_reason_to_give_up_or_to_stand_still() {
    let guest = Guest { memory: 65536 * MIB, zeros: 64512 * MIB, ..IDLE };
    for policy in [Policy::Safe, Policy::Balanced, Policy::Finish] {
        let end = guest.migrate(terms(policy, 115));
        assert!(end.pause.unwrap() <= FIRST_LIMIT && end.steps.is_empty(), "{end:?}");
    }
}

#[test]
fn a_stream_is_slowed_down_at_the_end_of_its_first_pass() {
    let paced = |guest: Guest| guest.migrate(Terms { pace: true, ..terms(Policy::Balanced, 60) });
    let end = paced(Guest { memory: 400 * MIB, ..IDLE });
    let [Step::Pace { speed: 12..=14, limit }] = end.steps[..] else { panic!("{end:?}") };
    assert_eq!(limit, 4 * FIRST_LIMIT);
    assert!(end.pause.unwrap() <= FIRST_LIMIT, "{end:?}");
    let unpaced = Guest { memory: 400 * MIB, ..IDLE }.migrate(terms(Policy::Balanced, 60));
    assert!(end.time - unpaced.time < Duration::from_millis(700), "{end:?} {unpaced:?}");
    let busy =
        paced(Guest { memory: 160 * MIB, dirty_rate: 60 * MIB, working_set: 48 * MIB, ..IDLE });
    let [Step::Pace { speed: ..=14, .. }, Step::Pace { speed: 49.., limit }, ..] = busy.steps[..]
    else {
        panic!("{busy:?}")
    };
    assert!(limit < FIRST_LIMIT * 11 / 10, "{busy:?}");
    // What is over before it has been looked at twice leaves nothing in the socket that takes long.
    let short = paced(Guest { bandwidth: 1000 * MIB, ..IDLE });
    assert!(short.steps.is_empty(), "{short:?}");
    // Pages of zeros say nothing about the link.
    let zeros = paced(Guest { memory: 8192 * MIB, zeros: 8000 * MIB, ..IDLE });
    assert!(matches!(zeros.steps[..], [Step::Pace { speed: 10..=14, .. }]), "{zeros:?}");
}

#[test]
fn an_order_that_was_not_carried_out_is_repeated() {
    let mut plan = Plan::new(terms(Policy::Balanced, 60));
    let progress = Progress { pass: 1, ..Progress::default() };
    for second in 1..4 {
        let step = plan.next(Duration::from_secs(second), &progress);
        assert_eq!(step, Some(Step::Limit(FIRST_LIMIT)));
    }
    plan.done(&Step::Limit(FIRST_LIMIT));
    assert_eq!(plan.next(Duration::from_secs(4), &progress), None);
}

#[test]
fn disks_that_cannot_be_copied_in_time_are_given_up() {
    let mut plan = Plan::new(terms(Policy::Balanced, 60));
    let mut remaining = 10_000 * MIB;
    let give_up = (1..20).find_map(|second| {
        remaining -= 20 * MIB;
        let storage = Part { total: 10_000 * MIB, sent: 0, remaining, rate: 0 };
        let progress = Progress { storage, ..Progress::default() };
        let step = plan.next(Duration::from_secs(second), &progress)?;
        plan.done(&step);
        matches!(step, Step::GiveUp(_)).then_some((second, step))
    });
    let Some((second, Step::GiveUp(why))) = give_up else { panic!("it goes on") };
    assert!(second < 12 && why.to_string().contains("of its disks"), "{second} {why}");
}

#[test]
fn postcopy_that_was_only_made_possible_is_left_to_the_admin() {
    for policy in [Policy::Safe, Policy::Balanced] {
        let end = BUSY.migrate(Terms { postcopy: true, ..terms(policy, 60) });
        assert!(!end.postcopy, "{end:?}");
    }
}

#[test]
fn what_the_admin_fixed_holds_until_the_last_moment() {
    let fixed = |policy| Terms { downtime: Some(Duration::from_millis(20)), ..terms(policy, 60) };
    let safe = BUSY.migrate(fixed(Policy::Safe));
    assert!(safe.pause.is_none() && safe.steps.is_empty(), "{safe:?}");
    let balanced = BUSY.migrate(fixed(Policy::Balanced));
    assert!(balanced.pause.is_some() && balanced.time > Duration::from_secs(50), "{balanced:?}");
}

#[test]
fn what_the_admin_forces_is_done_when_he_said() {
    let force = |force| Terms { force: Some(force), postcopy: true, ..terms(Policy::Safe, 60) };
    let five = Duration::from_secs(5);
    let paused = BUSY.migrate(force(Force::Pause(five)));
    assert!(paused.pause.is_some() && (5..8).contains(&paused.time.as_secs()), "{paused:?}");
    let late = BUSY.migrate(force(Force::Postcopy(five)));
    assert!(late.postcopy && late.time.as_secs() == 5, "{late:?}");
    let first = BUSY.migrate(force(Force::PostcopyAfterFirstPass));
    assert!(first.postcopy && first.time.as_secs() == 3, "{first:?}");
}

#[test]
fn a_step_that_is_refused_leaves_the_others() {
    let mut plan = Plan::new(terms(Policy::Finish, 60));
    let memory = Part { total: 1, sent: 1, remaining: 64 * MIB, rate: 48 * MIB };
    let mut next = |seconds, pass| {
        let progress = Progress { memory, pass, ..Progress::default() };
        let step = plan.next(Duration::from_secs(seconds), &progress);
        match &step {
            Some(Step::Postcopy) => plan.refused(&Step::Postcopy),
            Some(step) => plan.done(step),
            None => {}
        }
        step
    };
    let steps: Vec<_> = (1..60).filter_map(|second| next(second, second)).collect();
    assert_eq!(steps[..2], [Step::Limit(FIRST_LIMIT), Step::Postcopy]);
    assert!(matches!(steps[2..], [Step::Limit(_), ..]), "{steps:?}");
}

#[test]
fn a_stream_gets_its_speed_back_however_often_that_is_refused() {
    let mut plan = Plan::new(Terms { pace: true, ..terms(Policy::Balanced, 60) });
    plan.done(&Step::Limit(FIRST_LIMIT));
    let mut look = |tenths: u64, pass, remaining| {
        let memory = Part { total: 64 * MIB, sent: tenths * 4 * MIB, remaining, rate: 40 * MIB };
        let progress = Progress { memory, pass, ..Progress::default() };
        let step = plan.next(Duration::from_millis(tenths * 100), &progress);
        match (&step, pass) {
            (Some(step), 1) => plan.done(step),
            (Some(step), _) => plan.refused(step),
            (None, _) => {}
        }
        step
    };
    let slowed = (1..16).find_map(|tenths| look(tenths, 1, (64 - tenths * 4) * MIB));
    assert!(matches!(slowed, Some(Step::Pace { speed: 10, .. })), "{slowed:?}");
    for tenths in 17..20 {
        let again = look(tenths, 2, 32 * MIB);
        assert!(matches!(again, Some(Step::Pace { speed: 38, .. })), "{again:?}");
    }
}

#[test]
fn a_stream_that_a_processor_holds_up_gets_others() {
    let mut plan = Plan::new(Terms { streams: true, ..terms(Policy::Balanced, 60) });
    let memory = Part { total: 8 << 30, sent: 0, remaining: 2 << 30, rate: 2 << 30 };
    let steps: Vec<_> = (1..20)
        .filter_map(|second| {
            let progress = Progress { memory, pass: second, ..Progress::default() };
            let step = plan.next(Duration::from_secs(second), &progress);
            step.iter().for_each(|step| plan.done(step));
            step
        })
        .collect();
    assert_eq!(steps, [Step::Limit(FIRST_LIMIT), Step::Streams]);
}

fn guests() -> impl Strategy<Value = Guest> {
    (16..512_u64, 1..100_u64, 0..200_u64, 16..200_u64, any::<bool>()).prop_map(
        |(memory, share, dirty, bandwidth, throttled)| Guest {
            memory: memory * MIB,
            zeros: 0,
            working_set: memory * MIB * share / 100,
            dirty_rate: dirty * MIB,
            bandwidth: bandwidth * MIB,
            throttled,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_policy_costs_more_than_it_says(guest in guests(), seconds in 20..120_u64) {
        let safe = guest.migrate(terms(Policy::Safe, seconds));
        prop_assert!(safe.pause.is_none_or(|pause| pause <= Policy::PAUSE), "{safe:?}");
        let limits = |end: &End| end.steps.iter().filter_map(|step| match step {
            Step::Limit(limit) => Some(*limit),
            _ => None,
        }).collect::<Vec<_>>();
        prop_assert!(limits(&safe).iter().all(|limit| *limit <= Policy::PAUSE));
        let balanced = guest.migrate(terms(Policy::Balanced, seconds));
        prop_assert!(!balanced.postcopy);
        prop_assert!(limits(&balanced).is_sorted(), "{balanced:?}");
        let early = balanced.time.as_secs_f64() < seconds as f64 / 4.0 - 2.0;
        prop_assert!(!early || balanced.pause.is_none_or(|it| it <= Policy::PAUSE), "{balanced:?}");
    }

    #[test]
    fn balanced_and_finish_end_wherever_the_link_can_carry_it(guest in guests(), seconds in 20..120_u64) {
        // Once all of it, and what it writes meanwhile while it stands still.
        let need = (guest.memory + guest.working_set) as f64 / guest.bandwidth as f64;
        prop_assume!(need * 1.5 + 4.0 < seconds as f64);
        for policy in [Policy::Balanced, Policy::Finish] {
            let end = guest.migrate(terms(policy, seconds));
            prop_assert!(end.pause.is_some(), "{policy:?} {end:?}");
        }
    }
}

#[test]
fn disks_that_come_in_pieces_are_given_up_only_when_they_cannot_come_in_time() {
    let given_up = |speed: u64| {
        let (mut plan, total) = (Plan::new(terms(Policy::Balanced, 60)), 512 * MIB);
        (1..240).map(|look| look * LOOK).find(|now| {
            let sent = now.as_secs() * speed / 16 * 16 * MIB;
            let remaining = total.saturating_sub(sent);
            let storage = Part { total, sent, remaining, rate: 0 };
            let step = plan.next(*now, &Progress { storage, ..Progress::default() });
            matches!(step, Some(Step::GiveUp(_)))
        })
    };
    assert!(given_up(4).is_some_and(|when| when <= Duration::from_secs(17)), "{:?}", given_up(4));
    assert_eq!(given_up(12), None);
}

#[test]
fn a_plan_has_no_step_that_the_hypervisor_has_not() {
    let able = |limit| Terms { limit, ..terms(Policy::Balanced, 60) };
    assert!(!BUSY.migrate(able(true)).steps.is_empty());
    assert_eq!(BUSY.migrate(able(false)).steps, []);
}
