use crate::action::Verb;
use crate::code::{Code, Failure};
use crate::environment::PARAMETER;
use crate::parameter::Kind;
use std::io;

/// Ways in which a request can be wrong before an agent has done anything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A required parameter is not set, or empty.
    #[error("required parameter {parameter} is not set; set it to {expected}")]
    Missing {
        /// The parameter's name.
        parameter: &'static str,
        /// What its value must be.
        expected: Kind,
    },
    /// A parameter's value is not of its type.
    #[error("parameter {parameter} is {found:?}; set it to {expected}")]
    Invalid {
        /// The parameter's name.
        parameter: &'static str,
        /// The value's beginning.
        found: String,
        /// What the value must be.
        expected: Kind,
    },
    /// A variable's value is not UTF-8, which is all that a cluster configuration can hold.
    #[error("environment variable {variable} is {found:?}, which is not UTF-8; correct its value")]
    Encoding {
        /// The variable's name.
        variable: String,
        /// The value's beginning, what cannot be shown replaced.
        found: String,
    },
    /// Several parameters are wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several(Vec<Error>),
    /// No action was given.
    #[error("no action given; expected one of {expected}")]
    NoAction {
        /// The actions of the agent.
        expected: String,
    },
    /// The action's name is not one of the OCF API.
    #[error("unknown action {found:?}; expected one of {expected}")]
    UnknownAction {
        /// The name's beginning.
        found: String,
        /// The actions of the agent.
        expected: String,
    },
    /// The action is not in the agent's table.
    #[error("{agent} has no action {}; expected one of {expected}", .verb.name())]
    NotInTable {
        /// The agent's name.
        agent: &'static str,
        /// The action.
        verb: Verb,
        /// The actions of the agent.
        expected: String,
    },
    /// Standard output could not be written.
    #[error("cannot write to standard output; is its reader gone?")]
    Output(#[source] io::Error),
}

impl Failure for Error {
    /// [`Code::Configured`] for a parameter, as it is wrong on every node.
    fn code(&self) -> Code {
        match self {
            Self::Missing { .. } | Self::Invalid { .. } | Self::Several(_) => Code::Configured,
            Self::Encoding { variable, .. } if variable.starts_with(PARAMETER) => Code::Configured,
            Self::Encoding { .. } => Code::Arguments,
            Self::NoAction { .. } | Self::UnknownAction { .. } | Self::NotInTable { .. } => {
                Code::Unimplemented
            }
            Self::Output(_) => Code::Generic,
        }
    }
}
