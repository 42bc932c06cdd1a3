//! Free ports on this machine.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// A loopback address that nobody listened on a moment ago.
#[must_use]
pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Two free ports in a row, on all addresses (vpcd takes two for each reader); the first is answered.
#[must_use]
pub fn free_port_pair() -> u16 {
    loop {
        let first = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        let next = port.checked_add(1).map(|next| TcpListener::bind((Ipv4Addr::UNSPECIFIED, next)));
        if matches!(next, Some(Ok(_))) {
            return port;
        }
    }
}
