//! The QEMU guest agent, as far as a cluster needs it: enough for libvirt to ask whether the guest is
//! alive, to have it shut down, and to have its file systems frozen, of which it has none. The protocol is QEMU's `qga/qapi-schema.json`.

use crate::error::Error;
use crate::{port, power};
use nix::sys::reboot::RebootMode;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const PORT: &str = "org.qemu.guest_agent.0";
const COMMANDS: [&str; 8] = [
    "guest-fsfreeze-freeze",
    "guest-fsfreeze-status",
    "guest-fsfreeze-thaw",
    "guest-info",
    "guest-ping",
    "guest-shutdown",
    "guest-sync",
    "guest-sync-delimited",
];

/// The byte that resets the peer's parser, and opens the answer to guest-sync-delimited.
const SENTINEL: u8 = 0xff;

/// The longest request that is read, in bytes; a longer one is dropped.
const REQUEST: usize = 64 << 10;

/// How long to wait before reading again while nobody holds the host's end.
const NOBODY_THERE: Duration = Duration::from_millis(50);

/// Whether it is to answer nothing any more.
static HUNG: AtomicBool = AtomicBool::new(false);

/// Whether its file systems were frozen last, and not thawed.
static FROZEN: AtomicBool = AtomicBool::new(false);

/// Answers nothing any more.
pub fn hang() {
    HUNG.store(true, Ordering::Relaxed);
}

/// Answers on the agent's port from now on, if the guest has one.
pub fn start() -> Result<(), Error> {
    if let Some(port) = port::open(PORT)? {
        thread::spawn(move || serve(port));
    }
    Ok(())
}

fn serve(mut port: File) -> io::Result<()> {
    let mut request = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let count = port.read(&mut chunk)?;
        if count == 0 {
            thread::sleep(NOBODY_THERE);
        }
        for byte in &chunk[..count] {
            match *byte {
                _ if HUNG.load(Ordering::Relaxed) => request.clear(),
                SENTINEL => request.clear(),
                b'\n' => port.write_all(&answer(&std::mem::take(&mut request)))?,
                _ if request.len() == REQUEST => request.clear(),
                byte => request.push(byte),
            }
        }
    }
}

/// The bytes that answer one line; none for an empty line or a shutdown that was begun.
fn answer(line: &[u8]) -> Vec<u8> {
    if line.trim_ascii().is_empty() {
        return Vec::new();
    }
    let request: Value = match serde_json::from_slice(line) {
        Ok(request) => request,
        Err(error) => return failure("GenericError", &format!("invalid JSON: {error}")),
    };
    let command = request["execute"].as_str().unwrap_or_default();
    match command {
        "guest-ping" => success(&json!({})),
        "guest-fsfreeze-freeze" => freeze(true),
        "guest-fsfreeze-thaw" => freeze(false),
        "guest-fsfreeze-status" => {
            success(&json!(if FROZEN.load(Ordering::Relaxed) { "frozen" } else { "thawed" }))
        }
        "guest-sync" => success(&request["arguments"]["id"]),
        "guest-sync-delimited" => {
            let mut bytes = vec![SENTINEL];
            bytes.extend(success(&request["arguments"]["id"]));
            bytes
        }
        "guest-info" => success(&info()),
        "guest-shutdown" => match request["arguments"]["mode"].as_str() {
            None | Some("powerdown") => end(RebootMode::RB_POWER_OFF),
            Some("halt") => end(RebootMode::RB_HALT_SYSTEM),
            Some("reboot") => end(RebootMode::RB_AUTOBOOT),
            Some(mode) => failure("GenericError", &format!("unknown shutdown mode {mode:?}")),
        },
        _ => failure("CommandNotFound", &format!("The command {command} has not been found")),
    }
}

fn freeze(frozen: bool) -> Vec<u8> {
    FROZEN.store(frozen, Ordering::Relaxed);
    success(&json!(0))
}

fn end(mode: RebootMode) -> Vec<u8> {
    power::restart(mode);
    Vec::new()
}

fn info() -> Value {
    let command = |name: &&str| {
        let answers = *name != "guest-shutdown";
        json!({"name": name, "enabled": true, "success-response": answers})
    };
    let commands: Vec<Value> = COMMANDS.iter().map(command).collect();
    json!({"version": env!("CARGO_PKG_VERSION"), "supported_commands": commands})
}

fn success(value: &Value) -> Vec<u8> {
    line(&json!({ "return": value }))
}

fn failure(class: &str, description: &str) -> Vec<u8> {
    line(&json!({"error": {"class": class, "desc": description}}))
}

fn line(value: &Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(request: &str) -> String {
        String::from_utf8_lossy(&answer(request.as_bytes())).into_owned()
    }

    #[test]
    fn what_libvirt_asks_is_answered() {
        assert_eq!(ask(r#"{"execute":"guest-ping"}"#), "{\"return\":{}}\n");
        let sync = r#"{"execute":"guest-sync","arguments":{"id":7}}"#;
        assert_eq!(ask(sync), "{\"return\":7}\n");
        let delimited = answer(br#"{"execute":"guest-sync-delimited","arguments":{"id":9}}"#);
        assert_eq!(delimited, b"\xff{\"return\":9}\n");
        assert!(ask(r#"{"execute":"guest-info"}"#).contains("guest-shutdown"));
    }

    #[test]
    fn what_is_unknown_or_broken_is_refused() {
        assert!(ask(r#"{"execute":"guest-exec"}"#).contains("CommandNotFound"));
        assert!(ask("{").contains("GenericError"));
        assert!(ask(r#"{"execute":"guest-shutdown","arguments":{"mode":"x"}}"#).contains("mode"));
        assert_eq!(ask("  "), "");
    }
}
