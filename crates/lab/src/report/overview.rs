//! The plot of the whole measurement: UDP above TCP, the events over both.

use super::axis::{DelayAxis, TimeAxis};
use super::reduction::{Column, columns};
use super::{OUTAGE, format};
use crate::probe::{Gap, Measurement, Moment, Sample, Track};
use quick_xml::escape::escape;
use std::fmt::Write;

const WIDTH: f64 = 1160.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 1150.0;
/// The height of a row of event labels.
const ROW: f64 = 17.0;
/// The height of one plot.
const PLOT: f64 = 190.0;
/// What lies between the two plots, and below the second.
const BETWEEN: f64 = 34.0;
/// The strip below a plot that shows lost probes.
const STRIP: f64 = 7.0;
/// A character of a label, in pixels, generously.
const CHARACTER: f64 = 7.3;

/// The drawing, and the columns behind it for who points at it.
pub struct Overview {
    pub svg: String,
    /// JSON: the axis and the columns of both tracks.
    pub data: String,
}

pub fn draw(measurement: &Measurement) -> Overview {
    let end = Moment(measurement.end.0.max(1));
    let axis = TimeAxis { from: Moment(0), to: end, left: LEFT, right: RIGHT };
    let labels = Labels::place(measurement, &axis);
    let first = labels.height() + 22.0;
    let second = first + PLOT + BETWEEN;
    let height = second + PLOT + BETWEEN;

    let mut svg = format!(
        "<svg id=\"overview\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Round-trip times over UDP and TCP, with events and outages\">"
    );
    let mut data = Vec::new();
    let tracks =
        [("udp", "UDP", &measurement.udp, first), ("tcp", "TCP", &measurement.tcp, second)];
    for (class, name, track, top) in tracks {
        let columns = columns(track, &axis);
        svg += &plot(class, name, track, &columns, &axis, top);
        svg += &outages(track, end, &axis, top);
        data.push(columns);
    }
    svg += &labels.draw(&axis, second + PLOT);
    svg += &seconds(&axis, second + PLOT + STRIP);
    svg += "<line id=\"cursor\" y1=\"0\" y2=\"0\" x1=\"0\" x2=\"0\"/></svg>";
    let data = serde_json::json!({
        "left": LEFT, "right": RIGHT, "top": first, "bottom": second + PLOT, "width": WIDTH,
        "end": end.0, "udp": data.first(), "tcp": data.last(),
    });
    Overview { svg, data: data.to_string() }
}

/// One protocol's grid, its columns from quickest to slowest answer, and its strip of losses.
fn plot(
    class: &str,
    name: &str,
    track: &Track,
    columns: &[Column],
    axis: &TimeAxis,
    top: f64,
) -> String {
    let bottom = top + PLOT;
    let delays = DelayAxis::new(track.samples.iter().filter_map(Sample::round_trip), top, bottom);
    let mut svg = grid(&delays, axis);
    let mut path = String::new();
    let mut losses = String::new();
    for (index, column) in columns.iter().enumerate() {
        let x = axis.left + index as f64 + 0.5;
        if column.answered > 0 {
            // A pixel more, so that a column of one answer is seen.
            let (most, least) = (delays.y(column.most) - 0.5, delays.y(column.least) + 0.5);
            let _ = write!(path, "M{x:.1} {most:.1}V{least:.1}");
        }
        if column.lost > 0 {
            let (from, to) = (bottom + 2.0, bottom + STRIP);
            let _ = write!(losses, "M{x:.1} {from:.1}V{to:.1}");
        }
    }
    let _ = write!(
        svg,
        "<path class=\"{class}\" d=\"{path}\"/><path class=\"lost\" d=\"{losses}\"/>\
         <text class=\"name {class}\" x=\"{LEFT}\" y=\"{:.1}\">{name} round-trip time</text>",
        top - 6.0
    );
    svg
}

fn grid(delays: &DelayAxis, axis: &TimeAxis) -> String {
    let mut svg = String::new();
    for (y, name) in delays.ticks() {
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
            axis.left,
            axis.right,
            axis.left - 7.0,
            y + 4.0
        );
    }
    svg
}

/// The outages, shaded, each with its length where there is room: the longest come first.
fn outages(track: &Track, end: Moment, axis: &TimeAxis, top: f64) -> String {
    let mut gaps: Vec<Gap> = track.gaps(end).filter(|gap| gap.length() >= OUTAGE).collect();
    gaps.sort_by_key(|gap| std::cmp::Reverse(gap.length()));
    let mut svg = String::new();
    let mut taken: Vec<(f64, f64)> = Vec::new();
    for gap in gaps {
        let from = axis.x(gap.from);
        let width = (axis.x(gap.to) - from).max(1.5);
        let _ = write!(
            svg,
            "<rect class=\"outage\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{PLOT}\"/>"
        );
        let label = format::duration(gap.length());
        let room = label.chars().count() as f64 * CHARACTER + 6.0;
        let x = (from + width / 2.0 - room / 2.0).clamp(axis.left, axis.right - room);
        if taken.iter().all(|(begin, end)| x + room <= *begin || *end <= x) {
            taken.push((x, x + room));
            let y = top + 13.0;
            let _ = write!(svg, "<text class=\"length\" x=\"{x:.1}\" y=\"{y:.1}\">{label}</text>");
        }
    }
    svg
}

fn seconds(axis: &TimeAxis, y: f64) -> String {
    let mut svg = String::new();
    for tick in axis.ticks(Moment(0), 12) {
        let x = axis.tick_x(Moment(0), tick);
        let _ = write!(
            svg,
            "<text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tick} s</text>",
            y + 15.0
        );
    }
    svg
}

/// The events' labels in as few rows as keep them apart.
struct Labels {
    /// Label, row, where the event is, where its text begins.
    placed: Vec<(String, usize, f64, f64)>,
    rows: usize,
}

impl Labels {
    fn place(measurement: &Measurement, axis: &TimeAxis) -> Self {
        let mut ends: Vec<f64> = Vec::new();
        let mut placed = Vec::new();
        for event in &measurement.events {
            let at = axis.x(event.at);
            let room = event.label.chars().count() as f64 * CHARACTER;
            let x = (at + 5.0).min(WIDTH - room).max(0.0);
            let free = ends.iter().position(|end| *end <= x);
            let row = free.unwrap_or_else(|| {
                ends.push(0.0);
                ends.len() - 1
            });
            ends[row] = x + room + 8.0;
            placed.push((escape(&event.label).into_owned(), row, at, x));
        }
        Self { placed, rows: ends.len() }
    }

    fn height(&self) -> f64 {
        self.rows as f64 * ROW
    }

    /// Lines from the labels down to `bottom`.
    fn draw(&self, axis: &TimeAxis, bottom: f64) -> String {
        let (mut lines, mut texts) = (String::new(), String::new());
        for (label, row, at, x) in &self.placed {
            let y = (*row as f64 + 1.0) * ROW - 4.0;
            let at = at.clamp(axis.left, axis.right);
            let _ = write!(
                lines,
                "<line class=\"event\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{:.1}\" y2=\"{bottom:.1}\"/>",
                y - 10.0
            );
            let _ = write!(texts, "<text class=\"event\" x=\"{x:.1}\" y=\"{y:.1}\">{label}</text>");
        }
        lines + &texts
    }
}
