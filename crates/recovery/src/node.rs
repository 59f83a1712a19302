use crate::error::{Error, Result};
use crate::policy::Policy;
use crate::time::Timestamp;
use crate::trigger::Side;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The name of a node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Node(String);

impl TryFrom<String> for Node {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        let fits = (1..=255).contains(&name.len());
        match fits && !name.contains(char::is_whitespace) {
            true => Ok(Self(name)),
            false => Err(Error::NodeName { name }),
        }
    }
}

impl From<Node> for String {
    fn from(node: Node) -> Self {
        node.0
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Tells a node that ails from guests that do: when several guests fail on one within a short time, restarting them
/// there is of little use. A reconstruction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeWatch {
    /// The guests that have failed here, and when each did so last.
    failures: BTreeMap<String, Timestamp>,
    suspect: Side,
}

impl NodeWatch {
    /// Takes note of a guest that has failed here, at that time. What was noted already changes nothing.
    pub fn note(&mut self, at: Timestamp, guest: &str) {
        self.failures.insert(guest.to_owned(), at);
    }

    /// Whether the node is suspect, `High`, at that time.
    pub fn judge(&mut self, policy: &Policy, now: Timestamp) -> Side {
        // What a clock that was set back shows as still to come is not waited for.
        self.failures.retain(|_, at| *at <= now && now.since(*at) < policy.node_clear);
        let window = match self.suspect {
            Side::Low => policy.node_window,
            Side::High => policy.node_clear,
        };
        let failing = self.failures.values().filter(|at| now.since(**at) < window).count();
        self.suspect = policy.crowd().side(self.suspect, &failing);
        self.suspect
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histories::many;
    use proptest::prelude::*;
    use std::time::Duration;

    proptest! {
        #![proptest_config(many())]

        #[test]
        fn a_node_is_suspect_from_several_guests_until_long_after_the_last(
            events in prop::collection::vec((0..200_u64, prop::option::of(0..5_u8)), 1..60),
        ) {
            let policy = Policy::default();
            let (mut watch, mut suspect, mut now) = (NodeWatch::default(), Side::Low, Timestamp(1000));
            let mut failures: Vec<(Timestamp, u8)> = vec![];
            for (pause, guest) in events {
                now = now + Duration::from_secs(pause);
                if let Some(guest) = guest {
                    failures.push((now, guest));
                    watch.note(now, &guest.to_string());
                }
                let side = watch.judge(&policy, now);
                let within = |time| {
                    let mut guests: Vec<_> = failures.iter().filter(|(at, _)| now.since(*at) < time).map(|it| it.1).collect();
                    guests.sort_unstable();
                    guests.dedup();
                    guests.len()
                };
                match (suspect, side) {
                    (Side::Low, Side::High) => prop_assert!(within(policy.node_window) >= 3),
                    (Side::High, Side::Low) => prop_assert_eq!(within(policy.node_clear), 0),
                    (Side::Low, Side::Low) => prop_assert!(within(policy.node_window) < 3),
                    (Side::High, Side::High) => prop_assert!(within(policy.node_clear) > 0),
                }
                suspect = side;
            }
        }
    }

    #[test]
    fn a_node_has_a_name_without_spaces() {
        for name in ["", "n 1", "n1\n", &"n".repeat(256)] {
            assert!(Node::try_from(name.to_owned()).is_err(), "{name:?}");
        }
        assert!(Node::try_from("node-1.example.com".to_owned()).is_ok());
    }
}
