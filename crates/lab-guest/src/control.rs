//! Port 8: commands a line, answers a line. An answer begins with `ok` or with `error`.

use crate::agent;
use crate::command::Command;
use crate::disk;
use crate::echo::{self, Echo};
use crate::error::Error;
use crate::memory::{Figures, Memory};
use crate::power;
use crate::status::Status;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// The port that takes commands.
pub const PORT: u16 = 8;

/// The longest line that is read, in bytes.
const LINE: u64 = 256;

/// Memory that must stay free for the guest itself, in MiB.
const RESERVE: u64 = 8;

/// Answers commands.
pub(crate) struct Control {
    echo: Arc<Echo>,
    memory: Memory,
}

/// A control port that is bound.
pub(crate) struct Listening {
    control: Control,
    socket: TcpListener,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Command(#[from] crate::command::BadCommand),
    #[error("cannot dirty {size} MiB: {available} MiB are available, {RESERVE} of them reserved")]
    Memory { size: u32, available: u64 },
    #[error("the first disk: {source}")]
    Disk { source: io::Error },
    #[error("{0}")]
    System(#[from] io::Error),
}

impl Control {
    pub fn new(echo: Arc<Echo>) -> Self {
        Self { echo, memory: Memory::start() }
    }

    pub fn listen(self) -> Result<Listening, Error> {
        let socket = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT))
            .map_err(|source| Error::Listen { port: PORT, source })?;
        Ok(Listening { control: self, socket })
    }

    fn converse(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while reader.by_ref().take(LINE).read_line(&mut line)? > 0 {
            let answer = match self.obey(&line) {
                Ok(answer) => format!("ok {answer}\n"),
                Err(refused) => format!("error {refused}\n"),
            };
            (&mut &*stream).write_all(answer.as_bytes())?;
            line.clear();
        }
        Ok(())
    }

    fn obey(&self, line: &str) -> Result<String, Refused> {
        let figures = match line.parse()? {
            Command::Dirty { rate, size } => {
                let available = available()?;
                let held = self.memory.figures().size;
                if rate > 0 && u64::from(size) + RESERVE > available + held {
                    return Err(Refused::Memory { size, available: available + held });
                }
                self.memory.dirty(rate, size)
            }
            Command::Check => self.memory.check(),
            Command::Status => self.memory.figures(),
            Command::Hang => {
                agent::hang();
                self.memory.figures()
            }
            Command::Panic => {
                power::panic()?;
                self.memory.figures()
            }
            Command::PowerOff => {
                power::off();
                self.memory.figures()
            }
            Command::DiskRead { size } => {
                disk::read(size).map_err(|source| Refused::Disk { source })?;
                self.memory.figures()
            }
            Command::DiskWrite { size } => {
                disk::write(size).map_err(|source| Refused::Disk { source })?;
                self.memory.figures()
            }
        };
        Ok(self.status(figures).to_string())
    }

    fn status(&self, figures: Figures) -> Status {
        let Figures { size, rate, written, checked, corrupt } = figures;
        Status {
            boot_id: self.echo.boot_id(),
            counter: self.echo.counter(),
            uptime: echo::uptime(),
            size,
            rate,
            written,
            checked,
            corrupt,
        }
    }
}

impl Listening {
    /// Answers for as long as the guest lives.
    pub fn serve(self) -> Result<(), Error> {
        let control = Arc::new(self.control);
        for stream in self.socket.incoming().flatten() {
            let control = Arc::clone(&control);
            thread::spawn(move || control.converse(&stream));
        }
        Ok(())
    }
}

/// What the kernel can still give away, in MiB.
fn available() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    text.lines()
        .find_map(|line| {
            line.strip_prefix("MemAvailable:")?.split_ascii_whitespace().next()?.parse().ok()
        })
        .map(|kib: u64| kib / 1024)
        .ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "/proc/meminfo has no MemAvailable")
        })
}
