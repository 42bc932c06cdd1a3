//! The API for programs, under `/api`: JSON in and out, refusals as problems, described by itself
//! at `/api/openapi.json`.

pub mod availability;
pub mod bookings;
pub mod centres;
pub mod guard;
pub mod me;
pub mod session;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::service::Refused;
use crate::web::Web;

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
        (name = "session", description = "Signing in and out")
    )
)]
struct Description;

/// Every address under `/api`.
pub fn router() -> Router<Web> {
    let (router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(centres::list))
        .routes(routes!(availability::get))
        .routes(routes!(bookings::make, bookings::list))
        .routes(routes!(bookings::get))
        .routes(routes!(bookings::cancel))
        .routes(routes!(session::sign_in, session::sign_out))
        .routes(routes!(me::get))
        .split_for_parts();
    // It is served under /api, and its paths say so.
    let mut description = description;
    let paths = std::mem::take(&mut description.paths.paths);
    description.paths.paths =
        paths.into_iter().map(|(path, item)| (format!("/api{path}"), item)).collect();
    router
        .route("/openapi.json", get(async move || Json(description.clone())))
        .fallback(async || Problem::not_found("See /api/openapi.json for what there is."))
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
