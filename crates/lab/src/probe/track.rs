use super::clock::Moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One probe. In JSON an array: when it was sent, and when it was answered, by which boot, with what
/// counter, or `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    from = "(Moment, Option<(Moment, u32, u64)>)",
    into = "(Moment, Option<(Moment, u32, u64)>)"
)]
pub struct Sample {
    /// When it was sent.
    pub sent: Moment,
    /// Its answer, if one came.
    pub answer: Option<Answer>,
}

/// The answer to one probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// When it came.
    pub received: Moment,
    /// Which boot of the guest answered: a place in [`super::Measurement::boots`].
    pub boot: u32,
    /// How many answers that boot had given.
    pub counter: u64,
}

impl From<(Moment, Option<(Moment, u32, u64)>)> for Sample {
    fn from((sent, answer): (Moment, Option<(Moment, u32, u64)>)) -> Self {
        let answer = answer.map(|(received, boot, counter)| Answer { received, boot, counter });
        Self { sent, answer }
    }
}

impl From<Sample> for (Moment, Option<(Moment, u32, u64)>) {
    fn from(sample: Sample) -> Self {
        (sample.sent, sample.answer.map(|it| (it.received, it.boot, it.counter)))
    }
}

impl Sample {
    /// The time from sending to answer.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.answer.map(|answer| answer.received.since(self.sent))
    }
}

/// How much later than the last reply before a gap its cause may be noted, in microseconds.
const SLACK: u64 = 50_000;

/// A time without any reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Gap {
    /// The last reply before it.
    pub from: Moment,
    /// The first reply after it, or the end of the measurement.
    pub to: Moment,
}

impl Gap {
    /// How long it was.
    #[must_use]
    pub fn length(self) -> Duration {
        self.to.since(self.from)
    }

    /// Where it counts as begun: a little into it, because the last reply always came before whatever
    /// ended the replies, and on a busy machine before it was even noted.
    fn begun(self) -> Moment {
        Moment(self.from.0 + (self.to.0 - self.from.0).min(2 * SLACK) / 2)
    }
}

/// All probes over one protocol, in the order in which they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// The probes.
    pub samples: Vec<Sample>,
    /// When each connection was made: one, unless the guest was restarted. UDP has none.
    pub connections: Vec<Moment>,
}

/// What a stretch of a track comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Probes sent in it.
    pub sent: usize,
    /// Those of them that were never answered.
    pub lost: usize,
    /// The longest gap that begins in it, or up to 50 ms before; it may end later.
    pub gap: Gap,
    /// The median time from sending to answer.
    pub median: Option<Duration>,
    /// The longest pause between two probes: what the prober itself was kept waiting. A gap of that
    /// order says nothing about the guest.
    pub pause: Duration,
    /// Answers with a counter no higher than one that had come, of the same boot, before their probe was
    /// sent: the guest was rolled back.
    pub regressions: usize,
}

impl Track {
    /// Every time between two replies, in order, the last until the end of the measurement. What was before
    /// the first reply counts only if there never was one: the guest may not have been there yet.
    pub fn gaps(&self, end: Moment) -> impl Iterator<Item = Gap> {
        let mut replies: Vec<Moment> =
            self.samples.iter().filter_map(|it| it.answer).map(|it| it.received).collect();
        replies.sort_unstable();
        let mut from = replies.first().copied().unwrap_or_default();
        replies.push(end.max(replies.last().copied().unwrap_or_default()));
        replies
            .into_iter()
            .map(move |to| Gap { from: std::mem::replace(&mut from, to), to })
            .filter(|gap| gap.from < gap.to)
    }

    /// The figures of the stretch from `from` up to but not including `to`, in a measurement that ended at
    /// `end`.
    #[must_use]
    pub fn figures(&self, from: Moment, to: Moment, end: Moment) -> Figures {
        let stretch = self.stretch(from, to);
        let mut round_trips: Vec<Duration> =
            stretch.iter().filter_map(Sample::round_trip).collect();
        round_trips.sort_unstable();
        let within = |gap: &Gap| (from..to).contains(&gap.begun());
        let pauses = stretch.windows(2).map(|pair| pair[1].sent.since(pair[0].sent));
        Figures {
            sent: stretch.len(),
            lost: stretch.len() - round_trips.len(),
            gap: self.gaps(end).filter(within).max_by_key(|gap| gap.length()).unwrap_or_default(),
            median: round_trips.get(round_trips.len() / 2).copied(),
            pause: pauses.max().unwrap_or_default(),
            regressions: regressions(stretch),
        }
    }

    /// The probes that were sent from `from` up to but not including `to`.
    #[must_use]
    pub fn stretch(&self, from: Moment, to: Moment) -> &[Sample] {
        let place = |moment| self.samples.partition_point(|sample| sample.sent < moment);
        &self.samples[place(from)..place(to).max(place(from))]
    }
}

