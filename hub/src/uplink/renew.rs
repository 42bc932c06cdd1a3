//! The next certificate for whoever shows one that is good or was so until lately, and how a device stands.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::audit::{AuditAction, AuditActor};
use model::permission::{Action, Target};
use store::{OVERLAP, Renewal};
use wire::renew::{DeviceState, RenewAnswer, RenewRequest};

use super::enrol::{given, signing_problem};
use super::peer::{Device, Renewing};
use crate::hub::Hub;
use crate::problem::Problem;
use crate::service::audit::{self, Entry};

/// `POST /uplink/v1/renew`: signs a new key of the device that calls. The certificate that it showed
/// stays good for a while, so that an answer that gets lost strands nobody.
pub(super) async fn post(
    State(hub): State<Hub>,
    Renewing(device): Renewing,
    request: Result<Json<RenewRequest>, JsonRejection>,
) -> Result<Response, Problem> {
    device.allow(Action::RenewCertificate, &Target::itself())?;
    let Json(request) = request?;
    let certificate_pem = hub
        .authority
        .sign_device(&request.csr_pem, &device.device, device.kind, &device.names)
        .map_err(signing_problem)?;
    let given = given(&certificate_pem, hub.now())?;
    match hub.store.renew_device(&given, &device.fingerprint).await? {
        Renewal::Done => {
            hub.live.plan_changed(device.centre);
            let entry = Entry::new(AuditAction::CertificateRenewed)
                .at(device.centre)
                .note("device", device.device.as_str());
            audit::record_as(&hub, AuditActor::Device(device.device.clone()), entry).await?;
            tracing::info!(device = %device.device, "a certificate was renewed");
            Ok(Json(RenewAnswer { certificate_pem }).into_response())
        }
        Renewal::NotGood => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "certificate-replaced",
            "Not this device",
            "The certificate was withdrawn while it was being renewed; enrol the device again.",
        )),
        Renewal::SameKey => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "key-known",
            "The key was certified before",
            "Make a new key for each certificate.",
        )),
        Renewal::TooMany => {
            let problem = Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-certificates",
                "Too many certificates",
                "This device was given its certificates of today; one is enough for weeks.",
            );
            let wait = HeaderValue::from(OVERLAP.num_seconds());
            Ok(([(header::RETRY_AFTER, wait)], problem).into_response())
        }
    }
}

/// `GET /uplink/v1/device`: how the device that calls stands.
pub(super) async fn device(device: Device) -> Result<Json<DeviceState>, Problem> {
    device.allow(Action::RenewCertificate, &Target::itself())?;
    let Device { device, kind, ends_at, .. } = device;
    Ok(Json(DeviceState { device, kind, ends_at }))
}
