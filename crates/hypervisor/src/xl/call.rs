//! Running xl, here or on another host.

use super::address::Address;
use super::domains::Domains;
use super::state::Condition;
use super::table::{self, Row, Table};
use super::{Xl, xenstore};
use crate::Deadline;
use crate::error::{Error, Result};
use crate::identity::Name;
use exec::{Output, Tool};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::time::Duration;

/// How long one call of xl takes, at most, on a host that is well.
pub const ANSWER: Duration = Duration::from_secs(10);

/// How long it takes on another one, the way there included.
pub const ANSWER_THERE: Duration = Duration::from_secs(20);

/// What one that has not answered once is given from then on.
const ANSWER_AGAIN: Duration = Duration::from_secs(4);

/// Where connections to other hosts are, and what xl says of the migrations that it does.
pub const DIRECTORY: &str = "/run/hawser-xl";

/// Makes the directory, which is for root alone.
pub fn make_directory() -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(DIRECTORY)
}

/// A domain that is a guest, as far as whoever tells xl to do something with it has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub id: u16,
    /// What it is called now.
    pub name: String,
    /// What it does.
    pub condition: Condition,
}

impl Xl {
    /// A program of the host's.
    pub(super) fn tool(&self, program: &str, arguments: &[&str]) -> Result<Tool> {
        Ok(self.address.as_ref().map_err(Clone::clone)?.tool(program, arguments))
    }

    /// Runs xl, and takes any end of it but a late one for an answer.
    pub(super) fn output(
        &self,
        what: &'static str,
        arguments: &[&str],
        by: Deadline,
    ) -> Result<Output> {
        let tool = self.tool("xl", arguments)?;
        let way = self.address.as_ref().ok().and_then(Address::there);
        if way.is_some_and(|(_, transport)| transport.contains(DIRECTORY)) {
            make_directory().map_err(|error| self.unreachable(&format!("{DIRECTORY}: {error}")))?;
        }
        let by = if self.silent.get() { by.slice(ANSWER_AGAIN) } else { by };
        let patient = self.silent.get() || by.remaining() > ANSWER_AGAIN;
        let ended = tool.output(by);
        self.silent.set(patient && matches!(ended, Err(exec::Error::Late { .. })));
        ended.map_err(|error| match error {
            exec::Error::Late { .. } => Error::Silent { uri: self.uri.clone(), what },
            other => self.unreachable(&other.to_string()),
        })
    }

    /// Runs xl, and takes what is no success for a refusal.
    pub(super) fn run(
        &self,
        what: &'static str,
        arguments: &[&str],
        by: Deadline,
    ) -> Result<Output> {
        let output = self.output(what, arguments, by)?;
        let words = table::reason(&output.error_text());
        match output.status.code() {
            Some(0) => Ok(output),
            // ssh's own, for a host that it does not get to.
            Some(255) => Err(self.unreachable(&words)),
            _ => Err(Error::Refused { what, words }),
        }
    }

    pub(super) fn unreachable(&self, words: &str) -> Error {
        Error::Unreachable { uri: self.uri.clone(), words: words.to_owned() }
    }

    pub(super) fn is_here(&self) -> bool {
        self.address.as_ref().is_ok_and(Address::is_here)
    }

    fn patience(&self) -> Duration {
        if self.is_here() { ANSWER } else { ANSWER_THERE }
    }

    /// Every domain of the host.
    pub(super) fn table(&self, by: Deadline) -> Result<Table> {
        match self.told.take() {
            Some(told) => Ok(told),
            None => self.list(by.slice(self.patience())),
        }
    }

    /// The same, asked for anew and waited for until the deadline.
    pub(super) fn list(&self, by: Deadline) -> Result<Table> {
        let listed = self.run("list the domains", &["list", "-v"], by);
        let listed = listed.map_err(|error| match error {
            Error::Refused { words, .. } => self.unreachable(&words),
            other => other,
        })?;
        Table::parse(&listed.text())
    }

    /// The domain that is the guest, under its own name or one that a migration which failed has left to it. On
    /// this host xl is asked only if xenstored and the hypervisor, which take no program, do not tell of it.
    pub(super) fn domain(&self, what: &'static str, guest: &Name, by: Deadline) -> Result<Found> {
        let names: Vec<_> = table::own(guest).collect();
        if self.is_here()
            && let Some(found) = found_here(&names, by.slice(ANSWER_AGAIN))
        {
            return Ok(found);
        }
        let table = self.table(by)?;
        let row = names.iter().find_map(|name| table.named(name));
        let gone = || Error::Refused { what, words: format!("there is no domain {guest}") };
        let Row { id, name, condition, .. } = row.cloned().ok_or_else(gone)?;
        Ok(Found { id, name: name.unwrap_or_default(), condition })
    }

    /// Runs xl on the domain that is the guest, by its number: a name could be taken for a number or an option.
    pub(super) fn act(
        &self,
        what: &'static str,
        verb: &[&str],
        guest: &Name,
        by: Deadline,
    ) -> Result<()> {
        let id = self.domain(what, guest, by)?.id.to_string();
        self.run(what, &[verb, &[id.as_str()]].concat(), by).map(drop)
    }

    /// Destroys that domain.
    pub(super) fn end(&self, row: &Row, by: Deadline) -> Result<()> {
        let destroyed = self.run("destroy the guest", &["destroy", &row.id.to_string()], by);
        // It says so too when the domain ended meanwhile, or is ending.
        let gone = || self.table(by).is_ok_and(|table| !table.has(row));
        match destroyed {
            Err(error) if error.is_silence() || !gone() => Err(error),
            _ => Ok(()),
        }
    }

    /// The number and the name of every domain of this host, from xenstored itself or from xl.
    pub(super) fn names(&self, by: Deadline) -> Result<Vec<(u16, String)>> {
        match xenstore::domains(by.slice(ANSWER_AGAIN)) {
            Some(domains) => Ok(domains),
            None => Ok(self.table(by)?.names()),
        }
    }
}

/// The first of these names that a domain of this host has, as xenstored and the hypervisor tell.
fn found_here(names: &[String], by: Deadline) -> Option<Found> {
    let told = xenstore::domains(by)?;
    let named = |wanted: &String| told.iter().find(|(_, name)| name == wanted).cloned();
    let (id, name) = names.iter().find_map(named)?;
    let condition = Domains::look(None)?.get(id)?.condition;
    Some(Found { id, name, condition })
}
