use crate::time::Timestamp;
use crate::trigger::{Band, Side};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Notices disks that fail, by counters of errors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorWatch {
    /// What each counter was when it was last seen.
    counts: BTreeMap<String, u64>,
    /// When counters have gone up, and by how much.
    recent: Vec<(Timestamp, u64)>,
    side: Side,
}

impl ErrorWatch {
    /// Takes note of the counters: `High` from `limit` errors within `window` on, until there was none for as long. What
    /// a counter has when it is seen first was there before, and one that goes down is another one.
    pub fn note(
        &mut self,
        limit: u64,
        window: Duration,
        now: Timestamp,
        counts: &BTreeMap<String, u64>,
    ) -> Side {
        let added = |(name, count): (&String, &u64)| {
            self.counts.get(name).map_or(0, |before| count.saturating_sub(*before))
        };
        let new = counts.iter().map(added).fold(0, u64::saturating_add);
        self.counts.extend(counts.iter().map(|(name, count)| (name.clone(), *count)));
        self.recent.retain(|(at, _)| *at <= now && now.since(*at) < window);
        if new > 0 {
            self.recent.push((now, new));
        }
        let errors = self.recent.iter().map(|(_, new)| *new).fold(0, u64::saturating_add);
        self.side = Band { low: 0, high: limit }.side(self.side, &errors);
        self.side
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histories::many;
    use proptest::prelude::*;

    const WINDOW: Duration = Duration::from_secs(100);

    proptest! {
        #![proptest_config(many())]

        #[test]
        fn disks_are_bad_from_several_errors_until_long_after_the_last(
            limit in 1..6_u64,
            history in prop::collection::vec((0..60_u64, 0..3_u64, 0..3_u64), 1..60),
        ) {
            let (mut watch, mut now, mut before) = (ErrorWatch::default(), Timestamp(1000), Side::Low);
            let (mut sda, mut sdb, mut errors) = (7, 0, vec![]);
            for (round, (pause, one, other)) in history.into_iter().enumerate() {
                now = now + Duration::from_secs(pause);
                (sda, sdb) = (sda + one, sdb + other);
                let counts = BTreeMap::from([("sda".to_owned(), sda), ("sdb".to_owned(), sdb)]);
                let side = watch.note(limit, WINDOW, now, &counts);
                // The first look finds what was there before.
                errors.push((now, if round == 0 { 0 } else { one + other }));
                let recent: u64 = errors.iter().filter(|(at, _)| now.since(*at) < WINDOW).map(|it| it.1).sum();
                let expected = match recent {
                    0 => Side::Low,
                    recent if recent >= limit => Side::High,
                    _ => before,
                };
                prop_assert_eq!(side, expected);
                before = side;
            }
        }
    }

    #[test]
    fn a_disk_that_comes_goes_or_is_another_one_has_no_errors() {
        let mut watch = ErrorWatch::default();
        let mut note = |second, counts: &[(&str, u64)]| {
            let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
            watch.note(1, WINDOW, Timestamp(second), &counts)
        };
        assert_eq!(note(0, &[("sda", 5)]), Side::Low);
        assert_eq!(note(10, &[("sda", 5), ("sdb", 9)]), Side::Low);
        assert_eq!(note(20, &[]), Side::Low);
        assert_eq!(note(30, &[("sda", 1)]), Side::Low);
        assert_eq!(note(40, &[("sda", 2)]), Side::High);
        assert_eq!(note(139, &[]), Side::High);
        assert_eq!(note(140, &[]), Side::Low);
        assert_eq!(note(150, &[("sda", u64::MAX), ("sdb", u64::MAX)]), Side::High);
    }
}
