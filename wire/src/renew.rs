//! How a device gets its next certificate: `POST /uplink/v1/renew` with the present one.

use chrono::{DateTime, Utc};
use model::day_sheet::DeviceKind;
use model::id::DeviceId;
use serde::{Deserialize, Serialize};

/// Where the hub renews certificates, below its address.
pub const PATH: &str = "/uplink/v1/renew";
/// Where the hub tells a device how it stands.
pub const DEVICE_PATH: &str = "/uplink/v1/device";

/// What a device sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    /// A PKCS #10 request in PEM, signed by a key that was never certified. Names in it are
    /// ignored.
    pub csr_pem: String,
}

/// What the hub answers. The certificate that was shown ends when this one is first used, or after
/// a day.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RenewAnswer {
    /// The device's next certificate.
    pub certificate_pem: String,
}

/// How a device stands at the hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceState {
    /// Which device it is.
    pub device: DeviceId,
    /// What it is.
    pub kind: DeviceKind,
    /// When the certificate that it called with ends.
    pub ends_at: DateTime<Utc>,
}
