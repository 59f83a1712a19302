use std::time::Duration;

/// How many standard deviations above the mean one of twenty normally distributed values is.
const SIGNIFICANT: f64 = 1.645;

/// What was measured several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series<T> {
    ascending: Vec<T>,
}

impl<T: Ord> FromIterator<T> for Series<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut ascending: Vec<T> = values.into_iter().collect();
        ascending.sort_unstable();
        Self { ascending }
    }
}

impl<T: Copy + Default> Series<T> {
    /// The least value that `percent` of all values do not exceed (nearest rank); the default of the
    /// type when there are none.
    #[must_use]
    pub fn quantile(&self, percent: usize) -> T {
        let rank = (self.ascending.len() * percent).div_ceil(100);
        self.ascending.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ascending.len()
    }

    /// The least value.
    #[must_use]
    pub fn min(&self) -> T {
        self.quantile(0)
    }

    /// The value that half of them do not exceed.
    #[must_use]
    pub fn median(&self) -> T {
        self.quantile(50)
    }

    /// The value that all but every twentieth do not exceed.
    #[must_use]
    pub fn p95(&self) -> T {
        self.quantile(95)
    }

    /// The greatest value.
    #[must_use]
    pub fn max(&self) -> T {
        self.quantile(100)
    }
}

impl<T: Ord> Series<T> {
    /// Whether these values tend to be greater than the others: by the rank sum test of Wilcoxon, Mann and
    /// Whitney, one-sided at 5 %, in its normal approximation, which fits for eight values of each or more.
    #[must_use]
    pub fn exceeds(&self, others: &Self) -> bool {
        // Counted twice, so that a draw is one.
        let wins =
            |value: &T| others.ascending.iter().map(|it| value.cmp(it) as i64 + 1).sum::<i64>();
        let (ours, theirs) = (self.ascending.len() as f64, others.ascending.len() as f64);
        let wins = self.ascending.iter().map(wins).sum::<i64>() as f64 / 2.0;
        let (mean, variance) = (ours * theirs / 2.0, ours * theirs * (ours + theirs + 1.0) / 12.0);
        wins - mean > SIGNIFICANT * variance.sqrt()
    }
}

impl Series<Duration> {
    /// The arithmetic mean, for what is often zero and sometimes not; zero when there are no values.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let count = u32::try_from(self.ascending.len().max(1)).unwrap_or(u32::MAX);
        self.ascending.iter().sum::<Duration>() / count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let series: Series<u32> = (1..=20).rev().collect();
        let found = (series.min(), series.median(), series.p95(), series.max());
        assert_eq!(found, (1, 10, 19, 20));
        let one: Series<u32> = [7].into_iter().collect();
        assert_eq!((one.min(), one.median(), one.p95(), one.max()), (7, 7, 7, 7));
        assert_eq!(Series::<u32>::from_iter([]).median(), 0);
    }

    #[test]
    fn chance_alone_does_not_exceed() {
        let series = |from: u32| (from..from + 10).collect::<Series<_>>();
        // Of 100 pairs the first is the greater one in 75.5, and in 68: tables of the test give 73 as the least
        // that is significant.
        assert!(series(3).exceeds(&series(0)));
        assert!(!series(2).exceeds(&series(0)));
        assert!(!series(0).exceeds(&series(0)) && !series(0).exceeds(&series(5)));
        assert!(!Series::<u32>::from_iter([]).exceeds(&series(0)));
    }

    #[test]
    fn a_mean_counts_what_a_median_hides() {
        let series: Series<Duration> = [0, 0, 9].map(Duration::from_millis).into_iter().collect();
        assert_eq!(series.median(), Duration::ZERO);
        assert_eq!(series.mean(), Duration::from_millis(3));
    }
}
