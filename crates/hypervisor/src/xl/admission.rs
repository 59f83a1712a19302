//! Whether a guest could run on a host, as far as can be told without trying.

use super::Xl;
use crate::Deadline;
use crate::definition::{self, Config, Definition, Disk, Kind};
use crate::error::{Error, Result};
use std::thread;

/// What only an xl has to say that names everything its hypervisor can do. Xen before 4.17 may have neither of these, and
/// older ones tell of `hvm` alone, whatever else there is.
const TELLING: [&str; 3] = ["hap", "shadow", "gnttab-v1"];

/// What `xl info` tells of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its memory, in MiB.
    pub total: u64,
    /// What no domain has of it, in MiB.
    pub free: u64,
    /// What its hypervisor can do.
    capabilities: Vec<String>,
    /// Whether that is all there is: xl takes memory from the first domain for a guest unless that was given
    /// a fixed share at boot (`autoballoon` in `xl.conf(5)`), or [`takes_from_first`].
    fixed: bool,
}

impl Host {
    pub fn ask(xl: &Xl, by: Deadline) -> Result<Self> {
        let told = xl.run("tell about the host", &["info"], by)?;
        Self::parse(&told.text())
    }

    fn parse(text: &str) -> Result<Self> {
        let field = |name: &str| {
            let mut fields = text.lines().filter_map(|line| line.split_once(':'));
            let value = fields.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim());
            let shape =
                || Error::Shape { program: "xl info".to_owned(), found: format!("no {name}") };
            value.ok_or_else(shape)
        };
        let number = |name: &str| {
            let found = field(name)?;
            let program = || "xl info".to_owned();
            found.parse().map_err(|_| Error::Shape { program: program(), found: found.to_owned() })
        };
        Ok(Self {
            name: field("host")?.to_owned(),
            capabilities: field("virt_caps")?.split_whitespace().map(str::to_owned).collect(),
            total: number("total_memory")?,
            free: number("free_memory")?,
            fixed: field("xen_commandline")?.contains("dom0_mem="),
        })
    }

    /// Whether its hypervisor can do that. What an older xl does not tell counts as there, and xl is to try it.
    fn can(&self, capability: &str) -> bool {
        let has = |wanted: &str| self.capabilities.iter().any(|it| it == wanted);
        has(capability) || capability != "hvm" && !TELLING.into_iter().any(has)
    }

    /// It has to note which pages the guest writes to. For a PV guest that takes shadow paging, without which
    /// some distributions build Xen; xl migrate says "Failed to enable logdirty" then.
    fn can_send_paravirtual(&self) -> Result<()> {
        if !self.can("shadow") {
            let words = "this node's hypervisor was built without shadow paging, which sending it live takes; \
                         make it a PVH guest (type=\"pvh\")";
            return Err(missing("live migration of a PV guest", words.to_owned()));
        }
        Ok(())
    }

    fn can_have(&self, config: &Config) -> Result<()> {
        if !self.can(config.kind.capability()) {
            let words = format!("the hypervisor of {} can have none", self.name);
            return Err(missing(&format!("a {} guest", config.kind), words));
        }
        Ok(())
    }

    fn has_memory(&self, config: &Config) -> Result<()> {
        let wanted = config.footprint;
        if self.fixed && self.free < wanted {
            let (host, free) = (&self.name, self.free);
            let words = format!("the guest needs {wanted} MiB, and {free} MiB are free on {host}");
            return Err(missing("memory", words));
        }
        Ok(())
    }
}

fn missing(item: &str, words: String) -> Error {
    Error::NotAdmitted { item: item.to_owned(), words }
}

/// Where xl is told to take memory from the first domain whatever that was given at boot.
const XL_CONF: &str = "/etc/xen/xl.conf";

/// Whether an `xl.conf(5)` says so.
fn takes_from_first(conf: &str) -> bool {
    definition::setting(conf, "autoballoon").is_some_and(|value| ["on", "1"].contains(&&*value))
}

/// What every host has: an answer without it is none.
const ROOT: &str = "/";

/// Everything that stands between the guest and this host, the first of it.
pub fn admit(xl: &Xl, definition: &Definition, by: Deadline) -> Result<()> {
    let config = definition.xl()?;
    let needs = needs(config);
    let paths = needs.iter().flatten().map(String::as_str);
    let arguments: Vec<&str> = ["-d", "--", ROOT].into_iter().chain(paths).collect();
    let look = xl.tool("ls", &arguments)?;
    // Both questions at once: what each takes most of its time for is the way there.
    let (host, found) = thread::scope(|scope| {
        let found = scope.spawn(|| look.output(by).map(|output| output.text()));
        (Host::ask(xl, by), found.join())
    });
    let host = host?;
    host.can_have(config)?;
    if let Err(lack) = host.has_memory(config) {
        let conf = xl.tool("cat", &[XL_CONF])?.output(by).map(|output| output.text());
        if !conf.is_ok_and(|conf| takes_from_first(&conf)) {
            return Err(lack);
        }
    }
    let Ok(Ok(found)) = found else { return Ok(()) };
    let is_there = |path: &str| found.lines().any(|line| line == path);
    let lacking = needs.iter().find(|any| is_there(ROOT) && !any.iter().any(|it| is_there(it)));
    lacking.map_or(Ok(()), |any| Err(missing(&any.join(" or "), "it is not there".to_owned())))
}

