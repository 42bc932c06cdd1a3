//! What is sent too slowly is not waited for.

use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

/// From the last header of a request to the first of its answer: its body has arrived by then. A
/// stream that has begun may go on.
const LONGEST: Duration = Duration::from_secs(60);

/// A layer for [`axum::middleware::from_fn`].
pub async fn whole(request: Request, next: Next) -> Response {
    match timeout(LONGEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "The request took too long.\n").into_response(),
    }
}
