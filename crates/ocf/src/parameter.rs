use crate::environment::{Environment, PARAMETER};
use crate::error::Error;
use crate::line::excerpt;
use crate::request::Request;
use std::fmt;
use std::path::PathBuf;

/// What the value of a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Any text, the empty one included.
    String,
    /// Decimal digits, nothing else.
    Integer {
        /// The smallest value.
        min: u64,
        /// The largest value.
        max: u64,
    },
    /// True or false, by the words that `ocf_is_true` knows.
    Boolean,
    /// An absolute path.
    Path,
    /// Words, separated by white space.
    List,
}

impl Kind {
    /// The type that meta-data gives. OCF 1.1 has only these, and a DTD still in use no `select`.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::String | Self::Path | Self::List => "string",
            Self::Integer { .. } => "integer",
            Self::Boolean => "boolean",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => write!(f, "a text"),
            Self::Integer { min, max: u64::MAX } => write!(f, "an integer of {min} or more"),
            Self::Integer { min, max } => write!(f, "an integer from {min} to {max}"),
            Self::Boolean => write!(f, "true or false"),
            Self::Path => write!(f, "an absolute path"),
            Self::List => write!(f, "words separated by spaces"),
        }
    }
}

/// What Pacemaker is told about one parameter.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// The name, as in `OCF_RESKEY_<name>`.
    pub name: &'static str,
    /// What the parameter is, in a few words.
    pub short: &'static str,
    /// What the parameter does, with its unit.
    pub long: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// The value when it is unset.
    pub default: Option<&'static str>,
    /// Whether it must be set.
    pub required: bool,
    /// Whether no two resources may have the same value.
    pub unique: bool,
    /// Whether it can change while the resource runs.
    pub reloadable: bool,
}

impl Description {
    /// The value that counts: what is set, or the default. An empty value stands for itself in a
    /// string and is as good as none everywhere else.
    fn value<'a>(&self, environment: &'a Environment) -> Result<Option<&'a str>, Error> {
        let counts = |value: &&str| self.kind == Kind::String || !value.is_empty();
        let set = environment.text(&format!("{PARAMETER}{}", self.name))?;
        Ok(set.filter(counts).or(self.default.filter(counts)))
    }
}

/// A row of an agent's parameter table: a [`Parameter`] whose type is forgotten.
pub trait Describe: Sync {
    /// What Pacemaker is told about the parameter.
    fn description(&self) -> &Description;

    /// Checks the parameter's value.
    ///
    /// # Errors
    /// As [`Parameter::get`], and [`Error::Missing`] when a required parameter is unset or empty.
    fn check(&self, environment: &Environment) -> Result<(), Error>;
}

/// A parameter of an agent: how it is described, and how its value is read.
///
/// Built in a `const`, by its type and then by what is special about it.
#[derive(Debug)]
pub struct Parameter<T: 'static> {
    description: Description,
    parse: fn(&str, Kind) -> Option<T>,
}

impl Parameter<String> {
    /// Any text, taken as it is. An empty value is a value, as in the shell's `${name=default}`.
    #[must_use]
    pub const fn string(name: &'static str, short: &'static str, long: &'static str) -> Self {
        Self::new(name, short, long, Kind::String, |text, _| Some(text.to_owned()))
    }
}

impl Parameter<u64> {
    /// An integer of 0 or more: decimal digits only, as `ocf_is_decimal` wants them.
    #[must_use]
    pub const fn integer(name: &'static str, short: &'static str, long: &'static str) -> Self {
        Self::new(name, short, long, Kind::Integer { min: 0, max: u64::MAX }, parse_integer)
    }

    /// Accepts only values from `min` to `max`, both included.
    #[must_use]
    pub const fn range(mut self, min: u64, max: u64) -> Self {
        self.description.kind = Kind::Integer { min, max };
        self
    }
}

impl Parameter<bool> {
    /// True or false. As for `ocf_is_true` of the shell agents, `yes true 1 YES TRUE True ja on ON`
    /// are true and everything else is false; no value is an error.
    #[must_use]
    pub const fn boolean(name: &'static str, short: &'static str, long: &'static str) -> Self {
        Self::new(name, short, long, Kind::Boolean, |text, _| Some(is_true(text)))
    }
}

impl Parameter<PathBuf> {
    /// An absolute path: a relative one would depend on which manager starts the agent.
    #[must_use]
    pub const fn path(name: &'static str, short: &'static str, long: &'static str) -> Self {
        Self::new(name, short, long, Kind::Path, |text, _| {
            text.starts_with('/').then(|| PathBuf::from(text))
        })
    }
}

impl Parameter<Vec<String>> {
    /// Words separated by white space. There is no way to quote.
    #[must_use]
    pub const fn list(name: &'static str, short: &'static str, long: &'static str) -> Self {
        Self::new(name, short, long, Kind::List, |text, _| {
            Some(text.split_whitespace().map(str::to_owned).collect())
        })
    }
}

impl<T> Parameter<T> {
    const fn new(
        name: &'static str,
        short: &'static str,
        long: &'static str,
        kind: Kind,
        parse: fn(&str, Kind) -> Option<T>,
    ) -> Self {
        let description = Description {
            name,
            short,
            long,
            kind,
            default: None,
            required: false,
            unique: false,
            reloadable: false,
        };
        Self { description, parse }
    }

    /// The value when the parameter is unset, written as an administrator would.
    #[must_use]
    pub const fn default(mut self, value: &'static str) -> Self {
        self.description.default = Some(value);
        self
    }

    /// Must be set.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.description.required = true;
        self
    }

    /// No two resources may have the same value.
    #[must_use]
    pub const fn unique(mut self) -> Self {
        self.description.unique = true;
        self
    }

    /// Can change while the resource runs: `reload-agent` takes it over.
    #[must_use]
    pub const fn reloadable(mut self) -> Self {
        self.description.reloadable = true;
        self
    }

    /// The parameter's value, or its default; `None` when it has neither.
    ///
    /// An empty value counts as unset, as with `[ -n "$value" ]` in the shell agents, except that
    /// an empty string is a value of its own. A required parameter that is unset is `None` here
    /// too: only [`crate::Agent::check`] insists, because a stop must work without it.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the value is not of the parameter's type, [`Error::Encoding`] when
    /// it is not UTF-8.
    pub fn get(&self, request: &Request) -> Result<Option<T>, Error> {
        self.read(request.environment())
    }

    fn read(&self, environment: &Environment) -> Result<Option<T>, Error> {
        let Description { name, kind, .. } = self.description;
        let Some(value) = self.description.value(environment)? else { return Ok(None) };
        (self.parse)(value, kind).map(Some).ok_or_else(|| Error::Invalid {
            parameter: name,
            found: excerpt(value),
            expected: kind,
        })
    }
}

impl<T> Describe for Parameter<T> {
    fn description(&self) -> &Description {
        &self.description
    }

    fn check(&self, environment: &Environment) -> Result<(), Error> {
        let Description { name, kind, required, .. } = self.description;
        if required && self.description.value(environment)?.is_none_or(str::is_empty) {
            return Err(Error::Missing { parameter: name, expected: kind });
        }
        self.read(environment).map(drop)
    }
}

fn parse_integer(text: &str, kind: Kind) -> Option<u64> {
    let Kind::Integer { min, max } = kind else { return None };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let value = digits.then(|| text.parse().ok())??;
    (min..=max).contains(&value).then_some(value)
}

fn is_true(text: &str) -> bool {
    matches!(text, "yes" | "true" | "1" | "YES" | "TRUE" | "True" | "ja" | "on" | "ON")
}

#[cfg(test)]
mod tests;
