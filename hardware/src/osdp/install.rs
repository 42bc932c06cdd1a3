use std::thread::sleep;
use std::time::{Duration, Instant};

use libosdp::{ControlPanel, ControlPanelBuilder, OsdpError as Refused, PdInfoBuilder};
use thiserror::Error;

use super::channel::OpenChannel;
use super::guard::{Guard, Seen, code};
use super::key::ChannelKey;
use super::wire::Wire;
use super::{HIGHEST_ADDRESS, OsdpError, checked_baud};

const REST: Duration = Duration::from_millis(2);

/// Sets the key of a reader that is in its install mode, and proves that it took it. One that has this
/// key already is left as it is. It blocks until it is done, or `patience` is over.
///
/// The key travels under the standard's default key, which everybody has: nobody else may be on the
/// line meanwhile. Do it at a bench, with the reader alone on a short cable.
///
/// # Errors
/// [`InstallError`]. The reader may have taken the key all the same where its answer was lost: keep the
/// key, and try again with it.
pub fn install_key(
    open: OpenChannel,
    baud: u32,
    address: u8,
    key: &ChannelKey,
    patience: Duration,
) -> Result<(), InstallError> {
    let rate = checked_baud(baud)?;
    if address > HIGHEST_ADDRESS {
        return Err(OsdpError::Address { name: "the reader".to_owned(), address }.into());
    }
    let wire = Wire::new(open, vec![Guard::new(address, true)]);
    let begun = Instant::now();
    if !wire.lock().is_open(begun) {
        let why = wire.lock().fault.clone().unwrap_or_default();
        return Err(InstallError::Line(why));
    }
    let panel = panel(&wire, rate, address, key).map_err(|_| InstallError::Library)?;
    let done = run(panel, &wire, begun + patience);
    wire.lock().close();
    done
}

fn panel(wire: &Wire, rate: i32, address: u8, key: &ChannelKey) -> Result<ControlPanel, Refused> {
    // Without `EnforceSecure`: the library then offers the key under the default key. What it would say
    // in plaintext after that the guard stops.
    let info = PdInfoBuilder::new()
        .address(address.into())?
        .baud_rate(rate)?
        .secure_channel_key(key.bytes());
    ControlPanelBuilder::new().add_channel(wire.tap(0), vec![info]).build()
}

fn run(mut panel: ControlPanel, wire: &Wire, until: Instant) -> Result<(), InstallError> {
    // Cards are none of its business.
    panel.set_event_callback(|_, _| 0);
    loop {
        panel.refresh();
        // The library is online on a Secure Channel only under the key that it was given.
        if panel.is_online(0) && panel.is_sc_active(0) {
            return Ok(());
        }
        let seen = wire.lock().guard(0).map(|guard| guard.seen()).unwrap_or_default();
        if let Some(why) = wire.lock().fault.clone() {
            return Err(InstallError::Line(why));
        }
        if seen.plaintext.is_some() || panel.is_online(0) {
            return Err(InstallError::NotInInstallMode);
        }
        if Instant::now() > until {
            return Err(why_not(seen));
        }
        sleep(REST);
    }
}

fn why_not(seen: Seen) -> InstallError {
    match (seen.asked, seen.answer) {
        (Some(code::CAPABILITIES), Some(code::PD_CAPABILITIES)) => InstallError::NoSecureChannel,
        (Some(code::ID | code::CAPABILITIES) | None, None) => InstallError::Silent,
        _ => InstallError::NotInInstallMode,
    }
}

/// Why a key was not set.
#[derive(Debug, Error)]
pub enum InstallError {
    /// The settings.
    #[error(transparent)]
    Settings(#[from] OsdpError),
    /// The port.
    #[error("the line cannot be used: {0}")]
    Line(String),
    /// The library.
    #[error("the OSDP library refuses these settings")]
    Library,
    /// Nobody is there.
    #[error("no reader answers at this address and speed: check address, wiring and supply")]
    Silent,
    /// It has no cipher.
    #[error("this reader cannot speak over a Secure Channel: it is of no use here")]
    NoSecureChannel,
    /// It has a key already.
    #[error(
        "the reader does not take a new key: bring it into its install mode (its manual says how), \
         then try again with the same key file"
    )]
    NotInInstallMode,
}
