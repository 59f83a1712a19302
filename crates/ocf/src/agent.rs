use crate::action::{Action, Verb};
use crate::error::Error;
use crate::parameter::Describe;
use crate::request::Request;

/// Everything that Pacemaker is told about one agent: a `static` in the agent.
pub struct Agent {
    /// The OCF type, which is the name of the agent's file.
    pub name: &'static str,
    /// The agent's own version; that of the OCF API is 1.1.
    pub version: &'static str,
    /// What the agent manages, in a few words.
    pub shortdesc: &'static str,
    /// What the agent does, in a few paragraphs.
    pub longdesc: &'static str,
    /// The parameters, in the order in which they are described.
    pub parameters: &'static [&'static dyn Describe],
    /// The actions, in the order in which they are described. An action that is not here does not
    /// exist.
    pub actions: &'static [Action],
}

impl Agent {
    /// Checks every parameter strictly, as `validate-all` does.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Invalid`] or [`Error::Encoding`]; [`Error::Several`] of them
    /// when more than one parameter is wrong.
    pub fn check(&self, request: &Request) -> Result<(), Error> {
        let mut errors: Vec<Error> = self
            .parameters
            .iter()
            .filter_map(|parameter| parameter.check(request.environment()).err())
            .collect();
        match errors.pop() {
            None => Ok(()),
            Some(only) if errors.is_empty() => Err(only),
            Some(last) => {
                errors.push(last);
                Err(Error::Several(errors))
            }
        }
    }

    /// The first row of an action.
    pub(crate) fn action(&self, verb: Verb) -> Option<&Action> {
        self.actions.iter().find(|action| action.verb == verb)
    }

    /// The names of the actions, for a message.
    pub(crate) fn action_names(&self) -> String {
        let mut names: Vec<&str> = self.actions.iter().map(|action| action.verb.name()).collect();
        names.dedup();
        names.join(", ")
    }
}
