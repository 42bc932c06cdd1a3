//! The API for programs, under `/api`: JSON in and out, refusals as problems, described by itself
//! at `/api/openapi.json`.

pub mod approvals;
pub mod audit;
pub mod availability;
pub mod bookings;
pub mod cards;
pub mod centres;
pub mod closures;
pub mod devices;
pub mod employers;
pub mod guard;
pub mod me;
pub mod orders;
pub mod people;
pub mod quotas;
pub mod refusals;
pub mod series;
pub mod session;
pub mod sessions;
pub mod settings;
pub mod waitlist;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use model::permission::Action::*;
use serde::de::DeserializeOwned;
use utoipa::OpenApi;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::routes::{About, Described, Routes};
use crate::service::Refused;
use crate::web::Web;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Kyoten",
        description = "Shared telework centres of a region: desks and the childcare linked to \
                       them.\n\nSign in with `POST /api/v1/session`; keep its cookie, and send \
                       `csrf_token` in the header `X-CSRF-Token` with every change. Times are \
                       RFC 3339; stretches hold their start and not their end. Refusals are \
                       `application/problem+json` with a stable `type`.",
        license(name = "Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (name = "places", description = "Centres and when they have room"),
        (name = "bookings", description = "Bookings of desks and care, all or nothing"),
        (name = "devices", description = "The devices of a centre"),
        (name = "cards", description = "Cards that open doors"),
        (name = "session", description = "Signing in and out"),
        (name = "audit", description = "The record of who did what"),
        (name = "employers", description = "An employer's people, and the visits it pays for"),
        (name = "people", description = "People and their roles")
    )
)]
struct Description;

/// Every address under `/api`, and the document that tells of them.
#[must_use]
pub fn routes() -> (Routes<Web>, utoipa::openapi::OpenApi) {
    let (routes, mut document) = Described::new(Description::openapi())
        .with(routes!(centres::list), [(GET, Search, About::Nothing)])
        .with(routes!(availability::get), [(GET, Search, About::Nothing)])
        .with(
            routes!(bookings::make, bookings::list),
            [(POST, BookDesk, About::CallerAtCentre), (GET, SeeBooking, About::Caller)],
        )
        .with(routes!(bookings::get), [(GET, SeeBooking, About::Booking)])
        .with(routes!(bookings::voucher), [(GET, CarryVoucher, About::Booking)])
        .with(routes!(bookings::cancel), [(POST, CancelBooking, About::Booking)])
        .with(routes!(bookings::change), [(POST, ChangeBooking, About::Booking)])
        .with(routes!(bookings::confirm), [(POST, ChangeBooking, About::Booking)])
        .with(routes!(approvals::approve), [(POST, ApproveBooking, About::Booking)])
        .with(routes!(approvals::decline), [(POST, ApproveBooking, About::Booking)])
        .with(routes!(approvals::at_centre), [(GET, ApproveBooking, About::Centre)])
        .with(routes!(approvals::of_employer), [(GET, ApproveBooking, About::Employer)])
        .with(routes!(series::make), [(POST, BookDesk, About::CallerAtCentre)])
        .with(
            routes!(waitlist::wait, waitlist::list),
            [(POST, BookDesk, About::CallerAtCentre), (GET, SeeBooking, About::Caller)],
        )
        .with(routes!(waitlist::stop), [(DELETE, CancelBooking, About::Entry)])
        .with(
            routes!(closures::list, closures::close),
            [(GET, ManageHouse, About::Centre), (POST, ManageHouse, About::Centre)],
        )
        .with(routes!(closures::reopen), [(DELETE, ManageHouse, About::Closure)])
        .with(
            routes!(settings::get, settings::set),
            [(GET, ManageHouse, About::Centre), (PUT, ManageHouse, About::Centre)],
        )
        .with(
            routes!(quotas::list, quotas::add),
            [(GET, ManageQuotas, About::Nothing), (POST, ManageQuotas, About::Nothing)],
        )
        .with(
            routes!(quotas::of_employer, quotas::add_for_employer),
            [(GET, ManageQuotas, About::Employer), (POST, ManageQuotas, About::Employer)],
        )
        .with(routes!(quotas::end), [(DELETE, ManageQuotas, About::Quota)])
        .with(
            routes!(session::sign_in, session::sign_out),
            [(POST, UseTheDoor, About::Nothing), (DELETE, KeepSignIn, About::Caller)],
        )
        .with(routes!(devices::list), [(GET, ManageDevices, About::Centre)])
        .with(routes!(devices::enrol_code), [(POST, ManageDevices, About::CentreDevice)])
        .with(routes!(devices::revoke), [(POST, ManageDevices, About::CentreDevice)])
        .with(routes!(orders::give), [(POST, OrderSite, About::Centre)])
        .with(routes!(orders::get), [(GET, OrderSite, About::CentreOrder)])
        .with(routes!(me::get), [(GET, KeepAccount, About::Caller)])
        .with(
            routes!(sessions::list, sessions::end_others),
            [(GET, KeepSignIn, About::Caller), (DELETE, KeepSignIn, About::Caller)],
        )
        .with(routes!(sessions::end), [(DELETE, KeepSignIn, About::Session)])
        .with(
            routes!(cards::list, cards::add),
            [(GET, KeepCards, About::Caller), (POST, KeepCards, About::Caller)],
        )
        .with(routes!(cards::lost), [(POST, KeepCards, About::Card)])
        .with(
            routes!(cards::of_guest, cards::add_for_guest),
            [(GET, ManageCards, About::Centre), (POST, ManageCards, About::Centre)],
        )
        .with(routes!(cards::block), [(POST, ManageCards, About::GuestsCard)])
        .with(routes!(cards::unblock), [(POST, ManageCards, About::GuestsCard)])
        .with(routes!(audit::list), [(GET, ReadAudit, About::Theirs)])
        .with(routes!(employers::visits), [(GET, SeePaidVisits, About::Employer)])
        .with(routes!(employers::members), [(GET, ManageMembers, About::Employer)])
        .with(routes!(people::find), [(GET, ManagePeople, About::Nothing)])
        .with(routes!(people::set), [(PUT, ManagePeople, About::Person)])
        .split();
    // It is served under /api, and its paths say so.
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths =
        paths.into_iter().map(|(path, item)| (format!("/api{path}"), item)).collect();
    let told = document.clone();
    let tell = async move || Json(told.clone());
    (routes.get("/openapi.json", UseTheDoor, About::Nothing, tell), document)
}

