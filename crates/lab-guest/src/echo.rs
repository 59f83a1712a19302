//! Port 7: each probe is answered with a [`Reply`], over UDP and over TCP.

use crate::error::Error;
use crate::reply::{BootId, Reply};
use nix::time::{ClockId, clock_gettime};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// The port that answers probes, UDP and TCP (RFC 862 assigns it to echo).
pub const PORT: u16 = 7;

/// Answers probes and counts the answers.
pub struct Echo {
    boot_id: BootId,
    counter: AtomicU64,
}

impl Echo {
    /// An echo that has answered nothing yet.
    #[must_use]
    pub fn new(boot_id: BootId) -> Self {
        Self { boot_id, counter: AtomicU64::new(0) }
    }

    /// The boot id that every answer carries.
    #[must_use]
    pub fn boot_id(&self) -> BootId {
        self.boot_id
    }

    /// How many probes were answered.
    #[must_use]
    pub fn counter(&self) -> u64 {
        self.counter.load(Ordering::Relaxed)
    }

    /// Binds both sockets and answers from then on, on threads of its own.
    pub(crate) fn listen(self: &Arc<Self>) -> Result<(), Error> {
        let failed = |source| Error::Listen { port: PORT, source };
        let udp = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).map_err(failed)?;
        let tcp = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).map_err(failed)?;
        let echo = Arc::clone(self);
        thread::spawn(move || echo.answer_datagrams(&udp));
        let echo = Arc::clone(self);
        thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                let echo = Arc::clone(&echo);
                thread::spawn(move || echo.answer_stream(stream));
            }
        });
        Ok(())
    }

    /// The answer to the probe with this sequence number.
    fn reply(&self, sequence: u64) -> Reply {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
        Reply { sequence, boot_id: self.boot_id, counter, uptime: uptime() }
    }

    fn answer_datagrams(&self, socket: &UdpSocket) {
        // One byte more than a probe has, so that a longer datagram is not taken for one.
        let mut buffer = [0; Reply::PROBE + 1];
        loop {
            // An error here is an ICMP message about an earlier answer; the next probe stands by itself.
            let Ok((length, peer)) = socket.recv_from(&mut buffer) else { continue };
            if let Ok(probe) = <[u8; Reply::PROBE]>::try_from(&buffer[..length]) {
                let _ = socket.send_to(&self.reply(u64::from_le_bytes(probe)).to_bytes(), peer);
            }
        }
    }

    fn answer_stream(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut probe = [0; Reply::PROBE];
        loop {
            stream.read_exact(&mut probe)?;
            stream.write_all(&self.reply(u64::from_le_bytes(probe)).to_bytes())?;
        }
    }
}

/// The guest's clock since boot, in milliseconds.
pub(crate) fn uptime() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| {
        now.tv_sec().unsigned_abs() * 1000 + now.tv_nsec().unsigned_abs() / 1_000_000
    })
}
