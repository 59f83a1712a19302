use crate::probe::Moment;
use std::time::Duration;

/// Time from left to right.
#[derive(Debug, Clone, Copy)]
pub struct TimeAxis {
    pub from: Moment,
    pub to: Moment,
    /// In pixels.
    pub left: f64,
    /// In pixels.
    pub right: f64,
}

impl TimeAxis {
    /// The pixel of a moment, held within the axis.
    pub fn x(&self, moment: Moment) -> f64 {
        let span = self.to.since(self.from).as_secs_f64().max(1e-6);
        let share = (moment.since(self.from).as_secs_f64() / span).min(1.0);
        self.left + share * (self.right - self.left)
    }

    /// Moments at round distances from `zero`, at most about `count` of them.
    pub fn ticks(&self, zero: Moment, count: u32) -> Vec<f64> {
        let (from, to) = (signed(self.from, zero), signed(self.to, zero));
        let step = round_step((to - from) / f64::from(count));
        let mut tick = (from / step - 1e-6).ceil() * step;
        let mut ticks = Vec::new();
        while tick <= to + step * 1e-6 {
            ticks.push(if tick.abs() < step * 1e-6 { 0.0 } else { tick });
            tick += step;
        }
        ticks
    }

    /// The pixel of a tick.
    pub fn tick_x(&self, zero: Moment, tick: f64) -> f64 {
        let (from, to) = (signed(self.from, zero), signed(self.to, zero));
        self.left + (tick - from) / (to - from).max(1e-6) * (self.right - self.left)
    }
}

/// Seconds from `zero`, negative before it.
fn signed(moment: Moment, zero: Moment) -> f64 {
    moment.seconds() - zero.seconds()
}

/// 1, 2 or 5 times a power of ten, no smaller than `least`.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.max(1e-6).log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|it| it * power >= least * 0.999);
    factor.unwrap_or(10.0) * power
}

/// Round-trip time from bottom to top, logarithmic: a guest at rest answers in a third of a millisecond,
/// one that moves in a hundred.
#[derive(Debug, Clone, Copy)]
pub struct DelayAxis {
    /// The power of ten at the bottom, in milliseconds.
    low: i32,
    /// The power of ten at the top, in milliseconds.
    high: i32,
    top: f64,
    bottom: f64,
}

impl DelayAxis {
    /// An axis of whole decades, from 0.1 ms or less to 10 ms or more, that holds these times; `top` and
    /// `bottom` are pixels.
    pub fn new(times: impl Iterator<Item = Duration>, top: f64, bottom: f64) -> Self {
        let (low, high) = times
            .map(|time| millis(time).log10())
            .fold((-1.0f64, 1.0f64), |(low, high), it| (low.min(it), high.max(it)));
        #[allow(clippy::cast_possible_truncation, reason = "powers of ten of a time are small")]
        let (low, high) = (low.floor() as i32, high.ceil() as i32);
        Self { low, high, top, bottom }
    }

    /// The pixel of a time.
    pub fn y(&self, time: Duration) -> f64 {
        self.at(millis(time).log10())
    }

    /// Each decade's pixel and name.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let name = |power: i32| match power {
            3.. => format!("{} s", 10f64.powi(power - 3)),
            _ => format!("{} ms", 10f64.powi(power)),
        };
        (self.low..=self.high).map(|power| (self.at(f64::from(power)), name(power))).collect()
    }

    fn at(&self, power: f64) -> f64 {
        let span = f64::from(self.high - self.low);
        self.bottom - (power - f64::from(self.low)) / span * (self.bottom - self.top)
    }
}

/// No less than a microsecond, which is what is measured to.
fn millis(time: Duration) -> f64 {
    time.as_secs_f64().max(1e-6) * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = TimeAxis { from: Moment(0), to: Moment(63_000_000), left: 0.0, right: 630.0 };
        let ticks = axis.ticks(Moment(0), 10);
        assert_eq!(ticks, [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert!((axis.tick_x(Moment(0), 20.0) - 200.0).abs() < 1e-6);
        let zoom = TimeAxis { from: Moment(900_000), to: Moment(1_200_000), left: 0.0, right: 1.0 };
        let ticks = zoom.ticks(Moment(1_000_000), 4);
        assert_eq!(
            ticks.iter().map(|it| format!("{it:.1}")).collect::<Vec<_>>(),
            ["-0.1", "0.0", "0.1", "0.2"]
        );
    }

    #[test]
    fn delays_lie_between_whole_decades() {
        let times = [Duration::from_micros(50), Duration::from_millis(1500)];
        let axis = DelayAxis::new(times.into_iter(), 0.0, 600.0);
        let names: Vec<String> = axis.ticks().into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["0.01 ms", "0.1 ms", "1 ms", "10 ms", "100 ms", "1 s", "10 s"]);
        assert!((axis.y(Duration::from_millis(1)) - 400.0).abs() < 1e-6);
    }
}
