//! Reads what is left of a request that was too long, so that its sender hears the answer: one
//! whose connection is closed while it still sends sees only that.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use futures::StreamExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::time::timeout;

/// So much is read and thrown away, in bytes; whoever sends more is cut off.
const MOST: usize = 32 * 1024 * 1024;
/// So long it may take.
const LONGEST: Duration = Duration::from_secs(10);

/// A layer for [`axum::middleware::from_fn`].
pub async fn drain(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let shared = Shared(Arc::new(Mutex::new(body)));
    let response = next.run(Request::from_parts(parts, Body::new(shared.clone()))).await;
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        // Cut off or not: the answer is the same.
        timeout(LONGEST, throw_away(shared)).await.ok();
    }
    response
}

async fn throw_away(body: Shared) {
    let mut rest = Body::new(body).into_data_stream();
    let mut read = 0;
    while let Some(Ok(bytes)) = rest.next().await {
        read += bytes.len();
        if read > MOST {
            return;
        }
    }
}

/// A request's body in two hands: the handler's, and the one that reads the rest.
#[derive(Clone)]
struct Shared(Arc<Mutex<Body>>);

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
