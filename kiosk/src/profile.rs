//! Whom a screen is for, and which device may be it.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use clap::ValueEnum;
use model::day_sheet::DeviceKind;

/// Whom a screen is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Everybody who comes in.
    Lobby,
    /// The staff of a nursery.
    Staff,
}

/// The device was enrolled as something else: its site would not answer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongDevice(DeviceKind);

impl Profile {
    /// Whether a device of this kind may run it.
    ///
    /// # Errors
    /// [`WrongDevice`] says what it may run.
    pub fn check(self, kind: DeviceKind) -> Result<(), WrongDevice> {
        match (kind, self) {
            (DeviceKind::Kiosk, Self::Lobby) | (DeviceKind::Staff, Self::Staff) => Ok(()),
            _ => Err(WrongDevice(kind)),
        }
    }

    /// Where its page is served where nothing else is said.
    #[must_use]
    pub fn listens(self) -> SocketAddr {
        let port = match self {
            Self::Lobby => 8090,
            Self::Staff => 8091,
        };
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }
}

impl fmt::Display for WrongDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.0;
        match kind {
            DeviceKind::Kiosk => f.write_str(
                "this device was enrolled as a lobby kiosk: run it with --profile lobby",
            ),
            DeviceKind::Staff => f.write_str(
                "this device was enrolled as a staff screen: run it with --profile staff",
            ),
            DeviceKind::Edge | DeviceKind::Seat | DeviceKind::Thing | DeviceKind::Viewer => write!(
                f,
                "this device was enrolled as {kind}, which has no such screen: enrol it as a kiosk or a staff screen"
            ),
        }
    }
}

impl std::error::Error for WrongDevice {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_runs_the_screen_that_it_was_enrolled_for() {
        for kind in DeviceKind::ALL {
            for (profile, own) in
                [(Profile::Lobby, DeviceKind::Kiosk), (Profile::Staff, DeviceKind::Staff)]
            {
                let checked = profile.check(kind);
                assert_eq!(checked.is_ok(), kind == own, "{kind} {profile:?}");
                if let Err(wrong) = checked {
                    assert!(wrong.to_string().contains("enrolled as"), "{wrong}");
                }
            }
        }
        assert!(WrongDevice(DeviceKind::Staff).to_string().contains("--profile staff"));
        assert!(WrongDevice(DeviceKind::Kiosk).to_string().contains("--profile lobby"));
        assert!(Profile::Staff.listens().ip().is_loopback());
        assert_ne!(Profile::Staff.listens(), Profile::Lobby.listens());
    }
}
