use crate::error::{Error, Result};
use crate::ladder::Rung;
use crate::trigger::Band;
use std::ops::Deref;
use std::time::Duration;

/// A year: no time of a policy is longer.
const LONGEST: u64 = 365 * 86_400;

/// The numbers of a policy, each with a default.
///
/// The thresholds by default are those of a filter that lets a guest alone whose check fails at random one
/// time in five, and still finds within 30 s that it hangs: see [`false_alarm`](crate::false_alarm).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How often a check that fails is tried before it has failed, from 1 to 60. The default is 5.
    pub attempts: u32,
    /// The time from the beginning of one attempt to that of the next, which is also what an attempt may take. The
    /// default is 1 s.
    pub spacing: Duration,
    /// By how much a failed check raises the score, from 1 to 100. The default is 1.
    pub bad: u32,
    /// By how much a check that succeeds lowers it, from 1 to 100. The default is 1.
    pub good: u32,
    /// From this score on a guest is suspect, and below it it is well. The default is 1.
    pub suspect: u32,
    /// From this score on it has failed. At least `suspect`; the default is 2.
    pub failed: u32,
    /// The highest score, from `failed` to 1000. The default is 2.
    pub ceiling: u32,
    /// From this weighted share of changes on, in percent, a verdict flaps. The default is Nagios's, 30.
    pub flap_high: u32,
    /// At this share it does so no more. Less than `flap_high`; the default is Nagios's, 20.
    pub flap_low: u32,
    /// Restarts on one node in a window, up to 5. The default is 2.
    pub restarts: u32,
    /// Relocations in a window, up to 5. The default is 2.
    pub relocations: u32,
    /// Reinstallations in a window, up to 3. The default, 0, permits none: it destroys what is on the disk.
    pub reinstalls: u32,
    /// The window. The default is 24 h.
    pub window: Duration,
    /// How long after a restart or a relocation a guest that has answered no check yet is not judged, and nothing else
    /// is done about it. The default is 120 s.
    pub grace: Duration,
    /// The same after a reinstallation. The default is 900 s.
    pub install_grace: Duration,
    /// How long a guest has to be well to get from the first rung off the ladder. From each higher one down to the
    /// next it takes twice as long. The default is 600 s.
    pub dwell: Duration,
    /// So many guests that fail on one node make the node suspect. At least 2; the default is 3.
    pub node_guests: u32,
    /// Within this time. The default is 120 s.
    pub node_window: Duration,
    /// How long no guest may fail on a node for it to be suspect no more. More than `node_window`; the default is
    /// 900 s.
    pub node_clear: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            attempts: 5,
            spacing: Duration::from_secs(1),
            bad: 1,
            good: 1,
            suspect: 1,
            failed: 2,
            ceiling: 2,
            flap_high: 30,
            flap_low: 20,
            restarts: 2,
            relocations: 2,
            reinstalls: 0,
            window: Duration::from_secs(86_400),
            grace: Duration::from_secs(120),
            install_grace: Duration::from_secs(900),
            dwell: Duration::from_secs(600),
            node_guests: 3,
            node_window: Duration::from_secs(120),
            node_clear: Duration::from_secs(900),
        }
    }
}

/// Terms that make sense.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy(Terms);

impl Deref for Policy {
    type Target = Terms;

    fn deref(&self) -> &Terms {
        &self.0
    }
}

impl TryFrom<Terms> for Policy {
    type Error = Error;

