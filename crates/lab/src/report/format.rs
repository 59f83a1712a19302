use crate::probe::{Figures, Measurement, Window};
use std::time::Duration;

/// Three significant digits in the unit that suits: `0.310 ms`, `95.0 ms`, `9.34 s`.
pub fn duration(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    let (value, unit) = if millis < 999.5 { (millis, "ms") } else { (millis / 1000.0, "s") };
    let digits = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

/// The median, or a dash when nothing was answered.
pub fn median(figures: &Figures) -> String {
    figures.median.map_or_else(|| "–".to_owned(), duration)
}

/// The longest outage that begins in a window, or a dash when none does: the guest was down already.
pub fn outage(figures: &Figures) -> String {
    if figures.gap.length().is_zero() { "–".to_owned() } else { duration(figures.gap.length()) }
}

/// What became of the guest in a window.
pub fn guest(window: &Window) -> &'static str {
    match (window.restarts, window.udp.regressions + window.tcp.regressions) {
        (0, 0) if window.udp.lost == window.udp.sent => "no answer",
        (0, 0) => "same boot",
        (_, 0) => "restarted",
        _ => "rolled back",
    }
}

/// `2026-11-21 11:34:06 UTC`, from milliseconds since 1970.
pub fn date(measurement: &Measurement) -> String {
    let seconds = measurement.begun / 1000;
    let (mut year, mut days) = (1970, seconds / 86400);
    while days >= days_in(year) {
        days -= days_in(year);
        year += 1;
    }
    let february = days_in(year) - 337;
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02} UTC", days + 1)
}

fn days_in(year: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if leap { 366 } else { 365 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Moment;
    use std::net::Ipv4Addr;

    #[test]
    fn durations_have_three_digits() {
        let shown = |micros| duration(Duration::from_micros(micros));
        assert_eq!(shown(312), "0.31 ms");
        assert_eq!(shown(95_040), "95.0 ms");
        assert_eq!(shown(999_400), "999 ms");
        assert_eq!(shown(999_600), "1.00 s");
        assert_eq!(shown(9_340_000), "9.34 s");
    }

    #[test]
    fn dates_are_right_around_leap_days_and_new_year() {
        let shown = |seconds: u64| {
            let track = crate::probe::Track::default;
            date(&Measurement {
                address: Ipv4Addr::LOCALHOST,
                interval: crate::probe::INTERVAL,
                begun: seconds * 1000,
                end: Moment(0),
                boots: Vec::new(),
                events: Vec::new(),
                udp: track(),
                tcp: track(),
            })
        };
        // Expected values are those of date(1).
        assert_eq!(shown(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(shown(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(shown(1_735_689_599), "2024-12-31 23:59:59 UTC");
        assert_eq!(shown(1_795_260_846), "2026-11-21 11:34:06 UTC");
    }
}
