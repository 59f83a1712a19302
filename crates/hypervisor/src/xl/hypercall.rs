//! Asking the hypervisor itself, through the kernel's `/dev/xen/privcmd`: the only unsafe code of this backend.

#![allow(unsafe_code, reason = "the kernel passes a hypercall on by an ioctl")]

use super::state::{Condition, Reason};
use super::witness::Domain;
use nix::errno::Errno;
use std::fs::File;
use std::os::fd::AsRawFd;

const PRIVCMD: &str = "/dev/xen/privcmd";

/// `IOCTL_PRIVCMD_HYPERCALL`: `_IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))`.
const HYPERCALL: u32 = (size_of::<Call>() as u32) << 16 | (b'P' as u32) << 8;

/// `__HYPERVISOR_domctl`, and of its commands `XEN_DOMCTL_destroydomain` and `XEN_DOMCTL_getdomaininfo`.
const DOMCTL: u64 = 36;
const DESTROY: u32 = 2;
const INFO: u32 = 5;

/// `XEN_DOMCTL_INTERFACE_VERSION` of Xen 4.17. The hypervisor refuses every other than its own, so that what
/// is not known here is not misread: the question then goes to xl.
const VERSION: u32 = 0x15;

/// `struct privcmd_hypercall`.
#[repr(C)]
struct Call {
    number: u64,
    arguments: [u64; 5],
}

/// `struct xen_domctl`.
#[repr(C, align(8))]
struct Domctl {
    command: u32,
    version: u32,
    domain: u16,
    padding: [u16; 3],
    data: [u8; 128],
}

/// What the hypervisor tells of a domain (`struct xen_domctl_getdomaininfo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// Which domain.
    pub domain: Domain,
    /// What it does.
    pub condition: Condition,
    /// The most memory that it may have, in pages.
    pub most_pages: u64,
    /// Its virtual CPUs.
    pub cpus: u32,
}

/// The hypervisor of this node.
pub struct Hypervisor(File);

nix::ioctl_readwrite_bad!(hypercall, HYPERCALL, Call);

impl Hypervisor {
    /// `None` where there is none, or it may not be asked.
    pub fn open() -> Option<Self> {
        File::options().read(true).write(true).open(PRIVCMD).ok().map(Self)
    }

    /// What it tells of a domain; of the next higher one if there is none of that number. `None` at the end.
    ///
    /// # Errors
    /// When it does not tell: it is of another version, or may not be asked.
    pub fn at_or_after(&self, id: u16) -> Result<Option<Info>, Errno> {
        match self.domctl(INFO, id) {
            Ok(data) => Ok(Some(Info::read(&data))),
            Err(Errno::ESRCH) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Tears a domain down. It takes a moment; the answer is for the one who looks afterwards.
    pub fn destroy(&self, id: u16) {
        let _ = self.domctl(DESTROY, id);
    }

    fn domctl(&self, command: u32, domain: u16) -> Result<[u8; 128], Errno> {
        let mut domctl =
            Domctl { command, version: VERSION, domain, padding: [0; 3], data: [0; 128] };
        let address = &raw mut domctl as u64;
        let mut call = Call { number: DOMCTL, arguments: [address, 0, 0, 0, 0] };
        // SAFETY: the kernel reads `call`, which lives until it returns, and passes its one argument on. The
        // hypervisor checks that this is the process's own memory, and reads and writes at most a `Domctl`
        // there, which lives as long and has no other owner.
        unsafe { hypercall(self.0.as_raw_fd(), &raw mut call) }?;
        Ok(domctl.data)
    }
}

impl Info {
    fn read(data: &[u8; 128]) -> Self {
        fn part<const N: usize>(data: &[u8; 128], at: usize) -> [u8; N] {
            let mut part = [0; N];
            part.copy_from_slice(&data[at..at + N]);
            part
        }
        let flags = u32::from_ne_bytes(part(data, 4));
        let flag = |bit: u32| flags & (1 << bit) != 0;
        let code = (flags >> 16) as u8;
        Self {
            domain: Domain { id: u16::from_ne_bytes(part(data, 0)), handle: part(data, 76) },
            condition: Condition {
                paused: flag(3),
                shutdown: flag(2).then(|| Reason::by_code(code)),
                dying: flag(0),
            },
            most_pages: u64::from_ne_bytes(part(data, 16)),
            cpus: u32::from_ne_bytes(part(data, 64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_hypervisor_writes_is_read_where_it_is() {
        let mut data = [0; 128];
        data[0..2].copy_from_slice(&3_u16.to_ne_bytes());
        data[4..8].copy_from_slice(&((3_u32 << 16) | 0b1100).to_ne_bytes());
        data[16..24].copy_from_slice(&24_576_u64.to_ne_bytes());
        data[64..68].copy_from_slice(&2_u32.to_ne_bytes());
        data[76..92].copy_from_slice(&[0x6b; 16]);
        let info = Info::read(&data);
        assert_eq!(info.domain, Domain { id: 3, handle: [0x6b; 16] });
        let shutdown = Some(Reason::Crash);
        assert_eq!(info.condition, Condition { paused: true, shutdown, dying: false });
        assert_eq!((info.most_pages, info.cpus), (24_576, 2));
        assert_eq!((size_of::<Domctl>(), HYPERCALL), (144, 0x0030_5000));
    }
}
