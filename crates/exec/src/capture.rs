use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What a program may write before the rest is thrown away, in bytes: a runaway monitor script must
/// not fill the memory of the node it watches.
const LIMIT: usize = 1 << 20;

/// Reads a pipe on a thread of its own and keeps what came, so that a program's output is there even
/// when a grandchild still holds the pipe open.
pub struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: thread::JoinHandle<()>,
}

impl Capture {
    pub fn start(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let thread = thread::spawn(move || {
            let mut chunk = [0; 8192];
            while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let room = LIMIT.saturating_sub(kept.len()).min(count);
                kept.extend_from_slice(&chunk[..room]);
            }
        });
        Self { bytes, thread }
    }

    /// Whether the pipe was closed by everybody who held it.
    pub fn ended(&self) -> bool {
        self.thread.is_finished()
    }

    pub fn show(&self, show: &mut dyn FnMut(&[u8])) {
        show(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub fn take(self) -> Vec<u8> {
        std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
