//! Enrolment: an operator makes a one-time code, and `POST /uplink/v1/enrol` turns it into a
//! certificate.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use model::audit::{AuditAction, AuditActor};
use model::day_sheet::DeviceKind;
use model::id::DeviceId;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use store::{DeviceRecord, EnrolCode, GivenCertificate, StoreError};
use wire::enrol::{EnrolAnswer, EnrolRequest, OneTimeCode};
use wire::identity::PeerCertificate;

use crate::authority::AuthorityError;
use crate::hub::Hub;
use crate::problem::Problem;
use crate::service::audit::{self, Entry};

/// Why there is no code for a device. Each reads as one sentence.
#[derive(Debug, thiserror::Error)]
pub enum NoCode {
    /// The hub does not know it.
    #[error("the hub knows no device '{0}'; a device is added with its centre")]
    UnknownDevice(DeviceId),
    /// A name cannot stand in a certificate.
    #[error(transparent)]
    Name(#[from] AuthorityError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The random source failed.
    #[error("the random source failed")]
    NoChance,
    /// That one was made could not be recorded.
    #[error("the audit record cannot be written, so no code is given out")]
    NotRecorded,
}

/// A new one-time code for `device`, good for `lasts`. An edge's certificate will be good for
/// `names`.
///
/// # Errors
/// [`NoCode`] says why there is none.
pub async fn new_code(
    hub: &Hub,
    device: &DeviceId,
    names: &[String],
    lasts: TimeDelta,
) -> Result<OneTimeCode, NoCode> {
    let record = hub.store.device(device).await?;
    let record = record.ok_or_else(|| NoCode::UnknownDevice(device.clone()))?;
    // Said now, to the operator, rather than later to the device.
    hub.authority.server_identity(names)?;
    let code = OneTimeCode::new(&*hub.random, hub.authority.fingerprint16())
        .map_err(|_| NoCode::NoChance)?;
    hub.store
        .add_enrol_code(&EnrolCode {
            secret: code.secret_digest(),
            device: record.device,
            names: names.to_vec(),
            ends_at: hub.now() + lasts,
        })
        .await?;
    Ok(code)
}

/// Uses the code up and signs the device's key.
pub(super) async fn post(
    State(hub): State<Hub>,
    request: Result<Json<EnrolRequest>, JsonRejection>,
) -> Result<Json<EnrolAnswer>, Problem> {
    let Json(request) = request?;
    let code: OneTimeCode =
        request.code.parse().map_err(|error| Problem::malformed(sentence(&error)))?;
    signable(&hub, &request.csr_pem)?;
    let code =
        hub.store.take_enrol_code(&code.secret_digest(), hub.now()).await?.ok_or_else(code_gone)?;
    let record = hub.store.device(&code.device).await?.ok_or_else(code_gone)?;
    let centre = hub
        .live
        .sheets
        .centre(&hub, record.centre)
        .await
        .map_err(|error| Problem::internal(&error))?
        .ok_or_else(code_gone)?;
    let certificate_pem = sign(&hub, &request.csr_pem, &record, &code)?;
    hub.store.enrol_device(&given(&certificate_pem, hub.now())?, &code.names).await?;
    hub.live.plan_changed(record.centre);
    let entry = Entry::new(AuditAction::DeviceEnrolled)
        .at(record.centre)
        .note("device", record.device.as_str())
        .note("kind", record.kind.as_str());
    audit::record_as(&hub, AuditActor::Device(record.device.clone()), entry).await?;
    tracing::info!(device = %record.device, "a device was enrolled");

    let is_edge = record.kind == DeviceKind::Edge;
    Ok(Json(EnrolAnswer {
        certificate_pem,
        authority_pem: hub.authority.pem().to_owned(),
        device: record.device,
        centre: centre.slug.clone(),
        kind: record.kind,
        region_card_key: is_edge.then(|| BASE64.encode(hub.keys.region_cards.now().newest().bytes)),
        sheet_key: is_edge.then(|| hub.keys.sheet.public()),
    }))
}

/// Refuses a request that cannot be signed before it costs the code.
fn signable(hub: &Hub, csr_pem: &str) -> Result<(), Problem> {
    let anybody: DeviceId = "anybody".parse().map_err(|error| Problem::internal(&error))?;
    hub.authority
        .sign_device(csr_pem, &anybody, DeviceKind::Kiosk, &[])
        .map(drop)
        .map_err(signing_problem)
}

fn sign(
    hub: &Hub,
    csr_pem: &str,
    record: &DeviceRecord,
    code: &EnrolCode,
) -> Result<String, Problem> {
    hub.authority
        .sign_device(csr_pem, &record.device, record.kind, &code.names)
        .map_err(signing_problem)
}

/// What is to be kept of a certificate that was just signed.
pub(super) fn given(
    certificate_pem: &str,
    now: DateTime<Utc>,
) -> Result<GivenCertificate, Problem> {
    let der = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
        .map_err(|error| Problem::internal(&error))?;
    let certificate = PeerCertificate::read(&der).map_err(|error| Problem::internal(&error))?;
    Ok(GivenCertificate {
        device: certificate.device,
        fingerprint: certificate.fingerprint,
        serial: certificate.serial,
        public_key: certificate.public_key,
        from_at: now,
        ends_at: certificate.not_after,
    })
}

pub(super) fn signing_problem(error: AuthorityError) -> Problem {
    match error {
        AuthorityError::Request | AuthorityError::KeyType => Problem::malformed(sentence(&error)),
        other => Problem::internal(&other),
    }
}

fn code_gone() -> Problem {
    Problem::new(
        StatusCode::GONE,
        "code-gone",
        "The code is no longer good",
        "This one-time code is unknown, was used before, or is too old; ask the operator for a new one.",
    )
}

fn sentence(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
