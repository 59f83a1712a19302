use super::*;
use crate::Terms;
use crate::histories::many;
use proptest::prelude::*;
use std::time::Duration;

fn limits(worse: u64, better: u64) -> Limits {
    let better = Duration::from_secs(better);
    let window = Duration::from_secs(120);
    let terms = Terms { node_window: window, node_clear: better, ..Terms::default() };
    Limits {
        cpu: Band { low: 50.0, high: 80.0 },
        memory: Band { low: 5.0, high: 20.0 },
        errors: 3,
        guests: Policy::try_from(terms).unwrap(),
        dwell: Dwell { worse: Duration::from_secs(worse), better },
        yellow: Source::ALL.into(),
        red: [Source::Memory].into(),
    }
}

/// What one look at a node finds: both pressures, errors and a failed guest.
type Look = (Option<f64>, Option<f64>, u64, Option<u8>);

fn looks() -> impl Strategy<Value = Vec<(u64, Look)>> {
    let percent = || prop::option::weighted(0.9, 0.0..100.0);
    let look = (percent(), percent(), 0..3_u64, prop::option::weighted(0.3, 0..5_u8));
    prop::collection::vec((0..60_u64, look), 1..60)
}

/// A node that is looked at again and again.
#[derive(Default)]
struct Node {
    health: Health,
    signs: Signs,
}

impl Node {
    fn look(&mut self, limits: &Limits, now: Timestamp, look: Look) -> (Colour, Vec<Source>) {
        let (cpu, memory, errors, guest) = look;
        (self.signs.cpu, self.signs.memory) = (cpu, memory);
        *self.signs.errors.entry("sda".to_owned()).or_default() += errors;
        self.signs.failures.extend(guest.map(|guest| (guest.to_string(), now)));
        self.health.note(limits, now, &self.signs)
    }
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn a_colour_has_a_source_and_none_comes_back_early(worse in 1..120_u64, better in 121..900_u64, looks in looks()) {
        let limits = limits(worse, better);
        let (mut node, mut now) = (Node::default(), Timestamp(1000));
        // When each source became bad or well last.
        let mut changed: BTreeMap<Source, Timestamp> = BTreeMap::new();
        let mut before = vec![];
        for (pause, look) in looks {
            now = now + Duration::from_secs(pause);
            let (colour, bad) = node.look(&limits, now, look);
            prop_assert_eq!(colour == Colour::Red, bad.contains(&Source::Memory));
            prop_assert_eq!(colour == Colour::Green, bad.is_empty());
            for source in Source::ALL {
                if bad.contains(&source) == before.contains(&source) {
                    continue;
                }
                let time = match (bad.contains(&source), source) {
                    (true, Source::Cpu | Source::Memory) => limits.dwell.worse,
                    // Errors and failures count as soon as there are enough of them.
                    (true, _) => Duration::ZERO,
                    (false, _) => limits.dwell.better,
                };
                let stood = changed.insert(source, now).map(|at| now.since(at));
                prop_assert!(stood.is_none_or(|stood| stood >= time), "{:?} after {:?}", source, stood);
            }
            before = bad;
        }
    }

    #[test]
    fn what_is_not_seen_changes_nothing_at_once(looks in looks()) {
        let (limits, mut node, mut now) = (limits(30, 300), Node::default(), Timestamp(1000));
        for (pause, look) in looks {
            now = now + Duration::from_secs(pause);
            let seen = node.look(&limits, now, look);
            prop_assert_eq!(seen, node.health.note(&limits, now, &Signs::default()));
        }
    }

    #[test]
    fn a_node_that_is_left_alone_gets_well(looks in looks()) {
        let (limits, mut node, mut now) = (limits(30, 300), Node::default(), Timestamp(1000));
        for (pause, look) in looks {
            now = now + Duration::from_secs(pause);
            node.look(&limits, now, look);
        }
        let well = (Some(0.0), Some(0.0), 0, None);
        node.look(&limits, now, well);
        let (colour, _) = node.look(&limits, now + limits.dwell.better, well);
        prop_assert_eq!(colour, Colour::Green);
    }

    #[test]
    fn a_judge_that_forgets_nothing_comes_back(looks in looks()) {
        let (limits, mut node, mut now) = (limits(30, 300), Node::default(), Timestamp(1000));
        for (pause, look) in looks {
            now = now + Duration::from_secs(pause);
            node.look(&limits, now, look);
            let text = serde_json::to_string(&node.health).unwrap();
            prop_assert_eq!(serde_json::from_str::<Health>(&text).unwrap(), node.health.clone());
        }
    }
}

#[test]
fn what_is_to_give_no_colour_gives_none() {
    let mut limits = limits(0, 300);
    let loaded = (Some(100.0), Some(100.0), 0, None);
    let colour = |limits: &Limits| Node::default().look(limits, Timestamp(1000), loaded);
    assert_eq!(colour(&limits), (Colour::Red, vec![Source::Cpu, Source::Memory]));
    limits.red.clear();
    assert_eq!(colour(&limits), (Colour::Yellow, vec![Source::Cpu, Source::Memory]));
    limits.yellow = [Source::Cpu].into();
    assert_eq!(colour(&limits), (Colour::Yellow, vec![Source::Cpu]));
    limits.yellow.clear();
    assert_eq!(colour(&limits), (Colour::Green, vec![]));
}
