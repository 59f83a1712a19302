use crate::policy::Policy;
use crate::trigger::Side;
use serde::{Deserialize, Serialize};

/// How many verdicts are looked at.
const SAMPLES: u32 = 21;

/// Notices a verdict that changes again and again, by the share of the last 21 that differ from the one before.
///
/// Late changes weigh more than early ones, from 0.75 to 1.25, and it flaps from one share on and until another one, as
/// in Nagios (`base/flapping.c`). What has not been seen yet counts as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flapping {
    /// A bit for each verdict, the last one first; it is set for one of failure.
    #[serde(rename = "h")]
    history: u32,
    #[serde(rename = "f")]
    side: Side,
}

impl Flapping {
    /// Takes note of a verdict: the failure of a guest is `High`. One that is not sure yet is not to be noted.
    pub fn note(&mut self, policy: &Policy, failure: Side) -> Side {
        self.history = (self.history << 1 | u32::from(failure == Side::High)) % (1 << SAMPLES);
        self.side = policy.flapping().side(self.side, &self.percent());
        self.side
    }

    /// Whether it flaps: `High`.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// The weighted share of verdicts that differ from the one before, from 0 to 100.
    #[must_use]
    pub fn percent(&self) -> f64 {
        let pairs = SAMPLES - 1;
        let differs = self.history ^ (self.history >> 1);
        // The oldest pair has the highest bits.
        let weight = |age: u32| 1.25 - f64::from(age) * 0.5 / f64::from(pairs - 1);
        let changes = (0..pairs).filter(|age| differs >> age & 1 == 1);
        changes.map(weight).sum::<f64>() * 100.0 / f64::from(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histories::many;
    use proptest::prelude::*;

    fn of(samples: &[bool]) -> Flapping {
        let mut flapping = Flapping::default();
        for failed in samples {
            flapping.note(&Policy::default(), if *failed { Side::High } else { Side::Low });
        }
        flapping
    }

    #[test]
    fn shares_are_those_of_the_formula() {
        // Samples in order, the oldest first, and the weight 0.75 + (x - 1) * 0.5 / 19 for the pair x.
        let weight = |pair: u32| (0.75 + f64::from(pair - 1) * 0.5 / 19.0) * 100.0 / 20.0;
        for pair in 1..=20 {
            let samples: Vec<_> = (0..21).map(|sample| sample >= pair).collect();
            let percent = of(&samples).percent();
            assert!((percent - weight(pair)).abs() < 1e-9, "{pair}: {percent}");
        }
        let alternating: Vec<_> = (0..40).map(|sample| sample % 2 == 0).collect();
        assert!((of(&alternating).percent() - 100.0).abs() < 1e-9);
    }

    #[test]
    fn it_begins_and_ends_at_different_shares() {
        let mut samples = vec![];
        while of(&samples).side() == Side::Low {
            samples.push(samples.len() % 2 == 0);
        }
        assert!((5..=6).contains(&samples.len()), "{samples:?}");
        let begun = samples.len();
        while of(&samples).side() == Side::High {
            let last = samples[samples.len() - 1];
            samples.push(last);
        }
        assert!(of(&samples).percent() <= 20.0);
        assert!(samples.len() > begun + 10, "{} {begun}", samples.len());
    }

    proptest! {
        #![proptest_config(many())]

        #[test]
        fn a_verdict_that_stays_ends_it(samples in prop::collection::vec(any::<bool>(), 0..60), last: bool) {
            let mut flapping = of(&samples);
            for _ in 0..21 {
                flapping.note(&Policy::default(), if last { Side::High } else { Side::Low });
            }
            prop_assert_eq!((flapping.side(), flapping.percent()), (Side::Low, 0.0));
        }

        #[test]
        fn shares_are_shares(samples in prop::collection::vec(any::<bool>(), 0..60)) {
            prop_assert!((0.0..=100.0).contains(&of(&samples).percent()));
        }
    }
}
