//! One call of an agent, and how it ended.

use assert_cmd::Command;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::{Duration, Instant};

/// The codes of the OCF resource agent API that an agent without roles can give.
const CODES: [i32; 9] = [0, 1, 2, 3, 4, 5, 6, 7, 190];

/// One call of the agent.
pub struct Call {
    command: Command,
    action: String,
    limit: Duration,
}

impl Call {
    /// The action of that program with nothing in its environment.
    pub(crate) fn new(program: &Path, action: &str) -> Self {
        let mut command = Command::new(program);
        command.env_clear().arg(action).current_dir("/");
        Self { command, action: action.to_owned(), limit: Duration::from_secs(20) }
    }

    /// Sets a variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets a parameter.
    pub fn set(self, parameter: &str, value: impl AsRef<OsStr>) -> Self {
        self.env(format!("OCF_RESKEY_{parameter}"), value)
    }

    /// Leaves a parameter unset.
    pub fn unset(mut self, parameter: &str) -> Self {
        self.command.env_remove(format!("OCF_RESKEY_{parameter}"));
        self
    }

    /// What Pacemaker gives the agent for the action, in milliseconds: the call fails when it is late.
    pub fn timeout(mut self, milliseconds: u64) -> Self {
        self.limit = Duration::from_millis(milliseconds);
        self.set("CRM_meta_timeout", OsString::from(milliseconds.to_string()))
    }

    /// Makes the call, and sees to it that it is one by the contract.
    pub fn run(mut self) -> Ended {
        let begun = Instant::now();
        let output = self.command.timeout(self.limit).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let told = format!(
            "{} gave {} after {:?}: {stderr:?}",
            self.action,
            output.status,
            begun.elapsed()
        );
        let code = output.status.code().unwrap_or_else(|| panic!("killed as late: {told}"));
        assert!(CODES.contains(&code), "{told}");
        assert!(!stderr.contains("panic") && !stderr.contains("a defect"), "{told}");
        assert_eq!(stdout, "", "{told}");
        // What does not run is no failure, so it may be said without a reason.
        if code == 0 || (code == 7 && stderr.is_empty()) {
            assert_eq!(stderr, "", "{told}");
        } else {
            let reason =
                stderr.strip_prefix("ocf-exit-reason:").and_then(|it| it.strip_suffix('\n'));
            assert!(reason.is_some_and(|it| !it.is_empty() && !it.contains('\n')), "{told}");
        }
        Ended { code, stderr, told }
    }

    /// Makes the call and asserts its code.
    pub fn gives(self, code: i32) -> Ended {
        let ended = self.run();
        assert_eq!(ended.code, code, "{}", ended.told);
        ended
    }
}

/// How a call ended.
pub struct Ended {
    code: i32,
    /// What was told.
    pub stderr: String,
    told: String,
}

impl Ended {
    /// Asserts what the administrator is told.
    pub fn because(self, words: &str) {
        assert!(self.stderr.contains(words), "{words:?} is not in what was told: {}", self.told);
    }

    /// Asserts that the code is one of several.
    pub fn is_one_of(&self, codes: &[i32]) {
        assert!(codes.contains(&self.code), "none of {codes:?}: {}", self.told);
    }
}
