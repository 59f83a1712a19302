use super::boots::Boots;
use super::track::{Answer, Sample, Track};
use super::{Namespace, Pace, Stop};
use lab_guest::{Reply, echo};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long to wait for a connection, and for a connection's first answer.
const CONNECT: Duration = Duration::from_secs(1);

/// The pause after a connection that could not be made.
const PAUSE: Duration = Duration::from_millis(50);

/// How often a wait for an answer looks whether it is in vain.
const LOOK: Duration = Duration::from_millis(20);

/// The thread that asks over one TCP connection, each question after the answer to the last.
pub struct Prober {
    thread: Option<JoinHandle<Track>>,
}

impl Prober {
    pub fn start(
        namespace: &Namespace,
        address: Ipv4Addr,
        pace: Pace,
        boots: &Boots,
        stop: &Stop,
    ) -> Self {
        let asker = Asker {
            namespace: namespace.clone(),
            peer: SocketAddr::from((address, echo::PORT)),
            pace,
            boots: boots.clone(),
            stop: stop.clone(),
            track: Track::default(),
        };
        Self { thread: Some(thread::spawn(move || asker.run())) }
    }

    pub fn finish(&mut self) -> Track {
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

struct Asker {
    namespace: Namespace,
    peer: SocketAddr,
    pace: Pace,
    boots: Boots,
    stop: Stop,
    track: Track,
}

impl Asker {
    fn run(mut self) -> Track {
        while !self.stop.ordered() {
            match self.connect() {
                Ok(stream) => {
                    self.track.connections.push(self.pace.clock.now());
                    // How a connection ends is of no interest: that it did shows in the next one.
                    let _ = self.ask(stream);
                }
                Err(_) => thread::sleep(PAUSE),
            }
        }
        self.track
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = self
            .namespace
            .within(|| TcpStream::connect_timeout(&self.peer, CONNECT))
            .map_err(io::Error::other)??;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK))?;
        Ok(stream)
    }

    /// Asks until told to stop, or until the connection breaks or is known to be dead.
    fn ask(&mut self, mut stream: TcpStream) -> io::Result<()> {
        let mut due = Instant::now();
        let mut boot = None;
        while !self.stop.ordered() {
            let sequence = self.track.samples.len();
            self.track.samples.push(Sample { sent: self.pace.clock.now(), answer: None });
            stream.write_all(&(sequence as u64).to_le_bytes())?;
            let reply = self.answer(&mut stream, boot)?;
            let number = self.boots.number(reply.boot_id);
            boot = Some(number);
            self.track.samples[sequence].answer = Some(Answer {
                received: self.pace.clock.now(),
                boot: number,
                counter: reply.counter,
            });
            due = self.pace.wait(due);
        }
        Ok(())
    }

    /// Waits for one answer. However long it takes, the connection is given up only when the boot at its
    /// other end is known to be over, because TCP itself would take minutes to find out.
    fn answer(&self, stream: &mut TcpStream, boot: Option<u32>) -> io::Result<Reply> {
        let begun = Instant::now();
        let mut bytes = [0; Reply::LENGTH];
        let mut filled = 0;
        while filled < bytes.len() {
            match stream.read(&mut bytes[filled..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => filled += count,
                Err(error) if is_timeout(&error) => {
                    let dead = match boot {
                        Some(boot) => self.boots.outlived(boot),
                        None => begun.elapsed() > CONNECT,
                    };
                    if dead || self.stop.ordered() {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Reply::from_bytes(&bytes))
    }
}

fn is_timeout(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}
