//! A disk as xl is told of it, by `xl-disk-configuration(5)`.

use super::is_of_host;
use crate::definition::{Disk, Source};
use std::path::PathBuf;

/// What older configurations put before the target: how it is served, or its format.
const PREFIXES: &[&str] = &[
    "phy:", "file:", "raw:", "qcow:", "qcow2:", "qed:", "vhd:", "aio:", "tap:", "tap2:",
    "tapdisk:", "qdisk:", "ioemu:",
];

/// What they put there for a script that makes the target a device of this host.
const SCRIPTS: &[&str] = &["drbd:", "iscsi:", "nbd:", "enbd:"];

/// Words that stand for themselves.
const FLAGS: &[&str] =
    &["discard", "no-discard", "direct-io-safe", "colo", "no-colo", "copyonread"];

/// One specification, taken apart.
#[derive(Default)]
struct Words<'a> {
    /// What has no key: the target, its format, the device in the guest and the access, in that order.
    positional: Vec<&'a str>,
    target: Option<&'a str>,
    device: Option<&'a str>,
    access: Option<&'a str>,
    script: Option<&'a str>,
    /// The domain that serves it, where that is not this one.
    backend: Option<&'a str>,
    is_cdrom: bool,
}

impl<'a> Words<'a> {
    /// `target=` takes the rest of the text.
    fn read(specification: &'a str) -> Self {
        let (mut words, mut rest) = (Self::default(), specification);
        while !rest.is_empty() {
            if let Some(target) = rest.trim_start().strip_prefix("target=") {
                words.target = Some(target.trim());
                break;
            }
            let (word, after) = rest.split_once(',').unwrap_or((rest, ""));
            words.take(word.trim());
            rest = after;
        }
        words
    }

    fn take(&mut self, word: &'a str) {
        match word.split_once('=') {
            Some(("vdev", device)) => self.device = Some(device),
            Some(("access", access)) => self.access = Some(access),
            Some(("script", script)) => self.script = Some(script),
            Some(("backend", domain)) => self.backend = Some(domain),
            Some(("devtype", kind)) => self.is_cdrom |= kind == "cdrom",
            Some(("format" | "backendtype", _)) => {}
            _ if word == "cdrom" => self.is_cdrom = true,
            _ if FLAGS.contains(&word) => {}
            _ => self.positional.push(word),
        }
    }
}

/// A disk; `None` for a drive without a medium.
pub fn disk(specification: &str) -> Option<Disk> {
    let mut words = Words::read(specification);
    if words.target.is_none() && !words.positional.is_empty() {
        words.target = Some(words.positional.remove(0));
    }
    let target = words.target.filter(|it| !it.is_empty())?;
    let (path, script) = unprefixed(target);
    // The prefix has said the format.
    if path == target && script.is_none() && !words.positional.is_empty() {
        words.positional.remove(0);
    }
    let mut positional = words.positional.into_iter();
    let device = words.device.or_else(|| positional.next()).unwrap_or("without a name");
    let access = words.access.or_else(|| positional.next()).unwrap_or("w");
    let (device, kind) = device.split_once(':').unwrap_or((device, ""));
    let is_cdrom = words.is_cdrom || kind == "cdrom";
    let script = words.script.map(str::to_owned).or(script.map(|kind| format!("block-{kind}")));
    let source = source(path, target, words.backend, script.as_deref());
    let writable = !is_cdrom && !matches!(access, "r" | "ro");
    Some(Disk { name: device.to_owned(), source, writable, optional: false })
}

/// Where a disk's data are. A target of which its script or another domain makes a device is none of this host's files.
fn source(path: &str, target: &str, backend: Option<&str>, script: Option<&str>) -> Source {
    match (is_of_host(backend, script), backend, script) {
        (true, ..) if path.starts_with('/') => Source::Path(PathBuf::from(path)),
        (false, _, Some(script)) => Source::Opaque(format!("script {script}, {target}")),
        (false, Some(domain), None) => Source::Opaque(format!("domain {domain}, {target}")),
        _ => Source::Opaque(target.to_owned()),
    }
}

/// A target without its prefixes, and the script that one of them stands for.
fn unprefixed(target: &str) -> (&str, Option<&'static str>) {
    let script = SCRIPTS.iter().find(|it| target.starts_with(**it));
    if let Some(script) = script {
        return (target, Some(script.trim_end_matches(':')));
    }
    let mut path = target;
    while let Some(rest) = PREFIXES.iter().find_map(|it| path.strip_prefix(it)) {
        path = rest;
    }
    (path, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_a_disk_is_found() {
        let path = |path: &str| Source::Path(PathBuf::from(path));
        let opaque = |what: &str| Source::Opaque(what.to_owned());
        for (specification, name, source, writable) in [
            ("/dev/vg/g1,raw,xvda,rw", "xvda", path("/dev/vg/g1"), true),
            ("/srv/g1.qcow2,qcow2,xvda", "xvda", path("/srv/g1.qcow2"), true),
            ("/srv/g1.img,,xvda,ro", "xvda", path("/srv/g1.img"), false),
            ("phy:/dev/vg/g1,xvda,w", "xvda", path("/dev/vg/g1"), true),
            ("tap:aio:/srv/g1.img,sda1,r", "sda1", path("/srv/g1.img"), false),
            ("file:/srv/a.iso,hdc:cdrom,r", "hdc", path("/srv/a.iso"), false),
            ("/srv/a.iso,raw,hdc,cdrom", "hdc", path("/srv/a.iso"), false),
            ("vdev=xvda, access=rw, target=/srv/a, b=c.img", "xvda", path("/srv/a, b=c.img"), true),
            ("devtype=cdrom, vdev=hdc, target=/a.iso", "hdc", path("/a.iso"), false),
            ("drbd:r0,xvda,w", "xvda", opaque("script block-drbd, drbd:r0"), true),
            (
                "vdev=xvda,script=block-iscsi,target=iqn=x,portal=y",
                "xvda",
                opaque("script block-iscsi, iqn=x,portal=y"),
                true,
            ),
            (
                "backend=storage,vdev=xvda,target=/dev/a",
                "xvda",
                opaque("domain storage, /dev/a"),
                true,
            ),
            ("backend=0,vdev=xvda,target=/dev/a", "xvda", path("/dev/a"), true),
            ("vg/g1,raw,xvda,w", "xvda", opaque("vg/g1"), true),
        ] {
            let expected = Disk { name: name.to_owned(), source, writable, optional: false };
            assert_eq!(disk(specification), Some(expected), "{specification}");
        }
    }

    #[test]
    fn an_empty_drive_is_no_disk() {
        for empty in [",,hdc,cdrom", "vdev=hdc,devtype=cdrom", "vdev=hdc, cdrom, target=", ""] {
            assert_eq!(disk(empty), None, "{empty}");
        }
    }
}
