//! The nurseries that the caller works in.

pub mod incidents;
pub mod live;
pub mod nursery;
pub mod rooms;
pub mod shifts;
pub mod terms;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono_tz::Tz;
use model::id::NurseryId;
use store::Rostered;

use super::frame::{Frame, Part};
use super::{html, words};
use crate::service::nursery_day::{self, ShortOf};
use crate::service::{Caller, Refused};
use crate::web::Web;

#[derive(Template)]
#[template(path = "nurseries.html")]
struct Page {
    f: Frame,
    nurseries: Vec<(String, String, String)>,
}

/// `/nurseries`; whoever works in one is taken straight to it.
pub async fn get(State(web): State<Web>, caller: Caller) -> Result<Response, Refused> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let f = Frame::new(&caller, Part::Nursery);
    let nurseries: Vec<_> = nursery_day::theirs(&atlas, &caller)
        .into_iter()
        .map(|nursery| {
            let centre = atlas.centre(nursery.centre).map(|centre| f.get(&centre.name));
            let name = f.get(&nursery.name).to_owned();
            (nursery.id.to_string(), name, centre.unwrap_or_default().to_owned())
        })
        .collect();
    match nurseries.as_slice() {
        [] => {
            let full = Caller { actor: caller.in_full(), ..caller };
            let would = !nursery_day::theirs(&atlas, &full).is_empty();
            Err(if would { Refused::SecondFactorFirst } else { Refused::Forbidden })
        }
        [(id, ..)] => Ok(Redirect::to(&format!("/nurseries/{id}")).into_response()),
        _ => Ok(html(StatusCode::OK, &Page { f, nurseries })),
    }
}

/// Somebody's shift, as a page tells it.
struct Works {
    who: String,
    hours: String,
    breaks: String,
}

impl Works {
    fn of(f: &Frame, rostered: &Rostered, zone: Tz) -> Self {
        let Rostered { caregiver, shift, .. } = rostered;
        let breaks: Vec<String> =
            shift.breaks.iter().map(|pause| words::hours(f.language(), pause, zone)).collect();
        Self {
            who: caregiver.clone(),
            hours: words::hours(f.language(), &shift.when, zone),
            breaks: breaks.join(f.say("、", ", ")),
        }
    }
}

fn nursery_id(text: &str) -> Result<NurseryId, Refused> {
    text.parse().map_err(|_| Refused::NotFound)
}

/// Something that will be too little, as a page tells it.
struct Short {
    words: String,
    ask: String,
}

impl Short {
    /// What two figures lack alike is told once.
    fn all(f: &Frame, short: &[ShortOf], zone: Tz) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::with_capacity(short.len());
        for one in short {
            let words = words::lacks(f.language(), std::slice::from_ref(&one.lack), zone);
            if all.iter().all(|told| told.words != words) {
                all.push(Self { words, ask: one.ask.join(f.say("、", ", ")) });
            }
        }
        all
    }
}
