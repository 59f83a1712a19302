use std::fmt;
use std::str::FromStr;

/// The kernel's random id of one boot: a guest that was restarted has another, a guest that was
/// migrated the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BootId(pub [u8; 16]);

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let dash = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

/// A text that is no boot id: 32 hexadecimal digits, with or without dashes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("boot id {0:?} is not 32 hexadecimal digits")]
pub struct BadBootId(String);

impl FromStr for BootId {
    type Err = BadBootId;

    fn from_str(text: &str) -> Result<Self, BadBootId> {
        let digits: String = text.chars().filter(|it| *it != '-').collect();
        let number = Some(&digits)
            .filter(|it| it.len() == 32 && it.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|it| u128::from_str_radix(it, 16).ok())
            .ok_or_else(|| BadBootId(text.to_owned()))?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// The answer to one probe. On the wire: sequence, boot id, counter, uptime, in this order, the
/// numbers little-endian, [`Reply::LENGTH`] bytes in all. The probe itself is the sequence alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The probe's own number, sent back.
    pub sequence: u64,
    /// Which boot of the guest answered.
    pub boot_id: BootId,
    /// How many answers this boot has given, this one included: it only ever grows.
    pub counter: u64,
    /// The guest's clock since boot, in milliseconds. It stands still while the guest does.
    pub uptime: u64,
}

impl Reply {
    /// The length of a probe on the wire, in bytes.
    pub const PROBE: usize = 8;
    /// The length of a reply on the wire, in bytes.
    pub const LENGTH: usize = 40;

    /// The reply as it is sent.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..24].copy_from_slice(&self.boot_id.0);
        bytes[24..32].copy_from_slice(&self.counter.to_le_bytes());
        bytes[32..].copy_from_slice(&self.uptime.to_le_bytes());
        bytes
    }

    /// The reply that was received.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(word)
        };
        let mut boot_id = BootId([0; 16]);
        boot_id.0.copy_from_slice(&bytes[8..24]);
        Self { sequence: word(0), boot_id, counter: word(24), uptime: word(32) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_survives_the_wire() {
        let boot_id = "01234567-89ab-cdef-0123-456789abcdef".parse().unwrap();
        let reply = Reply { sequence: 7, boot_id, counter: u64::MAX, uptime: 1 << 40 };
        assert_eq!(Reply::from_bytes(&reply.to_bytes()), reply);
        assert_eq!(boot_id.to_string(), "01234567-89ab-cdef-0123-456789abcdef");
        assert!("0123".parse::<BootId>().is_err());
        assert!("+123456789abcdef0123456789abcdef".parse::<BootId>().is_err());
    }
}
