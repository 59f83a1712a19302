use std::process::ExitCode;

/// The exit codes of the OCF resource agent API 1.1; there are no others.
///
/// What Pacemaker makes of a code depends on the action: a probe must answer [`Code::Success`],
/// [`Code::NotRunning`] or [`Code::Installed`], for any other code restarts or stops a healthy
/// resource elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// The action succeeded; for a monitor, the resource runs.
    Success = 0,
    /// Any failure that no other code describes. Tried again, possibly on another node.
    Generic = 1,
    /// The request makes no sense on this node.
    Arguments = 2,
    /// The agent does not know the action.
    Unimplemented = 3,
    /// The agent lacks a privilege on this node.
    Permission = 4,
    /// Something the resource needs is not installed on this node.
    Installed = 5,
    /// The configuration is wrong on every node; Pacemaker stops the resource everywhere.
    Configured = 6,
    /// The resource is cleanly stopped.
    NotRunning = 7,
    /// The resource runs in the promoted role.
    Promoted = 8,
    /// The resource failed in the promoted role.
    FailedPromoted = 9,
    /// The resource runs, but something about it is likely to fail.
    Degraded = 190,
    /// The resource runs in the promoted role, but something about it is likely to fail.
    DegradedPromoted = 191,
}

impl Code {
    const ALL: [Self; 12] = [
        Self::Success,
        Self::Generic,
        Self::Arguments,
        Self::Unimplemented,
        Self::Permission,
        Self::Installed,
        Self::Configured,
        Self::NotRunning,
        Self::Promoted,
        Self::FailedPromoted,
        Self::Degraded,
        Self::DegradedPromoted,
    ];

    /// The code of that number; `None` for a number that is no OCF code.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|code| *code as i32 == number)
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// What an action that did not fail has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The action is done; for a monitor, the resource runs.
    Success,
    /// The resource is cleanly stopped: an answer to a monitor, not a failure.
    NotRunning {
        /// Why it does not run, when that is worth telling the administrator.
        reason: Option<String>,
    },
    /// The resource runs, but needs attention.
    Degraded {
        /// What is wrong with it.
        reason: String,
    },
    /// Another program of the agent has done the action, and logged what there was to log.
    Relayed {
        /// Its exit code.
        code: Code,
        /// What it wrote to standard error: nothing, or the line with the exit reason.
        reason: String,
    },
}

impl Answer {
    /// The exit code that tells this answer to the cluster manager.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Success => Code::Success,
            Self::NotRunning { .. } => Code::NotRunning,
            Self::Degraded { .. } => Code::Degraded,
            Self::Relayed { code, .. } => *code,
        }
    }

    /// What the administrator is to be told beside the code.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Success | Self::Relayed { .. } => None,
            Self::NotRunning { reason } => reason.as_deref(),
            Self::Degraded { reason } => Some(reason),
        }
    }
}

/// An error that knows its exit code.
///
/// Its message, followed by those of its sources, becomes the exit reason that `crm_mon` and `pcs`
/// show.
pub trait Failure: std::error::Error {
    /// The exit code that tells this failure to the cluster manager.
    fn code(&self) -> Code;
}