/// The guest's disks and bridges: of each of these one path. What is before a dot in a bridge's name may be the bridge.
fn needs(config: &Config) -> Vec<Vec<String>> {
    let bridges = config.bridges.iter().map(|bridge| {
        let switch = bridge.split(['.', ':']).next().filter(|it| it != bridge);
        let names = [Some(bridge.as_str()), switch].into_iter().flatten();
        names.map(|name| format!("/sys/class/net/{name}")).collect()
    });
    let disks = config.disks.iter().filter_map(Disk::path);
    disks.map(|path| vec![path.to_string_lossy().into_owned()]).chain(bridges).collect()
}

/// Whether this host's hypervisor can send the guest while it runs.
pub fn can_leave(xl: &Xl, definition: &Definition, by: Deadline) -> Result<()> {
    match definition.xl()?.kind {
        Kind::Pv => Host::ask(xl, by)?.can_send_paravirtual(),
        Kind::Pvh | Kind::Hvm => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Name;
    use std::path::Path;

    const INFO: &str = include_str!("samples/info.txt");

    fn check(info: &str, guest: &str) -> std::result::Result<(), String> {
        let definition =
            Definition::from_xl(guest, Path::new("/g1.cfg"), None, &Name::from_any("g1"));
        let definition = definition.unwrap();
        let host = Host::parse(info).unwrap();
        let config = definition.xl().unwrap();
        let checked = host.can_have(config).and_then(|()| host.has_memory(config));
        checked.map_err(|error| error.to_string())
    }

    #[test]
    fn a_host_takes_what_it_can_have() {
        let pv = "name='g1'\nmemory=497\n";
        assert_eq!(check(INFO, pv), Ok(()));
        let words = check(INFO, "name='g1'\nmemory=498\n").unwrap_err();
        assert_eq!(words, "memory: the guest needs 499 MiB, and 498 MiB are free on xen1");
        // The first domain may give some of its own.
        assert_eq!(check(&INFO.replace("dom0_mem", "loglvl"), "name='g1'\nmemory=499\n"), Ok(()));
        let words = check(&INFO.replace("pv hvm", "pv"), "name='g1'\ntype='pvh'").unwrap_err();
        assert!(words.starts_with("a PVH guest: "), "{words}");
        assert!(Host::parse("host : x\n").is_err());
    }

    #[test]
    fn a_pv_guest_leaves_only_a_host_with_shadow_paging() {
        let host = Host::parse(INFO).unwrap();
        let words = host.can_send_paravirtual().unwrap_err().to_string();
        assert!(words.starts_with("live migration of a PV guest: "), "{words}");
        let built_with = Host::parse(&INFO.replace("pv hvm", "pv hvm hap shadow")).unwrap();
        assert!(built_with.can_send_paravirtual().is_ok());
    }

    #[test]
    fn a_hypervisor_that_does_not_tell_of_pv_guests_can_have_them() {
        let told = |capabilities| INFO.replace("pv hvm gnttab-v1 gnttab-v2", capabilities);
        for old in ["", "hvm hvm_directio", "pv hvm"].map(told) {
            assert_eq!(check(&old, "name='g1'\nmemory=497\n"), Ok(()));
            assert!(Host::parse(&old).unwrap().can_send_paravirtual().is_ok());
        }
        assert!(check(&told(""), "name='g1'\ntype='hvm'").is_err());
        assert!(check(&told("hvm hap"), "name='g1'").is_err());
    }

    #[test]
    fn the_first_domain_gives_memory_where_xl_is_told_so() {
        for (conf, expected) in [
            ("", false),
            ("#autoballoon=\"on\"\n", false),
            ("autoballoon=\"auto\"\n", false),
            ("autoballoon=\"off\"\n", false),
            ("lockfile='/x'\n autoballoon = \"on\" # so\n", true),
            ("autoballoon=1\n", true),
            ("autoballoon='on'\nautoballoon='off'\n", false),
        ] {
            assert_eq!(takes_from_first(conf), expected, "{conf}");
        }
    }

    #[test]
    fn a_bridge_may_be_a_switch_with_more_in_its_name() {
        let text = "name='g1'\nvif=['bridge=br0', 'bridge=ovs0.99:7']\ndisk=['/srv/a,raw,xvda,w']";
        let definition = Definition::from_xl(text, Path::new("/g"), None, &Name::from_any("g1"));
        let needs = needs(definition.unwrap().xl().unwrap());
        let [disk, bridge, switch] = &needs[..] else { panic!("{needs:?}") };
        assert_eq!(
            (&disk[..], &bridge[..]),
            (&["/srv/a".to_owned()][..], &["/sys/class/net/br0".to_owned()][..])
        );
        assert_eq!(switch[..], ["/sys/class/net/ovs0.99:7", "/sys/class/net/ovs0"]);
    }
}
