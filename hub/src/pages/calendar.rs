//! A person's bookings for their calendar program, under an address that nobody can guess.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use data_encoding::HEXLOWER;

use crate::service::{Refused, calendar, secret};
use crate::web::Web;

/// `/calendar/{token}.ics`
pub async fn get(
    State(web): State<Web>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let token = file.strip_suffix(".ics").ok_or(Refused::NotFound)?;
    let text = calendar::read(&web.hub, &*web.atlas().await?, token).await?;
    let tag = format!("\"{}\"", HEXLOWER.encode(&secret::sha256(text.as_bytes())[..16]));
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| one.trim().trim_start_matches("W/") == tag);
    let tag = HeaderValue::from_str(&tag).map_err(|_| Refused::Inner("no header of a digest"))?;
    // Calendar programs ask again and again: it may lie with them, and is asked after every time.
    let kept = HeaderValue::from_static("private, no-cache");
    let about = [(header::ETAG, tag), (header::CACHE_CONTROL, kept)];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    let kind = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "inline; filename=\"kyoten.ics\""),
    ];
    Ok((about, kind, text).into_response())
}
