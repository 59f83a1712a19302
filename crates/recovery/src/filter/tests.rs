use super::*;
use crate::Terms;
use crate::histories::{findings, many};
use proptest::prelude::*;
use std::time::Duration;

const BEGIN: Timestamp = Timestamp(1000);

fn terms(failed: u32, ceiling: u32) -> Policy {
    Policy::try_from(Terms { failed, ceiling, ..Terms::default() }).unwrap()
}

fn verdicts(policy: &Policy, findings: &[Finding]) -> Vec<Verdict> {
    let mut filter = Filter::default();
    findings.iter().map(|finding| filter.note(policy, BEGIN, *finding)).collect()
}

#[test]
fn the_band_keeps_the_old_verdict() {
    use Finding::{Bad, Good};
    use Verdict::{Failed, Healthy, Suspect};
    let policy = terms(3, 5);
    let up = [(Bad, Suspect), (Bad, Suspect), (Good, Suspect), (Bad, Suspect), (Bad, Failed)];
    let down = [(Good, Failed), (Good, Failed), (Bad, Failed), (Good, Failed), (Good, Healthy)];
    let (findings, expected): (Vec<_>, Vec<_>) = up.into_iter().chain(down).unzip();
    assert_eq!(verdicts(&policy, &findings), expected);
}

#[test]
fn gone_is_immediate_and_over_as_soon_as_it_is_well() {
    use Finding::{Bad, Gone, Good, Unknown};
    use Verdict::{Failed, Healthy};
    let policy = terms(3, 5);
    assert_eq!(verdicts(&policy, &[Gone, Unknown, Bad]), [Failed; 3]);
    assert_eq!(verdicts(&policy, &[Gone, Good]), [Failed, Healthy]);
    let mut filter = Filter::after_action(BEGIN + Duration::from_secs(60));
    assert_eq!(filter.note(&policy, BEGIN, Gone), Failed);
}

#[test]
fn in_its_grace_a_guest_is_not_judged() {
    let policy = terms(1, 1);
    let mut filter = Filter::after_action(BEGIN + Duration::from_secs(60));
    for second in 0..60 {
        let now = BEGIN + Duration::from_secs(second);
        assert_eq!(filter.note(&policy, now, Finding::Bad), Verdict::Healthy);
    }
    let mut answered = filter;
    let now = BEGIN + Duration::from_secs(60);
    assert_eq!(filter.note(&policy, now, Finding::Bad), Verdict::Failed);
    assert_eq!(answered.note(&policy, BEGIN, Finding::Good), Verdict::Healthy);
    assert_eq!(answered.note(&policy, BEGIN, Finding::Bad), Verdict::Failed);
}

#[test]
fn without_a_band_every_check_counts() {
    use Finding::{Bad, Good};
    use Verdict::{Failed, Healthy};
    let expected = [Failed, Healthy, Failed, Failed, Healthy];
    assert_eq!(verdicts(&terms(1, 1), &[Bad, Good, Bad, Bad, Good]), expected);
}

fn policies() -> impl Strategy<Value = Policy> {
    (1..4_u32, 1..4_u32, 1..4_u32, 0..6_u32, 0..6_u32).prop_map(
        |(bad, good, suspect, band, more)| {
            let failed = suspect + band;
            let terms =
                Terms { bad, good, suspect, failed, ceiling: failed + more, ..Terms::default() };
            Policy::try_from(terms).unwrap()
        },
    )
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn a_verdict_changes_only_at_its_threshold(policy in policies(), findings in prop::collection::vec(findings(), 1..80)) {
        let (mut filter, mut score) = (Filter::default(), 0_u32);
        for finding in findings {
            let before = filter.verdict(&policy);
            let verdict = filter.note(&policy, BEGIN, finding);
            match finding {
                Finding::Good => score = score.saturating_sub(policy.good),
                Finding::Bad => score = policy.ceiling.min(score + policy.bad),
                Finding::Gone | Finding::Unknown => {}
            }
            prop_assert_eq!(filter.score(), score);
            let expected = match (finding, before) {
                (Finding::Gone, _) => Verdict::Failed,
                (Finding::Unknown, before) => before,
                _ if score >= policy.failed => Verdict::Failed,
                _ if score < policy.suspect => Verdict::Healthy,
                (_, Verdict::Failed) => Verdict::Failed,
                _ => Verdict::Suspect,
            };
            prop_assert_eq!(verdict, expected);
        }
    }

    #[test]
    fn a_guest_that_stays_well_is_cleared_and_one_that_stays_bad_fails(policy in policies(), findings in prop::collection::vec(findings(), 0..40)) {
        let mut filter = Filter::default();
        for finding in findings {
            filter.note(&policy, BEGIN, finding);
        }
        let last = |finding, times: u32| {
            let mut filter = filter;
            (0..times).map(|_| filter.note(&policy, BEGIN, finding)).last()
        };
        prop_assert_eq!(last(Finding::Good, policy.ceiling.div_ceil(policy.good)), Some(Verdict::Healthy));
        prop_assert_eq!(last(Finding::Bad, policy.failed.div_ceil(policy.bad)), Some(Verdict::Failed));
    }
}
