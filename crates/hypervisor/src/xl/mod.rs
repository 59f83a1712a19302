//! Guests of Xen through its own tool, `xl`.
//!
//! xl has no daemon to ask: each call is a program that asks the hypervisor and xenstored, and hangs for as
//! long as xenstored does. So each has its slice of the time. Its exit code 1 is anything from "there is no
//! such domain" to "there is no hypervisor"; what is true is read from the list of all domains, and a list
//! that cannot be had says nothing about any guest.

mod address;
mod admission;
mod hypercall;
mod job;
mod listing;
mod migrate;
mod share;
mod state;
mod table;
mod userdata;
mod witness;
mod xenstore;

pub use address::{DEFAULT_TRANSPORT, check};
pub use share::share;
pub use witness::{Domain, Xen};

use crate::error::{Error, Result};
use crate::identity::Name;
use crate::state::Sight;
use crate::{
    Abilities, Deadline, Definition, Hypervisor, Migration, Progress, ShutdownMode, Transfer,
};
use address::Address;
use exec::Output;
use std::cell::Cell;
use std::path::Path;
use std::time::Duration;
use table::{Row, Table};

/// How long one call of xl takes, at most, on a host that is well.
const ANSWER: Duration = Duration::from_secs(10);

/// How long it takes on another one, the way there included.
const ANSWER_THERE: Duration = Duration::from_secs(20);

/// What one that has not answered once is given from then on.
const ANSWER_AGAIN: Duration = Duration::from_secs(4);

/// The toolstack of a host.
pub struct Xl {
    address: Result<Address>,
    uri: String,
    /// Whether it has not answered a question.
    silent: Cell<bool>,
}

impl Xl {
    /// xl sends the memory at most five times, then stops the guest and sends the rest (libxl's default for
    /// pre-copy), and takes no orders meanwhile.
    pub const ABILITIES: Abilities = Abilities {
        downtime: false,
        bandwidth: false,
        postcopy: false,
        streams: false,
        answer: ANSWER_THERE,
        resume: "xl unpause",
    };

    /// The toolstack at an address: `xl:///` is this host's, `xl://HOST/` another one's, which is reached with
    /// `?transport=COMMAND`, or [`DEFAULT_TRANSPORT`]. Nothing is asked of it yet.
    #[must_use]
    pub fn new(uri: &str) -> Self {
        Self { address: Address::parse(uri), uri: uri.to_owned(), silent: Cell::new(false) }
    }

    /// Whether that is an address of such a toolstack.
    #[must_use]
    pub fn serves(uri: &str) -> bool {
        uri.starts_with("xl://")
    }

    /// Runs xl, and takes any end of it but a late one for an answer.
    fn output(&self, what: &'static str, arguments: &[&str], by: Deadline) -> Result<Output> {
        let tool = self.address.as_ref().map_err(Clone::clone)?.tool("xl", arguments);
        let by = if self.silent.get() { by.slice(ANSWER_AGAIN) } else { by };
        let patient = self.silent.get() || by.remaining() > ANSWER_AGAIN;
        let ended = tool.output(by);
        self.silent.set(patient && matches!(ended, Err(exec::Error::Late { .. })));
        ended.map_err(|error| match error {
            exec::Error::Late { .. } => Error::Silent { uri: self.uri.clone(), what },
            other => self.unreachable(&other.to_string()),
        })
    }

    /// What another program of the host prints; `None` when it cannot be run.
    fn program(&self, program: &str, arguments: &[&str], by: Deadline) -> Option<String> {
        let tool = self.address.as_ref().ok()?.tool(program, arguments);
        tool.output(by).ok().map(|output| output.text())
    }

