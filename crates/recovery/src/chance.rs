use crate::filter::{Filter, Finding, Verdict};
use crate::policy::Policy;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// The probability that a guest is found failed at least once in so many checks, when all that is wrong is that an
/// attempt fails with a probability of `chance`, from 0 to 1, independently of the others.
///
/// This is exact: the filter is a Markov chain with a handful of states, and is followed check by check.
///
/// One attempt per check cannot tell noise from a hang. If `n` bad attempts in a row are enough to find a guest
/// failed, then noise with probability `p` does so in `N` attempts with about `N * (1 - p) * p^n`: for one failure in five,
/// 500 checks and less than one false alarm in 10 000 such runs, `n` has to be 10 or more. At one attempt in 10 s that is
/// not within 30 s. So a check that fails is tried again, 5 times a second apart, and two such checks in a row
/// make a failure: 10 attempts, in at most 2 * (10 s + 5 s). The chance is then 5.1e-5.
#[must_use]
pub fn false_alarm(policy: &Policy, chance: f64, checks: u32) -> f64 {
    let bad = chance.powf(f64::from(policy.attempts));
    let mut states = BTreeMap::from([(Filter::default(), 1.0)]);
    let mut failed = 0.0;
    for _ in 0..checks {
        let mut next = BTreeMap::new();
        for (filter, probability) in states {
            for (finding, share) in [(Finding::Bad, bad), (Finding::Good, 1.0 - bad)] {
                let mut filter = filter;
                match filter.note(policy, Timestamp::default(), finding) {
                    Verdict::Failed => failed += probability * share,
                    _ => *next.entry(filter).or_default() += probability * share,
                }
            }
        }
        states = next;
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Terms;
    use std::time::Duration;

    #[test]
    fn a_check_that_fails_one_time_in_five_is_left_alone_over_500() {
        let policy = Policy::default();
        let chance = false_alarm(&policy, 0.2, 500);
        assert!(chance < 1e-4, "{chance}");
        // Two in a row among 500, each with 0.2^5.
        assert!((chance - 499.0 * 0.2_f64.powi(10)).abs() < 1e-6, "{chance}");
    }

    #[test]
    fn a_hang_is_found_within_30_seconds() {
        assert!(Policy::default().detection(Duration::from_secs(10)) <= Duration::from_secs(30));
    }

    #[test]
    fn one_attempt_per_check_cannot_tell_noise_from_a_hang() {
        // Three bad checks in a row, or a net of three, are bound to come.
        let terms = Terms { attempts: 1, failed: 3, ceiling: 5, ..Terms::default() };
        let net = false_alarm(&Policy::try_from(terms).unwrap(), 0.2, 500);
        let forgetful = Terms { good: 5, ..terms };
        let row = false_alarm(&Policy::try_from(forgetful).unwrap(), 0.2, 500);
        assert!(net > 0.95 && row > 0.95, "{net} {row}");
    }

    #[test]
    fn chances_are_what_a_longer_way_gives() {
        // Runs of three bad checks in eight, each bad with one half: those of 256 sequences that have one.
        let terms =
            Terms { attempts: 1, good: 3, suspect: 1, failed: 3, ceiling: 3, ..Terms::default() };
        let chance = false_alarm(&Policy::try_from(terms).unwrap(), 0.5, 8);
        let with_a_run = (0..256_u32).filter(|bits| bits & (bits >> 1) & (bits >> 2) != 0).count();
        assert!((chance - with_a_run as f64 / 256.0).abs() < 1e-12, "{chance}");
        assert_eq!(false_alarm(&Policy::default(), 0.0, 500), 0.0);
        assert!((false_alarm(&Policy::default(), 1.0, 2) - 1.0).abs() < 1e-12);
    }
}