/// Only what came before a probe was sent binds its answer: datagrams that are on the way together may
/// overtake each other.
fn regressions(samples: &[Sample]) -> usize {
    let mut received: Vec<Answer> = samples.iter().filter_map(|it| it.answer).collect();
    received.sort_by_key(|it| it.received);
    let mut received = received.into_iter().peekable();
    let mut latest: Option<Answer> = None;
    let back = |sample: &&Sample| {
        while let Some(answer) = received.next_if(|it| it.received < sample.sent) {
            latest = Some(answer);
        }
        let falls =
            |(now, then): (Answer, Answer)| now.boot == then.boot && now.counter <= then.counter;
        sample.answer.zip(latest).is_some_and(falls)
    };
    samples.iter().filter(back).count()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A probe each millisecond, answered 200 µs later, except as `fate` has it: given the millisecond, it
    /// returns the microsecond of the answer, or none.
    pub fn track(millis: u64, fate: impl Fn(u64) -> Option<u64>) -> Track {
        let sample = |milli: u64| {
            let answer = |received| Answer { received: Moment(received), boot: 0, counter: milli };
            Sample { sent: Moment(milli * 1000), answer: fate(milli).map(answer) }
        };
        Track { samples: (0..millis).map(sample).collect(), connections: Vec::new() }
    }

    pub fn prompt(milli: u64) -> Option<u64> {
        Some(milli * 1000 + 200)
    }

    const END: Moment = Moment(1_000_000);

    #[test]
    fn an_outage_counts_from_last_reply_to_first_reply() {
        let track = track(1000, |milli| prompt(milli).filter(|_| !(300..400).contains(&milli)));
        let figures = track.figures(Moment(0), END, END);
        assert_eq!(figures.gap, Gap { from: Moment(299_200), to: Moment(400_200) });
        assert_eq!((figures.sent, figures.lost), (1000, 100));
        assert_eq!(figures.median, Some(Duration::from_micros(200)));
        assert_eq!(figures.pause, Duration::from_millis(1));
    }

    #[test]
    fn probes_that_are_answered_late_are_an_outage_though_none_is_lost() {
        let track =
            track(1000, |milli| prompt(if (300..400).contains(&milli) { 400 } else { milli }));
        let figures = track.figures(Moment(0), END, END);
        assert_eq!(figures.lost, 0);
        assert_eq!(figures.gap.length(), Duration::from_millis(101));
    }

    #[test]
    fn a_gap_belongs_to_the_stretch_it_begins_in_at_its_full_length() {
        let track = track(1000, |milli| prompt(milli).filter(|_| !(300..400).contains(&milli)));
        // Noted just after the last reply: it still owns the gap.
        let owner = track.figures(Moment(299_500), Moment(350_000), END);
        assert_eq!(owner.gap.length(), Duration::from_millis(101));
        let before = track.figures(Moment(0), Moment(350_000), END);
        assert_eq!(before.gap.length(), Duration::from_millis(101));
        let after = track.figures(Moment(350_000), END, END);
        assert_eq!(after.gap.length(), Duration::from_millis(1));
        assert_eq!((before.lost, after.lost), (50, 50));
    }

    #[test]
    fn an_outage_at_the_end_is_seen_and_the_wait_for_the_first_reply_is_none() {
        let late = track(1000, |milli| prompt(milli).filter(|_| milli >= 250));
        assert_eq!(late.figures(Moment(0), END, END).gap.length(), Duration::from_millis(1));
        let dead = track(1000, |milli| prompt(milli).filter(|_| milli < 250));
        assert_eq!(dead.figures(Moment(0), END, END).gap, Gap { from: Moment(249_200), to: END });
        let never = track(10, |_| None);
        assert_eq!(never.figures(Moment(0), END, END).gap, Gap { from: Moment(0), to: END });
    }

    #[test]
    fn a_counter_that_falls_is_a_regression_within_one_boot_only() {
        let mut track = track(10, prompt);
        for sample in &mut track.samples[5..] {
            sample.answer.as_mut().unwrap().counter -= 5;
        }
        assert_eq!(track.figures(Moment(0), END, END).regressions, 1);
        for sample in &mut track.samples[5..] {
            sample.answer.as_mut().unwrap().boot = 1;
        }
        assert_eq!(track.figures(Moment(0), END, END).regressions, 0);
    }

    #[test]
    fn answers_that_overtake_each_other_are_no_regression() {
        let mut track = track(10, |milli| Some(milli * 1000 + 2500));
        track.samples[5].answer.as_mut().unwrap().received = Moment(8_800);
        assert_eq!(track.figures(Moment(0), END, END).regressions, 0);
        track.samples[9].answer.as_mut().unwrap().counter = 5;
        assert_eq!(track.figures(Moment(0), END, END).regressions, 1);
    }

    #[test]
    fn a_track_survives_json() {
        let track = track(3, |milli| prompt(milli).filter(|_| milli != 1));
        let json = serde_json::to_string(&track).unwrap();
        assert!(json.contains("[[0,[200,0,0]],[1000,null],[2000,[2200,0,2]]]"), "{json}");
        assert_eq!(serde_json::from_str::<Track>(&json).unwrap(), track);
    }
}
