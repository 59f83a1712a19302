//! Services of a guest that are asked over the network.

use exec::Deadline;
use std::fmt;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

/// How long a service may take to answer.
const ANSWER: Duration = Duration::from_secs(1);

/// How much of what comes before the answer's body is read, in bytes.
const HEADERS: usize = 16 << 10;

/// The first code of an HTTP answer that says that something is wrong (RFC 9110, 15.5).
const CLIENT_ERROR: u16 = 400;

/// Something that is to answer over the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// Something accepts connections at an address with a port, `tcp://ADDRESS:PORT`.
    Tcp(String),
    /// A GET of that `http://` URL is answered, and not by an error.
    Http(String),
}

/// Why a service is taken not to be well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Silence {
    /// There is no connection to it.
    #[error("no connection")]
    Connection(#[source] io::Error),
    /// It does not speak HTTP, or does not answer.
    #[error("no answer")]
    Http(#[source] minreq::Error),
    /// It says itself that something is wrong.
    #[error("answered {code}")]
    Code {
        /// The code of its answer, 400 to 599.
        code: u16,
    },
    /// It had not answered when the time for it was up.
    #[error("no answer in time")]
    Late,
}

impl Service {
    /// Asks it, for at most a second.
    ///
    /// # Errors
    /// [`Silence`] when it does not answer, or with an error.
    pub fn ask(&self, by: Deadline) -> Result<(), Silence> {
        let (by, service) = (by.slice(ANSWER), self.clone());
        // Finding an address by its name knows no deadline.
        by.bound(move || match service {
            Self::Tcp(address) => connect(&address, by).map_err(Silence::Connection),
            Self::Http(url) => get(&url),
        })
        .unwrap_or(Err(Silence::Late))
    }
}

/// Connects to the first of its addresses that lets it.
fn connect(address: &str, by: Deadline) -> io::Result<()> {
    let mut last = io::ErrorKind::AddrNotAvailable.into();
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, by.remaining().max(Duration::from_millis(1))) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn get(url: &str) -> Result<(), Silence> {
    let asked = minreq::get(url).with_timeout(ANSWER.as_secs()).with_follow_redirects(false);
    // Who answers is the guest: nothing of it is read but what is asked for.
    let limited = asked.with_max_headers_size(HEADERS).with_max_status_line_length(HEADERS);
    let answer = limited.send_lazy();
    match answer.map_err(Silence::Http)?.status_code {
        code if code >= CLIENT_ERROR => Err(Silence::Code { code }),
        _ => Ok(()),
    }
}

impl FromStr for Service {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let has_port = |address: &str| {
            let parts = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            parts.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
        };
        match text.split_once("://") {
            Some(("tcp", address)) if has_port(address) => Ok(Self::Tcp(address.to_owned())),
            Some(("http", rest)) if !rest.is_empty() && !rest.starts_with('/') => {
                Ok(Self::Http(text.to_owned()))
            }
            _ => Err(()),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Http(url) => f.write_str(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    fn ask(service: &str) -> Result<(), Silence> {
        service.parse::<Service>().unwrap().ask(Deadline::after(Duration::from_secs(20)))
    }

    /// A server that gives every client one answer.
    fn serve(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let _ = client.read(&mut [0; 1024]);
                let _ = client.write_all(answer.as_bytes());
            }
        });
        address.to_string()
    }

    #[test]
    fn a_service_is_well_if_it_answers() {
        let well = serve("HTTP/1.0 200 OK\r\n\r\nhello");
        assert!(ask(&format!("tcp://{well}")).is_ok());
        assert!(ask(&format!("http://{well}/health")).is_ok());
        let moved = serve("HTTP/1.0 301 Moved\r\nLocation: https://example.com/\r\n\r\n");
        assert!(ask(&format!("http://{moved}")).is_ok());
    }

    #[test]
    fn nobody_waits_for_the_end_of_an_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let _ = client.read(&mut [0; 1024]);
            let mut block = b"HTTP/1.0 200 OK\r\n\r\n".to_vec();
            while client.write_all(&block).is_ok() {
                block.resize(1 << 16, b'x');
            }
        });
        assert!(ask(&format!("http://{address}/")).is_ok());
    }

    #[test]
    fn a_service_that_answers_an_error_or_nothing_is_not_well() {
        let ill = serve("HTTP/1.0 503 Service Unavailable\r\n\r\n");
        let error = ask(&format!("http://{ill}/")).unwrap_err();
        assert_eq!(error.to_string(), "answered 503");
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(matches!(ask(&format!("tcp://{free}")), Err(Silence::Connection(_))));
        assert!(matches!(ask(&format!("http://{free}")), Err(Silence::Http(_))));
    }

    #[test]
    fn a_service_that_hangs_is_given_up_in_time() {
        let hung = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", hung.local_addr().unwrap());
        let begun = std::time::Instant::now();
        assert!(ask(&url).is_err());
        assert!(begun.elapsed() < ANSWER * 3, "{:?}", begun.elapsed());
    }

    #[test]
    fn nothing_but_an_address_is_a_service() {
        for good in
            ["tcp://192.0.2.7:22", "tcp://[2001:db8::7]:5432", "http://web/", "http://web:8080/a"]
        {
            assert_eq!(good.parse::<Service>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "192.0.2.7:22",
            "tcp://web",
            "tcp://:22",
            "tcp://web:0",
            "tcp://web:x",
            "http:///",
            "https://web/",
        ] {
            assert!(bad.parse::<Service>().is_err(), "{bad}");
        }
    }
}
