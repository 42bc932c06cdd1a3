//! Makes what is held stand.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use crate::pages::fields::Posted;
use crate::service::booking::{Confirmed, confirm};
use crate::service::{Caller, Refused};
use crate::web::Web;

/// `/bookings/{id}/confirm`; doing it twice is the same as once.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    let id = id.parse().map_err(|_| Refused::NotFound)?;
    let atlas = web.atlas().await?;
    // The page shows what has become of it, whatever that is.
    let to = match confirm(&web.hub, &atlas, &caller, id).await? {
        Confirmed::Done(booking) | Confirmed::Otherwise(booking) => {
            format!("/bookings/{}?new=1", booking.id)
        }
        Confirmed::Over(booking, _) | Confirmed::NotUnder(booking, ..) => {
            format!("/bookings/{}?over=1", booking.id)
        }
    };
    Ok(Redirect::to(&to).into_response())
}
