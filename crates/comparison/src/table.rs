use lab::report::duration;
use std::fmt;
use std::time::Duration;

/// The label of a row of ratios between the two agents.
pub const RATIO: &str = "ratio ours/stock";

/// What is in a cell of figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Figure {
    /// A time.
    Time(Duration),
    /// A share, in percent.
    Percent(f64),
    /// A number of things.
    Count(usize),
    /// It does not apply.
    Nothing,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => f.write_str(&duration(*time)),
            Self::Percent(share) => write!(f, "{share:.2} %"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Nothing => Ok(()),
        }
    }
}

/// A table in Markdown, its columns aligned so that it can be read as it is: L columns of words, then F
/// of figures.
#[derive(Debug, Clone)]
pub struct Table<const L: usize, const F: usize> {
    rows: Vec<Vec<String>>,
}

impl<const L: usize, const F: usize> Table<L, F> {
    /// A table with these headings.
    #[must_use]
    pub fn new(labels: [&str; L], figures: [&str; F]) -> Self {
        Self { rows: vec![labels.into_iter().chain(figures).map(str::to_owned).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, labels: [&str; L], figures: [Figure; F]) {
        self.add(labels, figures.map(|it| it.to_string()));
    }

    /// Adds a row that tells how many times as much ours are as the others: times and shares, but not
    /// counts.
    pub fn ratios(&mut self, labels: [&str; L], ours: [Figure; F], others: [Figure; F]) {
        let mut others = others.into_iter();
        self.add(labels, ours.map(|it| others.next().map_or_else(String::new, |by| ratio(it, by))));
    }

    fn add(&mut self, labels: [&str; L], figures: [String; F]) {
        self.rows.push(labels.map(str::to_owned).into_iter().chain(figures).collect());
    }
}

impl<const L: usize, const F: usize> fmt::Display for Table<L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<usize> = (0..L + F).map(|it| width(it).unwrap_or_default()).collect();
        for (line, row) in self.rows.iter().enumerate() {
            for (column, (text, &width)) in row.iter().zip(&widths).enumerate() {
                match column < L {
                    true => write!(f, "| {text:<width$} ")?,
                    false => write!(f, "| {text:>width$} ")?,
                }
            }
            writeln!(f, "|")?;
            if line == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let end = if column < L { '-' } else { ':' };
                    write!(f, "|{}{end}", "-".repeat(width + 1))?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

/// Two significant digits; nothing when there is nothing to divide by.
fn ratio(ours: Figure, stock: Figure) -> String {
    let value = match (ours, stock) {
        (Figure::Time(ours), Figure::Time(stock)) => ours.as_secs_f64() / stock.as_secs_f64(),
        (Figure::Percent(ours), Figure::Percent(stock)) => ours / stock,
        _ => return String::new(),
    };
    match value {
        ..0.0995 => format!("{value:.3}"),
        ..9.95 => format!("{value:.2}"),
        _ if value.is_finite() => format!("{value:.0}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown_and_aligned() {
        let mut table = Table::new(["call"], ["wall", "n"]);
        let (ours, stock) = (Duration::from_micros(1200), Duration::from_millis(162));
        table.row(["monitor"], [Figure::Time(ours), Figure::Count(50)]);
        table.ratios(
            [RATIO],
            [Figure::Time(ours), Figure::Count(50)],
            [Figure::Time(stock), Figure::Nothing],
        );
        let lines = [
            "| call             |    wall |  n |",
            "|------------------|--------:|---:|",
            "| monitor          | 1.20 ms | 50 |",
            "| ratio ours/stock |   0.007 |    |",
        ];
        assert_eq!(table.to_string(), lines.map(|line| format!("{line}\n")).concat());
    }

    #[test]
    fn ratios_have_the_digits_that_matter() {
        let of = |ours, stock| ratio(Figure::Percent(ours), Figure::Percent(stock));
        assert_eq!(of(0.95, 1.0), "0.95");
        assert_eq!(of(1000.0, 10.0), "100");
        assert_eq!(of(1.0, 0.0), "");
        assert_eq!(of(0.0, 0.0), "");
    }
}