    /// Runs xl, and takes what is no success for a refusal.
    fn run(&self, what: &'static str, arguments: &[&str], by: Deadline) -> Result<Output> {
        let output = self.output(what, arguments, by)?;
        let words = table::reason(&output.error_text());
        match output.status.code() {
            Some(0) => Ok(output),
            // ssh's own, for a host that it does not get to.
            Some(255) => Err(self.unreachable(&words)),
            _ => Err(Error::Refused { what, words }),
        }
    }

    fn unreachable(&self, words: &str) -> Error {
        Error::Unreachable { uri: self.uri.clone(), words: words.to_owned() }
    }

    fn is_here(&self) -> bool {
        self.address.as_ref().is_ok_and(Address::is_here)
    }

    fn patience(&self) -> Duration {
        if self.is_here() { ANSWER } else { ANSWER_THERE }
    }

    /// Every domain of the host.
    fn table(&self, by: Deadline) -> Result<Table> {
        let listed = self.run("list the domains", &["list", "-v"], by.slice(self.patience()));
        let listed = listed.map_err(|error| match error {
            Error::Refused { words, .. } => self.unreachable(&words),
            other => other,
        })?;
        Table::parse(&listed.text())
    }

    /// The domain that is the guest, under its own name.
    fn domain(&self, what: &'static str, guest: &Name, by: Deadline) -> Result<Row> {
        let gone = || Error::Refused { what, words: format!("there is no domain {guest}") };
        self.table(by)?.named(guest.as_str()).cloned().ok_or_else(gone)
    }

    /// Runs xl on the domain that is the guest, by its number: a name could be taken for a number or an option.
    fn act(&self, what: &'static str, verb: &[&str], guest: &Name, by: Deadline) -> Result<()> {
        let id = self.domain(what, guest, by)?.id.to_string();
        self.run(what, &[verb, &[id.as_str()]].concat(), by).map(drop)
    }

    /// What xl is doing with a domain of the guest on this host; of another one that is not known.
    fn jobs(&self, guest: &Name, row: &Row) -> Vec<job::Task> {
        if self.is_here() { job::of(guest, row.id) } else { Vec::new() }
    }

    /// The number and the name of every domain of this host, from xenstored itself or from xl.
    fn names(&self, by: Deadline) -> Result<Vec<(u16, String)>> {
        match xenstore::domains(by.slice(ANSWER_AGAIN)) {
            Some(domains) => Ok(domains),
            None => Ok(self.table(by)?.names()),
        }
    }
}

impl Hypervisor for Xl {
    fn abilities(&self) -> Abilities {
        Self::ABILITIES
    }

    fn look(&self, guest: &Name, by: Deadline) -> Result<Sight> {
        let table = self.table(by)?;
        Ok(state::sight(&table, guest, |row| self.jobs(guest, row)))
    }

    fn create(&self, definition: &Definition, by: Deadline) -> Result<()> {
        let file = definition.xl()?.file.to_string_lossy().into_owned();
        // The file may have another name, or none, for the guest.
        let name = table::name_setting(&definition.identity.name);
        self.run("start the guest", &["create", &file, &name], by).map(drop)
    }

    fn resume(&self, guest: &Name, by: Deadline) -> Result<()> {
        self.act("resume the guest", &["unpause"], guest, by)
    }

    fn shut_down(&self, guest: &Name, mode: ShutdownMode, by: Deadline) -> Result<()> {
        let what = "shut the guest down";
        // PV guests and those with PV drivers hear xenstore; -F presses the power button of the others.
        let (before, after): (&[&str], &[&str]) = match mode {
            ShutdownMode::Any => (&["shutdown", "-F"], &[]),
            ShutdownMode::Paravirt => (&["shutdown"], &[]),
            ShutdownMode::Acpi => (&["trigger"], &["power"]),
            ShutdownMode::Agent | ShutdownMode::Initctl | ShutdownMode::Signal => {
                let words = "xl has no such way; paravirt and acpi are what it has".to_owned();
                return Err(Error::Refused { what, words });
            }
        };
        let row = self.domain(what, guest, by)?;
        // A guest that has shut down already is waited for by xl for ever.
        if row.condition.shutdown.is_some() || row.condition.dying {
            return Ok(());
        }
        let id = row.id.to_string();
        let arguments = [before, &[id.as_str()], after].concat();
        self.run(what, &arguments, by.slice(ANSWER)).map(drop)
    }

