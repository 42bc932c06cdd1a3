//! Who calls: an enrolled edge, or nobody.

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use model::day_sheet::DeviceKind;
use model::id::{CentreId, DeviceId};

use crate::hub::Hub;
use crate::problem::Problem;
use crate::tls_listener::PeerIdentity;

/// The edge of a centre, whose certificate is the one it was given last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The device.
    pub device: DeviceId,
    /// The centre that it runs.
    pub centre: CentreId,
    fingerprint: [u8; 32],
}

impl Edge {
    /// Whether the certificate is still the device's; an open stream asks again and again.
    pub async fn still_good(&self, hub: &Hub) -> Result<bool, Problem> {
        let record = hub.store.device(&self.device).await?;
        Ok(record.is_some_and(|record| {
            record.fingerprint == Some(self.fingerprint) && record.centre == self.centre
        }))
    }
}

impl FromRequestParts<Hub> for Edge {
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
        if record.fingerprint != Some(peer.fingerprint) {
            return Err(forbidden(
                "certificate-replaced",
                format!(
                    "This certificate of {device} was replaced or withdrawn; enrol it again with a new one-time code."
                ),
            ));
        }
        if record.kind != DeviceKind::Edge {
            return Err(forbidden(
                "not-an-edge",
                format!("{device} is no edge; only the device that runs a site may ask this."),
            ));
        }
        Ok(Self { device, centre: record.centre, fingerprint: peer.fingerprint })
    }
}

fn forbidden(name: &str, detail: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, name, "Not this device", detail)
}
