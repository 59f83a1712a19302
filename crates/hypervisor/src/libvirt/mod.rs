//! Guests through libvirt's daemon, whichever one is there: the monolithic libvirtd or a modular
//! one such as virtqemud. libvirt's own client library finds its socket.

mod admission;
mod domain;
mod ffi;
mod migrate;
mod options;
mod reach;
mod session;

pub use options::parse as parse_options;

use crate::error::{Error, Result};
use crate::identity::{Identity, Name};
use crate::state::Sight;
use crate::{
    Abilities, Deadline, Definition, Hypervisor, Migration, Progress, ShutdownMode, Transfer,
};
use serde_json::Value;
use session::Session;
use std::path::Path;
use std::time::Duration;
use virt::sys;

/// How long one look at a guest may take, at most: it is a matter of milliseconds, and what is not
/// answered by then is asked of the node itself.
const LOOK_SLICE: Duration = Duration::from_secs(5);

/// The longest downtime that QEMU takes, in milliseconds.
const LONGEST_DOWNTIME: u64 = 2_000_000;

/// A libvirt connection, opened when it is first needed.
pub struct Libvirt {
    session: Session,
}

impl Libvirt {
    /// The hypervisor at that connection URI. Nothing is asked of it yet.
    #[must_use]
    pub fn new(uri: &str) -> Self {
        // libvirt prints every error to stderr by itself otherwise.
        virt::error::clear_error_callback();
        Self { session: Session::new(uri) }
    }

    /// What is known of the guest of that name.
    fn sight(&self, guest: &Name, by: Deadline) -> Result<Sight> {
        let name = guest.clone();
        self.session.ask("tell a guest's state", by.slice(LOOK_SLICE), move |connect| {
            domain::look(connect, &name)
        })
    }

    /// What the guest agent answers to a command.
    fn ask_agent(&self, command: &'static str, guest: &Name, by: Deadline) -> Result<String> {
        // libvirt counts this in whole seconds; ours ends the call if that is later.
        let seconds = i32::try_from(by.remaining().as_secs()).unwrap_or(i32::MAX).max(1);
        self.session.ask_domain("ask the guest agent", guest, by, move |domain| {
            domain.qemu_agent_command(command, seconds, 0)
        })
    }
}

impl Hypervisor for Libvirt {
    fn abilities(&self) -> Abilities {
        if self.session.is_qemu() { Abilities::ALL } else { Abilities::PLAIN }
    }

    fn look(&self, guest: &Identity, by: Deadline) -> Result<Sight> {
        self.sight(&guest.name, by)
    }

    fn create(&self, definition: &Definition, by: Deadline) -> Result<()> {
        let known = self.look(&definition.identity, by)?;
        let missing = known.uuid.as_ref().filter(|_| definition.identity.uuid.is_none());
        let xml = definition.domain()?.for_start(missing)?;
        self.session.ask("start the guest", by, move |connect| {
            connect.create_domain_xml(&xml, sys::VIR_DOMAIN_NONE).map(drop)
        })
    }

    fn resume(&self, guest: &Name, by: Deadline) -> Result<()> {
        self.session.ask_domain("resume the guest", guest, by, |domain| domain.resume())
    }

    fn shut_down(&self, guest: &Name, mode: ShutdownMode, by: Deadline) -> Result<()> {
        let flags = match mode {
            ShutdownMode::Any => sys::VIR_DOMAIN_SHUTDOWN_DEFAULT,
            ShutdownMode::Acpi => sys::VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN,
            ShutdownMode::Agent => sys::VIR_DOMAIN_SHUTDOWN_GUEST_AGENT,
            ShutdownMode::Initctl => sys::VIR_DOMAIN_SHUTDOWN_INITCTL,
            ShutdownMode::Signal => sys::VIR_DOMAIN_SHUTDOWN_SIGNAL,
            ShutdownMode::Paravirt => sys::VIR_DOMAIN_SHUTDOWN_PARAVIRT,
        };
        self.session.ask_domain("shut the guest down", guest, by, move |domain| {
            domain.shutdown_flags(flags)
        })
    }

    fn destroy(&self, guest: &Identity, by: Deadline) -> Result<()> {
        let name = guest.name.clone();
        self.session.ask("destroy the guest", by, move |connect| {
            let Some(domain) = domain::lasting(connect, &name)? else { return Ok(()) };
            // It may end by itself meanwhile: an incoming copy does when its source gives up.
            domain.destroy().or_else(|error| match domain::active(connect, &name)? {
                Some(_) => Err(error),
                None => Ok(()),
            })
        })
    }

    fn save(&self, guest: &Name, file: &Path, by: Deadline) -> Result<()> {
        let file = file.to_owned();
        self.session.ask_domain("save the guest", guest, by, move |domain| ffi::save(domain, &file))
    }

    fn restore(&self, file: &Path, by: Deadline) -> Result<()> {
        let file = file.to_string_lossy().into_owned();
        self.session
            .ask("restore the guest", by, move |connect| connect.restore_domain(&file).map(drop))
    }

