//! Pages: HTML that works alone. A page's path is its template's path is its address.

pub mod account;
pub mod bookings;
pub mod centres;
pub mod children;
pub mod errors;
pub mod fields;
pub mod frame;
pub mod index;
pub mod operations;
pub mod reports;
pub mod search;
pub mod sign_in;
pub mod sign_out;
pub mod wish;
pub mod words;

use askama::Template;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::web::Web;

/// Every page.
pub fn router() -> Router<Web> {
    Router::new()
        .route("/", get(index::get))
        .route("/search", get(search::get))
        .route("/bookings", get(bookings::get).post(bookings::post))
        .route("/bookings/{id}", get(bookings::booking::get))
        .route("/bookings/{id}/cancel", get(bookings::cancel::get).post(bookings::cancel::post))
        .route("/children", get(children::get).post(children::post))
        .route("/account", get(account::get))
        .route("/account/pin", post(account::pin))
        .route("/account/language", post(account::language))
        .route("/sign-in", get(sign_in::get).post(sign_in::post))
        .route("/sign-out", post(sign_out::post))
        .route("/centres/{slug}", get(centres::get))
        .route("/operations", get(operations::get))
        .route("/operations/{slug}", get(operations::centre::get))
        .route("/operations/{slug}/live", get(operations::centre::live))
        .route("/reports/{id}", get(reports::get))
        .route("/reports/{id}/months.csv", get(reports::csv))
        .fallback(errors::not_found)
}

/// A page as an answer.
pub(crate) fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(body) => {
            (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