    fn destroy(&self, guest: &Name, by: Deadline) -> Result<()> {
        for row in self.table(by)?.copies(guest) {
            let destroyed = self.run("destroy the guest", &["destroy", &row.id.to_string()], by);
            // It says so too when the domain ended meanwhile, or is ending.
            let gone = || self.table(by).is_ok_and(|table| !table.has(row));
            match destroyed {
                Err(error) if error.is_silence() || !gone() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn save(&self, guest: &Name, file: &Path, by: Deadline) -> Result<()> {
        migrate::save(self, guest, file, by)
    }

    fn restore(&self, file: &Path, by: Deadline) -> Result<()> {
        self.run("restore the guest", &["restore", &file.to_string_lossy()], by).map(drop)
    }

    fn definition(&self, _guest: &Name, _by: Deadline) -> Result<String> {
        let words = "xl keeps none that it would take again".to_owned();
        Err(Error::Refused { what: "read the guest's definition", words })
    }

    fn ping_agent(&self, _guest: &Name, _by: Deadline) -> Result<()> {
        Err(Error::NoGuestAgent { words: "xl asks none".to_owned() })
    }

    fn live_definition(&self, guest: &Name, by: Deadline) -> Result<Definition> {
        let what = "read the guest's definition";
        let id = self.domain(what, guest, by)?.id.to_string();
        let listed = self.run(what, &["list", "-l", &id], by)?;
        listing::definition(&listed.text(), guest)
    }

    fn admit(&self, definition: &Definition, by: Deadline) -> Result<()> {
        admission::admit(self, definition, by)
    }

    fn reach(
        &self,
        definition: &Definition,
        _target: &dyn Hypervisor,
        _migration: &Migration,
        by: Deadline,
    ) -> Result<()> {
        admission::can_leave(self, definition, by)
    }

    fn host_name(&self, by: Deadline) -> Result<String> {
        let name = admission::Host::ask(self, by)?.name;
        Ok(name)
    }

    fn migrate(&self, guest: &Name, migration: &Migration, by: Deadline) -> Result<Transfer> {
        migrate::begin(self, guest, migration, by)
    }

    /// xl says nothing of it.
    fn progress(&self, _guest: &Name, _by: Deadline) -> Result<Option<Progress>> {
        Ok(None)
    }

    fn arrival(&self, _guest: &Name, _by: Deadline) -> Result<Option<Progress>> {
        Ok(None)
    }

    fn limit_downtime(&self, _guest: &Name, _downtime: Duration, _by: Deadline) -> Result<()> {
        Err(unable("limit the downtime"))
    }

    fn limit_bandwidth(&self, _guest: &Name, _speed: Option<u64>, _by: Deadline) -> Result<()> {
        Err(unable("limit the migration's speed"))
    }

    fn start_postcopy(&self, _guest: &Name, _by: Deadline) -> Result<()> {
        Err(unable("switch to post-copy"))
    }

    fn abort_job(&self, guest: &Name, by: Deadline) -> Result<()> {
        migrate::abort(self, guest, by)
    }

    /// xl needs nothing to be started before its guests.
    fn start_resources(&self, _definition: &Definition, _by: Deadline) -> Result<()> {
        Ok(())
    }

    fn remote(&self, uri: &str, by: Deadline) -> Result<Box<dyn Hypervisor>> {
        let remote = Self::new(uri);
        remote.table(by)?;
        Ok(Box::new(remote))
    }
}

fn unable(what: &'static str) -> Error {
    Error::Refused { what, words: "xl has no such order".to_owned() }
}
