use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The longest name: a lab's socket path has to fit into the 108 bytes of `sockaddr_un`.
const LONGEST: usize = 32;

/// The name of a lab: 1 to 32 lower-case letters, digits and hyphens, a letter first.
///
/// ```
/// let name: lab::Name = "demo".parse()?;
/// assert!("../demo".parse::<lab::Name>().is_err());
/// # Ok::<(), lab::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
        let letter_first = text.starts_with(|it: char| it.is_ascii_lowercase());
        if letter_first && text.len() <= LONGEST && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::BadName { name: text.to_owned() })
        }
    }
}

impl TryFrom<String> for Name {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_safe_in_a_path() {
        for good in ["lab", "a", "demo-2", &"x".repeat(LONGEST)] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        for bad in ["", "2nd", "-x", "a/b", "..", "a b", "Lab", "ä", &"x".repeat(LONGEST + 1)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
