//! Who calls: an enrolled device, or nobody.

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use chrono::{DateTime, TimeDelta, Utc};
use model::day_sheet::DeviceKind;
use model::id::{CentreId, DeviceId};
use model::permission::{Action, Actor, Target, may};

use crate::hub::Hub;
use crate::problem::Problem;
use crate::tls_listener::PeerIdentity;

/// That a device was heard of is written down again after so long.
const SEEN: TimeDelta = TimeDelta::minutes(1);

/// An enrolled device of a centre, with a certificate that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The device.
    pub device: DeviceId,
    /// What it is.
    pub kind: DeviceKind,
    /// The centre that it belongs to.
    pub centre: CentreId,
    /// Names and addresses that its certificates carry.
    pub names: Vec<String>,
    /// SHA-256 of the certificate that it showed.
    pub fingerprint: [u8; 32],
    /// When that certificate ends by itself.
    pub ends_at: DateTime<Utc>,
}

/// The same, or one whose certificate ended not long ago: it may have the next one made, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewing(pub Device);

impl Device {
    /// Asks the table of rights.
    ///
    /// # Errors
    /// The refusal as a problem.
    pub fn allow(&self, action: Action, target: &Target) -> Result<(), Problem> {
        if may(&Actor::device(self.kind, self.centre), action, target) {
            return Ok(());
        }
        Err(forbidden(
            "not-allowed",
            format!("{} is a device of another kind than may ask this.", self.device),
        ))
    }

    /// [`Device::allow`], of the centre where the device stands.
    ///
    /// # Errors
    /// The refusal as a problem.
    pub fn allow_here(&self, action: Action) -> Result<(), Problem> {
        self.allow(action, &Target::at(self.centre))
    }

    /// Whether the certificate is still the device's; an open stream asks again and again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn still_good(&self, hub: &Hub) -> Result<bool, Problem> {
        let record = hub.store.device(&self.device).await?;
        Ok(record.is_some_and(|record| {
            record.centre == self.centre && record.good(&self.fingerprint, hub.now()).is_some()
        }))
    }
}

impl FromRequestParts<Hub> for Device {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Problem> {
        let Renewing(device) = Renewing::from_request_parts(parts, hub).await?;
        if device.ends_at <= hub.now() {
            return Err(forbidden(
                "certificate-ended",
                format!("This certificate of {} has ended; renew it.", device.device),
            ));
        }
        Ok(device)
    }
}

impl FromRequestParts<Hub> for Renewing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Problem> {
        let ConnectInfo(peer) = ConnectInfo::<PeerIdentity>::from_request_parts(parts, hub)
            .await
            .map_err(|error| Problem::internal(&error))?;
        let Some(device) = peer.device else {
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "no-certificate",
                "Nobody in particular",
                "Call with the device's certificate; a device without one enrols with a one-time code.",
            ));
        };
        let Some(record) = hub.store.device(&device).await? else {
            return Err(forbidden("unknown-device", format!("The hub knows no device {device}.")));
        };
        if record.revoked.is_some() {
            return Err(forbidden(
                "device-revoked",
                format!("{device} was locked out; enrol it again with a new one-time code."),
            ));
        }
        let now = hub.now();
        let Some(shown) = record.renewable(&peer.fingerprint, now) else {
            return Err(forbidden(
                "certificate-replaced",
                format!(
                    "This certificate of {device} was replaced or withdrawn, or ended too long ago; enrol it again with a new one-time code."
                ),
            ));
        };
        if shown.first_used_at.is_none() || record.last_seen_at.is_none_or(|at| at + SEEN <= now) {
            hub.store.device_seen(&device, &peer.fingerprint, now).await?;
            if shown.first_used_at.is_none() {
                hub.live.plan_changed(record.centre);
            }
        }
        Ok(Self(Device {
            device,
            kind: record.kind,
            centre: record.centre,
            ends_at: shown.ends_at,
            names: record.names,
            fingerprint: peer.fingerprint,
        }))
    }
}

fn forbidden(name: &str, detail: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, name, "Not this device", detail)
}
