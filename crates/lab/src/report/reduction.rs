use super::axis::TimeAxis;
use crate::probe::{Moment, Sample, Track};
use serde::Serialize;
use std::time::Duration;

/// All probes that were sent within one pixel's time. In JSON an array, times in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(into = "(u64, u64, usize)")]
pub struct Column {
    /// The quickest answer.
    pub least: Duration,
    /// The slowest answer.
    pub most: Duration,
    /// How many had an answer.
    pub answered: usize,
    /// How many had none.
    pub lost: usize,
}

impl From<Column> for (u64, u64, usize) {
    fn from(column: Column) -> Self {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        (micros(column.least), micros(column.most), column.lost)
    }
}

/// The probes of a track, a column for each pixel of the axis: what is drawn stays small however long
/// the measurement was, and no extreme is lost.
pub fn columns(track: &Track, axis: &TimeAxis) -> Vec<Column> {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "pixels are few and not negative"
    )]
    let count = (axis.right - axis.left) as u64;
    let span = axis.to.0.saturating_sub(axis.from.0);
    let edge = |column: u64| Moment(axis.from.0 + span * column / count.max(1));
    (0..count).map(|it| column(track.stretch(edge(it), edge(it + 1)))).collect()
}

fn column(samples: &[Sample]) -> Column {
    let times = || samples.iter().filter_map(Sample::round_trip);
    let answered = times().count();
    Column {
        least: times().min().unwrap_or_default(),
        most: times().max().unwrap_or_default(),
        answered,
        lost: samples.len() - answered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Answer;

    #[test]
    fn a_column_keeps_both_extremes_and_what_was_lost() {
        let sample = |sent, took: Option<u64>| Sample {
            sent: Moment(sent),
            answer: took.map(|took| Answer { received: Moment(sent + took), boot: 0, counter: 1 }),
        };
        let samples = vec![
            sample(0, Some(300)),
            sample(1000, Some(90_000)),
            sample(2000, None),
            sample(3000, Some(200)),
        ];
        let track = Track { samples, connections: Vec::new() };
        let axis = TimeAxis { from: Moment(0), to: Moment(6000), left: 10.0, right: 12.0 };
        let columns = columns(&track, &axis);
        assert_eq!(columns.len(), 2);
        assert_eq!(columns[0].least, Duration::from_micros(300));
        assert_eq!(columns[0].most, Duration::from_millis(90));
        assert_eq!((columns[0].answered, columns[0].lost), (2, 1));
        assert_eq!(columns[1].most, Duration::from_micros(200));
        assert_eq!(serde_json::to_string(&columns).unwrap(), "[[300,90000,1],[200,200,0]]");
    }
}
