//! One outage from near: every single probe around it.

use super::axis::{DelayAxis, TimeAxis};
use super::{OUTAGE, format};
use crate::probe::{Gap, Measurement, Moment, Sample, Track};
use quick_xml::escape::escape;
use std::fmt::Write;
use std::time::Duration;

const WIDTH: f64 = 390.0;
const HEIGHT: f64 = 222.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 372.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 190.0;

/// The most time that is shown before and after an outage.
const MARGIN: Duration = Duration::from_secs(2);

/// The most outages that are shown.
const MOST: usize = 12;

/// The most probes that are drawn one by one; of more, every so many-th is.
const DOTS: usize = 1500;

/// The outage after each event that caused one, in the order of time.
pub fn draw_all(measurement: &Measurement) -> String {
    measurement
        .by_event()
        .iter()
        .filter(|(_, window)| window.udp.gap.length() >= OUTAGE)
        .take(MOST)
        .map(|(event, window)| figure(measurement, &event.label, window.udp.gap))
        .collect()
}

fn figure(measurement: &Measurement, event: &str, gap: Gap) -> String {
    format!(
        "<figure><figcaption><b>{}</b> after “{}”</figcaption>{}</figure>",
        format::duration(gap.length()),
        escape(event),
        draw(measurement, gap)
    )
}

fn draw(measurement: &Measurement, gap: Gap) -> String {
    let margin = micros((gap.length() / 2).clamp(OUTAGE, MARGIN));
    let from = Moment(gap.from.0.saturating_sub(margin));
    let to = Moment(gap.to.0 + margin).min(measurement.end.max(gap.to));
    let axis = TimeAxis { from, to, left: LEFT, right: RIGHT };
    let tracks = [("tcp", &measurement.tcp), ("udp", &measurement.udp)];
    let times = tracks.iter().flat_map(|(_, track)| track.stretch(axis.from, axis.to));
    let delays = DelayAxis::new(times.filter_map(Sample::round_trip), TOP, BOTTOM);
    let (begin, end) = (axis.x(gap.from), axis.x(gap.to));

    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"One outage, probe by probe\">\
         <rect class=\"outage\" x=\"{begin:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"/>",
        end - begin,
        BOTTOM - TOP
    );
    for (y, name) in delays.ticks() {
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
            LEFT - 6.0,
            y + 4.0
        );
    }
    for (class, track) in tracks {
        svg += &dots(class, track, &axis, &delays);
    }
    svg += &milliseconds(&axis, gap.from);
    svg + "</svg>"
}

/// A dot for each answer where its probe was sent, and a mark at the bottom for each that had none.
fn dots(class: &str, track: &Track, axis: &TimeAxis, delays: &DelayAxis) -> String {
    let samples = track.stretch(axis.from, axis.to);
    let (mut answered, mut lost) = (String::new(), String::new());
    for sample in samples.iter().step_by(samples.len() / DOTS + 1) {
        let x = axis.x(sample.sent);
        let _ = match sample.round_trip() {
            Some(time) => write!(answered, "M{x:.1} {:.1}h0", delays.y(time)),
            None => write!(lost, "M{x:.1} {:.1}v6", BOTTOM + 2.0),
        };
    }
    format!("<path class=\"dots {class}\" d=\"{answered}\"/><path class=\"lost\" d=\"{lost}\"/>")
}

/// The time axis, counted from the last reply before the outage.
fn milliseconds(axis: &TimeAxis, zero: Moment) -> String {
    let mut svg = String::new();
    let long = axis.to.since(axis.from) >= Duration::from_secs(4);
    for tick in axis.ticks(zero, 5) {
        let x = axis.tick_x(zero, tick);
        let name = if long { format!("{tick} s") } else { format!("{:.0} ms", tick * 1000.0) };
        let _ = write!(
            svg,
            "<text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
            BOTTOM + 24.0
        );
    }
    svg
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
