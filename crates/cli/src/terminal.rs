use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use crate::error::Error;

/// How many characters a bar has.
const WIDTH: usize = 40;

/// Writes a line to stderr: progress, or an error. When nobody reads it, it is not needed.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes a line of the answer to stdout.
pub fn answer(line: &str) -> Result<(), Error> {
    writeln!(io::stdout().lock(), "{line}").map_err(Error::Output)
}

/// What is being done, on stderr: a bar on a terminal, and a line for each tenth of it anywhere else.
#[derive(Debug, Default)]
pub struct Progress(Mutex<Option<(String, u8)>>);

impl Progress {
    /// Shows what is being done, and how much of it is, in percent, where that is known.
    pub fn show(&self, what: &str, percent: Option<u8>) {
        let is_terminal = io::stderr().is_terminal();
        let Some(percent) = percent else {
            self.end();
            return note(what);
        };
        let percent = percent.min(100);
        let shown = if is_terminal { percent } else { percent / 10 * 10 };
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = last.as_ref().is_none_or(|(it, _)| it != what);
        if !is_new && last.as_ref().is_some_and(|(_, it)| *it >= shown) {
            return;
        }
        let is_open = last.replace((what.to_owned(), shown)).is_some();
        match is_terminal {
            true => draw(what, shown, is_new && is_open),
            false => note(&format!("{what}: {shown} %")),
        }
    }

    /// Leaves the bar as it is.
    pub fn end(&self) {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if last.is_some() && io::stderr().is_terminal() {
            note("");
        }
    }
}

fn draw(what: &str, percent: u8, below: bool) {
    let filled = usize::from(percent) * WIDTH / 100;
    let (bar, line) = ("#".repeat(filled), if below { "\n" } else { "" });
    let _ = write!(io::stderr().lock(), "{line}\r[{bar:<WIDTH$}] {percent:3} % {what}\x1b[K");
}
