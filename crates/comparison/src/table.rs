use std::fmt;
use std::time::Duration;

/// A table in Markdown, its columns aligned so that it can be read as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The first columns that hold words; all others hold figures.
    labels: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings, first those of its columns of words, then of figures.
    #[must_use]
    pub fn new<const L: usize, const F: usize>(labels: [&str; L], figures: [&str; F]) -> Self {
        let headings = labels.into_iter().chain(figures).map(str::to_owned);
        Self { labels: L, rows: vec![headings.collect()] }
    }

    /// Adds a row. What it has more than the heading is not shown, what it has less is empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
        let width = |column| self.rows.iter().map(|row| cell(row, column).chars().count()).max();
        let columns = self.rows[0].len();
        let widths: Vec<usize> = (0..columns).map(|it| width(it).unwrap_or_default()).collect();
        for (line, row) in self.rows.iter().enumerate() {
            for (column, width) in widths.iter().copied().enumerate() {
                let text = cell(row, column);
                match column < self.labels {
                    true => write!(f, "| {text:<width$} ")?,
                    false => write!(f, "| {text:>width$} ")?,
                }
            }
            writeln!(f, "|")?;
            if line == 0 {
                for (column, width) in widths.iter().copied().enumerate() {
                    let end = if column < self.labels { '-' } else { ':' };
                    write!(f, "|{}{end}", "-".repeat(width + 1))?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

/// How many times as much the first is, to two significant digits; a dash when the second is zero.
#[must_use]
pub fn ratio(ours: Duration, stock: Duration) -> String {
    let (ours, stock) = (ours.as_secs_f64(), stock.as_secs_f64());
    if stock == 0.0 {
        return "–".to_owned();
    }
    let value = ours / stock;
    let digits = match value {
        ..0.0995 => 3,
        ..9.95 => 2,
        _ => 0,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown_and_aligned() {
        let mut table = Table::new(["call"], ["wall"]);
        table.row(["monitor".to_owned(), "1.2 ms".to_owned()]);
        assert_eq!(
            table.to_string(),
            "| call    |   wall |\n|---------|-------:|\n| monitor | 1.2 ms |\n"
        );
    }

    #[test]
    fn ratios_have_the_digits_that_matter() {
        let ratio = |ours, stock| ratio(Duration::from_micros(ours), Duration::from_micros(stock));
        assert_eq!(ratio(1500, 162_000), "0.009");
        assert_eq!(ratio(95, 100), "0.95");
        assert_eq!(ratio(1000, 10), "100");
        assert_eq!(ratio(1, 0), "–");
    }
}
