use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A guest's name, as its hypervisor knows it: unique on a host, never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of a file with this guest's memory, saved after a failed migration. An xl that resumes the guest
    /// is known by it.
    #[must_use]
    pub fn memory_file(&self) -> String {
        format!("{self}.migration.state")
    }

    /// The name that a text makes once what no name may have is replaced by underscores.
    #[must_use]
    pub fn from_any(text: &str) -> Self {
        let name = text.replace(FORBIDDEN, "_");
        Self::try_from(name).unwrap_or_else(|_| Self("_".to_owned()))
    }
}

/// What libvirt takes in no name.
const FORBIDDEN: [char; 3] = ['/', '\n', '\0'];

impl TryFrom<String> for Name {
    type Error = Error;

    /// # Errors
    /// [`Error::Name`] for what libvirt refuses as a name: empty, only white space, or with a slash,
    /// newline or NUL in it.
    fn try_from(name: String) -> Result<Self> {
        if matches!(name.trim(), "" | "." | "..") || name.contains(FORBIDDEN) {
            return Err(Error::Name { name });
        }
        Ok(Self(name))
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A guest's UUID in its canonical form: lower case, with hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uuid(String);

impl Uuid {
    /// Reads a UUID with or without hyphens, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String =
            text.trim().chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
        if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let part = |from: usize, to: usize| &digits[from..to];
        let (a, b, c, d, e) = (part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32));
        Some(Self(format!("{a}-{b}-{c}-{d}-{e}")))
    }

    /// The UUID of those bytes, the first digit first.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let digits = u128::from_be_bytes(bytes);
        let part = |from: u32, length: u32| (digits >> from) & ((1 << length) - 1);
        Self(format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 32),
            part(80, 16),
            part(64, 16),
            part(48, 16),
            part(0, 48)
        ))
    }

    /// The UUID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Uuid {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is no UUID"))
    }
}

impl From<Uuid> for String {
    fn from(uuid: Uuid) -> Self {
        uuid.0
    }
}

/// What makes a guest this guest and no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its name on the hypervisor.
    pub name: Name,
    /// Its UUID, as far as it is known: a definition need not give one.
    pub uuid: Option<Uuid>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_libvirt_refuses_are_refused() {
        for bad in ["", " ", "a/b", "a\nb", "a\0b", ".", ".."] {
            assert!(Name::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
        for good in ["vm 1", "vm.*", "<&\"'>", "välj", "a,b=c"] {
            assert_eq!(Name::try_from(good.to_owned()).unwrap().as_str(), good);
        }
    }

    #[test]
    fn a_uuid_has_one_form() {
        let uuid = Uuid::parse("4DEA22B3-1D52-D8F3-2516-782E98AB3FA0").unwrap();
        assert_eq!(uuid.as_str(), "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
        assert_eq!(
            Uuid::from_bytes(0x4dea_22b3_1d52_d8f3_2516_782e_98ab_3fa0_u128.to_be_bytes()),
            uuid
        );
        assert_eq!(Uuid::parse("4dea22b31d52d8f32516782e98ab3fa0"), Some(uuid));
        assert_eq!(Uuid::parse("4dea22b3-1d52-d8f3-2516-782e98ab3fag"), None);
        assert_eq!(Uuid::parse(""), None);
    }
}
