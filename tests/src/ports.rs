//! Free ports on this machine.
//!
//! A port that the system hands out (port 0) can be handed out again, to any connection, before the
//! program that it was meant for listens on it. So these lie below that range, and are kept for this
//! process by locked files that other tests on this machine respect.

use std::fs::{File, create_dir_all, metadata};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Mutex, PoisonError};

/// Below what Linux hands out by itself (from 32768 on), above what services have for their own.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// The locks of the ports that are this process's until it ends.
static KEPT: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A loopback address that is this process's until it ends, and that nobody listens on.
#[must_use]
pub fn free_address() -> SocketAddr {
    let (port, lock) = RANGE.filter_map(|port| Some((port, keep(port)?))).next().unwrap();
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(lock);
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Two such ports in a row, free on all addresses (vpcd takes two for each reader); the first is
/// answered.
#[must_use]
pub fn free_port_pair() -> u16 {
    let both = |port| Some((port, keep(port)?, keep(port + 1)?));
    let (port, one, other) = RANGE.step_by(2).filter_map(both).next().unwrap();
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).extend([one, other]);
    port
}

/// The lock of a port that nobody keeps or listens on.
fn keep(port: u16) -> Option<File> {
    let user = metadata("/proc/self").unwrap().uid();
    let folder = std::env::temp_dir().join(format!("kyoten-test-ports-{user}"));
    create_dir_all(&folder).unwrap();
    let lock =
        File::options().create(true).append(true).open(folder.join(port.to_string())).ok()?;
    lock.try_lock().ok()?;
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).ok()?;
    Some(lock)
}
