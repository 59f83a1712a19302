//! An agent for the tests.

use crate::{Action, Agent, Parameter, Verb};
use std::path::PathBuf;

pub const CONFIG: Parameter<PathBuf> =
    Parameter::path("config", "File", "A <file> & its \"name\".").required().unique();
pub const SPEED: Parameter<u64> =
    Parameter::integer("speed", "Speed", "MiB/s.").range(0, 65535).default("0").reloadable();
pub const FORCE: Parameter<bool> = Parameter::boolean("force", "Force", "Whether.").default("true");
pub const LABEL: Parameter<String> =
    Parameter::string("label", "Label", "Any text.").default("a \"b\" <c>");
pub const SCRIPTS: Parameter<Vec<String>> = Parameter::list("scripts", "Scripts", "Programs.");

pub static SAMPLE: Agent = Agent {
    name: "sample",
    version: "0.1",
    shortdesc: "A sample <agent>",
    longdesc: "Does nothing & says so.\n\nTwice.",
    parameters: &[&CONFIG, &SPEED, &FORCE, &LABEL, &SCRIPTS],
    actions: &[
        Action::new(Verb::Start, 90),
        Action::new(Verb::Stop, 90),
        Action::new(Verb::Monitor, 30).every(10).depth(0),
        Action::new(Verb::Monitor, 60).every(60).depth(10),
        Action::new(Verb::MigrateTo, 1200),
        Action::new(Verb::MigrateFrom, 60),
        Action::new(Verb::ReloadAgent, 30),
        Action::new(Verb::MetaData, 5),
        Action::new(Verb::ValidateAll, 5),
    ],
};
