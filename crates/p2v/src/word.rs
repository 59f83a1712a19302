use crate::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// A name of 1 to 60 letters, digits, dots, hyphens and underscores, that begins with a letter or a digit: a guest's, a
/// bridge's, a user's or a host's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(String);

impl FromStr for Word {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fits = |it: char| it.is_ascii_alphanumeric() || ".-_".contains(it);
        let begins = text.starts_with(|it: char| it.is_ascii_alphanumeric());
        if begins && text.len() <= 60 && text.chars().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::Word { found: text.to_owned() })
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_nothing_else_anywhere() {
        for good in ["web", "br0", "10.0.0.1", "a-b_c.d"] {
            assert_eq!(good.parse::<Word>().unwrap().to_string(), good);
        }
        for bad in
            ["", "-oProxyCommand=x", "a b", "a/b", "../a", "a'b", "<a>", "ä", &"x".repeat(61)]
        {
            assert!(bad.parse::<Word>().is_err(), "{bad}");
        }
    }
}
