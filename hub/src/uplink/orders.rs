//! What sites say of orders that they were given.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::id::OrderId;
use model::permission::Action;
use wire::order::OrderAnswered;

use super::peer::Device;
use crate::hub::Hub;
use crate::problem::Problem;
use crate::service::site_order;

/// `POST /uplink/v1/orders/{id}`: what became of an order of this site. Told twice is told once.
pub async fn answer(
    State(hub): State<Hub>,
    edge: Device,
    Path(order): Path<String>,
    body: Result<Json<OrderAnswered>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    edge.allow_here(Action::TellEvents)?;
    let none = || Problem::not_found("This site was given no such order.");
    let order: OrderId = order.parse().map_err(|_| none())?;
    let Json(OrderAnswered { answer }) = body?;
    let stands = site_order::answered(&hub, &edge.device, edge.centre, order, answer).await?;
    let stands = stands.ok_or_else(none)?;
    if stands == answer {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::new(
        StatusCode::CONFLICT,
        "answered-otherwise",
        "The order was answered otherwise",
        format!("This order was answered with '{}' before.", stands.as_str()),
    ))
}
