use crate::error::{Error, Result};
use exec::{Tool, quoted};

/// How xl gets to another host where nothing else is said: nobody is there to answer a question, a host that has
/// fallen silent is given up after 15 s, and what is asked of a host within 30 s goes through one connection. How
/// long that may take to come about is for whoever asks to say: ssh's own limit is for its key exchange too, which
/// takes a busy host many seconds.
pub const DEFAULT_TRANSPORT: &str = "ssh -oBatchMode=yes -oServerAliveInterval=5 \
     -oControlMaster=auto -oControlPersist=30 -oControlPath=/run/hawser-xl/%C";

/// Whether that is an address of xl's.
///
/// # Errors
/// [`Error::Address`] when it is not.
pub fn check(uri: &str) -> Result<()> {
    Address::parse(uri).map(drop)
}

/// Which host's toolstack is meant, and how to get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The other host; this one without.
    host: Option<String>,
    /// The command that runs another one on a host, with its arguments.
    transport: Vec<String>,
}

impl Address {
    /// Reads `xl://[HOST]/[?transport=COMMAND]`.
    ///
    /// xl itself gives the transport and the host to a shell. So nothing is taken that means anything to one.
    pub fn parse(uri: &str) -> Result<Self> {
        let bad = || Error::Address { uri: uri.to_owned() };
        let rest = uri.strip_prefix("xl://").ok_or_else(bad)?;
        let (host, rest) = rest.split_once('/').ok_or_else(bad)?;
        let transport = match rest {
            "" => DEFAULT_TRANSPORT,
            rest => rest.strip_prefix("?transport=").ok_or_else(bad)?,
        };
        let transport: Vec<String> = transport.split_whitespace().map(str::to_owned).collect();
        let is_plain = |word: &str| !word.is_empty() && word.chars().all(is_plain);
        let host = Some(host.to_owned()).filter(|host| !host.is_empty());
        let names_host = host.as_ref().is_none_or(|host| is_plain(host) && !host.starts_with('-'));
        if !names_host || transport.is_empty() || !transport.iter().all(|word| is_plain(word)) {
            return Err(bad());
        }
        Ok(Self { host, transport })
    }

    /// Whether this host is meant.
    pub fn is_here(&self) -> bool {
        self.host.is_none()
    }

    /// The other host, and the command that gets there.
    pub fn there(&self) -> Option<(&str, String)> {
        self.host.as_deref().map(|host| (host, self.transport.join(" ")))
    }

    /// A program to be run on that host.
    pub fn tool(&self, program: &str, arguments: &[&str]) -> Tool {
        match (&self.host, self.transport.split_first()) {
            (Some(host), Some((transport, options))) => {
                let words = arguments.iter().map(|word| quoted(word));
                Tool::new(transport).args(options).arg(host).arg(program).args(words)
            }
            _ => Tool::new(program).args(arguments),
        }
    }
}

/// What is no word of its own to any shell, and is part of no other one's.
fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_./=:@,+%[]".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_way_to_it() {
        assert!(Address::parse("xl:///").unwrap().is_here());
        let there = |uri: &str| {
            let address = Address::parse(uri).unwrap();
            address.there().map(|(host, way)| (host.to_owned(), way)).unwrap()
        };
        assert_eq!(there("xl://n2/"), ("n2".to_owned(), DEFAULT_TRANSPORT.to_owned()));
        let (host, way) = there("xl://root@[fe80::1]/?transport=/usr/sbin/rsh  -p 22");
        assert_eq!((host.as_str(), way.as_str()), ("root@[fe80::1]", "/usr/sbin/rsh -p 22"));
    }

    #[test]
    fn nothing_is_an_address_that_a_shell_would_run() {
        for bad in [
            "xl://n2",
            "xl://n2;reboot/",
            "xl://$(reboot)/",
            "xl://-oProxyCommand=x/",
            "xl://n2/?transport=",
            "xl://n2/?transport=ssh `reboot`",
            "xl://n2/?via=ssh",
            "qemu:///system",
        ] {
            let error = Address::parse(bad).unwrap_err();
            assert!(matches!(error, Error::Address { .. }), "{bad}");
            assert!(error.to_string().contains("in letters, digits and -_./"), "{error}");
        }
    }
}
