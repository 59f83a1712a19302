use std::time::Duration;

/// Passes that get shorter by a tenth each get there: all of them together take ten times as long as the
/// first. Those that do not are stalled.
const SHRINKS: f64 = 0.9;

/// How many passes it takes to tell how long one is ...
const COUNTED: u32 = 2;

/// ... and how long they have to take together: they are seen to end only when they are looked at.
const COUNTED_TIME: Duration = Duration::from_millis(400);

/// One pass is enough if it takes so long.
const LONG_PASS: Duration = Duration::from_secs(2);

/// How long the passes take, after the first, which sends everything.
#[derive(Debug, Default)]
pub struct Passes {
    /// The pass that was under way when counting began.
    number: u64,
    /// When that was.
    since: Duration,
    /// How long a pass took when it was last counted, on average; zero if it never was.
    pub length: Duration,
    /// How many times in a row they were found not to get shorter.
    pub stalls: u32,
}

impl Passes {
    pub fn note(&mut self, now: Duration, number: u64) {
        let count = u32::try_from(number.saturating_sub(self.number)).unwrap_or(u32::MAX);
        if self.number > 1 {
            let time = now.saturating_sub(self.since);
            let long = count > 0 && time >= LONG_PASS;
            if !long && (count < COUNTED || time < COUNTED_TIME) {
                return;
            }
            let length = time / count;
            let expected = self.length.as_secs_f64() * SHRINKS.powf(f64::from(count));
            if !self.length.is_zero() {
                let shrinks = length.as_secs_f64() < expected;
                self.stalls = if shrinks { 0 } else { self.stalls + 1 };
            }
            self.length = length;
        } else if count == 0 {
            return;
        }
        (self.number, self.since) = (number, now);
    }
}
