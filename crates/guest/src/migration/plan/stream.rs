use hypervisor::Progress;
use std::time::Duration;

/// How much may wait in the socket, in bytes: what Linux lets a send buffer grow to (`tcp_wmem`).
const SOCKET: f64 = 4194304.0;

/// How much of what the link carries is left to the stream at the end of its first pass. The less, the
/// sooner is the socket empty, and empty again after each burst; and the longer takes the end.
const ENDING: f64 = 0.25;

/// How long before the end that begins, so that a look that comes now and then does not miss it.
const LOOKS: f64 = 0.2;

/// How much is left to it when it takes more passes.
const REPEATING: f64 = 0.95;

/// Where the rest gets less so many times as fast as bytes go over the link, it is pages of zeros.
const ZEROS: f64 = 4.0;

/// How fast the first pass goes over the link.
///
/// QEMU counts as sent what it has given to the kernel, and on a link that is slower than QEMU megabytes of
/// that wait in the socket. They are sent while the guest stands still, whatever its downtime limit: 3 MB
/// take 65 ms at 400 Mbit/s. A stream that is slower than the link leaves none; but QEMU keeps to a speed by
/// sending what may be sent in a tenth of a second at once, so that it must be a good deal slower.
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

    /// Whether the first pass ends within that time, in seconds, if all that remains is sent.
    pub fn ends(&self, progress: &Progress, within: f64) -> bool {
        progress.memory.remaining as f64 <= self.decline * within
    }

    /// The share of what the link carries that is to be left to it, and what that is in MiB/s, when it is
    /// limited to `paced` now; `None` when that is to stay as it is.
    pub fn pace(&self, progress: &Progress, paced: Option<u64>) -> Option<(f64, u64)> {
        let remaining = progress.memory.remaining as f64;
        // What is sent while the socket gets empty.
        let draining = SOCKET * ENDING / (1.0 - ENDING);
        let share = match (progress.pass, paced) {
            (1, None) if self.decline > 0.0 && remaining <= self.decline * LOOKS + draining => {
                ENDING
            }
            // A pass that is as good as over leaves the socket empty.
            (2.., Some(paced)) if remaining > (paced << 20) as f64 * LOOKS => REPEATING,
            _ => return None,
        };
        let mib = (self.fastest * share) as u64 >> 20;
        (mib > paced.unwrap_or_default()).then_some((share, mib))
    }
}
