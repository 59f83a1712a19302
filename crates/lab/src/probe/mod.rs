//! How available a lab guest is, measured from outside.
//!
//! A [`Probe`] sends a datagram and a TCP record at a steady pace, mostly every millisecond, and notes for each when it left,
//! when its answer came, which boot of the guest answered and how far its counter was. What comes out
//! is a [`Measurement`]: it knows the outages, what was lost, and whether the guest was restarted or
//! rolled back.
//!
//! An outage is the time without any reply, not the number of lost probes: a guest's network device
//! keeps some 256 frames while the guest stands still, and answers those late instead of never.
//!
//! ```no_run
//! use lab::probe::{INTERVAL, Namespace, Probe};
//! use std::path::Path;
//!
//! let observer = Namespace::open(Path::new("/proc/4711/ns/net"))?;
//! let probe = Probe::start(&observer, "10.77.0.100".parse().unwrap(), INTERVAL)?;
//! probe.timeline().mark("standby n1");
//! let measurement = probe.finish();
//! let outage = measurement.all().udp.gap.length();
//! # Ok::<(), lab::probe::Error>(())
//! ```

mod boots;
mod clock;
mod control;
mod error;
mod measurement;
mod namespace;
mod tcp;
mod timeline;
mod track;
mod udp;

pub use clock::Moment;
pub use control::Control;
pub use error::Error;
pub use measurement::{Measurement, Window};
pub use namespace::Namespace;
pub use timeline::{Event, Timeline};
pub use track::{Answer, Figures, Gap, Sample, Track};

use boots::Boots;
use clock::Clock;
use exec::Deadline;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The time between two probes, where nothing between the prober and the guest is slow.
pub const INTERVAL: Duration = Duration::from_millis(1);

/// How often a wait looks again.
const LOOK: Duration = Duration::from_millis(2);

/// A measurement that goes on until [`Probe::finish`], or until it is dropped.
pub struct Probe {
    address: Ipv4Addr,
    interval: Duration,
    timeline: Timeline,
    boots: Boots,
    stop: Stop,
    udp: udp::Prober,
    tcp: tcp::Prober,
}

impl Probe {
    /// Begins to probe the guest at `address` from within the network namespace, each `interval`. The guest
    /// need not be there yet.
    ///
    /// # Errors
    /// When the namespace cannot be entered or a socket cannot be made.
    pub fn start(
        namespace: &Namespace,
        address: Ipv4Addr,
        interval: Duration,
    ) -> Result<Self, Error> {
        let clock = Clock::start();
        let boots = Boots::default();
        let stop = Stop::default();
        let pace = Pace { clock, interval };
        let udp = udp::Prober::start(namespace, address, pace, &boots, &stop)?;
        let tcp = tcp::Prober::start(namespace, address, pace, &boots, &stop);
        Ok(Self { address, interval, timeline: Timeline::new(clock), boots, stop, udp, tcp })
    }

    /// Where events are noted; it can be cloned and handed to other threads.
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        self.timeline.clone()
    }

    /// How many probes are sent over UDP in some time.
    #[must_use]
    pub fn count(&self, time: Duration) -> usize {
        usize::try_from(time.as_nanos() / self.interval.as_nanos().max(1)).unwrap_or(usize::MAX)
    }

    /// The number of replies so far, over UDP.
    #[must_use]
    pub fn replies(&self) -> usize {
        self.udp.replies()
    }

    /// Waits until another `count` replies have come over UDP; false when the deadline came first.
    #[must_use]
    pub fn wait_for_replies(&self, count: usize, deadline: Deadline) -> bool {
        let enough = self.replies() + count;
        while self.replies() < enough {
            if !deadline.pause(LOOK) {
                return false;
            }
        }
        true
    }

    /// How many boots of the guest have answered so far.
    #[must_use]
    pub fn boots(&self) -> usize {
        self.boots.count()
    }

    /// Waits until more than `seen` boots of the guest have answered; false when the deadline came first.
    #[must_use]
    pub fn wait_for_boot(&self, seen: usize, deadline: Deadline) -> bool {
        while self.boots() <= seen {
            if !deadline.pause(LOOK) {
                return false;
            }
        }
        true
    }

    /// Ends the probing and gives what it came to, once the last answers had their time to come.
    #[must_use]
    pub fn finish(mut self) -> Measurement {
        let end = self.timeline.clock().now();
        self.stop.order();
        Measurement {
            address: self.address,
            interval: self.interval,
            begun: self.timeline.clock().begun_millis(),
            end,
            boots: self.boots.ids(),
            events: self.timeline.events(),
            udp: self.udp.finish(),
            tcp: self.tcp.finish(),
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.stop.order();
    }
}

/// When probes are sent, and the clock by which that is noted.
#[derive(Clone, Copy)]
struct Pace {
    clock: Clock,
    interval: Duration,
}

impl Pace {
    /// Waits until the next probe is due, and returns when it was; one that is late makes up for nothing.
    fn wait(self, last: Instant) -> Instant {
        let due = (last + self.interval).max(Instant::now());
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due
    }
}

/// Tells the probing threads to end.
#[derive(Clone, Default)]
struct Stop(Arc<AtomicBool>);

impl Stop {
    fn order(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn ordered(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
