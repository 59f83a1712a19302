use super::Error;
use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::thread;

/// A network namespace to open sockets in. A socket belongs to the namespace it was opened in, so only
/// the opening has to happen there.
#[derive(Debug, Clone)]
pub struct Namespace(Option<Arc<File>>);

impl Namespace {
    /// The namespace that this process is in.
    #[must_use]
    pub fn own() -> Self {
        Self(None)
    }

    /// The namespace behind a file such as `/proc/4711/ns/net`; it is held open from then on.
    ///
    /// # Errors
    /// [`Error::NoNamespace`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path)
            .map_err(|source| Error::NoNamespace { path: path.to_owned(), source })?;
        Ok(Self(Some(Arc::new(file))))
    }

    /// Does something inside the namespace, on a thread of its own when that is not this process's.
    pub(super) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
        let Some(file) = &self.0 else { return Ok(work()) };
        let enter_and_work = || {
            setns(file, CloneFlags::CLONE_NEWNET).map_err(|source| Error::Enter { source })?;
            Ok(work())
        };
        match thread::scope(|scope| scope.spawn(enter_and_work).join()) {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}
