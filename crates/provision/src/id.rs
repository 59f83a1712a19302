use crate::{Error, Result};
use std::fmt;

/// How long an id may be: with it a logical volume's name must stay below LVM's 128 characters.
const LONGEST: usize = 40;

/// Which reinstallation: whoever asks for one a second time, under the same id, gets it once. It becomes part of names, so
/// it has 1 to 40 letters, digits, dots, hyphens and underscores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(String);

impl Id {
    /// The id under which missing volumes are made.
    pub(crate) fn first() -> Self {
        Self("first".to_owned())
    }
}

impl TryFrom<&str> for Id {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        let fits = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_');
        if (1..=LONGEST).contains(&text.len()) && text.chars().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::Id { found: text.to_owned() })
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_what_can_be_part_of_a_name() {
        for good in ["1", "2026-11-22_a.b", &"x".repeat(LONGEST)] {
            assert!(Id::try_from(good).is_ok(), "{good}");
        }
        for bad in ["", "a/b", "a b", "ä", "\n", &"x".repeat(LONGEST + 1)] {
            assert!(matches!(Id::try_from(bad), Err(Error::Id { .. })), "{bad}");
        }
    }
}