    /// # Errors
    /// [`Error::Range`] and [`Error::Order`], with the first number that makes no sense.
    fn try_from(terms: Terms) -> Result<Self> {
        let seconds = |time: Duration| time.as_secs();
        for (what, value, min, max) in [
            ("attempts", u64::from(terms.attempts), 1, 60),
            ("spacing", seconds(terms.spacing), 1, 60),
            ("bad", u64::from(terms.bad), 1, 100),
            ("good", u64::from(terms.good), 1, 100),
            ("suspect", u64::from(terms.suspect), 1, 1000),
            ("failed", u64::from(terms.failed), 1, 1000),
            ("ceiling", u64::from(terms.ceiling), 1, 1000),
            ("flap-high", u64::from(terms.flap_high), 1, 100),
            ("restarts", u64::from(terms.restarts), 0, 5),
            ("relocations", u64::from(terms.relocations), 0, 5),
            ("reinstalls", u64::from(terms.reinstalls), 0, 3),
            ("window", seconds(terms.window), 1, LONGEST),
            ("dwell", seconds(terms.dwell), 1, LONGEST),
            ("node-guests", u64::from(terms.node_guests), 2, 1000),
            ("node-clear", seconds(terms.node_clear), 1, LONGEST),
        ] {
            in_range(what, value, min, max)?;
        }
        no_more("suspect", terms.suspect.into(), "failed", terms.failed.into())?;
        no_more("failed", terms.failed.into(), "ceiling", terms.ceiling.into())?;
        let window = seconds(terms.window);
        no_more("grace", seconds(terms.grace), "window", window)?;
        no_more("install-grace", seconds(terms.install_grace), "window", window)?;
        less("flap-low", terms.flap_low.into(), "flap-high", terms.flap_high.into())?;
        let (soon, clear) = (seconds(terms.node_window), seconds(terms.node_clear));
        less("node-window", soon, "node-clear", clear)?;
        Ok(Self(terms))
    }
}

fn in_range(what: &'static str, found: u64, min: u64, max: u64) -> Result<()> {
    match (min..=max).contains(&found) {
        true => Ok(()),
        false => Err(Error::Range { what, found, min, max }),
    }
}

fn no_more(lower: &'static str, low: u64, upper: &'static str, high: u64) -> Result<()> {
    match low <= high {
        true => Ok(()),
        false => Err(Error::Order { lower, low, relation: "at most", upper, high }),
    }
}

fn less(lower: &'static str, low: u64, upper: &'static str, high: u64) -> Result<()> {
    match low < high {
        true => Ok(()),
        false => Err(Error::Order { lower, low, relation: "less than", upper, high }),
    }
}

impl Policy {
    /// Where a score makes a guest fail, and where it takes that back.
    pub(crate) fn failure(&self) -> Band<u32> {
        Band { low: self.suspect - 1, high: self.failed }
    }

    /// Where changes of the verdict are flapping.
    pub(crate) fn flapping(&self) -> Band<f64> {
        Band { low: self.flap_low.into(), high: self.flap_high.into() }
    }

    /// How many guests make their node suspect, and how many it may have failing when that is over.
    pub(crate) fn crowd(&self) -> Band<usize> {
        Band { low: 0, high: self.node_guests as usize }
    }

    /// How long what was done has time to help.
    #[must_use]
    pub fn grace_after(&self, rung: Rung) -> Duration {
        match rung {
            Rung::Restart | Rung::Relocate => self.grace,
            Rung::Reinstall => self.install_grace,
            Rung::Hold => Duration::ZERO,
        }
    }

    /// How long a guest has to be well to get down from that rung; for ever from the last.
    #[must_use]
    pub fn dwell_on(&self, rung: Rung) -> Duration {
        match rung {
            Rung::Restart => self.dwell,
            Rung::Relocate => self.dwell * 2,
            Rung::Reinstall => self.dwell * 4,
            Rung::Hold => Duration::MAX,
        }
    }

    /// How many times anything may be done in a window: restarts on the first node and on each that the guest was
    /// relocated to, relocations, and reinstallations.
    #[must_use]
    pub fn budget(&self) -> usize {
        let (restarts, relocations) = (self.restarts, self.relocations);
        (restarts * (relocations + 1) + relocations + self.reinstalls) as usize
    }

    /// The longest time from the moment at which a guest begins to hang to the verdict that it has failed, where a
    /// check is made that long after the one before has ended, as Pacemaker does. Every attempt takes all of its time.
    #[must_use]
    pub fn detection(&self, interval: Duration) -> Duration {
        (interval + self.spacing * self.attempts) * self.failed.div_ceil(self.bad)
    }
}
