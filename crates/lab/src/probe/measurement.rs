use super::clock::Moment;
use super::timeline::Event;
use super::track::{Figures, Track};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use std::time::Duration;

/// What a probe came to: every sample, and the events beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measurement {
    /// The guest that was probed.
    pub address: Ipv4Addr,
    /// The time between two probes.
    pub interval: Duration,
    /// When it began, in milliseconds since 1970.
    pub begun: u64,
    /// When it ended.
    pub end: Moment,
    /// The ids of the boots that answered, in order: more than one means that the guest was restarted.
    pub boots: Vec<String>,
    /// What happened meanwhile, in order.
    pub events: Vec<Event>,
    /// The datagrams.
    pub udp: Track,
    /// The TCP records.
    pub tcp: Track,
}

/// The figures of a stretch of a measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its beginning.
    pub from: Moment,
    /// Its end, no longer part of it.
    pub to: Moment,
    /// The datagrams sent in it.
    pub udp: Figures,
    /// The TCP records sent in it.
    pub tcp: Figures,
    /// How many boots of the guest first answered in it, not counting the measurement's first.
    pub restarts: usize,
    /// How many TCP connections were made in it, not counting the measurement's first.
    pub reconnections: usize,
}

impl Measurement {
    /// The figures from `from` up to but not including `to`.
    #[must_use]
    pub fn window(&self, from: Moment, to: Moment) -> Window {
        let within = |moment: &Moment| from <= *moment && *moment < to;
        Window {
            from,
            to,
            udp: self.udp.figures(from, to, self.end),
            tcp: self.tcp.figures(from, to, self.end),
            restarts: self.restarts().iter().filter(|it| within(it)).count(),
            reconnections: self.tcp.connections.iter().skip(1).filter(|it| within(it)).count(),
        }
    }

    /// The figures of all of it.
    #[must_use]
    pub fn all(&self) -> Window {
        self.window(Moment::default(), Moment(u64::MAX))
    }

    /// Each event with the figures from it to the next event, or to the end.
    #[must_use]
    pub fn by_event(&self) -> Vec<(&Event, Window)> {
        let ends = self.events.iter().skip(1).map(|event| event.at).chain([Moment(u64::MAX)]);
        self.events.iter().zip(ends).map(|(event, to)| (event, self.window(event.at, to))).collect()
    }

    /// When each boot but the first gave its first answer.
    fn restarts(&self) -> Vec<Moment> {
        let answers = || {
            let samples = self.udp.samples.iter().chain(&self.tcp.samples);
            samples.filter_map(|sample| sample.answer)
        };
        (1..self.boots.len())
            .filter_map(|boot| {
                answers().filter(|it| it.boot as usize == boot).map(|it| it.received).min()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::track::tests::{prompt, track};
    use std::time::Duration;

    #[test]
    fn each_event_owns_what_follows_it() {
        let mut udp = track(1000, |milli| prompt(milli).filter(|_| !(500..700).contains(&milli)));
        for sample in &mut udp.samples[700..] {
            sample.answer.as_mut().unwrap().boot = 1;
        }
        let event = |at, label: &str| Event { at: Moment(at), label: label.to_owned() };
        let measurement = Measurement {
            interval: crate::probe::INTERVAL,
            address: Ipv4Addr::LOCALHOST,
            begun: 0,
            end: Moment(1_000_000),
            boots: vec!["a".to_owned(), "b".to_owned()],
            events: vec![event(100_000, "quiet"), event(400_000, "kill"), event(650_000, "back")],
            udp,
            tcp: track(1000, prompt),
        };
        let rows: Vec<_> = measurement
            .by_event()
            .into_iter()
            .map(|(event, window)| (event.label.as_str(), window.udp.gap.length(), window.restarts))
            .collect();
        let (short, long) = (Duration::from_millis(1), Duration::from_millis(201));
        assert_eq!(rows, [("quiet", short, 0), ("kill", long, 0), ("back", short, 1)]);
        assert_eq!(measurement.all().udp.lost, 200);
    }
}
