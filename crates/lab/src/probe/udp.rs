use super::boots::Boots;
use super::clock::Clock;
use super::track::{Answer, Sample, Track};
use super::{Error, Namespace, Pace, Stop};
use lab_guest::{Reply, echo};
use nix::sys::socket::{MsgFlags, SockaddrIn, sendto};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long after the last probe its answer is waited for.
const DRAIN: Duration = Duration::from_millis(500);

/// How often the receiver looks whether it is to end.
const LOOK: Duration = Duration::from_millis(20);

/// What sender and receiver share: the samples, a probe's sequence number being its place.
#[derive(Clone, Default)]
struct Samples(Arc<Mutex<(Vec<Sample>, usize)>>);

impl Samples {
    fn lock(&self) -> MutexGuard<'_, (Vec<Sample>, usize)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads that send datagrams and receive what comes back.
pub struct Prober {
    samples: Samples,
    threads: Vec<JoinHandle<()>>,
}

impl Prober {
    pub fn start(
        namespace: &Namespace,
        address: Ipv4Addr,
        pace: Pace,
        boots: &Boots,
        stop: &Stop,
    ) -> Result<Self, Error> {
        let open = || {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            socket.set_read_timeout(Some(LOOK))?;
            Ok((socket.try_clone()?, socket))
        };
        let failed = |source| Error::Socket { address, source };
        let (sending, receiving) = namespace.within(open)?.map_err(failed)?;
        let peer = SocketAddrV4::new(address, echo::PORT);
        let samples = Samples::default();

        let (ours, ends) = (samples.clone(), stop.clone());
        let sender = thread::spawn(move || send(&sending, peer, pace, &ours, &ends));
        let (ours, boots, ends) = (samples.clone(), boots.clone(), stop.clone());
        let receiver =
            thread::spawn(move || receive(&receiving, peer, pace.clock, &ours, &boots, &ends));
        Ok(Self { samples, threads: vec![sender, receiver] })
    }

    pub fn replies(&self) -> usize {
        self.samples.lock().1
    }

    pub fn finish(&mut self) -> Track {
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so; what it noted until then is still true.
            let _ = thread.join();
        }
        Track { samples: std::mem::take(&mut self.samples.lock().0), connections: Vec::new() }
    }
}

fn send(socket: &UdpSocket, peer: SocketAddrV4, pace: Pace, samples: &Samples, stop: &Stop) {
    let peer = SockaddrIn::from(peer);
    let mut due = Instant::now();
    for sequence in 0u64.. {
        if stop.ordered() {
            break;
        }
        samples.lock().0.push(Sample { sent: pace.clock.now(), answer: None });
        // A datagram that cannot be sent is lost, like any other that gets no answer. It must not wait:
        // while no neighbour has the guest's address, full buffers would stop the prober for seconds.
        let flags = MsgFlags::MSG_DONTWAIT;
        let _ = sendto(socket.as_raw_fd(), &sequence.to_le_bytes(), &peer, flags);
        due = pace.wait(due);
    }
}

fn receive(
    socket: &UdpSocket,
    peer: SocketAddrV4,
    clock: Clock,
    samples: &Samples,
    boots: &Boots,
    stop: &Stop,
) {
    let mut buffer = [0; Reply::LENGTH + 1];
    let mut end = None;
    while end.is_none_or(|end| Instant::now() < end) {
        if end.is_none() && stop.ordered() {
            end = Some(Instant::now() + DRAIN);
        }
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let received = clock.now();
        let Ok(bytes) = <[u8; Reply::LENGTH]>::try_from(&buffer[..length]) else { continue };
        if from != SocketAddr::V4(peer) {
            continue;
        }
        let reply = Reply::from_bytes(&bytes);
        let boot = boots.number(reply.boot_id);
        let (samples, replies) = &mut *samples.lock();
        let sample = usize::try_from(reply.sequence).ok().and_then(|place| samples.get_mut(place));
        if let Some(sample) = sample.filter(|it| it.answer.is_none()) {
            sample.answer = Some(Answer { received, boot, counter: reply.counter });
            *replies += 1;
        }
    }
}
