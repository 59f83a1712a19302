//! Guests of Xen through its own tool, `xl`.
//!
//! xl has no daemon to ask: each call is a program that asks the hypervisor and xenstored, and hangs for as
//! long as xenstored does. So each has its slice of the time. Its exit code 1 is anything from "there is no
//! such domain" to "there is no hypervisor"; what is true is read from the list of all domains, and a list
//! that cannot be had says nothing about any guest.

mod address;
mod admission;
mod call;
mod domains;
mod emulator;
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
use crate::identity::{Identity, Name};
use crate::process::Process;
use crate::state::Sight;
use crate::{
    Abilities, Deadline, Definition, Hypervisor, Migration, Progress, ShutdownMode, Trace,
    Transfer, Witness,
};
use address::Address;
use call::{ANSWER, ANSWER_THERE};
use job::Programs;
use state::Deeds;
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Duration;
use table::{Row, Table};

/// How long xl takes to end a guest, at most: it waits 10 s for devices that hang (libxl, `LIBXL_DESTROY_TIMEOUT`).
const DESTROY: Duration = Duration::from_secs(12);

/// How long a guest may take to say that it has heard that it is to shut down. What it is told stays told.
const HEARD: Duration = ANSWER;

/// How long a process that was killed may take to be gone.
const KILL: Duration = Duration::from_secs(2);

/// The toolstack of a host.
pub struct Xl {
    address: Result<Address>,
    uri: String,
    /// Whether it has not answered a question.
    silent: Cell<bool>,
    /// What it told when it was connected to, which answers the first question.
    told: RefCell<Option<Table>>,
}

impl Xl {
    /// xl sends the memory at most five times, then stops the guest and sends the rest (libxl's default for
    /// pre-copy), and takes no orders meanwhile.
    pub const ABILITIES: Abilities =
        Abilities { answer: ANSWER_THERE, end: DESTROY, resume: "xl unpause", ..Abilities::PLAIN };

    /// The toolstack at an address: `xl:///` is this host's, `xl://HOST/` another one's, which is reached with
    /// `?transport=COMMAND`, or [`DEFAULT_TRANSPORT`]. Nothing is asked of it yet.
    #[must_use]
    pub fn new(uri: &str) -> Self {
        Self {
            address: Address::parse(uri),
            uri: uri.to_owned(),
            silent: Cell::new(false),
            told: RefCell::default(),
        }
    }
}

impl Hypervisor for Xl {
    fn abilities(&self) -> Abilities {
        Self::ABILITIES
    }

    fn look(&self, guest: &Identity, by: Deadline) -> Result<Sight> {
        // What is done with a domain of another host is not known.
        let before = self.is_here().then(Programs::now);
        let table = self.table(by)?;
        let deeds = |row: &Row| match &before {
            Some(before) => Deeds::here(before, &guest.name, row.id, &row.uuid, row.condition),
            None => Deeds::default(),
        };
        Ok(state::sight(&table, guest, deeds))
    }

    fn create(&self, definition: &Definition, by: Deadline) -> Result<()> {
        let file = definition.xl()?.file.to_string_lossy().into_owned();
        // The file may have another name, or none, for the guest. Without -f a path with an equals sign in it
        // would be a setting too.
        let name = table::name_setting(&definition.identity.name);
        self.run("start the guest", &["create", "-f", &file, &name], by).map(drop)
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
        let domain = self.domain(what, guest, by)?;
        // A guest that has shut down already is waited for by xl for ever.
        if domain.condition.shutdown.is_some() || domain.condition.dying {
            return Ok(());
        }
        let id = domain.id.to_string();
        let arguments = [before, &[id.as_str()], after].concat();
        match self.run(what, &arguments, by.slice(HEARD)) {
            // What an xl that is well waits for, and for a minute, is that the guest takes note (libxl,
            // `libxl_domain_shutdown`), which one that is busy shutting down may not do any more.
            Err(silence @ Error::Silent { .. }) if mode != ShutdownMode::Acpi => {
                self.table(by).map(drop).map_err(|_| silence)
            }
            answer => answer.map(drop),
        }
    }

    fn destroy(&self, guest: &Identity, by: Deadline) -> Result<()> {
        if self.is_here() {
            // They would go on with what is about to be destroyed, or begin anew.
            kill(Programs::now().builders(&guest.name), by);
        }
        let table = self.table(by)?;
        table.of(guest).try_for_each(|(_, row)| self.end(row, by))?;
        if self.is_here() {
            kill(emulator::left_behind(guest), by);
        }
        Ok(())
    }

    fn clear(&self, guest: &Identity, by: Deadline) -> Result<()> {
        let table = self.table(by)?;
        state::leftovers(&table, guest).try_for_each(|row| self.end(row, by))
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
        no_guest_agent()
    }

    fn is_frozen(&self, _guest: &Name, _by: Deadline) -> Result<bool> {
        no_guest_agent()
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

    fn volume(&self, _pool: &str, _volume: &str, _by: Deadline) -> Result<String> {
        Err(Error::Foreign { expected: "a configuration for xl, which has no storage pools" })
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
        // Its host may take longer to let anybody in than to answer.
        let table = remote.list(by)?;
        remote.told.replace(Some(table));
        Ok(Box::new(remote))
    }
}

/// Kills processes of the guest. One that does not die is found by whoever looks afterwards.
fn kill(processes: Vec<Process>, by: Deadline) {
    for process in processes {
        Xen::XL.kill(Trace::Process(process), by.slice(KILL));
    }
}

fn no_guest_agent<T>() -> Result<T> {
    Err(Error::NoGuestAgent { words: "xl asks none".to_owned() })
}

fn unable(what: &'static str) -> Error {
    Error::Refused { what, words: "xl has no such order".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A host whose xl never returns from a shutdown.
    const HOST: &str = r#"
[ "$2 $3" = "xl shutdown" ] && { echo "$4 $5" >> "$0.told"; exec sleep 60; }
echo "Name ID Mem VCPUs State Time(s) UUID Reason-Code Security Label"
echo "g1 7 96 1 -b---- 8.4 6b1f2a10-0000-4000-8000-0000000000a1 - -"
"#;

    #[test]
    fn a_guest_that_does_not_say_that_it_has_heard_has_been_asked() {
        let directory = tempfile::tempdir().unwrap();
        let host = directory.path().join("host");
        fs::write(&host, HOST).unwrap();
        let xl = Xl::new(&format!("xl://n2/?transport=/bin/sh {}", host.display()));
        let guest = Name::from_any("g1");
        xl.shut_down(&guest, ShutdownMode::Any, Deadline::after(2 * HEARD)).unwrap();
        let told = fs::read_to_string(host.with_extension("told")).unwrap();
        assert_eq!((told.as_str(), xl.silent.get()), ("-F 7\n", false));
    }
}
