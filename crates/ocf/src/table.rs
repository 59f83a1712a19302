use crate::action::Verb;
use crate::agent::Agent;
use crate::environment::Environment;
use crate::error::Error;

/// The actions that every agent must have, by the OCF API and for the tools that read meta-data.
const MANDATORY: &[Verb] =
    &[Verb::Start, Verb::Stop, Verb::Monitor, Verb::MetaData, Verb::ValidateAll];

/// What is wrong with an agent's tables, for the agent's tests: each entry is a sentence.
///
/// The compiler sees to the types; this sees that names are usable and unique, that defaults are
/// valid values of their own type, that mandatory actions are there and actions that need each
/// other come together, and that several monitors have different intervals.
#[must_use]
pub fn table_problems(agent: &Agent) -> Vec<String> {
    let mut problems = parameter_problems(agent);
    let has = |verb: Verb| agent.action(verb).is_some();
    for verb in MANDATORY.iter().filter(|verb| !has(**verb)) {
        problems.push(format!("the action {} is missing", verb.name()));
    }
    if has(Verb::MigrateTo) != has(Verb::MigrateFrom) {
        problems.push("of migrate_to and migrate_from one is missing".to_owned());
    }
    let reloadable = agent.parameters.iter().any(|it| it.description().reloadable);
    if reloadable != has(Verb::ReloadAgent) {
        problems
            .push("reloadable parameters and the action reload-agent need each other".to_owned());
    }
    for (position, action) in agent.actions.iter().enumerate() {
        let same = |it: &crate::Action| (it.verb, it.interval) == (action.verb, action.interval);
        if agent.actions[..position].iter().any(same) {
            problems.push(format!("two rows of {} have the same interval", action.verb.name()));
        }
    }
    problems
}

fn parameter_problems(agent: &Agent) -> Vec<String> {
    let mut problems = Vec::new();
    for (position, parameter) in agent.parameters.iter().enumerate() {
        let name = parameter.description().name;
        if name.is_empty() || !name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_') {
            problems.push(format!("the parameter name {name:?} is no name of a variable"));
        }
        if agent.parameters[..position].iter().any(|it| it.description().name == name) {
            problems.push(format!("two parameters have the name {name}"));
        }
        match parameter.check(&Environment::default()) {
            Ok(()) | Err(Error::Missing { .. }) => {}
            Err(error) => problems.push(format!("the default is invalid: {error}")),
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{SAMPLE, SPEED};
    use crate::{Action, Parameter};

    static BROKEN: Agent = Agent {
        parameters: &[&SPEED, &SPEED, &Parameter::integer("a-b", "", "").default("many")],
        actions: &[
            Action::new(Verb::Start, 1),
            Action::new(Verb::Stop, 1),
            Action::new(Verb::Monitor, 1).every(10),
            Action::new(Verb::Monitor, 1).every(10).depth(10),
            Action::new(Verb::MetaData, 1),
            Action::new(Verb::MigrateTo, 1),
        ],
        ..SAMPLE
    };

    #[test]
    fn a_sound_agent_has_no_problems() {
        assert_eq!(table_problems(&SAMPLE), Vec::<String>::new());
    }

    #[test]
    fn each_problem_is_told() {
        let problems = table_problems(&BROKEN).join("\n");
        for expected in [
            "two parameters have the name speed",
            "\"a-b\" is no name",
            "parameter a-b is \"many\"",
            "validate-all is missing",
            "migrate_to and migrate_from",
            "reload-agent need each other",
            "two rows of monitor",
        ] {
            assert!(problems.contains(expected), "{expected} is not in\n{problems}");
        }
        assert_eq!(problems.lines().count(), 7, "{problems}");
    }
}
