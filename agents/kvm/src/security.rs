//! Migrations whose memory stream is encrypted, and not only the connection between the daemons.

use crate::config::Config;
use crate::error::Error;
use hypervisor::Options;

/// How a migration is to be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// As the other parameters say.
    AsGiven,
    /// Both connections with TLS.
    Tls,
    /// Both through ssh.
    Ssh,
}

impl Security {
    pub fn by_name(name: &str) -> Result<Self, String> {
        match name {
            "" | "none" => Ok(Self::AsGiven),
            "tls" => Ok(Self::Tls),
            "ssh" => Ok(Self::Ssh),
            other => Err(other.to_owned()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::AsGiven => "none",
            Self::Tls => "tls",
            Self::Ssh => "ssh",
        }
    }

    /// The transports between the daemons that are as secure as that.
    fn transports(self) -> &'static [&'static str] {
        match self {
            Self::AsGiven => &[],
            Self::Tls => &["tls"],
            Self::Ssh => &["ssh", "libssh", "libssh2"],
        }
    }

    /// Options that cannot be had with it: what does not go through the tunnel would go in the clear, and
    /// disks libvirt cannot send through one.
    fn excludes(self, option: &str) -> bool {
        self == Self::Ssh
            && (option.starts_with("copy-storage")
                || option.starts_with("postcopy")
                || ["parallel", "tls", "zerocopy", "timeout-postcopy"].contains(&option))
    }
}

/// How the target's daemon is reached and what else is asked of it, once that is secure enough.
#[derive(Debug)]
pub struct Secured {
    pub transport: String,
    pub options: Options,
}

/// Adds what the security asks for to what else is asked for of a migration.
pub fn secure(config: &Config) -> Result<Secured, Error> {
    let mut options = config.migrate_options.clone().map_err(Error::MigrateOptions)?;
    let security = config.migration_security.clone();
    let security = security.map_err(|found| Error::MigrationSecurity { found })?;
    let mut transport = config.migration_transport.clone();
    let against = |with: String| Error::Insecure { security: security.name(), with };
    if let Some(first) = security.transports().first() {
        if transport.is_empty() {
            transport = (*first).to_owned();
        }
        let remote = config.remoteuri.as_str();
        let given = match remote.split_once("://") {
            // libvirt's own default for another host is TLS.
            Some((scheme, _)) => scheme.split_once('+').map_or("tls", |(_, transport)| transport),
            None if remote.is_empty() => &transport,
            // An alias from libvirt.conf, which can be anything.
            None => return Err(against(format!("the remoteuri {remote}"))),
        };
        if [remote, &config.settings.key.uri].iter().any(|uri| uri.contains("no_verify")) {
            return Err(against("no_verify in remoteuri or hypervisor".to_owned()));
        }
        if !security.transports().contains(&given) {
            return Err(against(format!("the transport {given}")));
        }
    }
    if let Some(option) = options.flags.iter().find(|option| security.excludes(option)) {
        return Err(against(format!("--{option} in migrate_options")));
    }
    let elsewhere = !config.migrateuri.is_empty() || options.value("migrateuri").is_some();
    if security == Security::Ssh && elsewhere {
        return Err(against("migrateuri: through ssh there is no other address".to_owned()));
    }
    match security {
        Security::Tls if !options.has("tunnelled") => add(&mut options, "tls"),
        Security::Ssh => add(&mut options, "tunnelled"),
        Security::Tls | Security::AsGiven => {}
    }
    Ok(Secured { transport, options })
}

fn add(options: &mut Options, option: &'static str) {
    if !options.has(option) {
        options.flags.push(option);
    }
}
