//! The headers that every answer carries.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::Web;
use crate::service::secret;

/// What is not a page may load nothing at all.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; \
                       frame-ancestors 'none'";

const ALWAYS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// A year.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What a page's script and style tags must carry: a new one for every answer.
#[derive(Clone, Debug)]
pub struct Nonce(pub String);

/// Adds them. What says nothing of its own about keeping is kept nowhere: every page shows who is
/// signed in.
pub async fn headers(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    // Without chance there is no nonce, and a page without one runs no script: closed, not open.
    let nonce = secret::token(web.hub.random.as_ref()).unwrap_or_default();
    request.extensions_mut().insert(Nonce(nonce.clone()));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy(headers, &nonce));
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if web.settings.secure_cookies {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Pages run the scripts and wear the styles that carry the nonce, and nothing else.
fn policy(headers: &HeaderMap, nonce: &str) -> HeaderValue {
    let is_page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    let page = || {
        HeaderValue::from_str(&format!(
            "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
             img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'"
        ))
        .ok()
        .filter(|_| !nonce.is_empty())
    };
    is_page.then(page).flatten().unwrap_or(HeaderValue::from_static(NOTHING))
}
