use super::clock::{Clock, Moment};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Something that happened during a measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Moment,
    /// What, in a few words: `standby n1`, `guest runs on n2`.
    pub label: String,
}

/// Where the events of a running measurement are noted. Clones note in the same place.
#[derive(Clone)]
pub struct Timeline {
    clock: Clock,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Timeline {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, events: Arc::default() }
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// Notes that something happens now, and returns when that is.
    pub fn mark(&self, label: impl Into<String>) -> Moment {
        self.note(self.clock.now(), label.into())
    }

    /// Notes that something happened at a wall clock time, as a log tells it, and returns when that was.
    pub fn mark_at(&self, wall: SystemTime, label: impl Into<String>) -> Moment {
        self.note(self.clock.moment_of(wall), label.into())
    }

    /// The events so far, in the order in which they happened.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.lock().clone()
    }

    fn note(&self, at: Moment, label: String) -> Moment {
        let mut events = self.lock();
        let place = events.partition_point(|event| event.at <= at);
        events.insert(place, Event { at, label });
        at
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn events_are_in_the_order_of_happening_not_of_noting() {
        let timeline = Timeline::new(Clock::start());
        std::thread::sleep(Duration::from_millis(1)); // so that now is not the beginning itself
        timeline.mark("now");
        timeline.mark_at(SystemTime::now() + Duration::from_secs(5), "later");
        timeline.mark_at(SystemTime::now() - Duration::from_secs(5), "before it began");
        let labels: Vec<String> = timeline.events().into_iter().map(|it| it.label).collect();
        assert_eq!(labels, ["before it began", "now", "later"]);
        assert_eq!(timeline.events()[0].at, Moment(0));
    }
}
