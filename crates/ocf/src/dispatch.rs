use crate::action::Verb;
use crate::agent::Agent;
use crate::code::{Answer, Code, Failure};
use crate::environment::Environment;
use crate::error::Error;
use crate::line::{chain, excerpt, line};
use crate::log;
use crate::metadata::metadata;
use crate::request::{Request, probes};
use crate::usage::usage;
use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::time::Instant;

/// The longest exit reason, in characters; it goes through the cluster's configuration to every
/// node.
const REASON: usize = 1000;

/// How a dispatched action ended: its exit code, and what the administrator is told.
struct Outcome {
    code: Code,
    reason: Option<String>,
}

/// Does what the cluster manager asks of this process: the whole `main` of an agent.
///
/// The first argument is the action, others are ignored. `meta-data` and usage are answered here,
/// to standard output. Before `validate-all` is passed on, every parameter is checked; before any
/// other action nothing is, because a stop and a monitor must work with a broken configuration.
/// Whatever goes wrong, a panic included, ends in a code of [`Code`] and exactly one line with the
/// reason on standard error.
pub fn main<E: Failure>(
    agent: &'static Agent,
    perform: fn(&Request) -> Result<Answer, E>,
) -> ExitCode {
    let started = Instant::now();
    let environment = Environment::of_process();
    let prefix = environment.optional("OCF_EXIT_REASON_PREFIX").unwrap_or("ocf-exit-reason:");
    let prefix = prefix.to_owned();
    log::open(agent.name, &environment);
    panic::set_hook(Box::new(|panic| log::error(panic)));

    let argument = std::env::args_os().nth(1);
    let usage_wanted = argument.is_none();
    let defect = defect_code(argument.as_deref(), &environment);
    let run = AssertUnwindSafe(|| dispatch(agent, argument, environment, started, perform));
    let outcome = panic::catch_unwind(run).unwrap_or_else(|payload| panicked(&*payload, defect));
    if let Some(reason) = &outcome.reason {
        explain(&prefix, reason, outcome.code);
    }
    if usage_wanted {
        to_stderr(&usage(agent));
    }
    outcome.code.into()
}

fn dispatch<E: Failure>(
    agent: &'static Agent,
    argument: Option<OsString>,
    environment: Environment,
    started: Instant,
    perform: fn(&Request) -> Result<Answer, E>,
) -> Outcome {
    let request = match prepare(agent, argument, environment, started) {
        Ok(Some(request)) => request,
        Ok(None) => return Outcome { code: Code::Success, reason: None },
        Err(error) => return failed(&error),
    };
    match perform(&request) {
        Ok(Answer::Relayed { code, reason }) => {
            to_stderr(&reason);
            Outcome { code, reason: None }
        }
        Ok(answer) => Outcome { code: answer.code(), reason: answer.reason().map(str::to_owned) },
        Err(error) => failed(&error),
    }
}

/// The request that the agent must perform; `None` when it was answered from the tables.
fn prepare(
    agent: &'static Agent,
    argument: Option<OsString>,
    environment: Environment,
    started: Instant,
) -> Result<Option<Request>, Error> {
    let verb = verb(agent, argument)?;
    match verb {
        Verb::MetaData => to_stdout(&metadata(agent)).map(|()| None),
        Verb::Usage => to_stdout(&usage(agent)).map(|()| None),
        verb => {
            let action = agent.action(verb).ok_or_else(|| Error::NotInTable {
                agent: agent.name,
                verb,
                expected: agent.action_names(),
            })?;
            let request = Request::new(action, environment, started)?;
            if verb == Verb::ValidateAll {
                agent.check(&request)?;
            }
            Ok(Some(request))
        }
    }
}

fn verb(agent: &Agent, argument: Option<OsString>) -> Result<Verb, Error> {
    let expected = || agent.action_names();
    let argument = argument.ok_or_else(|| Error::NoAction { expected: expected() })?;
    argument.to_str().and_then(Verb::from_name).ok_or_else(|| Error::UnknownAction {
        found: excerpt(&argument.to_string_lossy()),
        expected: expected(),
    })
}

fn failed(error: &impl Failure) -> Outcome {
    Outcome { code: error.code(), reason: Some(chain(error)) }
}

/// What an action answers that the agent itself fails at: an error, but in a probe not
/// [`Code::Generic`], for which Pacemaker stops a healthy resource elsewhere.
fn defect_code(argument: Option<&OsStr>, environment: &Environment) -> Code {
    let monitor = argument.is_some_and(|it| it == Verb::Monitor.name());
    if monitor && probes(environment) { Code::Installed } else { Code::Generic }
}

fn panicked(payload: &(dyn Any + Send), code: Code) -> Outcome {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let reason = format!("the agent has a defect, please report it: {message}");
    Outcome { code, reason: Some(reason) }
}

/// Tells the administrator why: to the cluster manager on standard error, and to the log.
fn explain(prefix: &str, reason: &str, code: Code) {
    let reason = line(reason, REASON);
    match code {
        Code::NotRunning | Code::Degraded => log::warn(&reason),
        _ => log::error(&reason),
    }
    to_stderr(&format!("{}{reason}\n", line(prefix, REASON)));
}

fn to_stdout(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::Output)
}

fn to_stderr(text: &str) {
    // Standard error is the last place to complain; the exit code says the rest.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
