use crate::capture::Capture;
use crate::child::{Child, pid_of};
use crate::deadline::Deadline;
use crate::session::Session;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Where programs are looked up, in this order. An inherited `PATH` is never used: Pacemaker, pcs
/// and Heartbeat each give another one, or none.
pub const SEARCH_PATH: &[&str] =
    &["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];

/// How often the output of a program that runs is shown to who follows it.
const SHOW_INTERVAL: Duration = Duration::from_millis(200);

/// How long a finished program's output is waited for when a grandchild keeps the pipe open.
const OUTPUT_GRACE: Duration = Duration::from_millis(200);

/// Ways in which running a program can fail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No such executable in [`SEARCH_PATH`], or at the absolute path that was given.
    #[error("program {program} not found (looked in {})", SEARCH_PATH.join(":"))]
    Missing {
        /// What was looked for.
        program: String,
    },
    /// The kernel refused to start the program.
    #[error("cannot start {program}")]
    Start {
        /// The program's path.
        program: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The program was still running at its deadline; it and its session were killed.
    #[error("{program} did not end in time and was killed{}", quoted(.stderr))]
    Late {
        /// The program's path.
        program: String,
        /// What it had written to stderr, as text.
        stderr: String,
    },
    /// The program ended with another exit code than 0, or by a signal.
    #[error("{program} failed with {}{}", ending(*.status), quoted(.stderr))]
    Failed {
        /// The program's path.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to stderr, as text.
        stderr: String,
    },
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

fn quoted(stderr: &str) -> String {
    match stderr.trim() {
        "" => String::new(),
        text => format!(": {}", text.replace('\n', "; ")),
    }
}

/// What a program that ended left behind.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, at most 1 MiB.
    pub stdout: Vec<u8>,
    /// Its standard error, at most 1 MiB.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Standard output as text; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn error_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// A program to be run, with its arguments.
#[derive(Debug, Clone)]
pub struct Tool {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    input: Vec<u8>,
    session: Session,
}

impl Tool {
    /// A program by its name, looked up in [`SEARCH_PATH`], or by its absolute path.
    #[must_use]
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: None,
            input: Vec::new(),
            session: Session::Own,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable. Without this a program sees `PATH`, `LC_ALL=C` and nothing else.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Gives the program this process's own environment, under what else is set.
    #[must_use]
    pub fn inherit_environment(mut self) -> Self {
        self.environment.splice(0..0, std::env::vars_os());
        self
    }

    /// Runs the program in this process's session and process group, so that whoever kills the one
    /// kills the other.
    #[must_use]
    pub fn same_session(mut self) -> Self {
        self.session = Session::Ours;
        self
    }

    /// The same, and has the kernel kill the program when this process is killed alone: to be precise, when the thread
    /// ends that runs it.
    #[must_use]
    pub fn ends_with_us(mut self) -> Self {
        self.session = Session::OursUntilWeEnd;
        self
    }

    /// Runs the program in this directory instead of `/`.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// What the program reads on its standard input; without this it reads end of file.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Runs the program to its end and takes any exit code for an answer.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Start`] and [`Error::Late`].
    pub fn output(self, deadline: Deadline) -> Result<Output, Error> {
        self.observe(deadline, &mut |_| {})
    }

    fn observe(self, deadline: Deadline, show: &mut dyn FnMut(&[u8])) -> Result<Output, Error> {
        let program = self.display();
        let stdin = if self.input.is_empty() { Stdio::null() } else { Stdio::piped() };
        let mut command = self.command()?;
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().map_err(|source| Error::Start { program: program.clone(), source })?;
        let pid = pid_of(&child);
        let session = self.session;

        if let Some(mut pipe) = child.stdin.take() {
            let input = self.input;
            // A program that does not read its input ends early; what it thinks of that is in its status.
            thread::spawn(move || pipe.write_all(&input));
        }
        let stdout = child.stdout.take().map(Capture::start);
        let stderr = child.stderr.take().map(Capture::start);
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || sender.send(child.wait()));

        let status = loop {
            match ended.recv_timeout(deadline.remaining().min(SHOW_INTERVAL)) {
                Err(RecvTimeoutError::Timeout) if !deadline.expired() => {
                    stdout.iter().for_each(|capture| capture.show(show));
                }
                ended => break ended,
            }
        };
        if status.is_err() {
            session.kill(pid);
        }
        let grace = Deadline::after(OUTPUT_GRACE);
        let open = |capture: &Option<Capture>| capture.as_ref().is_some_and(|it| !it.ended());
        while (open(&stdout) || open(&stderr)) && grace.pause(Duration::from_millis(1)) {}
        let stdout = stdout.map(Capture::take).unwrap_or_default();
        let stderr = stderr.map(Capture::take).unwrap_or_default();

        match status {
            Ok(Ok(status)) => Ok(Output { status, stdout, stderr }),
            Ok(Err(source)) => Err(Error::Start { program, source }),
            Err(_) => Err(Error::Late { program, stderr: text(&stderr) }),
        }
    }

    /// Runs the program to its end; anything but exit code 0 is an error.
    ///
    /// # Errors
    /// As [`Tool::output`], and [`Error::Failed`] with what the program wrote to stderr.
    pub fn run(self, deadline: Deadline) -> Result<Output, Error> {
        self.follow(deadline, &mut |_| {})
    }

    /// As [`Tool::run`], and shows again and again all that the program has written to stdout so far, while it runs.
    ///
    /// # Errors
    /// As [`Tool::run`].
    pub fn follow(self, deadline: Deadline, show: &mut dyn FnMut(&[u8])) -> Result<Output, Error> {
        let program = self.display();
        let output = self.observe(deadline, show)?;
        if output.status.success() {
            Ok(output)
        } else {
            Err(Error::Failed { program, status: output.status, stderr: text(&output.stderr) })
        }
    }

    /// Starts a program that goes on by itself, in a session of its own, its output in `log` (appended)
    /// or nowhere. Dropping the [`Child`] does not end it.
    ///
    /// # Errors
    /// [`Error::Missing`] and [`Error::Start`].
    pub fn spawn(self, log: Option<&Path>) -> Result<Child, Error> {
        let program = self.display();
        let start_error = |source| Error::Start { program: program.clone(), source };
        let (out, err) = match log {
            None => (Stdio::null(), Stdio::null()),
            Some(path) => {
                let file = std::fs::File::options()
                    .create(true)
                    .append(true)
                    .open(path)
                    .map_err(start_error)?;
                (Stdio::from(file.try_clone().map_err(start_error)?), Stdio::from(file))
            }
        };
        let mut command = self.command()?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        Ok(Child { inner: command.spawn().map_err(start_error)? })
    }

    /// Runs the program on this process's own standard streams and environment, for a person at a
    /// terminal, and waits for as long as that person likes.
    ///
    /// # Errors
    /// [`Error::Missing`] and [`Error::Start`].
    pub fn interact(self) -> Result<ExitStatus, Error> {
        let program = self.display();
        let mut command = raw(&find(&self.program)?);
        command.args(&self.arguments).envs(self.environment);
        command.status().map_err(|source| Error::Start { program, source })
    }

    fn display(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }

    fn command(&self) -> Result<Command, Error> {
        let mut command = raw(&find(&self.program)?);
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", SEARCH_PATH.join(":"))
            .env("LC_ALL", "C")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory.as_deref().unwrap_or(Path::new("/")));
        self.session.prepare(&mut command);
        Ok(command)
    }
}

