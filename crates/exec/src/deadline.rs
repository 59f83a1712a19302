use std::time::{Duration, Instant};

/// The moment by which something must have ended.
///
/// Pacemaker kills a late agent with SIGKILL, without a warning, so every wait in Hawser is bounded
/// by one of these. A deadline is handed down the call tree and only ever gets shorter: see
/// [`Deadline::slice`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline that ends after `time` from now.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// The deadline that ends at `instant`.
    #[must_use]
    pub fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// The time that is left; zero once the deadline has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether the deadline has passed.
    #[must_use]
    pub fn expired(self) -> bool {
        self.remaining().is_zero()
    }

    /// A part of this deadline for one call: `time` from now, never later than the whole.
    #[must_use]
    pub fn slice(self, time: Duration) -> Self {
        self.min(Self::after(time))
    }

    /// This deadline less `reserve`, for the work that must still fit behind the call.
    #[must_use]
    pub fn less(self, reserve: Duration) -> Self {
        let now = Instant::now();
        Self(self.0.checked_sub(reserve).unwrap_or(now))
    }

    /// Waits `time`, or until the deadline if that is sooner. Returns false when it has passed.
    #[must_use]
    pub fn pause(self, time: Duration) -> bool {
        std::thread::sleep(time.min(self.remaining()));
        !self.expired()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_never_outlives_the_whole() {
        let whole = Deadline::after(Duration::from_secs(1));
        assert_eq!(whole.slice(Duration::from_secs(60)), whole);
        assert!(whole.slice(Duration::from_millis(1)) < whole);
        assert!(whole.less(Duration::from_secs(5)).expired());
    }
}
