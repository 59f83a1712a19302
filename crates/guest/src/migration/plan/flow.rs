use super::LAST_RESERVE;
use std::time::Duration;

/// How long it is watched how fast the rest gets less, at least.
const WINDOW: Duration = Duration::from_secs(2);

/// How many times the time that is left it would have to need to be too slow.
const HOPELESS: u32 = 2;

/// How fast the rest gets less.
#[derive(Debug, Default)]
pub struct Flow {
    pass: u64,
    since: Duration,
    remaining: u64,
    /// In bytes per second, over the last window.
    rate: f64,
    /// How many windows in a row have shown that it cannot end in time.
    pub hopeless: u32,
}

impl Flow {
    pub fn note(&mut self, now: Duration, left: Duration, pass: u64, remaining: u64) {
        let window = now.saturating_sub(self.since);
        let goes_on =
            pass == self.pass && remaining <= self.remaining && self.since > Duration::ZERO;
        // Disks are copied in pieces of 16 MiB, and told of one by one.
        if goes_on && (window < WINDOW || (pass == 0 && remaining == self.remaining)) {
            return;
        }
        if goes_on {
            self.rate = (self.remaining - remaining) as f64 / window.as_secs_f64();
            let late = self.time_left(remaining).is_some_and(|need| need > left * HOPELESS);
            self.hopeless = if late && left > LAST_RESERVE { self.hopeless + 1 } else { 0 };
        }
        (self.pass, self.since, self.remaining) = (pass, now, remaining);
    }

    /// How long the rest takes if it goes on like this; `None` when that is not known, or when nothing is
    /// seen to move, which need not stay so.
    pub fn time_left(&self, remaining: u64) -> Option<Duration> {
        (self.rate > 0.0).then(|| {
            Duration::try_from_secs_f64(remaining as f64 / self.rate).unwrap_or(Duration::MAX / 4)
        })
    }
}