    fn definition(&self, guest: &Name, by: Deadline) -> Result<String> {
        let flags = sys::VIR_DOMAIN_XML_INACTIVE | sys::VIR_DOMAIN_XML_SECURE;
        self.session.ask_domain("read the guest's definition", guest, by, move |domain| {
            domain.xml_desc(flags)
        })
    }

    fn ping_agent(&self, guest: &Name, by: Deadline) -> Result<()> {
        self.ask_agent(r#"{"execute":"guest-ping"}"#, guest, by).map(drop)
    }

    fn is_frozen(&self, guest: &Name, by: Deadline) -> Result<bool> {
        let answer = self.ask_agent(r#"{"execute":"guest-fsfreeze-status"}"#, guest, by)?;
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        Ok(answer["return"] == "frozen")
    }

    fn live_definition(&self, guest: &Name, by: Deadline) -> Result<Definition> {
        let name = guest.clone();
        self.session.ask("read the guest's definition", by, move |connect| {
            admission::live_definition(connect, &name)
        })?
    }

    fn admit(&self, definition: &Definition, by: Deadline) -> Result<()> {
        let definition = definition.clone();
        self.session
            .ask("admit the guest", by, move |connect| Ok(admission::admit(connect, &definition)))?
    }

    fn volume(&self, pool: &str, volume: &str, by: Deadline) -> Result<String> {
        let (pool, volume) = (pool.to_owned(), volume.to_owned());
        self.session
            .ask("find a volume", by, move |connect| admission::volume(connect, &pool, &volume))?
    }

    fn reach(
        &self,
        _definition: &Definition,
        target: &dyn Hypervisor,
        migration: &Migration,
        by: Deadline,
    ) -> Result<()> {
        reach::reach(target, migration, by)
    }

    fn host_name(&self, by: Deadline) -> Result<String> {
        self.session.ask("tell the host's name", by, |connect| connect.hostname())
    }

    fn migrate(&self, guest: &Name, migration: &Migration, by: Deadline) -> Result<Transfer> {
        migrate::begin(&self.session, guest, migration, by)
    }

    fn progress(&self, guest: &Name, by: Deadline) -> Result<Option<Progress>> {
        let what = "tell how the migration goes on";
        self.session.ask_domain(what, guest, by, migrate::progress)
    }

    fn arrival(&self, guest: &Name, by: Deadline) -> Result<Option<Progress>> {
        self.session.ask_domain("tell how the migration went", guest, by, migrate::arrival)
    }

    fn limit_downtime(&self, guest: &Name, downtime: Duration, by: Deadline) -> Result<()> {
        let millis = u64::try_from(downtime.as_millis()).unwrap_or(u64::MAX);
        let millis = millis.clamp(1, LONGEST_DOWNTIME);
        self.session.ask_domain("set the longest downtime", guest, by, move |domain| {
            domain.migrate_set_max_downtime(millis, 0).map(drop)
        })
    }

    fn limit_bandwidth(&self, guest: &Name, speed: Option<u64>, by: Deadline) -> Result<()> {
        let speed = speed.unwrap_or(migrate::UNLIMITED);
        self.session.ask_domain("limit the migration's speed", guest, by, move |domain| {
            domain.migrate_set_max_speed(speed, 0)
        })
    }

    fn start_postcopy(&self, guest: &Name, by: Deadline) -> Result<()> {
        self.session.ask_domain("switch to post-copy", guest, by, ffi::start_postcopy)
    }

    fn abort_job(&self, guest: &Name, by: Deadline) -> Result<()> {
        domain::abort_job(self, &self.session, guest, by)
    }

    fn start_resources(&self, definition: &Definition, by: Deadline) -> Result<()> {
        let domain = definition.domain()?;
        for pool in domain.pools.clone() {
            self.session.ask("start a storage pool", by, move |connect| {
                let pool = connect.lookup_storage_pool_by_name(&pool)?;
                if pool.is_active()? { pool.refresh(0) } else { pool.create(0) }.map(drop)
            })?;
        }
        for network in domain.networks.clone() {
            self.session.ask("start a virtual network", by, move |connect| {
                let network = connect.lookup_network_by_name(&network)?;
                if network.is_active()? { Ok(()) } else { network.create().map(drop) }
            })?;
        }
        Ok(())
    }

    fn remote(&self, uri: &str, by: Deadline) -> Result<Box<dyn Hypervisor>> {
        let remote = Self::new(uri);
        remote.session.open(by)?;
        Ok(Box::new(remote))
    }
}

/// Whether libvirt misses the guest's emulator. It has no code of its own for that.
fn lacks_emulator(error: &virt::error::Error) -> bool {
    let words = error.message();
    words.contains("Cannot check QEMU binary")
        || words.contains("unsupported configuration: Emulator")
}

/// libvirt's refusal in our terms, with its own words.
fn refused(what: &'static str, error: &virt::error::Error) -> Error {
    let words = error.message().to_owned();
    if lacks_emulator(error) {
        Error::NotInstalled { what, words }
    } else if words.contains("QEMU guest agent is not configured") {
        Error::NoGuestAgent { words }
    } else {
        Error::Refused { what, words }
    }
}
