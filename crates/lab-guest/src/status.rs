use crate::reply::BootId;
use std::fmt;
use std::str::FromStr;

/// What the guest says of itself on its control port: one line of `name=value` words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Which boot of the guest this is.
    pub boot_id: BootId,
    /// Probes answered since boot.
    pub counter: u64,
    /// The guest's clock since boot, in milliseconds.
    pub uptime: u64,
    /// The memory that is dirtied and watched, in MiB.
    pub size: u64,
    /// The rate of dirtying over the last second, in MiB/s.
    pub rate: u64,
    /// Pages written since the last `dirty` with a size.
    pub written: u64,
    /// Pages checked since then.
    pub checked: u64,
    /// Pages found corrupt since then. Anything but 0 means that the hypervisor lost memory.
    pub corrupt: u64,
}

/// A line that is no [`Status`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("guest status {line:?} has no valid {field}")]
pub struct BadStatus {
    line: String,
    field: &'static str,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { boot_id, counter, uptime, size, rate, written, checked, corrupt } = self;
        write!(
            f,
            "boot-id={boot_id} counter={counter} uptime-ms={uptime} size-mib={size} \
             rate-mib-s={rate} written={written} checked={checked} corrupt={corrupt}"
        )
    }
}

impl FromStr for Status {
    type Err = BadStatus;

    fn from_str(line: &str) -> Result<Self, BadStatus> {
        Ok(Self {
            boot_id: field(line, "boot-id")?,
            counter: field(line, "counter")?,
            uptime: field(line, "uptime-ms")?,
            size: field(line, "size-mib")?,
            rate: field(line, "rate-mib-s")?,
            written: field(line, "written")?,
            checked: field(line, "checked")?,
            corrupt: field(line, "corrupt")?,
        })
    }
}

fn field<T: FromStr>(line: &str, field: &'static str) -> Result<T, BadStatus> {
    line.split_ascii_whitespace()
        .filter_map(|word| word.split_once('='))
        .find(|(name, _)| *name == field)
        .and_then(|(_, value)| value.parse().ok())
        .ok_or_else(|| BadStatus { line: line.trim().to_owned(), field })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_survives_its_line_and_a_broken_one_names_the_field() {
        let boot_id = BootId([7; 16]);
        let status = Status {
            boot_id,
            counter: 1,
            uptime: 2,
            size: 3,
            rate: 4,
            written: 5,
            checked: 6,
            corrupt: 7,
        };
        let line = status.to_string();
        assert_eq!(line.parse(), Ok(status));
        let broken = line.replace("checked=6", "checked=six");
        assert!(broken.parse::<Status>().unwrap_err().to_string().ends_with("no valid checked"));
    }
}
