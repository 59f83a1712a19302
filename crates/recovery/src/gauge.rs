use crate::time::Timestamp;
use crate::trigger::{Band, Side};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a value has to be on another side before that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dwell {
    /// For the upper side, where things are bad.
    pub worse: Duration,
    /// For the lower one.
    pub better: Duration,
}

/// A Schmitt trigger of which a change counts only when it has lasted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gauge {
    /// The side that the value is on, and since when.
    side: Side,
    since: Timestamp,
    /// The side that counts.
    settled: Side,
}

impl Gauge {
    /// Takes note of a value, and says which side counts. `None` is a value that could not be had, and changes nothing.
    pub fn note<T: PartialOrd>(
        &mut self,
        band: &Band<T>,
        dwell: &Dwell,
        now: Timestamp,
        value: Option<T>,
    ) -> Side {
        let Some(value) = value else { return self.settled };
        let side = band.side(self.side, &value);
        // A clock that was set back is not waited for.
        self.since = if side == self.side { self.since.min(now) } else { now };
        self.side = side;
        let time = match side {
            Side::Low => dwell.better,
            Side::High => dwell.worse,
        };
        if now.since(self.since) >= time {
            self.settled = side;
        }
        self.settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histories::many;
    use proptest::prelude::*;

    const BAND: Band<u32> = Band { low: 30, high: 70 };

    fn histories() -> impl Strategy<Value = Vec<(u64, Option<u32>)>> {
        prop::collection::vec((0..60_u64, prop::option::weighted(0.9, 0..100_u32)), 1..60)
    }

    proptest! {
        #![proptest_config(many())]

        #[test]
        fn a_side_counts_when_the_value_has_been_there_for_its_time(
            worse in 0..120_u64, better in 0..300_u64, history in histories(),
        ) {
            let dwell = Dwell { worse: Duration::from_secs(worse), better: Duration::from_secs(better) };
            let (mut gauge, mut now, mut seen) = (Gauge::default(), Timestamp(1000), vec![]);
            for (pause, value) in history {
                now = now + Duration::from_secs(pause);
                let before = gauge.settled;
                let after = gauge.note(&BAND, &dwell, now, value);
                seen.extend(value.map(|value| (now, value)));
                // Back from now, the values that have not been at the other threshold.
                let stretch = |away: fn(u32) -> bool, there: fn(u32) -> bool| {
                    let run = seen.iter().rev().take_while(|(_, value)| !away(*value));
                    run.filter(|(_, value)| there(*value)).map(|(at, _)| now.since(*at)).last()
                };
                match (before, after) {
                    (Side::Low, Side::High) => prop_assert!(
                        stretch(|it| it <= 30, |it| it >= 70).is_some_and(|it| it >= dwell.worse)
                    ),
                    (Side::High, Side::Low) => prop_assert!(
                        stretch(|it| it >= 70, |it| it <= 30).is_some_and(|it| it >= dwell.better)
                    ),
                    _ => {}
                }
            }
        }

        #[test]
        fn a_value_that_stays_counts_in_the_end(worse in 0..120_u64, better in 0..300_u64, history in histories(), high: bool) {
            let dwell = Dwell { worse: Duration::from_secs(worse), better: Duration::from_secs(better) };
            let (mut gauge, mut now) = (Gauge::default(), Timestamp(1000));
            for (pause, value) in history {
                now = now + Duration::from_secs(pause);
                gauge.note(&BAND, &dwell, now, value);
            }
            // A clock that is set back to its beginning delays nothing.
            gauge.note(&BAND, &dwell, Timestamp(0), Some(if high { 99 } else { 0 }));
            let side = gauge.note(&BAND, &dwell, Timestamp(300), Some(50));
            prop_assert_eq!(side, if high { Side::High } else { Side::Low });
        }
    }
}
