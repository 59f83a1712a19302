use crate::finding::Reach;
use crate::obstacle::Obstacle;
use std::net::{TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Duration;

/// How long a server that is there takes to answer, at most. The kernel knocks twice in that time, 1 s apart.
const KNOCK: Duration = Duration::from_secs(2);

/// The protocols whose servers lose nothing by a connection that ends at once, with their usual ports. Not one of NBD:
/// its server may end with its first client.
const PORTS: &[(&str, &[u16])] =
    &[("gluster", &[24007]), ("iscsi", &[3260]), ("nfs", &[2049]), ("rbd", &[3300, 6789])];

/// Whether one of the servers can be reached, which is enough.
pub fn reach(protocol: &str, servers: &[(String, Option<u16>)]) -> Reach {
    let usual = PORTS.iter().find(|(known, _)| *known == protocol);
    let (Some((_, usual)), false) = (usual, servers.is_empty()) else { return Reach::Untold(None) };
    let doors: Vec<(&str, u16)> = servers
        .iter()
        .flat_map(|(name, port)| {
            let ports = port.as_ref().map_or(*usual, std::slice::from_ref);
            ports.iter().map(|port| (name.as_str(), *port))
        })
        .collect();
    let is_any_open = thread::scope(|scope| {
        let knocks: Vec<_> = doors.iter().map(|door| scope.spawn(|| is_open(door))).collect();
        knocks.into_iter().any(|it| it.join().unwrap_or(true))
    });
    if is_any_open {
        return Reach::In;
    }
    let names: Vec<String> = doors.iter().map(|(name, port)| format!("{name}:{port}")).collect();
    Reach::Out(Obstacle::NoServer { servers: names.join(", ") })
}

fn is_open(door: &(&str, u16)) -> bool {
    let mut addresses = door.to_socket_addrs().into_iter().flatten();
    addresses.any(|it| TcpStream::connect_timeout(&it, KNOCK).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn one_server_that_takes_a_connection_is_enough() {
        let open = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let at = |port| ("127.0.0.1".to_owned(), Some(port));
        let open = at(open.local_addr().unwrap().port());
        assert!(matches!(reach("rbd", &[at(closed), open]), Reach::In));
        let Reach::Out(obstacle) = reach("rbd", &[at(closed)]) else { panic!("nobody listens") };
        let words = obstacle.to_string();
        assert!(words.contains(&format!("no connection to 127.0.0.1:{closed};")), "{words}");
        assert!(matches!(reach("rbd", &[]), Reach::Untold(None)));
        assert!(matches!(reach("nbd", &[at(closed)]), Reach::Untold(None)));
    }
}
