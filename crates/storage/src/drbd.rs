//! What DRBD tells of a volume. Version 8 tells it in `/proc/drbd`, and version 9 by `drbdsetup`.

use crate::obstacle::Obstacle;
use exec::{Deadline, Tool};
use std::fs;

/// The major number of its devices.
pub const MAJOR: u64 = 147;

const UP_TO_DATE: &str = "UpToDate";

/// One volume, as this node sees it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Volume {
    resource: String,
    /// Whether it can be written to here, now or when it is opened: version 9 promotes by itself, if it may.
    usable: bool,
    disk: String,
    /// The name of the peer that is Primary.
    primary: Option<String>,
    /// Whether a peer that is connected has good data.
    peer_is_up_to_date: bool,
}

/// What is in the way of using the volume with that minor number, if that can be told.
pub fn obstacle(minor: u64, by: Deadline) -> Option<Obstacle> {
    let text = fs::read_to_string("/proc/drbd").ok()?;
    let volume = if text.starts_with("version: 8.") {
        in_proc(&text, minor)
    } else {
        let told = Tool::new("drbdsetup").args(["events2", "--now"]).run(by).ok()?;
        in_events(&told.text(), minor)
    };
    volume?.obstacle()
}

impl Volume {
    fn obstacle(self) -> Option<Obstacle> {
        let Self { resource, usable, disk, primary, peer_is_up_to_date } = self;
        if disk != UP_TO_DATE && !peer_is_up_to_date {
            return Some(Obstacle::NoData { resource, disk });
        }
        (!usable).then_some(Obstacle::Secondary { resource, primary })
    }
}

/// In lines such as ` 0: cs:Connected ro:Secondary/Primary ds:UpToDate/UpToDate C r-----`.
fn in_proc(text: &str, minor: u64) -> Option<Volume> {
    let number = format!("{minor}: ");
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(&number))?;
    let (role, peer) = field(line, "ro")?.split_once('/')?;
    let (disk, peer_disk) = field(line, "ds")?.split_once('/')?;
    Some(Volume {
        resource: format!("drbd{minor}"),
        usable: role == "Primary",
        disk: disk.to_owned(),
        primary: (peer == "Primary").then(|| "its peer".to_owned()),
        peer_is_up_to_date: peer_disk == UP_TO_DATE,
    })
}

/// In lines such as `exists device name:r0 volume:0 minor:7 disk:UpToDate`, one for each resource, connection, device
/// and device of a peer.
fn in_events(text: &str, minor: u64) -> Option<Volume> {
    let lines: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("exists ")?.split_once(' ')).collect();
    let is = |line: &str, key, value: &str| field(line, key) == Some(value);
    let of = |kind| lines.iter().filter(move |line| line.0 == kind).map(|line| line.1);
    let device = of("device").find(|it| is(it, "minor", &minor.to_string()))?;
    let (name, volume) = (field(device, "name")?, field(device, "volume")?);
    let resource = of("resource").find(|it| is(it, "name", name))?;
    let mut connections = of("connection").filter(|it| is(it, "name", name));
    let mut peers = of("peer-device").filter(|it| is(it, "name", name) && is(it, "volume", volume));
    Some(Volume {
        resource: name.to_owned(),
        // Older versions do not say whether it may be promoted.
        usable: is(resource, "role", "Primary") || !is(resource, "may_promote", "no"),
        disk: field(device, "disk")?.to_owned(),
        primary: connections
            .find(|it| is(it, "role", "Primary"))
            .and_then(|it| field(it, "conn-name"))
            .map(str::to_owned),
        peer_is_up_to_date: peers.any(|it| is(it, "peer-disk", UP_TO_DATE)),
    })
}

/// The value of `KEY:VALUE` in a line.
fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As DRBD 8.4 prints it.
    const PROC: &str = "version: 8.4.11 (api:1/proto:86-101)
srcversion: 211FB288A383ED945B83420
 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----
    ns:1048576 nr:0 dw:0 dr:1049688 al:0 bm:64 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
 1: cs:Connected ro:Secondary/Primary ds:UpToDate/UpToDate C r-----
 2: cs:WFConnection ro:Secondary/Unknown ds:Diskless/DUnknown C r-----
 3: cs:Connected ro:Primary/Secondary ds:Diskless/UpToDate C r-----
 4: cs:SyncTarget ro:Primary/Secondary ds:Inconsistent/UpToDate C r-----
 5: cs:WFConnection ro:Secondary/Unknown ds:UpToDate/DUnknown C r-----
 6: cs:Unconfigured
";

    /// As DRBD 9.1 prints it.
    const EVENTS: &str = "\
exists resource name:r0 role:Secondary suspended:no may_promote:no promotion_score:10101
exists connection name:r0 peer-node-id:1 conn-name:n2 connection:Connected role:Primary congested:no
exists device name:r0 volume:0 minor:0 backing_dev:/dev/vg/r0 disk:UpToDate client:no quorum:yes
exists peer-device name:r0 peer-node-id:1 conn-name:n2 volume:0 replication:Established peer-disk:UpToDate
exists resource name:r1 role:Secondary suspended:no may_promote:yes promotion_score:10101
exists device name:r1 volume:0 minor:1 backing_dev:/dev/vg/r1 disk:UpToDate client:no quorum:yes
exists resource name:r2 role:Secondary suspended:no
exists connection name:r2 peer-node-id:1 conn-name:n2 connection:Connecting role:Unknown congested:no
exists device name:r2 volume:0 minor:2 backing_dev:none disk:Diskless client:no quorum:yes
exists peer-device name:r2 peer-node-id:1 conn-name:n2 volume:0 replication:Off peer-disk:DUnknown
exists resource name:r3 role:Primary suspended:no may_promote:no promotion_score:1
exists device name:r3 volume:0 minor:3 backing_dev:none disk:Diskless client:yes quorum:yes
exists peer-device name:r3 peer-node-id:1 conn-name:n2 volume:0 replication:Established peer-disk:UpToDate
exists -
";

    fn words(volume: Option<Volume>) -> String {
        volume.unwrap().obstacle().map(|it| it.to_string()).unwrap_or_default()
    }

    #[test]
    fn version_8_is_used_by_a_primary_with_good_data_somewhere() {
        for minor in [0, 3, 4] {
            assert_eq!(words(in_proc(PROC, minor)), "", "{minor}");
        }
        let told = words(in_proc(PROC, 1));
        assert!(
            told.contains("Secondary of DRBD resource drbd1 and its peer is Primary"),
            "{told}"
        );
        assert!(words(in_proc(PROC, 2)).contains("drbd2 is Diskless here"));
        assert!(words(in_proc(PROC, 5)).contains("Secondary of DRBD resource drbd5;"));
        assert_eq!((in_proc(PROC, 6), in_proc(PROC, 9)), (None, None));
    }

    #[test]
    fn version_9_is_used_by_whoever_may_be_promoted() {
        for minor in [1, 3] {
            assert_eq!(words(in_events(EVENTS, minor)), "", "{minor}");
        }
        let told = words(in_events(EVENTS, 0));
        assert!(told.contains("Secondary of DRBD resource r0 and n2 is Primary"), "{told}");
        assert!(words(in_events(EVENTS, 2)).contains("r2 is Diskless here"));
        assert_eq!(in_events(EVENTS, 9), None);
        // Nobody says that it may not.
        assert_eq!(words(in_events(&EVENTS.replace("may_promote:no ", ""), 0)), "");
    }
}
