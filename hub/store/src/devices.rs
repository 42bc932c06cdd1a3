//! Devices, the codes that enrol them, and every certificate they were given.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use model::day_sheet::DeviceKind;
use model::device::{CERTIFICATE_GRACE, RevokedFor};
use model::id::{CentreId, DeviceId};

use crate::Result;

/// A device may be given so many certificates within a day.
pub const CERTIFICATES_A_DAY: i64 = 4;

/// A certificate is good so long beside the one that was given in its place, unless that one is
/// shown before: an answer that got lost must not strand a device.
pub const OVERLAP: TimeDelta = TimeDelta::hours(24);

/// Devices, the codes that enrol them, and every certificate they were given.
///
/// What changes whom a site takes for its own counts up the centre's revision.
#[async_trait]
pub trait Devices {
    /// Adds a device of a centre.
    async fn add_device(&self, centre: CentreId, device: &DeviceId, kind: DeviceKind)
    -> Result<()>;
    /// Forgets a device that was never enrolled, with its codes; answers whether it did.
    async fn remove_device(&self, device: &DeviceId) -> Result<bool>;
    /// A device, with the certificates that were not withdrawn, the oldest first.
    async fn device(&self, device: &DeviceId) -> Result<Option<DeviceRecord>>;
    /// A centre's devices, by id.
    async fn devices_of(&self, centre: CentreId) -> Result<Vec<DeviceRecord>>;

    /// Keeps a one-time code by the SHA-256 of its secret.
    async fn add_enrol_code(&self, code: &EnrolCode) -> Result<()>;
    /// Uses a code up: it answers once, and not after its end.
    async fn take_enrol_code(
        &self,
        secret: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<EnrolCode>>;

    /// Gives a device its first certificate, or its first again: all others end, and it is no
    /// longer locked out.
    async fn enrol_device(&self, given: &GivenCertificate, names: &[String]) -> Result<()>;
    /// Gives a device the next certificate beside the one that it showed, or says why not.
    async fn renew_device(&self, given: &GivenCertificate, shown: &[u8; 32]) -> Result<Renewal>;
    /// Notes that a device was heard of with this certificate; the first time, the ones before it
    /// end.
    async fn device_seen(
        &self,
        device: &DeviceId,
        fingerprint: &[u8; 32],
        at: DateTime<Utc>,
    ) -> Result<()>;
    /// Locks a device out: its certificates and unused codes end. Answers whether there was
    /// anything to end.
    async fn revoke_device(
        &self,
        device: &DeviceId,
        reason: RevokedFor,
        at: DateTime<Utc>,
    ) -> Result<bool>;
    /// What a revocation list of a centre names: certificates that were withdrawn and would not
    /// have ended by `now`.
    async fn withdrawn_certificates(
        &self,
        centre: CentreId,
        now: DateTime<Utc>,
    ) -> Result<Vec<WithdrawnCertificate>>;
    /// Withdraws what another certificate has taken the place of for long enough, and forgets codes
    /// and certificates that have ended over a day ago. Answers how many rows that were.
    async fn sweep_devices(&self, now: DateTime<Utc>) -> Result<u64>;
}

/// A device as the hub keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Its id.
    pub device: DeviceId,
    /// Its centre.
    pub centre: CentreId,
    /// What it is.
    pub kind: DeviceKind,
    /// Names and addresses that an edge's certificates carry.
    pub names: Vec<String>,
    /// When it was enrolled last.
    pub enrolled_at: Option<DateTime<Utc>>,
    /// When it was locked out, and why.
    pub revoked: Option<(DateTime<Utc>, RevokedFor)>,
    /// When the hub heard of it last.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Until when a code waits for it.
    pub code_until: Option<DateTime<Utc>>,
    /// Its certificates that were not withdrawn, the oldest first.
    pub certificates: Vec<KeptCertificate>,
}

/// A certificate that was not withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptCertificate {
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// When it was made.
    pub from_at: DateTime<Utc>,
    /// When it ends by itself.
    pub ends_at: DateTime<Utc>,
    /// When it was first shown.
    pub first_used_at: Option<DateTime<Utc>>,
    /// When it ends because another was given in its place.
    pub until_at: Option<DateTime<Utc>>,
}

impl DeviceRecord {
    /// The certificate of this fingerprint, if the device may show it at `now`.
    #[must_use]
    pub fn good(&self, fingerprint: &[u8; 32], now: DateTime<Utc>) -> Option<&KeptCertificate> {
        self.renewable(fingerprint, now).filter(|kept| now < kept.ends_at)
    }

    /// The same, or one that has ended by itself no longer than [`CERTIFICATE_GRACE`] ago: enough to have the next one
    /// made, and for nothing else.
    #[must_use]
    pub fn renewable(
        &self,
        fingerprint: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Option<&KeptCertificate> {
        self.revoked.is_none().then_some(())?;
        self.certificates.iter().find(|kept| {
            kept.fingerprint == *fingerprint
                && now < kept.ends_at + CERTIFICATE_GRACE
                && kept.until_at.is_none_or(|until| now < until)
        })
    }
}

/// A certificate that was just signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenCertificate {
    /// For which device.
    pub device: DeviceId,
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// Its serial number.
    pub serial: Vec<u8>,
    /// SHA-256 of its public key.
    pub public_key: [u8; 32],
    /// Now.
    pub from_at: DateTime<Utc>,
    /// When it ends by itself.
    pub ends_at: DateTime<Utc>,
}

/// How a renewal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The certificate is good from now on.
    Done,
    /// The one that was shown is not good, or not good any more.
    NotGood,
    /// The device was given a certificate for this very key before.
    SameKey,
    /// It was given [`CERTIFICATES_A_DAY`] within the last day.
    TooMany,
}

/// A certificate that was withdrawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawnCertificate {
    /// Its serial number.
    pub serial: Vec<u8>,
    /// Since when.
    pub at: DateTime<Utc>,
    /// The device itself moved on to the next one; nobody locked it out.
    pub superseded: bool,
}

/// A one-time code.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolCode {
    /// SHA-256 of its secret.
    pub secret: [u8; 32],
    /// For which device.
    pub device: DeviceId,
    /// Names and addresses that an edge's certificate may carry.
    pub names: Vec<String>,
    /// When it ends.
    pub ends_at: DateTime<Utc>,
}
