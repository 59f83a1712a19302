//! An agent as a process: its exit code, its standard output and its standard error.
//!
//! This program is both: with `OCF_ROOT` in its environment it is the agent, without it is the
//! tests, which start it again as the agent.

#![allow(clippy::unwrap_used, reason = "a test with a main of its own is not seen to be one")]

use exec::{Deadline, Output, Tool};
use ocf::{Action, Agent, Answer, Code, Failure, Parameter, Request, Verb};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

const LABEL: Parameter<String> = Parameter::string("label", "Label", "Any text.").required();

static AGENT: Agent = Agent {
    name: "sample",
    version: "0.1",
    shortdesc: "A sample",
    longdesc: "Fails in every way.",
    parameters: &[&LABEL],
    actions: &[
        Action::new(Verb::Start, 20),
        Action::new(Verb::Stop, 20),
        Action::new(Verb::Monitor, 20).every(10),
        Action::new(Verb::MetaData, 5),
        Action::new(Verb::ValidateAll, 5),
    ],
};

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Ocf(#[from] ocf::Error),
    #[error("cannot stop the guest\nat all")]
    Stop(#[source] std::num::ParseIntError),
}

impl Failure for Error {
    fn code(&self) -> Code {
        match self {
            Self::Ocf(error) => error.code(),
            Self::Stop(_) => Code::Generic,
        }
    }
}

fn perform(request: &Request) -> Result<Answer, Error> {
    match request.verb() {
        Verb::Start => panic!("label is {:?}", LABEL.get(request)?),
        Verb::Stop => {
            "x".parse::<u8>().map_err(Error::Stop)?;
            Ok(Answer::Success)
        }
        Verb::Monitor if request.is_probe() => Ok(Answer::NotRunning { reason: None }),
        Verb::Monitor => Ok(Answer::Degraded { reason: "it is slow".to_owned() }),
        _ => Ok(Answer::Success),
    }
}

fn main() -> ExitCode {
    if std::env::var_os("OCF_ROOT").is_some() {
        return ocf::main(&AGENT, perform);
    }
    answers_have_their_codes();
    a_failure_has_its_code_and_one_line();
    a_panic_is_a_generic_failure();
    validation_comes_before_validate_all_only();
    what_is_no_action_is_unimplemented();
    a_stream_that_cannot_be_written_is_no_panic();
    meta_data_and_usage_are_the_whole_output();
    ExitCode::SUCCESS
}

fn agent(arguments: &[&str]) -> Tool {
    let program = std::env::current_exe().unwrap();
    Tool::new(program).args(arguments).env("OCF_ROOT", "/usr/lib/ocf")
}

fn run(tool: Tool) -> Output {
    tool.output(Deadline::after(Duration::from_secs(20))).unwrap()
}

/// Asserts an exit code and the reason that is all of the output.
fn assert_ends(tool: Tool, code: i32, reason: &str) {
    let output = run(tool);
    let text = output.error_text();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(output.text(), "");
    let expected =
        if reason.is_empty() { String::new() } else { format!("ocf-exit-reason:{reason}\n") };
    assert_eq!(text, expected);
}

fn answers_have_their_codes() {
    let monitor = || agent(&["monitor", "ignored"]);
    assert_ends(monitor().env("OCF_RESKEY_CRM_meta_interval", "0"), 7, "");
    assert_ends(monitor(), 190, "it is slow");
    assert_ends(agent(&["validate-all"]).env("OCF_RESKEY_label", "a"), 0, "");
}

fn a_failure_has_its_code_and_one_line() {
    let reason = "cannot stop the guest at all: invalid digit found in string";
    assert_ends(agent(&["stop"]), 1, reason);
    let prefixed = run(agent(&["stop"]).env("OCF_EXIT_REASON_PREFIX", "why:"));
    assert_eq!(prefixed.error_text(), format!("why:{reason}\n"));
}

fn a_panic_is_a_generic_failure() {
    let reason = "the agent has a defect, please report it: label is Some(\"a b\")";
    assert_ends(agent(&["start"]).env("OCF_RESKEY_label", "a b"), 1, reason);
}

fn validation_comes_before_validate_all_only() {
    let reason = "required parameter label is not set; set it to a text";
    assert_ends(agent(&["validate-all"]), 6, reason);
    assert_ends(agent(&["monitor"]), 190, "it is slow");
}

fn what_is_no_action_is_unimplemented() {
    let actions = "expected one of start, stop, monitor, meta-data, validate-all";
    assert_ends(agent(&["bogus\n"]), 3, &format!("unknown action \"bogus\"; {actions}"));
    assert_ends(agent(&["promote"]), 3, &format!("sample has no action promote; {actions}"));
    let none = run(agent(&[]));
    assert_eq!((none.status.code(), none.text().as_str()), (Some(3), ""));
    let text = none.error_text();
    assert!(text.starts_with("ocf-exit-reason:no action given; expected"), "{text}");
    assert!(text.contains("\nUsage: sample ACTION\n"), "{text}");
}

fn a_stream_that_cannot_be_written_is_no_panic() {
    for action in ["meta-data", "--help", "stop", "bogus"] {
        let mut child = agent(&[action]).spawn(Some(Path::new("/dev/full"))).unwrap();
        let status = child.wait(Deadline::after(Duration::from_secs(20))).unwrap();
        let expected = if action == "bogus" { 3 } else { 1 };
        assert_eq!(status.code(), Some(expected), "{action}");
    }
}

fn meta_data_and_usage_are_the_whole_output() {
    for (action, beginning) in [("meta-data", "<?xml "), ("-h", "Usage: "), ("usage", "Usage: ")] {
        let output = run(agent(&[action]));
        assert_eq!((output.status.code(), output.error_text().as_str()), (Some(0), ""), "{action}");
        assert!(output.text().starts_with(beginning), "{action}: {}", output.text());
    }
}
