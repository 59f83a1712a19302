use crate::word::Word;
use crate::{Error, Result};
use exec::{Deadline, Output, Tool, quoted};
use std::path::{Path, PathBuf};

/// What ssh returns when it did not get in.
const NO_WAY_IN: i32 = 255;

/// How ssh is to behave: nobody is asked anything, a host that is not known is not let in, and one that is gone is
/// noticed.
const OPTIONS: [&str; 10] = [
    "-o",
    "BatchMode=yes",
    "-o",
    "StrictHostKeyChecking=yes",
    "-o",
    "ConnectTimeout=15",
    "-o",
    "ServerAliveInterval=15",
    "-o",
    "ServerAliveCountMax=4",
];

/// A machine that is reached by ssh.
#[derive(Debug, Clone)]
pub struct Machine {
    user: Word,
    host: Word,
    port: u16,
    /// The file with the key, when it is not one that ssh finds by itself.
    identity: Option<PathBuf>,
}

impl Machine {
    /// The machine at `[USER@]HOST[:PORT]`.
    pub(crate) fn at(address: &str) -> Result<Self> {
        let wrong = || Error::Address { found: address.to_owned() };
        let (user, rest) = address.rsplit_once('@').unwrap_or(("root", address));
        let (host, port) = rest.split_once(':').unwrap_or((rest, "22"));
        let word = |text: &str| text.parse().map_err(|_| wrong());
        let port = port.parse().map_err(|_| wrong())?;
        Ok(Self { user: word(user)?, host: word(host)?, port, identity: None })
    }

    /// The same, with a file that has the key.
    pub(crate) fn with_identity(self, identity: Option<PathBuf>) -> Self {
        // ssh is run in another directory than this process.
        let identity = identity.map(|it| std::path::absolute(&it).unwrap_or(it));
        Self { identity, ..self }
    }

    /// Runs a program as root on the machine, and takes any exit code for an answer but ssh's own.
    pub(crate) fn ask(&self, words: &[&str], by: Deadline) -> Result<Output> {
        let words = self.as_root().into_iter().chain(words.iter().copied());
        let line: Vec<String> = words.map(quoted).collect();
        let silent = |source| Error::Silent { machine: self.to_string(), source };
        let output = Tool::new("ssh")
            .inherit_environment()
            .args(self.options())
            .args([&self.host.to_string(), "--", &line.join(" ")])
            .ends_with_us()
            .output(by)
            .map_err(silent)?;
        if output.status.code() == Some(NO_WAY_IN) {
            return Err(Error::NoWayIn { machine: self.to_string(), said: said(&output) });
        }
        Ok(output)
    }

    /// Runs a program as root on the machine and returns what it prints.
    pub(crate) fn run(&self, words: &[&str], by: Deadline) -> Result<String> {
        let output = self.ask(words, by)?;
        if output.status.success() {
            return Ok(output.text());
        }
        Err(Error::Remote {
            machine: self.to_string(),
            command: words.join(" "),
            said: said(&output),
        })
    }

    /// rsync, as it copies from this machine; the arguments that follow are its own.
    pub(crate) fn rsync(&self) -> Tool {
        let ssh: Vec<String> = self.options().iter().map(|it| quoted(it)).collect();
        let there = [self.as_root(), vec!["rsync"]].concat().join(" ");
        Tool::new("rsync")
            .inherit_environment()
            .arg(format!("--rsh=ssh {}", ssh.join(" ")))
            .arg(format!("--rsync-path={there}"))
            .ends_with_us()
    }

    /// A directory as rsync names it.
    pub(crate) fn directory(&self, path: &str) -> String {
        format!("{}:{}/", self.host, path.trim_end_matches('/'))
    }

    fn as_root(&self) -> Vec<&'static str> {
        if self.user.to_string() == "root" { Vec::new() } else { vec!["sudo", "-n"] }
    }

    fn options(&self) -> Vec<String> {
        let mut options: Vec<String> = OPTIONS.map(str::to_owned).into();
        options.extend(["-p".to_owned(), self.port.to_string()]);
        options.extend(["-l".to_owned(), self.user.to_string()]);
        let key = |path: &Path| ["-i".to_owned(), path.display().to_string()];
        options.extend(self.identity.as_deref().into_iter().flat_map(key));
        options
    }
}

fn said(output: &Output) -> String {
    output.error_text().trim().replace('\n', "; ")
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ssh://{}@{}:{}", self.user, self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_users_a_hosts_and_a_port() {
        for (given, meant) in
            [("web1", "ssh://root@web1:22"), ("admin@10.0.0.7:2222", "ssh://admin@10.0.0.7:2222")]
        {
            assert_eq!(Machine::at(given).unwrap().to_string(), meant);
        }
        for wrong in ["", "a b", "-oProxyCommand=x", "web:port", "web:99999", "u@", "$(x)@web"] {
            assert!(matches!(Machine::at(wrong), Err(Error::Address { .. })), "{wrong}");
        }
    }
}
