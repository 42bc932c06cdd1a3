//! One booking: its code, when and where, and the way to give it up.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::booking::BookingStatus;

use super::{Status, child_names, desk_count, status, stretches};
use crate::pages::fields::Asked;
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::{Caller, Refused, booking as service, children};
use crate::web::Web;

#[derive(Template)]
#[template(path = "bookings/booking.html")]
struct Page {
    f: Frame,
    id: String,
    heading: String,
    just_made: bool,
    stands: bool,
    when: Vec<String>,
    centre: String,
    slug: String,
    address: String,
    status: Status,
    code: String,
    desks: Option<String>,
    children: Option<String>,
    nursery: Option<String>,
    opens: Option<String>,
    can_cancel: bool,
}

/// `/bookings/{id}`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(fields): Asked,
) -> Result<Response, Refused> {
    let hub = &web.hub;
    caller.signed_in()?;
    let id = id.parse().map_err(|_| Refused::NotFound)?;
    let booking = service::see(hub, &caller, id).await?;
    let atlas = web.atlas().await?;
    let centre = atlas.centre(booking.centre).ok_or(Refused::NotFound)?;
    let own = children::list_if_any(hub, &caller).await?;
    let f = Frame::new(&caller, Part::Bookings);
    let zone = centre.time_zone;
    let slots = stretches(&booking);
    let just_made = !fields.get("new").is_empty() && booking.status == BookingStatus::Confirmed;
    let nursery = atlas.nursery(centre.id).filter(|_| !booking.care.is_empty());
    let early = chrono::TimeDelta::minutes(centre.settings.early_minutes.into());
    let opens = booking.desks.first().map(|claim| words::clock(claim.when.starts() - early, zone));
    let heading = match (just_made, booking.desks.is_empty(), booking.care.is_empty()) {
        (true, false, false) => f.say("席と保育、両方とれました", "Desk and care are both yours"),
        (true, false, true) => f.say("席がとれました", "The desk is yours"),
        (true, true, _) => f.say("保育がとれました", "The care place is yours"),
        (false, ..) => f.say("予約", "Booking"),
    };
    let page = Page {
        id: booking.id.to_string(),
        heading: heading.to_owned(),
        just_made,
        stands: booking.status == BookingStatus::Confirmed,
        when: slots.iter().map(|slot| words::day_and_hours(f.language(), slot, zone)).collect(),
        centre: f.get(&centre.name).to_owned(),
        slug: centre.slug.to_string(),
        address: f.get(&centre.address).to_owned(),
        status: status(&f, &booking, hub.now()),
        code: booking.code.to_string(),
        desks: desk_count(&f, &booking),
        children: child_names(&f, &booking, &own),
        nursery: nursery.map(|nursery| f.get(&nursery.name).to_owned()),
        opens,
        can_cancel: service::can_cancel(&caller, &booking, hub.now()),
        f,
    };
    Ok(html(StatusCode::OK, &page))
}
