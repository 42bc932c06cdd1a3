//! The door, by passkey.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Page, go_on, page, way_on};
use crate::pages::fields::Posted;
use crate::pages::html;
use crate::service::passkeys::{self, Question};
use crate::service::sign_in::by_passkey;
use crate::service::{Caller, Refused};
use crate::web::Web;

/// What the browser is to be asked.
pub async fn options(
    State(web): State<Web>,
    caller: Caller,
    Posted(_): Posted,
) -> Result<Json<Question>, Refused> {
    Ok(Json(passkeys::ask_to_show(&web.hub, &caller).await?))
}

/// Signs in whoever's passkey was shown.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let next = way_on(fields.get("next"));
    let (ceremony, answer) = (fields.get("ceremony"), fields.get("answer"));
    match by_passkey(&web.hub, &caller, ceremony, answer).await? {
        Ok(signed_in) => Ok(go_on(&web, &signed_in, next)),
        Err(_) => {
            let page = Page { wrong_passkey: true, ..page(&caller, next) };
            Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}
