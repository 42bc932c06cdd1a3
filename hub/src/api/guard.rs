//! What every request to the API passes, and the form that every refusal leaves in.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;
use crate::service::{Caller, Refused, secret};

/// The header that carries the session's token.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// Refuses a change asked for with a session's cookie but without its token: a page elsewhere
/// could have sent that. Signing in carries no session yet.
pub async fn token(caller: Caller, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let signs_in = request.method() == Method::POST && request.uri().path() == "/v1/session";
    if caller.session.is_some() && !reads && !signs_in && !carries(request.headers(), &caller.csrf)
    {
        return Problem::from(Refused::Csrf).into_response();
    }
    next.run(request).await
}

fn carries(headers: &HeaderMap, csrf: &str) -> bool {
    headers
        .get(CSRF_HEADER)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|sent| secret::same(sent, csrf))
}

/// Gives a refusal that is only a status the form of a problem.
pub async fn dress(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"));
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let problem = match status {
        // The greeter, which speaks no JSON, turns wrong tokens away.
        StatusCode::UNAUTHORIZED => Problem::from(Refused::BadToken),
        StatusCode::NOT_FOUND => Problem::not_found("See /api/openapi.json for what there is."),
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(
            status,
            "method-not-allowed",
            "This address does not take that method",
            "The header Allow names the methods it takes.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large("At most 64 KiB are taken."),
        StatusCode::TOO_MANY_REQUESTS => Refused::TooMany { seconds: 0 }.into(),
        StatusCode::FORBIDDEN => Refused::Csrf.into(),
        StatusCode::SERVICE_UNAVAILABLE => Problem::new(
            status,
            "unavailable",
            "The hub cannot reach its database",
            "Please try again in a moment.",
        ),
        status if status.is_server_error() => Problem::new(
            status,
            "internal",
            "The hub failed",
            "The hub could not do this; trying again may help.",
        ),
        status => {
            Problem::new(status, "malformed", "The request cannot be read", status.to_string())
        }
    };
    let mut dressed = problem.into_response();
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            dressed.headers_mut().insert(name, value.clone());
        }
    }
    dressed
}
