//! What a [`Measurement`] came to, for people: a timeline as text, and one HTML page with the plot of
//! all round-trip times that needs nothing but itself.

mod axis;
mod format;
mod overview;
mod page;
mod reduction;
mod text;
mod zoom;

pub use format::duration;

use crate::image::{Error, write_atomically};
use crate::probe::Measurement;
use std::path::Path;
use std::time::Duration;

/// The gap from which on a stretch without replies is marked as an outage. Shorter ones are what a busy
/// machine does to an emulated guest, and to the prober.
pub const OUTAGE: Duration = Duration::from_millis(50);

/// A measurement with what a reader has to know beside it.
pub struct Report<'a> {
    measurement: &'a Measurement,
    title: String,
    facts: Vec<(String, String)>,
}

impl<'a> Report<'a> {
    /// A report of this title.
    #[must_use]
    pub fn new(title: impl Into<String>, measurement: &'a Measurement) -> Self {
        Self { measurement, title: title.into(), facts: Vec::new() }
    }

    /// Adds a fact on the conditions: a version, a processor, a load.
    #[must_use]
    pub fn fact(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.push((name.into(), value.into()));
        self
    }

    /// The timeline as a table of text, with the outage after each event.
    #[must_use]
    pub fn text(&self) -> String {
        text::table(self)
    }

    /// The page, complete in itself.
    #[must_use]
    pub fn html(&self) -> String {
        page::page(self)
    }

    /// Writes the page to a file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_html(&self, path: &Path) -> Result<(), Error> {
        write_atomically(path, self.html().as_bytes())
    }
}
