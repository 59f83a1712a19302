use crate::definition::new_uuid;
use crate::word::Word;
use crate::{Error, Result};
use serde::Deserialize;
use std::str::FromStr;

/// A network interface that the guest is wanted to have: `NAME` or `NAME=MAC`.
#[derive(Debug, Clone)]
pub struct Interface {
    name: Word,
    mac: Option<String>,
}

/// A network interface that the guest has.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its name in the machine, and in the guest.
    pub name: Word,
    /// Its address, in lower case.
    pub mac: String,
}

impl FromStr for Interface {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, mac) = match text.split_once('=') {
            Some((name, mac)) => (name, Some(mac)),
            None => (text, None),
        };
        let wrong = || Error::Interface { found: text.to_owned() };
        // What Linux takes for a name, and a MAC address that is one interface's: the last bit of its first byte is 0.
        let name = name.parse().ok().filter(|_| name.len() <= 15).ok_or_else(wrong)?;
        let mac = mac.map(|it| address(it).ok_or_else(wrong)).transpose()?;
        Ok(Self { name, mac })
    }
}

fn address(text: &str) -> Option<String> {
    let bytes: Vec<u8> = text
        .split(':')
        .map(|it| u8::from_str_radix(it, 16).ok().filter(|_| it.len() == 2))
        .collect::<Option<_>>()?;
    let is_one = bytes.len() == 6 && bytes[0] & 1 == 0 && bytes.iter().any(|it| *it > 0);
    is_one.then(|| text.to_lowercase())
}

/// One of those that QEMU gives its guests.
fn new_address() -> Result<String> {
    let uuid = new_uuid()?;
    let pairs = uuid.as_bytes()[..6].chunks(2).map(String::from_utf8_lossy);
    Ok(pairs.fold("52:54:00".to_owned(), |mac, pair| mac + ":" + &pair))
}

/// What `ip -json -details link` says of an interface.
#[derive(Deserialize)]
struct Link {
    ifname: String,
    #[serde(default)]
    link_type: String,
    address: Option<String>,
    /// What a port of a bond had before.
    permaddr: Option<String>,
    linkinfo: Option<LinkInfo>,
}

#[derive(Deserialize)]
struct LinkInfo {
    info_kind: Option<String>,
}

impl Link {
    /// Whether it is a device, and not something that the kernel makes.
    fn is_physical(&self) -> bool {
        let kind = self.linkinfo.as_ref().and_then(|it| it.info_kind.as_ref());
        self.link_type == "ether" && kind.is_none()
    }

    fn mac(&self) -> Option<String> {
        address(self.permaddr.as_ref().or(self.address.as_ref())?)
    }

    fn device(&self) -> Option<Device> {
        Some(Device { name: self.ifname.parse().ok()?, mac: self.mac()? })
    }
}

impl Device {
    /// The physical ones of a machine, or those that are wanted: with the address that is given, or that the machine's own
    /// has, or a new one.
    pub fn choose(links: &str, wanted: &[Interface]) -> Result<Vec<Self>> {
        let unclear = |_| Error::Answer { program: "ip", found: links.to_owned() };
        let links: Vec<Link> = serde_json::from_str(links).map_err(unclear)?;
        if wanted.is_empty() {
            return Ok(links
                .iter()
                .filter(|it| it.is_physical())
                .filter_map(Link::device)
                .collect());
        }
        let device = |Interface { name, mac }: &Interface| {
            let own = || links.iter().find(|it| it.ifname == name.to_string())?.mac();
            let mac = mac.clone().or_else(own).map_or_else(new_address, Ok)?;
            Ok(Self { name: name.clone(), mac })
        };
        wanted.iter().map(device).collect()
    }

    /// What has systemd give the name to the device with this address (systemd.link(5)), and not to a bridge or a VLAN
    /// that has taken it over.
    pub fn link_file(&self) -> (String, String) {
        let Self { name, mac } = self;
        let text = format!("[Match]\nMACAddress={mac}\nType=ether\n\n[Link]\nName={name}\n");
        (format!("/etc/systemd/network/10-hawser-{name}.link"), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: &str = r#"[
        {"ifname":"lo","link_type":"loopback","address":"00:00:00:00:00:00"},
        {"ifname":"eno1","link_type":"ether","address":"52:54:00:00:00:09","permaddr":"52:54:00:00:00:01"},
        {"ifname":"bond0","link_type":"ether","address":"52:54:00:00:00:09","linkinfo":{"info_kind":"bond"}},
        {"ifname":"ens3","link_type":"ether","address":"52:54:00:00:00:02","linkinfo":{"info_kind":"veth"}}]"#;

    fn chosen(wanted: &[&str]) -> Vec<String> {
        let wanted: Vec<Interface> = wanted.iter().map(|it| it.parse().unwrap()).collect();
        let chosen = Device::choose(LINKS, &wanted).unwrap();
        chosen.iter().map(|it| format!("{} {}", it.name, it.mac)).collect()
    }

    #[test]
    fn a_guest_has_the_devices_of_the_machine_or_those_that_are_wanted() {
        assert_eq!(chosen(&[]), ["eno1 52:54:00:00:00:01"]);
        let wanted = chosen(&["ens3", "eno1=52:54:00:AA:00:01"]);
        assert_eq!(wanted, ["ens3 52:54:00:00:00:02", "eno1 52:54:00:aa:00:01"]);
        let [new, other] = [chosen(&["eth9"]), chosen(&["eth9"])];
        assert!(
            new[0].starts_with("eth9 52:54:00:") && new[0].len() == 22 && new != other,
            "{new:?}"
        );
    }

    #[test]
    fn what_is_no_interface_is_refused() {
        for wrong in [
            "",
            "eth0=",
            "eth0=52:54:00:00:00",
            "eth0=01:00:5e:00:00:01",
            "a/b",
            "averyverylongname",
        ] {
            assert!(wrong.parse::<Interface>().is_err(), "{wrong}");
        }
    }
}
