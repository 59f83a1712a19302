use super::refused;
use crate::Deadline;
use crate::error::{Error, Result};
use crate::identity::Name;
use crate::open::driver;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::{Error as VirtError, ErrorNumber};

/// What a daemon that was silent once gets for its next answer.
const SILENT_SLICE: Duration = Duration::from_secs(1);

/// How long saying goodbye may take.
const CLOSE_SLICE: Duration = Duration::from_millis(200);

/// A connection whose calls end in time.
///
/// libvirt's calls have no deadline: one that waits for a daemon that hangs waits for ever. So each
/// runs on a thread of its own, which is left behind when it is late; it cannot outlive this process.
pub struct Session {
    uri: String,
    connect: Mutex<Option<Arc<Connect>>>,
    was_silent: AtomicBool,
}

impl Session {
    pub fn new(uri: &str) -> Self {
        Self { uri: uri.to_owned(), connect: Mutex::default(), was_silent: AtomicBool::new(false) }
    }

    /// Where it goes.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Whether QEMU's driver is there; the others know little of what that one does about migrations.
    pub fn is_qemu(&self) -> bool {
        driver(&self.uri) == "qemu"
    }

    /// Opens the connection, if it is not open.
    pub fn open(&self, by: Deadline) -> Result<Arc<Connect>> {
        let mut open = self.connect.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connect) = &*open {
            return Ok(Arc::clone(connect));
        }
        let uri = self.uri.clone();
        let connect = self.within("open a connection", by, move || Connect::open(Some(&uri)))?;
        let connect = connect.map_err(|error| Error::Unreachable {
            uri: self.uri.clone(),
            words: error.message().to_owned(),
        })?;
        Ok(Arc::clone(open.insert(Arc::new(connect))))
    }

    /// Asks something of the daemon.
    pub fn ask<T: Send + 'static>(
        &self,
        what: &'static str,
        by: Deadline,
        question: impl FnOnce(&Connect) -> std::result::Result<T, VirtError> + Send + 'static,
    ) -> Result<T> {
        let connect = self.open(by)?;
        let answer = self.within(what, by, move || question(&connect))?;
        answer.map_err(|error| {
            if connection_lost(&error) {
                self.forget();
                Error::Unreachable { uri: self.uri.clone(), words: error.message().to_owned() }
            } else {
                refused(what, &error)
            }
        })
    }

    /// Asks something of the guest that is active under that name.
    pub fn ask_domain<T: Send + 'static>(
        &self,
        what: &'static str,
        guest: &Name,
        by: Deadline,
        question: impl FnOnce(&Domain) -> std::result::Result<T, VirtError> + Send + 'static,
    ) -> Result<T> {
        let name = guest.clone();
        self.ask(what, by, move |connect| {
            connect.lookup_domain_by_name(name.as_str()).and_then(|domain| question(&domain))
        })
    }

    fn within<T: Send + 'static>(
        &self,
        what: &'static str,
        by: Deadline,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let by = if self.was_silent.load(Ordering::Relaxed) { by.slice(SILENT_SLICE) } else { by };
        let answer = by.bound(call);
        self.was_silent.store(answer.is_none(), Ordering::Relaxed);
        answer.ok_or_else(|| {
            self.forget();
            Error::Silent { uri: self.uri.clone(), what }
        })
    }

    /// Lets go of a connection that is no good any more. Closing it would ask the daemon.
    fn forget(&self) {
        if let Ok(mut open) = self.connect.try_lock() {
            std::mem::forget(open.take());
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let open = self.connect.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(connect) = open {
            // A connection that just breaks is an error in the daemon's log, so it is closed; but
            // nobody waits for a daemon that does not let go.
            let _ = self.within("close a connection", Deadline::after(CLOSE_SLICE), move || {
                drop(connect);
            });
        }
    }
}

fn connection_lost(error: &VirtError) -> bool {
    use virt::error::ErrorDomain;
    let rpc = error
        .domain()
        .is_known_and(|domain| matches!(domain, ErrorDomain::Rpc | ErrorDomain::Remote));
    rpc && error.code().is_known_and(|code| {
        matches!(
            code,
            ErrorNumber::InternalError
                | ErrorNumber::SystemError
                | ErrorNumber::NoConnect
                | ErrorNumber::Rpc
        )
    })
}
