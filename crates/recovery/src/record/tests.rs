use super::*;
use crate::histories::many;
use crate::{Node, Policy, Situation, Terms};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_700_000_000);

/// A ladder on which as much was done as can be, with the default budgets and a reinstallation.
fn full() -> Ladder {
    let terms = Terms { reinstalls: 1, ..Terms::default() };
    let policy = Policy::try_from(terms).unwrap();
    let node = |index: usize| Node::try_from(format!("node{index}.example.com")).unwrap();
    let mut ladder = Ladder::default();
    for act in 0..=policy.budget() {
        let here = act / 3;
        let situation = Situation {
            node: node(here),
            others: vec![node(here + 1)],
            bar: None,
            failed: false,
            suspended: false,
        };
        ladder.act(&policy, NOW + policy.install_grace * act as u32, &situation);
    }
    ladder
}

#[test]
fn a_record_is_small_and_comes_back() {
    let record = Record::default().followed_by(full());
    let text = record.text().unwrap();
    assert!((100..500).contains(&text.len()), "{text}");
    let later = NOW + std::time::Duration::from_secs(86_400);
    assert_eq!(Record::parse(&text, later).unwrap(), record);
}

#[test]
fn the_highest_generation_counts() {
    let first = Record::default();
    let second = first.followed_by(full());
    let third = second.followed_by(Ladder::default());
    let found = Record::newest([second.clone(), third.clone(), first]);
    assert_eq!(found, Some(third));
    assert_eq!(Record::newest([]), None);
}

#[test]
fn what_a_wrong_clock_has_written_is_not_waited_for() {
    let record = Record::default().followed_by(full());
    let early = Timestamp(NOW.0 - 86_400 * 365);
    let read = Record::parse(&record.text().unwrap(), early).unwrap();
    let grace = read.ladder.grace(&Policy::default()).unwrap();
    assert!(grace <= early + Policy::default().install_grace, "{grace}");
}

#[test]
fn other_versions_and_what_is_too_long_are_named() {
    let told = |text: &str| Record::parse(text, NOW).unwrap_err().to_string();
    assert!(told(r#"{"version":2,"of":"another kind"}"#).contains("version 2"));
    assert!(told(&" ".repeat(5000)).contains("5000 bytes"));
    assert!(
        told(r#"{"version":1,"generation":1,"level":"z","done":[],"excluded":[]}"#)
            .contains("remove the node attribute")
    );
    assert!(
        told(r#"{"version":1,"generation":1,"level":null,"done":[["restart","a b",1]],"excluded":[]}"#).contains("cannot be read")
    );
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn no_text_is_more_than_an_error(text in ".{0,200}", cut in 0..400_usize, at in 0..400_usize, byte in 32..127_u8) {
        let _ = Record::parse(&text, NOW);
        let mut damaged = Record::default().followed_by(full()).text().unwrap().into_bytes();
        if let Some(place) = damaged.get_mut(at) {
            *place = byte;
        }
        damaged.truncate(cut);
        if let Ok(record) = Record::parse(&String::from_utf8_lossy(&damaged), NOW) {
            prop_assert!(record.ladder.grace(&Policy::default()) <= Some(NOW + Policy::default().install_grace));
        }
    }
}
