use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// What stands for a time that the clock cannot express.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The moment by which something must have ended.
///
/// Pacemaker kills a late agent with SIGKILL, without a warning, so every wait in Hawser is bounded
/// by one of these. A deadline is handed down the call tree and only ever gets shorter: see
/// [`Deadline::slice`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline that ends after `time` from now, or after a year if that is sooner.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time.min(FAR))
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

    /// Makes a call that cannot be interrupted, on a thread of its own. One that is late is left behind
    /// and gives `None`, and so does one for which there is no thread to be had or that panics.
    pub fn bound<T: Send + 'static>(self, call: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (sender, answer) = mpsc::channel();
        // Nobody is there to receive when the call was late; that is what leaving behind means.
        let call = move || drop(sender.send(call()));
        thread::Builder::new().spawn(call).ok()?;
        answer.recv_timeout(self.remaining()).ok()
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
        assert_eq!(whole.slice(Duration::MAX), whole);
    }

    #[test]
    fn a_late_call_is_left_behind() {
        let soon = Deadline::after(Duration::from_millis(50));
        assert_eq!(soon.bound(|| thread::sleep(Duration::from_secs(60))), None);
        assert_eq!(Deadline::after(Duration::from_secs(60)).bound(|| 7), Some(7));
    }
}
