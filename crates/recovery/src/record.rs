use crate::error::{Error, Result};
use crate::ladder::Ladder;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The version that is written.
const VERSION: u64 = 1;

/// How long a record may be, in bytes. With the default policy it has some 300.
pub(crate) const LIMIT: usize = 4096;

/// What the whole cluster has to remember of a guest, as it is written to an attribute of a node, where administrators
/// read it too.
///
/// Each node writes its own, so that none is lost with another node, and the one with the highest generation counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    version: u64,
    generation: u64,
    /// Where the guest is on the ladder.
    #[serde(flatten)]
    pub ladder: Ladder,
    /// When the reinstallation was decided that the ladder stands on, by the clock of the node that did: every node has
    /// to know it by the same name.
    #[serde(skip)]
    pub reinstallation: Option<Timestamp>,
}

impl Default for Record {
    fn default() -> Self {
        Self { version: VERSION, generation: 0, ladder: Ladder::default(), reinstallation: None }
    }
}

/// As much of a record as every version has.
#[derive(Deserialize)]
struct Head {
    version: u64,
}

impl Record {
    /// Reads what a node has written. Moments that are still to come at `now` count as that.
    ///
    /// # Errors
    /// [`Error::Long`], [`Error::Record`] and [`Error::Version`].
    pub fn parse(text: &str, now: Timestamp) -> Result<Self> {
        if text.len() > LIMIT {
            return Err(Error::Long { length: text.len() });
        }
        let Head { version } = serde_json::from_str(text)?;
        if version != VERSION {
            return Err(Error::Version { found: version, expected: VERSION });
        }
        let record: Self = serde_json::from_str(text)?;
        let reinstallation = record.ladder.reinstallation();
        Ok(Self { ladder: record.ladder.until(now), reinstallation, ..record })
    }

    /// The text that is written.
    ///
    /// # Errors
    /// [`Error::Record`], which does not happen to what [`Record::parse`] or a [`Ladder`] has made.
    pub fn text(&self) -> Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    /// The one that counts of those that nodes have.
    #[must_use]
    pub fn newest(records: impl IntoIterator<Item = Self>) -> Option<Self> {
        records.into_iter().max_by_key(|record| record.generation)
    }

    /// The record that follows this one.
    #[must_use]
    pub fn followed_by(&self, ladder: Ladder) -> Self {
        let (generation, reinstallation) =
            (self.generation.saturating_add(1), ladder.reinstallation());
        Self { version: VERSION, generation, ladder, reinstallation }
    }
}

#[cfg(test)]
mod tests;
