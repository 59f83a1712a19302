//! A guest's configuration file for xl.

mod disk;
mod syntax;

use super::{Definition, Disk, Document};
use crate::error::{Error, Result};
use crate::identity::{Identity, Name, Uuid};
use disk::disk;
use std::fmt;
use std::path::{Path, PathBuf};
use syntax::{Settings, Value, number};

/// How a guest of Xen is virtualized.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// By itself: it calls the hypervisor for what a machine would do.
    #[default]
    Pv,
    /// By the processor, without an emulated machine.
    Pvh,
    /// By the processor, with a machine that QEMU emulates.
    Hvm,
}

impl Kind {
    /// The kind of that name, as xl and libxl write it.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Pv, Self::Pvh, Self::Hvm].into_iter().find(|it| it.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pv => "pv",
            Self::Pvh => "pvh",
            Self::Hvm => "hvm",
        }
    }

    /// The capability of a host (`virt_caps` in `xl info`) without which it cannot have such guests.
    #[must_use]
    pub fn capability(self) -> &'static str {
        match self {
            Self::Pv => "pv",
            Self::Pvh | Self::Hvm => "hvm",
        }
    }

    /// What a host needs for such a guest that gets that memory, and has at most `most`, all in MiB, as libxl reckons it
    /// (`libxl_domain_need_memory`, `libxl_get_required_shadow_memory`): a little more in any case, and where the
    /// processor virtualizes it 256 pages of 4 KiB for each CPU, and two for each MiB. A device passed through, a stub
    /// domain or `shadow_memory` may take more.
    #[must_use]
    pub fn footprint(self, memory: u64, most: u64, cpus: u64) -> u64 {
        let overhead = match self {
            Self::Pv => 1,
            Self::Pvh | Self::Hvm => cpus.saturating_add(2 + most.div_ceil(128)),
        };
        memory.saturating_add(overhead)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().to_uppercase())
    }
}

/// A guest's configuration for xl, read as far as an agent needs to know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// The file that it is in; empty for one that was not read from a file.
    pub file: PathBuf,
    /// How the guest is virtualized.
    pub kind: Kind,
    /// The memory that its host needs for it, in MiB: [`Kind::footprint`].
    pub footprint: u64,
    /// Its disks.
    pub disks: Vec<Disk>,
    /// The bridges of the host that it is connected to. A script may read more into such a name than a bridge's:
    /// Xen's for Open vSwitch takes `ovsbr0.99` for the VLAN 99 of the switch `ovsbr0`.
    pub bridges: Vec<String>,
}

/// The domain that serves devices where none is named.
const FIRST_DOMAIN: [&str; 2] = ["0", "Domain-0"];

/// Xen's scripts that take what is said of a disk or a bridge as it is.
const PLAIN_SCRIPTS: [&str; 2] = ["block", "vif-bridge"];

/// Whether what is said of a device names something of the host: no other domain serves it, and no script makes
/// something else of it.
#[must_use]
pub fn is_of_host(backend: Option<&str>, script: Option<&str>) -> bool {
    let file = script.map(|script| script.rsplit('/').next().unwrap_or(script));
    backend.is_none_or(|domain| FIRST_DOMAIN.contains(&domain))
        && file.is_none_or(|file| PLAIN_SCRIPTS.contains(&file))
}

pub fn definition(
    text: &str,
    file: &Path,
    name: Option<&Name>,
    otherwise: &Name,
) -> Result<Definition> {
    let settings = Settings::read(text)?;
    let name = match (name, settings.text("name")?) {
        (Some(name), _) => name.clone(),
        (None, Some(name)) => Name::try_from(name)?,
        (None, None) => otherwise.clone(),
    };
    let uuid = match settings.text("uuid")? {
        Some(text) => Some(Uuid::parse(&text).ok_or_else(|| Error::Definition {
            what: format!("line {}: uuid {text:?} is no UUID", settings.line("uuid")),
        })?),
        None => None,
    };
    // What it may have beyond that it gets, if at all, when it runs.
    let most = settings.number("maxmem")?;
    let memory = settings.number("memory")?.or(most).unwrap_or_default();
    // xl takes what is none for none.
    let number = |key| settings.number(key).ok().flatten();
    let cpus = number("vcpus").max(number("maxvcpus")).unwrap_or(1);
    let kind = kind(&settings)?;
    let config = Config {
        file: file.to_owned(),
        kind,
        footprint: kind.footprint(memory, most.unwrap_or(memory), cpus),
        disks: settings.list("disk")?.iter().filter_map(|it| disk(it)).collect(),
        bridges: settings.list("vif")?.iter().filter_map(|it| bridge(it)).collect(),
    };
    let identity = Identity { name, uuid };
    Ok(Definition { identity, memory: memory << 20, document: Document::Xl(config) })
}

/// The text of one setting in a file of xl's, of which `xl.conf(5)` has the same form as a guest's; `None` where that
/// cannot be told.
#[must_use]
pub fn setting(file: &str, key: &str) -> Option<String> {
    Settings::read(file).ok()?.text(key).ok()?
}

/// `type`, or what came before that: `builder`.
fn kind(settings: &Settings) -> Result<Kind> {
    let Some(name) = settings.text("type")? else {
        let builder = settings.text("builder")?;
        return Ok(if builder.as_deref() == Some("hvm") { Kind::Hvm } else { Kind::Pv });
    };
    Kind::by_name(&name).ok_or_else(|| Error::Definition {
        what: format!("line {}: type {name:?} is none of pv, pvh, hvm", settings.line("type")),
    })
}