/// Finds an executable by its name in [`SEARCH_PATH`]; an absolute path stands for itself.
///
/// # Errors
/// [`Error::Missing`] when there is no executable file.
pub fn find(program: impl AsRef<OsStr>) -> Result<PathBuf, Error> {
    let program = program.as_ref();
    let executable = |path: &PathBuf| {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    let candidates: Vec<PathBuf> = if program.as_bytes().starts_with(b"/") {
        vec![PathBuf::from(program)]
    } else {
        SEARCH_PATH.iter().map(|directory| Path::new(directory).join(program)).collect()
    };
    candidates
        .into_iter()
        .find(executable)
        .ok_or_else(|| Error::Missing { program: program.to_string_lossy().into_owned() })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[allow(clippy::disallowed_methods, reason = "this crate is the door that the lint points to")]
fn raw(program: &Path) -> Command {
    Command::new(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(10))
    }

    #[test]
    fn stderr_is_in_the_error() {
        let error = Tool::new("ls").arg("/does not exist").run(soon()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("ls failed with exit code 2: "), "{text}");
        assert!(text.contains("/does not exist"), "{text}");
    }

    #[test]
    fn a_late_program_is_killed_with_what_it_started() {
        let deadline = Deadline::after(Duration::from_millis(200));
        let begun = std::time::Instant::now();
        // `env` becomes the sleep; `timeout` forks one.
        let result = Tool::new("timeout").args(["600", "sleep", "599.25"]).run(deadline);
        assert!(matches!(result, Err(Error::Late { .. })), "{result:?}");
        assert!(begun.elapsed() < Duration::from_secs(5));
        let left = Tool::new("pgrep").args(["-f", "^sleep 599.25$"]).output(soon()).unwrap();
        assert_eq!(left.text(), "");
    }

    #[test]
    fn a_program_can_be_made_to_end_with_who_runs_it() {
        let sleep = Tool::new("sleep").arg("598.25").ends_with_us();
        let mut child = thread::spawn(move || sleep.spawn(None).unwrap()).join().unwrap();
        let ended = child.wait(soon());
        assert_eq!(ended.and_then(|status| status.signal()), Some(9));
    }

    #[test]
    fn output_is_shown_while_the_program_runs() {
        let mut shown = Vec::new();
        // It ends when what it is shown to have begun with is there.
        let directory = std::env::temp_dir().join(format!("exec-follow-{}", std::process::id()));
        let script = format!(
            "echo begun; until test -e {0}; do sleep 0.05; done; echo done",
            directory.display()
        );
        let output = Tool::new("sh").args(["-c", &script]).follow(soon(), &mut |text| {
            shown = text.to_vec();
            if text == b"begun\n" {
                let _ = std::fs::create_dir(&directory);
            }
        });
        std::fs::remove_dir(&directory).unwrap();
        assert_eq!(output.unwrap().text(), "begun\ndone\n");
        assert!(shown.starts_with(b"begun\n"));
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Tool::new("hawser-no-such-tool").run(soon()).unwrap_err();
        assert!(error.to_string().contains("hawser-no-such-tool not found"), "{error}");
    }

    #[test]
    fn the_environment_is_small_and_the_input_arrives() {
        let output = Tool::new("env").env("A", "b c").run(soon()).unwrap();
        for line in ["LC_ALL=C", "A=b c", &format!("PATH={}", SEARCH_PATH.join(":"))] {
            assert!(output.text().lines().any(|it| it == line), "{}", output.text());
        }
        assert_eq!(output.text().lines().count(), 3);
        assert_eq!(Tool::new("cat").input("x\ny").run(soon()).unwrap().text(), "x\ny");
    }

    #[test]
    fn a_grandchild_with_the_pipe_does_not_hold_the_answer() {
        // setsid -f forks a sleep that keeps stdout open beyond its parent's end.
        let begun = std::time::Instant::now();
        let output = Tool::new("setsid").args(["-f", "sleep", "3"]).run(soon());
        assert!(output.is_ok(), "{output:?}");
        assert!(begun.elapsed() < Duration::from_millis(2500));
    }
}
