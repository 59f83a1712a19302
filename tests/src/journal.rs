use crate::soon;
use exec::Tool;
use serde::Deserialize;
use std::fmt::{self, Display};
use std::path::Path;

/// What systemd logged of its units, and everything that anybody logged, for people.
pub struct Journal {
    events: Vec<Event>,
    text: String,
}

/// What happened to a unit, by systemd's catalog of messages.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "MESSAGE_ID")]
    message: String,
    #[serde(rename = "UNIT")]
    unit: String,
}

const STOPPING: &str = "de5b426a63be47a7b6ac3eaac82e2f6f";
const STOPPED: &str = "9d1aaa27d60140bd96365438aad20286";
const FAILED: &str = "d9b373ed55a64feb8242e02dbe79a49c";

impl Journal {
    /// Reads the journals in a directory.
    pub(crate) fn read(directory: &Path) -> Self {
        let print = |arguments: &[&str]| {
            let tool = Tool::new("journalctl").arg("--directory").arg(directory);
            tool.args(arguments).run(soon()).expect("journalctl").text()
        };
        let events = print(&["--output=json", "--output-fields=MESSAGE_ID,UNIT", "_PID=1"]);
        let text = print(&["--output=short-monotonic"]);
        // What systemd says of itself has other fields.
        let events = events.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Self { events, text }
    }

    /// Whether a unit failed.
    #[must_use]
    pub fn has_failed(&self, unit: &str) -> bool {
        self.find(FAILED, unit).is_some()
    }

    /// Whether systemd began to stop a unit before it had stopped another one.
    ///
    /// # Panics
    /// When it did not do both.
    #[must_use]
    pub fn overlap(&self, unit: &str, other: &str) -> bool {
        let begun = self.find(STOPPING, unit);
        let begun = begun.unwrap_or_else(|| panic!("{unit} was not stopped:\n{self}"));
        let ended = self.find(STOPPED, other);
        let ended = ended.unwrap_or_else(|| panic!("{other} did not stop:\n{self}"));
        begun < ended
    }

    fn find(&self, message: &str, unit: &str) -> Option<usize> {
        self.events.iter().position(|event| event.message == message && event.unit == unit)
    }
}

impl Display for Journal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