/// The bridge of the host that a network interface is connected to, by `xl-network-configuration(5)`.
fn bridge(specification: &str) -> Option<String> {
    let pairs = || specification.split(',').filter_map(|pair| pair.split_once('='));
    let value = |key| pairs().find(|(it, _)| it.trim() == key).map(|(_, value)| value.trim());
    let bridge = value("bridge")?.to_owned();
    is_of_host(value("backend"), value("script")).then_some(bridge)
}

impl Settings {
    fn text(&self, key: &str) -> Result<Option<String>> {
        self.of(key, "a text", |value| match value {
            Value::Text(text) => Some(text.clone()),
            Value::List(_) => None,
        })
    }

    fn number(&self, key: &str) -> Result<Option<u64>> {
        self.of(key, "a number", |value| match value {
            Value::Text(text) => number(text.trim()),
            Value::List(_) => None,
        })
    }

    fn list(&self, key: &str) -> Result<Vec<String>> {
        let found = self.of(key, "a list of texts", |value| match value {
            Value::List(list) => Some(list.clone()),
            Value::Text(_) => None,
        })?;
        Ok(found.unwrap_or_default())
    }

    fn of<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let what = || format!("line {}: {key} is not {expected}", self.line(key));
        read(value).map(Some).ok_or_else(|| Error::Definition { what: what() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Definition> {
        Definition::from_xl(text, Path::new("/srv/g1.cfg"), None, &Name::from_any("resource"))
    }

    #[test]
    fn what_matters_of_a_guest_is_found() {
        let definition = read(
            "# the first guest\nname = \"g1\"  # its name\nuuid='6b1f2a10-0000-4000-8000-0000000000a1'\n\
             type = \"pvh\"; memory = 0x60\nmaxmem='128'\nextra = \"a=b # c\"\n\
             vif = [ 'mac=00:16:3e:00:00:65, bridge=xenbr0',\n  \"type=vif\",\n\
             'bridge=br0,script=/etc/xen/scripts/vif-bridge', 'bridge=br1,script=vif-openvswitch',\n\
             'bridge=br2, backend=netvm', 'bridge=br3, backend=Domain-0' ]\n\
             disk = [ 'phy:/dev/vg/g1,xvda,w',\n 'format=raw, vdev=xvdb, access=rw, target=/srv/a, b.img',\n\
             '/srv/c.qcow2,qcow2,xvdc,rw', ',,hdc,cdrom' ]\non_crash='preserve'",
        )
        .unwrap();
        assert_eq!(definition.identity.name.as_str(), "g1");
        assert_eq!(definition.identity.uuid, Uuid::parse("6b1f2a10-0000-4000-8000-0000000000a1"));
        assert_eq!(definition.memory, 96 << 20);
        let config = definition.xl().unwrap();
        assert_eq!((config.kind, config.footprint), (Kind::Pvh, 96 + 2 + 1 + 1));
        assert_eq!(config.bridges, ["xenbr0", "br0", "br3"]);
        let paths: Vec<_> = config.disks.iter().filter_map(Disk::path).collect();
        assert_eq!(paths, ["/dev/vg/g1", "/srv/a, b.img", "/srv/c.qcow2"].map(Path::new));
    }

    #[test]
    fn an_older_file_has_a_builder_and_another_name_can_be_given() {
        let other = Name::from_any("g2");
        let text = "name='g1'\nbuilder='hvm'\n";
        let definition = Definition::from_xl(text, Path::new("/g1"), Some(&other), &other);
        let definition = definition.unwrap();
        assert_eq!(definition.identity.name, other);
        assert_eq!(definition.xl().unwrap().kind, Kind::Hvm);
        assert_eq!(read("").unwrap().identity.name.as_str(), "resource");
        assert_eq!(read("name='g1'").unwrap().xl().unwrap().kind, Kind::Pv);
        assert_eq!(read("name='g1'\nmaxmem=128").unwrap().memory, 128 << 20);
        assert_eq!(read("name=0x1\nmemory='0x10'").unwrap().identity.name.as_str(), "0x1");
        assert_eq!(read("name=0x1\nmemory='0x10'").unwrap().memory, 16 << 20);
    }

    #[test]
    fn what_xl_would_not_take_is_refused_with_its_line() {
        for (text, reason) in [
            ("name = \"x\nmemory=1", "line 1: a text without an end"),
            ("name = 'x'\n\nmemory 1", "line 3: expected ="),
            ("name = 'x'\nvif = [ 'a', 'b'\n", "line 3: a list without an end"),
            ("name = 'x'\ndisk = [ 'a' 'b' ]", "line 2: expected , or ]"),
            ("name = x", "line 1: expected a text, a number or a list"),
            ("name = 'x' 'y'", "line 1: expected the end of the line"),
            ("name='x'\n'y'", "line 2: expected the name of a setting"),
            ("name='x'\nmemory='much'", "line 2: memory is not a number"),
            ("name='x'\nvif='bridge=a'", "line 2: vif is not a list of texts"),
            ("name='x'\nuuid='1'", "line 2: uuid \"1\" is no UUID"),
            ("name='x'\ntype='xen'", "line 2: type \"xen\" is none of"),
            ("name='a/b'", "no possible guest name"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
