use hypervisor::Progress;
use std::time::Duration;

/// How long before the end of the first pass the stream is slowed down, at most.
const APPROACH: Duration = Duration::from_secs(3);

/// How much of what the link carries is left to the stream then: the socket is empty after a second or two.
const APPROACHING: f64 = 0.85;

/// How much is left to it while it takes more passes: the socket stays empty.
const REPEATING: f64 = 0.95;

/// Where the rest gets less so many times as fast as bytes go over the link, it is pages of zeros.
const ZEROS: f64 = 4.0;

/// How fast the first pass goes over the link.
///
/// QEMU counts as sent what it has given to the kernel, and on a link that is slower than QEMU megabytes of
/// that wait in the socket. They are sent while the guest stands still, whatever its downtime limit: 3 MB
/// take 65 ms at 400 Mbit/s. A stream that is a little slower than the link leaves none.
#[derive(Debug, Default)]
pub struct Stream {
    /// When it was looked at last, what had been sent then, and what remained.
    looked: Option<(Duration, u64, u64)>,
    looks: u32,
    /// The most that went over the link between two looks, in bytes per second.
    fastest: f64,
    /// How fast the rest got less between the last two looks, in bytes per second; 0 while it is mostly
    /// pages of zeros, which say nothing about the link.
    decline: f64,
}

impl Stream {
    pub fn note(&mut self, now: Duration, progress: &Progress) {
        let (sent, remaining) = (progress.memory.sent, progress.memory.remaining);
        let Some((before, sent_then, remaining_then)) = self.looked.replace((now, sent, remaining))
        else {
            return;
        };
        self.looks += 1;
        let seconds = now.saturating_sub(before).as_secs_f64().max(0.001);
        let rate = |more: u64, less: u64| more.saturating_sub(less) as f64 / seconds;
        let (speed, decline) = (rate(sent, sent_then), rate(remaining_then, remaining));
        self.decline = if decline < ZEROS * speed { decline } else { 0.0 };
        // What is sent first fills the socket.
        if self.looks > 1 && self.decline > 0.0 {
            self.fastest = self.fastest.max(speed);
        }
    }

    /// The speed that it is to be limited to, in MiB/s, when it is limited to `paced` now and the guest needs
    /// more passes or not; `None` when that is to stay as it is.
    pub fn pace(&self, progress: &Progress, repeats: bool, paced: Option<u64>) -> Option<u64> {
        let near = progress.memory.remaining as f64 <= self.decline * APPROACH.as_secs_f64();
        let share = match (progress.pass, paced) {
            (1, None) if near => APPROACHING,
            (_, Some(_)) if repeats => REPEATING,
            _ => return None,
        };
        let mib = (self.fastest * share) as u64 >> 20;
        (mib > paced.unwrap_or_default()).then_some(mib)
    }
}
