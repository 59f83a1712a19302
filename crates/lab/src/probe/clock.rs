use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment of a measurement: microseconds since it began.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// The time from `earlier` to this; zero when it is no earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Seconds since the measurement began.
    #[must_use]
    pub fn seconds(self) -> f64 {
        Duration::from_micros(self.0).as_secs_f64()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.seconds())
    }
}

/// The clock of one measurement: monotonic, and tied to the wall clock where it began.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    begun: Instant,
    wall: SystemTime,
}

impl Clock {
    pub fn start() -> Self {
        Self { begun: Instant::now(), wall: SystemTime::now() }
    }

    pub fn now(self) -> Moment {
        self.moment(Instant::now())
    }

    pub fn moment(self, instant: Instant) -> Moment {
        moment(instant.duration_since(self.begun))
    }

    /// The moment of a wall clock time; what was before the beginning is the beginning.
    pub fn moment_of(self, wall: SystemTime) -> Moment {
        moment(wall.duration_since(self.wall).unwrap_or_default())
    }

    /// When the clock was started, in milliseconds since 1970.
    pub fn begun_millis(self) -> u64 {
        let since = self.wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

fn moment(since: Duration) -> Moment {
    Moment(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
