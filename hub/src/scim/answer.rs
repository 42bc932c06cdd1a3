//! Answers and refusals in SCIM's own form.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::service::Refused;

/// What SCIM is spoken in.
const MEDIA_TYPE: &str = "application/scim+json";

/// A resource, or a list of them.
pub(super) struct Resource(pub StatusCode, pub Value);

impl IntoResponse for Resource {
    fn into_response(self) -> Response {
        (self.0, [(header::CONTENT_TYPE, MEDIA_TYPE)], self.1.to_string()).into_response()
    }
}

/// A refusal.
#[derive(Debug)]
pub(super) struct Wrong {
    status: StatusCode,
    kind: Option<&'static str>,
    detail: String,
}

impl Wrong {
    /// A request that is wrong in itself, with SCIM's word for how.
    pub fn request(kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: Some(kind), detail: detail.into() }
    }

    /// Somebody else has the name.
    pub fn taken(detail: impl Into<String>) -> Self {
        let kind = Some("uniqueness");
        Self { status: StatusCode::CONFLICT, kind, detail: detail.into() }
    }
}

impl From<Refused> for Wrong {
    fn from(refused: Refused) -> Self {
        let status = refused.status();
        if status.is_server_error() {
            tracing::error!(error = %refused, "a request failed");
            return Self { status, kind: None, detail: "The hub failed; try again.".to_owned() };
        }
        Self { status, kind: None, detail: refused.to_string() }
    }
}

impl From<store::StoreError> for Wrong {
    fn from(error: store::StoreError) -> Self {
        Refused::from(error).into()
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": self.status.as_u16().to_string(),
            "detail": self.detail,
        });
        if let Some(kind) = self.kind {
            body["scimType"] = kind.into();
        }
        (self.status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body.to_string()).into_response()
    }
}

/// Gives a refusal that is only a status SCIM's form.
pub async fn dress(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_ours = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes() == MEDIA_TYPE.as_bytes());
    if is_ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let detail = match status {
        StatusCode::UNAUTHORIZED => "Send an employer's token: Authorization: Bearer kyt_…",
        StatusCode::NOT_FOUND => "There is no such resource.",
        StatusCode::METHOD_NOT_ALLOWED => "This address does not take that method.",
        StatusCode::PAYLOAD_TOO_LARGE => "At most 64 KiB are taken.",
        status if status.is_server_error() => "The hub failed; try again.",
        _ => "The request cannot be read.",
    };
    let allow = response.headers().get(header::ALLOW).cloned();
    let mut dressed = Wrong { status, kind: None, detail: detail.to_owned() }.into_response();
    if let Some(allow) = allow {
        dressed.headers_mut().insert(header::ALLOW, allow);
    }
    dressed
}
