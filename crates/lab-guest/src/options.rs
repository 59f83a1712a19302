use crate::error::Error;
use std::fmt;
use std::net::Ipv4Addr;
use std::path::Path;
use std::str::FromStr;

/// What the kernel command line tells the guest. Words that are not the guest's are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `hawser.ip=10.77.0.100/24`: the address of `eth0`. Without it there is no network.
    pub address: Option<Network>,
    /// `hawser.acpi=ignore` makes the guest deaf to its power button, and to what Xen has instead.
    pub power_button: bool,
    /// `hawser.agent=off` leaves the guest agent's port unanswered.
    pub agent: bool,
    /// `hawser.install=SIZE` makes it no guest but an installer: it writes so many MiB to its disk as
    /// [`crate::Command::DiskWrite`] does, and powers off.
    pub install: Option<u32>,
}

/// An IPv4 address with the length of its network's prefix, 0 to 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The address.
    pub address: Ipv4Addr,
    /// The prefix length in bits.
    pub prefix: u8,
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Options {
    /// Reads `/proc/cmdline`.
    pub(crate) fn read() -> Result<Self, Error> {
        let path = Path::new("/proc/cmdline");
        let line = std::fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        line.parse()
    }
}

impl FromStr for Options {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self, Error> {
        let mut options = Self { address: None, power_button: true, agent: true, install: None };
        for (name, value) in line.split_ascii_whitespace().filter_map(|word| word.split_once('=')) {
            match name {
                "hawser.ip" => options.address = Some(network(value)?),
                "hawser.acpi" => options.power_button = unless("hawser.acpi", value, "ignore")?,
                "hawser.agent" => options.agent = unless("hawser.agent", value, "off")?,
                "hawser.install" => options.install = Some(size(value)?),
                _ => {}
            }
        }
        Ok(options)
    }
}

fn network(value: &str) -> Result<Network, Error> {
    let parse = || {
        let (address, prefix) = value.split_once('/')?;
        let prefix = prefix.parse().ok().filter(|bits| *bits <= 32)?;
        Some(Network { address: address.parse().ok()?, prefix })
    };
    parse().ok_or_else(|| Error::Option {
        option: "hawser.ip",
        value: value.to_owned(),
        expected: "an IPv4 address with a prefix length, such as 10.77.0.100/24",
    })
}

fn size(value: &str) -> Result<u32, Error> {
    value.parse().map_err(|_| Error::Option {
        option: "hawser.install",
        value: value.to_owned(),
        expected: "a number of MiB",
    })
}

fn unless(option: &'static str, value: &str, only: &'static str) -> Result<bool, Error> {
    if value == only {
        Ok(false)
    } else {
        Err(Error::Option { option, value: value.to_owned(), expected: only })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_words_are_read_and_others_ignored() {
        let line = "console=ttyS0 quiet hawser.ip=10.77.0.100/24 hawser.acpi=ignore\n";
        let options: Options = line.parse().unwrap();
        assert_eq!(options.address.unwrap().to_string(), "10.77.0.100/24");
        assert!(!options.power_button);
        assert!(options.agent);
    }

    #[test]
    fn a_wrong_value_is_named() {
        for wrong in [
            "hawser.ip=10.77.0.100",
            "hawser.ip=10.0.0.1/33",
            "hawser.agent=no",
            "hawser.install=all",
        ] {
            let error = wrong.parse::<Options>().unwrap_err().to_string();
            let value = wrong.split_once('=').unwrap().1;
            assert!(error.contains(value), "{error}");
        }
    }
}
