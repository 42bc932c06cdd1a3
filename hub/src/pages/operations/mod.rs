//! The centres that the caller runs.

mod air;
pub mod approvals;
pub mod cards;
pub mod centre;
pub mod closures;
pub mod devices;
mod doors;
mod happenings;
pub mod muster;
pub mod order;
mod orders;
mod record;
pub mod reports;
pub mod rules;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::centre::Centre;
use model::permission::{Action, Target, may};

use super::frame::{Frame, Part};
use super::html;
use crate::service::atlas::Atlas;
use crate::service::{Caller, Refused, allow};
use crate::web::Web;

#[derive(Template)]
#[template(path = "operations.html")]
struct Page {
    f: Frame,
    centres: Vec<(String, String, String)>,
}

/// `/operations`; whoever runs one centre is taken straight to it.
pub async fn get(State(web): State<Web>, caller: Caller) -> Result<Response, Refused> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let f = Frame::new(&caller, Part::Operations);
    let run = |id| may(&caller.actor, Action::SeeLiveCentre, &Target::at(id));
    let centres: Vec<_> = atlas
        .centres
        .iter()
        .filter(|centre| run(centre.id))
        .map(|centre| {
            let (name, address) = (f.get(&centre.name), f.get(&centre.address));
            (centre.slug.to_string(), name.to_owned(), address.to_owned())
        })
        .collect();
    match centres.as_slice() {
        [] => {
            let full = caller.in_full();
            let would = |id| may(&full, Action::SeeLiveCentre, &Target::at(id));
            let would = atlas.centres.iter().any(|centre| would(centre.id));
            Err(if would { Refused::SecondFactorFirst } else { Refused::Forbidden })
        }
        [(slug, ..)] => Ok(Redirect::to(&format!("/operations/{slug}")).into_response()),
        _ => Ok(html(StatusCode::OK, &Page { f, centres })),
    }
}

/// The centre of an address, for whoever is signed in: what they may there is asked for what they do.
async fn find(web: &Web, caller: &Caller, slug: &str) -> Result<(Arc<Atlas>, Centre), Refused> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let centre = atlas.named(slug).ok_or(Refused::NotFound)?.clone();
    Ok((atlas, centre))
}

/// The centre of an address, for those who may do this there.
async fn find_for(
    web: &Web,
    caller: &Caller,
    slug: &str,
    action: Action,
) -> Result<(Arc<Atlas>, Centre), Refused> {
    let (atlas, centre) = find(web, caller, slug).await?;
    allow(caller, action, &Target::at(centre.id))?;
    Ok((atlas, centre))
}
