use crate::error::Error;
use crate::line::excerpt;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};

/// What the name of a parameter's variable begins with.
pub const PARAMETER: &str = "OCF_RESKEY_";

/// The environment variables of one request.
///
/// A cluster manager hands everything over in them, so they are untrusted input. They are taken
/// from the process once, in [`crate::main`]; a test makes its own from pairs.
#[derive(Debug, Clone, Default)]
pub struct Environment(HashMap<OsString, OsString>);

impl Environment {
    /// The environment of this process.
    pub(crate) fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// The value of a variable; `None` when it is unset. An empty value is a value.
    ///
    /// # Errors
    /// [`Error::Encoding`] when the value is not UTF-8.
    pub fn text(&self, variable: &str) -> Result<Option<&str>, Error> {
        let Some(value) = self.0.get(OsStr::new(variable)) else {
            return Ok(None);
        };
        value.to_str().map(Some).ok_or_else(|| Error::Encoding {
            variable: variable.to_owned(),
            found: excerpt(&value.to_string_lossy()),
        })
    }

    /// The value of a variable of the manager's own, where nonsense is as good as nothing: `None`
    /// when it is unset, empty or not UTF-8.
    pub(crate) fn optional(&self, variable: &str) -> Option<&str> {
        self.text(variable).ok().flatten().filter(|value| !value.is_empty())
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
