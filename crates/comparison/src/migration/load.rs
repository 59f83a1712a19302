use crate::Error;
use lab::image::Hypervisor;
use lab_guest::Command;
use std::fmt;
use std::str::FromStr;

/// The usual speed of the nodes' links for migrations, in Mbit/s: slow enough for an emulated guest to
/// dirty memory faster.
pub const LINK: u32 = 400;

/// The memory that a guest writes round and round, or keeps without writing it, in MiB. All of its pages
/// are checked all the time, for which an emulated host takes its control domain's time.
pub fn working_set(hypervisor: Hypervisor) -> u32 {
    match hypervisor {
        Hypervisor::Kvm => 48,
        Hypervisor::Xen => 4,
    }
}

/// How fast a guest writes to its memory, in percent of what the link carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load(u32);

impl Load {
    /// Whether the guest writes nothing.
    #[must_use]
    pub fn is_idle(self) -> bool {
        self.0 == 0
    }

    /// In MiB/s, for a link of so many Mbit/s.
    #[must_use]
    pub fn rate(self, link: u32) -> u32 {
        let bytes = u64::from(link) * 1_000_000 / 8 * u64::from(self.0) / 100;
        u32::try_from((bytes + (1 << 19)) >> 20).unwrap_or(u32::MAX)
    }

    /// What a guest is told to write so. An idle one fills its memory first.
    pub(super) fn command(self, link: u32, hypervisor: Hypervisor) -> Command {
        Command::Dirty { rate: self.rate(link).max(1), size: working_set(hypervisor) }
    }
}

impl FromStr for Load {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::BadLoad { found: text.to_owned() };
        match text {
            "idle" => Ok(Self(0)),
            _ => text.parse().ok().filter(|it| (1..1000).contains(it)).map(Self).ok_or_else(bad),
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("idle guest"),
            percent => write!(f, "guest that dirties {percent} % of the link"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_from_the_link() {
        assert_eq!([0, 25, 75, 150].map(|it| Load(it).rate(LINK)), [0, 12, 36, 72]);
    }

    #[test]
    fn a_load_is_idle_or_a_percentage() {
        assert!("idle".parse::<Load>().is_ok_and(Load::is_idle));
        assert_eq!("75".parse::<Load>().ok(), Some(Load(75)));
        for wrong in ["", "0", "-1", "75 %", "1000", "IDLE"] {
            assert!(wrong.parse::<Load>().is_err(), "{wrong}");
        }
    }
}
