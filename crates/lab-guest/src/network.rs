//! The address of the guest's one network device, through rtnetlink(7).

use crate::error::Error;
use crate::options::Network;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

const DEVICE: &str = "eth0";

// From linux/rtnetlink.h, linux/netlink.h, linux/if_addr.h and linux/if.h.
const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const NLM_F_REQUEST_ACK_CREATE: u16 = 0x1 | 0x4 | 0x400;
const NLMSG_ERROR: u16 = 2;
const HEADER: usize = 16;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFF_UP: u32 = 1;
const AF_INET: u8 = 2;

/// Gives the device its address and brings it up.
pub fn configure(network: Network) -> Result<(), Error> {
    let failed = |source| Error::Network { device: DEVICE, source };
    let index = index().map_err(failed)?;
    let family = AddressFamily::Netlink;
    let netlink = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)
        .map_err(|errno| failed(errno.into()))?;
    request(&netlink, RTM_NEWADDR, &address(index, network)).map_err(failed)?;
    request(&netlink, RTM_NEWLINK, &up(index)).map_err(failed)
}

fn index() -> io::Result<u32> {
    let text = std::fs::read_to_string(format!("/sys/class/net/{DEVICE}/ifindex"))?;
    text.trim().parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// A `struct ifaddrmsg` with the address as local address and as the interface's own.
fn address(index: u32, network: Network) -> Vec<u8> {
    let mut body = vec![AF_INET, network.prefix, 0, 0];
    body.extend(index.to_ne_bytes());
    for attribute in [IFA_LOCAL, IFA_ADDRESS] {
        body.extend(8u16.to_ne_bytes());
        body.extend(attribute.to_ne_bytes());
        body.extend(network.address.octets());
    }
    body
}

/// A `struct ifinfomsg` that sets the one flag.
fn up(index: u32) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend(index.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    body
}

/// Sends one request and waits for the kernel's verdict.
fn request(netlink: &OwnedFd, kind: u16, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(HEADER + body.len()).map_err(io::Error::other)?;
    let mut message = Vec::from(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(NLM_F_REQUEST_ACK_CREATE.to_ne_bytes());
    message.extend([0; 8]); // sequence and sender: one request at a time, answered by the kernel
    message.extend(body);
    send(netlink.as_raw_fd(), &message, MsgFlags::empty())?;

    let mut answer = [0; 256];
    let length = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    match &answer[..length] {
        [_, _, _, _, low, high, _, _, _, _, _, _, _, _, _, _, a, b, c, d, ..]
            if u16::from_ne_bytes([*low, *high]) == NLMSG_ERROR =>
        {
            match i32::from_ne_bytes([*a, *b, *c, *d]) {
                0 => Ok(()),
                errno => Err(Errno::from_raw(-errno).into()),
            }
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "no acknowledgement from rtnetlink")),
    }
}
