//! The thread that dirties memory at a given rate and watches what it wrote.

use crate::page::{Page, Region};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

const PAGES_PER_MIB: u64 = (1 << 20) / Page::SIZE as u64;

/// How many pages are written at one awakening, as far as [`SHORTEST`] and [`LONGEST`] allow: an emulated processor
/// pays for each awakening, on an emulated Xen host several milliseconds.
const BATCH: u64 = 16;

/// The bounds of the time between two awakenings to write.
const SHORTEST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(50);

/// The time between two awakenings to check pages when none are written.
const REST: Duration = Duration::from_millis(500);

/// How many steps of writing are made up for at once: after a pause of the whole guest it must not burst.
const CATCH_UP: u32 = 10;

/// How long the running sweep takes to check every page once, beside those that are about to be written.
/// It is a few percent of an emulated processor for 48 MiB.
const SWEEP: Duration = Duration::from_secs(4);

/// What the dirtying has come to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// In MiB.
    pub size: u64,
    /// Over the last second, in MiB/s.
    pub rate: u64,
    pub written: u64,
    pub checked: u64,
    pub corrupt: u64,
}

enum Order {
    Dirty { rate: u32, size: u32 },
    Check,
    Figures,
}

/// The handle of the thread; each call waits for its answer.
#[derive(Clone)]
pub struct Memory {
    orders: Sender<(Order, Sender<Figures>)>,
}

impl Memory {
    pub fn start() -> Self {
        let (orders, inbox) = channel();
        thread::spawn(move || Dirtier::default().run(&inbox));
        Self { orders }
    }

    /// Dirties `size` MiB at `rate` MiB/s from now on; a rate of 0 keeps the memory and only checks it.
    pub fn dirty(&self, rate: u32, size: u32) -> Figures {
        self.order(Order::Dirty { rate, size })
    }

    /// Checks all of it now.
    pub fn check(&self) -> Figures {
        self.order(Order::Check)
    }

    pub fn figures(&self) -> Figures {
        self.order(Order::Figures)
    }

    fn order(&self, order: Order) -> Figures {
        let (sender, answer) = channel();
        // The thread lives as long as the guest, so there is always an answer.
        let _ = self.orders.send((order, sender));
        answer.recv().unwrap_or_default()
    }
}

struct Dirtier {
    region: Region,
    /// Pages per second.
    rate: u64,
    last: Instant,
    /// Pages that are due but not written, in millionths.
    due: u64,
    /// Pages that are due but not checked, in parts that make one of [`SWEEP`] in microseconds.
    unchecked: u64,
    second: Second,
}

impl Default for Dirtier {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            region: Region::new(0),
            rate: 0,
            last: now,
            due: 0,
            unchecked: 0,
            second: Second::at(now, 0),
        }
    }
}

impl Dirtier {
    fn run(mut self, inbox: &Receiver<(Order, Sender<Figures>)>) {
        loop {
            let order = if self.rate == 0 && self.region.pages() == 0 {
                inbox.recv().map_err(RecvTimeoutError::from)
            } else {
                inbox.recv_timeout(self.interval())
            };
            match order {
                Ok((order, answer)) => {
                    self.obey(&order);
                    // Whoever asked may have hung up.
                    let _ = answer.send(self.figures());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.step(Instant::now());
        }
    }

    fn obey(&mut self, order: &Order) {
        match *order {
            Order::Dirty { rate: 0, .. } => self.rate = 0,
            Order::Dirty { rate, size } => {
                // The old pages go before the new ones come: the guest is small.
                self.region = Region::new(0);
                self.region =
                    Region::new(usize::try_from(u64::from(size) * PAGES_PER_MIB).unwrap_or(0));
                self.rate = u64::from(rate) * PAGES_PER_MIB;
                self.last = Instant::now();
                self.second = Second::at(self.last, 0);
            }
            Order::Check => self.region.check_all(),
            Order::Figures => {}
        }
    }

    /// The time until the next step.
    fn interval(&self) -> Duration {
        match (BATCH * 1_000_000).checked_div(self.rate) {
            Some(micros) => Duration::from_micros(micros).clamp(SHORTEST, LONGEST),
            None => REST,
        }
    }

    fn step(&mut self, now: Instant) {
        let most = if self.rate > 0 { CATCH_UP } else { 1 };
        let elapsed = now.duration_since(self.last).min(self.interval() * most);
        self.last = now;
        self.due += self.rate * micros(elapsed);
        for _ in 0..self.due / 1_000_000 {
            self.region.write_next();
        }
        self.due %= 1_000_000;
        self.unchecked += self.region.pages() as u64 * micros(elapsed);
        for _ in 0..self.unchecked / micros(SWEEP) {
            self.region.check_next();
        }
        self.unchecked %= micros(SWEEP);
        self.second.note(now, self.region.written);
    }

    fn figures(&self) -> Figures {
        Figures {
            size: self.region.pages() as u64 / PAGES_PER_MIB,
            rate: self.second.rate / PAGES_PER_MIB,
            written: self.region.written,
            checked: self.region.checked,
            corrupt: self.region.corrupt,
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The pages written in the last full second.
struct Second {
    begun: Instant,
    written: u64,
    rate: u64,
}

impl Second {
    fn at(begun: Instant, written: u64) -> Self {
        Self { begun, written, rate: 0 }
    }

    fn note(&mut self, now: Instant, written: u64) {
        let elapsed = now.duration_since(self.begun).as_millis();
        if elapsed >= 1000 {
            let millis = u64::try_from(elapsed).unwrap_or(u64::MAX);
            let rate = (written - self.written) * 1000 / millis;
            *self = Self { begun: now, written, rate };
        }
    }
}
