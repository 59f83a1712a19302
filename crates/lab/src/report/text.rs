use super::{Report, format};
use crate::probe::Window;

const HEADINGS: [&str; 7] =
    ["time", "event", "UDP outage", "lost", "TCP stall", "median RTT", "guest"];

/// The timeline as aligned columns, and a line for the whole.
pub fn table(report: &Report) -> String {
    let measurement = report.measurement;
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(
        measurement
            .by_event()
            .iter()
            .map(|(event, window)| row(event.at.to_string(), event.label.clone(), window)),
    );
    rows.push(row(measurement.end.to_string(), "all of it".to_owned(), &measurement.all()));

    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..HEADINGS.len()).map(|it| width(it).unwrap_or(0)).collect();
    let mut text = format!("{}\n", report.title);
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| match column {
                1 | 6 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    let all = measurement.all();
    let longest = format::duration(all.udp.pause);
    text.push_str(&format!(
        "outage: the longest time without a reply; the prober itself paused for up to {longest}\n"
    ));
    text
}

fn row(time: String, event: String, window: &Window) -> [String; 7] {
    [
        time,
        event,
        format::outage(&window.udp),
        window.udp.lost.to_string(),
        format::outage(&window.tcp),
        format::median(&window.udp),
        format::guest(window).to_owned(),
    ]
}
