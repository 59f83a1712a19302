use crate::{Error, Result};
use std::str::FromStr;

/// A directory of the machine whose content is left out: an absolute path without empty parts, `.` and `..`, which is not
/// the root.
#[derive(Debug, Clone)]
pub struct Exclusion(String);

impl FromStr for Exclusion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let path = text.trim_end_matches('/');
        let is_part = |it: &str| !["", ".", ".."].contains(&it);
        match path.strip_prefix('/') {
            Some(below) if below.split('/').all(is_part) => Ok(Self(path.to_owned())),
            _ => Err(Error::Exclusion { found: text.to_owned() }),
        }
    }
}

impl Exclusion {
    /// The directory.
    pub(crate) fn path(&self) -> &str {
        &self.0
    }
}

/// Whether a path is another one, or below it.
pub fn is_within(path: &str, other: &str) -> bool {
    let rest = path.strip_prefix(other.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclusion_is_one_directory_below_the_root() {
        assert_eq!("/srv/data/".parse::<Exclusion>().unwrap().path(), "/srv/data");
        for wrong in ["", "/", "data", "/a/../b", "/a//b", "/./a"] {
            assert!(wrong.parse::<Exclusion>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_within_is_below_a_whole_part() {
        assert!(
            is_within("/data", "/data")
                && is_within("/data/deep", "/data")
                && is_within("/data", "/")
        );
        assert!(!is_within("/database", "/data") && !is_within("/", "/data"));
    }
}
