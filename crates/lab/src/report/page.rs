use super::{OUTAGE, Report, format, overview, zoom};
use crate::probe::{Measurement, Window};
use quick_xml::escape::escape;
use std::time::Duration;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The whole page. It asks for nothing from elsewhere and is complete without its script, which only
/// shows figures under the pointer.
pub fn page(report: &Report) -> String {
    let measurement = report.measurement;
    let all = measurement.all();
    let overview = overview::draw(measurement);
    let zooms = zoom::draw_all(measurement);
    let title = escape(&report.title);
    format!(
        "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>{title}</title>
<style>
{STYLE}</style>
</head>
<body>
<header><h1>{title}</h1><p>{date} · guest {address}, probed for {length}</p></header>
<section class=\"tiles\">{tiles}</section>
<section class=\"card\">
<p class=\"legend\"><span class=\"udp\">UDP</span><span class=\"tcp\">TCP</span>\
<span class=\"outage\">outage</span><span class=\"lost\">probe lost</span></p>
<div class=\"scroll\">{plot}</div><output id=\"reading\" hidden></output>
</section>
{zooms}
<section class=\"card scroll\">{table}</section>
<footer>{notes}{facts}</footer>
<script type=\"application/json\" id=\"data\">{data}</script>
<script>
{SCRIPT}</script>
</body>
</html>
",
        date = format::date(measurement),
        address = measurement.address,
        length = format::duration(measurement.end.since(Default::default())),
        tiles = tiles(measurement, &all),
        plot = overview.svg,
        zooms = if zooms.is_empty() {
            zooms
        } else {
            format!("<section class=\"zooms\">{zooms}</section>")
        },
        table = table(measurement),
        notes = notes(&all, measurement.interval),
        facts = facts(report),
        data = overview.data,
    )
}

fn tiles(measurement: &Measurement, all: &Window) -> String {
    let boots = measurement.boots.len();
    let boots = match boots {
        0 => "no answer".to_owned(),
        1 => "the same throughout".to_owned(),
        _ => format!("{boots} boots"),
    };
    let regressions = all.udp.regressions + all.tcp.regressions;
    let counter = match regressions {
        0 => "never fell".to_owned(),
        _ => format!("fell {regressions} times"),
    };
    [
        ("longest UDP outage", format::outage(&all.udp)),
        ("longest TCP stall", format::outage(&all.tcp)),
        ("UDP probes lost", format!("{} of {}", all.udp.lost, all.udp.sent)),
        ("median round trip", format::median(&all.udp)),
        ("boot id", boots),
        ("counter", counter),
    ]
    .map(|(name, value)| format!("<div><b>{value}</b><span>{name}</span></div>"))
    .concat()
}

fn table(measurement: &Measurement) -> String {
    let rows: String = measurement
        .by_event()
        .iter()
        .map(|(event, window)| {
            let long = if window.udp.gap.length() >= OUTAGE { " class=\"long\"" } else { "" };
            format!(
                "<tr><td>{at}</td><th scope=\"row\">{label}</th><td{long}>{udp}</td><td>{lost}</td>\
                 <td>{tcp}</td><td>{median}</td><td>{guest}</td></tr>\n",
                at = event.at,
                label = escape(&event.label),
                udp = format::outage(&window.udp),
                lost = window.udp.lost,
                tcp = format::outage(&window.tcp),
                median = format::median(&window.udp),
                guest = format::guest(window),
            )
        })
        .collect();
    format!(
        "<table><thead><tr><th>time</th><th>event</th><th>UDP outage</th><th>lost</th><th>TCP stall</th>\
         <th>median RTT</th><th>guest</th></tr></thead><tbody>\n{rows}</tbody></table>"
    )
}

fn notes(all: &Window, interval: Duration) -> String {
    format!(
        "<p>One datagram every {interval}, and one TCP record every {interval} or as soon as the last was \
         answered. An outage is the longest time without any reply, from the last one before it to the \
         first one after it, and stands with the event it begins with; from {outage} on it is shaded. \
         Probes that wait in the guest’s receive ring during an outage are answered late instead of being \
         lost, so the losses alone would make it look shorter. The prober itself paused for up to {pause}: \
         gaps of that order may be its own.</p>",
        interval = format::duration(interval),
        outage = format::duration(OUTAGE),
        pause = format::duration(all.udp.pause),
    )
}

fn facts(report: &Report) -> String {
    let facts: String = report
        .facts
        .iter()
        .map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>", escape(name), escape(value)))
        .collect();
    if facts.is_empty() { facts } else { format!("<dl>{facts}</dl>") }
}
