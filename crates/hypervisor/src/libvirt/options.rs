//! The options of `virsh migrate`, which admins write into `migrate_options`.

use crate::error::{Error, Result};
use crate::migration::Options;
use virt::domain::MigrateParameters;
use virt::sys;

/// Options without a value, and libvirt's flag for each; 0 for what is the case anyway.
const FLAGS: &[(&str, sys::virDomainMigrateFlags)] = &[
    ("live", sys::VIR_MIGRATE_LIVE),
    ("p2p", sys::VIR_MIGRATE_PEER2PEER),
    ("tunnelled", sys::VIR_MIGRATE_TUNNELLED),
    ("persistent", sys::VIR_MIGRATE_PERSIST_DEST),
    ("copy-storage-all", sys::VIR_MIGRATE_NON_SHARED_DISK),
    ("copy-storage-inc", sys::VIR_MIGRATE_NON_SHARED_INC),
    ("copy-storage-synchronous-writes", sys::VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES),
    ("change-protection", sys::VIR_MIGRATE_CHANGE_PROTECTION),
    ("unsafe", sys::VIR_MIGRATE_UNSAFE),
    ("verbose", 0),
    ("compressed", sys::VIR_MIGRATE_COMPRESSED),
    ("auto-converge", sys::VIR_MIGRATE_AUTO_CONVERGE),
    ("rdma-pin-all", sys::VIR_MIGRATE_RDMA_PIN_ALL),
    ("abort-on-error", sys::VIR_MIGRATE_ABORT_ON_ERROR),
    ("postcopy", sys::VIR_MIGRATE_POSTCOPY),
    ("postcopy-after-precopy", sys::VIR_MIGRATE_POSTCOPY),
    ("zerocopy", sys::VIR_MIGRATE_ZEROCOPY),
    ("tls", sys::VIR_MIGRATE_TLS),
    ("parallel", sys::VIR_MIGRATE_PARALLEL),
    ("timeout-suspend", 0),
    ("timeout-postcopy", sys::VIR_MIGRATE_POSTCOPY),
];

/// Options with a value. Not among either: those that would leave another guest, or none, on the
/// target (`dname`, `suspend`, `offline`), for the cluster would lose the guest; `undefinesource`, for
/// an admin's definition stays; `postcopy-resume`, which is done where it helps; and `direct`, which no
/// driver can do that this agent is for.
const VALUES: &[&str] = &[
    "auto-converge-increment",
    "auto-converge-initial",
    "bandwidth",
    "comp-methods",
    "comp-mt-dthreads",
    "comp-mt-level",
    "comp-mt-threads",
    "comp-xbzrle-cache",
    "disks-port",
    "disks-uri",
    "graphicsuri",
    "listen-address",
    "migrate-disks",
    "migrateuri",
    "parallel-connections",
    "persistent-xml",
    "postcopy-bandwidth",
    "timeout",
    "tls-destination",
    "xml",
];

/// Reads options as `virsh migrate` takes them: `--tls --bandwidth 100 --migrateuri=tcp://…`.
///
/// # Errors
/// [`Error::Option`] names the first word that is not understood.
pub fn parse(text: &str) -> Result<Options> {
    let mut options = Options::default();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let wrong = || Error::Option { option: word.to_owned() };
        let name = word.strip_prefix("--").ok_or_else(wrong)?;
        let (name, inline) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (name, None),
        };
        if let Some((flag, _)) = FLAGS.iter().find(|(flag, _)| *flag == name) {
            if inline.is_some() {
                return Err(wrong());
            }
            options.flags.push(flag);
        } else if let Some(known) = VALUES.iter().find(|known| **known == name) {
            let value =
                inline.or_else(|| words.next()).filter(|it| !it.is_empty()).ok_or_else(wrong)?;
            options.values.push((known, value.to_owned()));
            // What must be a number is one, before a guest depends on it.
            parameters(&options)
                .map_err(|_| Error::Option { option: format!("{word} {value}") })?;
        } else {
            return Err(wrong());
        }
    }
    Ok(options)
}

/// libvirt's flags for the options.
pub fn flags(options: &Options) -> u32 {
    options
        .flags
        .iter()
        .filter_map(|name| FLAGS.iter().find(|(flag, _)| flag == name))
        .fold(0, |flags, (_, flag)| flags | flag)
}

/// libvirt's typed parameters for the options.
pub fn parameters(
    options: &Options,
) -> std::result::Result<MigrateParameters, std::num::ParseIntError> {
    let mut parameters = MigrateParameters::default();
    for (name, value) in &options.values {
        let text = || Some(value.clone());
        match *name {
            "auto-converge-increment" => parameters.auto_converge_increment = Some(value.parse()?),
            "auto-converge-initial" => parameters.auto_converge_initial = Some(value.parse()?),
            "bandwidth" => parameters.bandwidth = Some(value.parse()?),
            "comp-methods" => parameters.compression = text(),
            "comp-mt-dthreads" => parameters.compression_mt_dthreads = Some(value.parse()?),
            "comp-mt-level" => parameters.compression_mt_level = Some(value.parse()?),
            "comp-mt-threads" => parameters.compression_mt_threads = Some(value.parse()?),
            "comp-xbzrle-cache" => parameters.compression_xbzrle_cache = Some(value.parse()?),
            "disks-port" => parameters.disks_port = Some(value.parse()?),
            "disks-uri" => parameters.disks_uri = text(),
            "graphicsuri" => parameters.graphics_uri = text(),
            "listen-address" => parameters.listen_address = text(),
            "migrate-disks" => {
                parameters.migrate_disks = value.split(',').map(str::to_owned).collect();
            }
            "migrateuri" => parameters.uri = text(),
            "parallel-connections" => parameters.parallel_connections = Some(value.parse()?),
            "postcopy-bandwidth" => parameters.bandwidth_postcopy = Some(value.parse()?),
            "tls-destination" => parameters.tls_destination = text(),
            // What is made of it is not libvirt's, but it must be a number all the same.
            "timeout" => drop(value.parse::<u32>()?),
            _ => {}
        }
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virsh_s_options_are_understood() {
        let options =
            parse("--unsafe --p2p  --bandwidth 100 --migrateuri=tcp://n2 --timeout 60").unwrap();
        assert_eq!(flags(&options), sys::VIR_MIGRATE_UNSAFE | sys::VIR_MIGRATE_PEER2PEER);
        let parameters = parameters(&options).unwrap();
        assert_eq!(parameters.bandwidth, Some(100));
        assert_eq!(parameters.uri.as_deref(), Some("tcp://n2"));
        assert_eq!(options.value("timeout"), Some("60"));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for bad in [
            "--tsl",
            "tls",
            "--bandwidth",
            "--bandwidth fast",
            "--tls=yes",
            "--dname x",
            "-x",
            "--timeout=a",
        ] {
            let error = parse(bad).unwrap_err().to_string();
            assert!(error.contains(bad.split([' ', '=']).next().unwrap()), "{bad}: {error}");
        }
    }
}