/// An answer of the API, or the problem that stands in its way.
pub type Answer<T = Response> = Result<T, Said>;

/// A problem on its way out.
pub struct Said(Problem);

impl<E: Into<Problem>> From<E> for Said {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// A JSON body; what cannot be read as one is a problem that says where.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Said;

    async fn from_request(request: Request, state: &S) -> Answer<Self> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) if rejection.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Err(Said(Problem::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "not-json",
                    "The request is not JSON",
                    "Send JSON with Content-Type: application/json.",
                )))
            }
            Err(rejection) => Err(rejection.into()),
        }
    }
}

/// What an address asks.
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Said;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let Query(asked) = Query::from_request_parts(parts, state).await?;
        Ok(Self(asked))
    }
}

/// An id in an address; what is none names nothing.
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: std::str::FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = Said;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await?;
        text.parse().map(Self).map_err(|_| Refused::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_of_the_document_has_its_right_and_none_is_left_over() {
        let (routes, document) = routes();
        let told: BTreeSet<(String, String)> = document
            .paths
            .paths
            .iter()
            .flat_map(|(path, item)| {
                let methods = [
                    ("GET", &item.get),
                    ("PUT", &item.put),
                    ("POST", &item.post),
                    ("PATCH", &item.patch),
                    ("DELETE", &item.delete),
                ];
                methods
                    .into_iter()
                    .filter(|(_, operation)| operation.is_some())
                    .map(|(method, _)| (method.to_owned(), path.clone()))
            })
            .collect();
        let (declared, _) = routes.below("/api").split();
        let mut declared: BTreeSet<(String, String)> =
            declared.into_iter().map(|route| (route.method.to_string(), route.path)).collect();
        assert!(declared.remove(&("GET".to_owned(), "/api/openapi.json".to_owned())));
        assert_eq!(declared, told);
    }
}
