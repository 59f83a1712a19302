use clap::{Args, ValueEnum};
use recovery::{Finding, Rung, Timestamp};

use crate::recovery::history::Check;

/// Checks that are made up.
#[derive(Debug, Args)]
#[command(next_help_heading = "Made-up failures")]
pub struct Pattern {
    /// How many of the attempts to check the guest fail at random
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub random_failures: Option<u8>,

    /// When the guest begins to hang, in seconds
    #[arg(long, value_name = "TIME")]
    pub hang_at: Option<u64>,

    /// What helps it then
    #[arg(long, value_enum, requires = "hang_at", default_value_t = Cure::Nothing)]
    pub cure: Cure,

    /// How many checks are made
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub checks: u32,

    /// From one check to the next, in seconds
    #[arg(long, value_name = "TIME", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub interval: u64,

    /// Another number gives other random failures
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// What ends a hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Cure {
    /// Starting it again, anywhere
    Restart,
    /// Starting it on another node
    Relocate,
    /// Making its system anew
    Reinstall,
    /// Nothing
    Nothing,
}

impl Cure {
    /// Whether that was done.
    fn is(self, rung: Rung) -> bool {
        match self {
            Self::Restart => rung != Rung::Hold,
            Self::Relocate => rung == Rung::Relocate,
            Self::Reinstall => rung == Rung::Reinstall,
            Self::Nothing => false,
        }
    }
}

impl Pattern {
    /// Whether failures are to be made up at all.
    pub fn is_given(&self) -> bool {
        self.random_failures.is_some() || self.hang_at.is_some()
    }
}

/// Makes up one check after the other.
pub struct Generator<'a> {
    pattern: &'a Pattern,
    /// How often a check is tried.
    attempts: u32,
    made: u32,
    cured: bool,
    random: u64,
}

impl<'a> Generator<'a> {
    pub fn new(pattern: &'a Pattern, attempts: u32) -> Self {
        Self { pattern, attempts, made: 0, cured: false, random: pattern.seed }
    }

    /// The next check, after that has been done about the last one.
    pub fn next(&mut self, acted: Option<Rung>) -> Option<Check> {
        if self.made == self.pattern.checks {
            return None;
        }
        let at = u64::from(self.made) * self.pattern.interval;
        self.made += 1;
        self.cured |= acted.is_some_and(|rung| self.pattern.cure.is(rung));
        let hangs = !self.cured && self.pattern.hang_at.is_some_and(|since| at >= since);
        let bad = hangs || (0..self.attempts).all(|_| self.attempt_fails());
        let finding = if bad { Finding::Bad } else { Finding::Good };
        Some(Check { at: Timestamp(at), finding, node: None })
    }

    fn attempt_fails(&mut self) -> bool {
        // SplitMix64 (Steele, Lea and Flood, 2014).
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let percent = (mixed ^ (mixed >> 31)) % 100;
        percent < u64::from(self.pattern.random_failures.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(random_failures: Option<u8>, hang_at: Option<u64>, cure: Cure) -> Pattern {
        Pattern { random_failures, hang_at, cure, checks: 20_000, interval: 10, seed: 1 }
    }

    #[test]
    fn attempts_fail_as_often_as_they_are_to() {
        let pattern = pattern(Some(20), None, Cure::Nothing);
        let bad = |attempts| {
            let mut generator = Generator::new(&pattern, attempts);
            std::iter::from_fn(|| generator.next(None))
                .filter(|it| it.finding == Finding::Bad)
                .count()
        };
        assert!(
            (3800..4200).contains(&bad(1)) && (110..210).contains(&bad(3)),
            "{} {}",
            bad(1),
            bad(3)
        );
    }

    #[test]
    fn a_guest_hangs_until_it_is_cured() {
        let pattern = pattern(None, Some(20), Cure::Relocate);
        let mut generator = Generator::new(&pattern, 1);
        let acts = [None, None, None, Some(Rung::Restart), Some(Rung::Relocate), None];
        let findings = acts.map(|acted| generator.next(acted).unwrap().finding);
        use Finding::{Bad, Good};
        assert_eq!(findings, [Good, Good, Bad, Bad, Good, Good]);
    }
}
