//! The hand-over's page: who collects the child, and whether they get it.

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use model::care::day::NotHandedOver;
use model::care::file::CollectsAs;
use model::id::ChildId;
use serde::Deserialize;
use wire::nursery::{ChildSeen, Claim};
use wire::request::HouseAlarm;
use wire::request::Secret;

use super::App;
use super::frame::Frame;
use super::guardians::not_known;
use super::hand_over::Step;
use super::screen::{BadPin, View};
use super::words;
use crate::frame::{SPRITE, draw, press};
use crate::pages::House;
use crate::typed::{LONGEST_PIN, digits};

#[derive(Template)]
#[template(path = "staff/hand-over.html")]
struct HandOverPage<'a> {
    f: Frame<'a>,
    seen: &'a ChildSeen,
    typed: Typed,
}

/// The part of the page that live updates replace.
#[derive(Template)]
#[template(path = "staff/claim.html")]
pub(super) struct HandOverBlock<'a> {
    f: Frame<'a>,
    seen: &'a ChildSeen,
    typed: Typed,
}

/// What was typed and has not been told to the site.
#[derive(Default)]
struct Typed {
    who: Option<CollectsAs>,
    pin: String,
    problem: Option<&'static str>,
}

#[derive(Deserialize)]
pub(super) struct ClaimForm {
    #[serde(default)]
    key: String,
    #[serde(default)]
    who: String,
    #[serde(default)]
    pin: String,
}

#[derive(Deserialize)]
pub(super) struct ScanForm {
    text: String,
}

impl<'a> HandOverBlock<'a> {
    pub fn of(view: &'a View, house: &'a House) -> Option<Self> {
        let f = Frame::new(view, house, "hand-over");
        let open = f.hand_over()?;
        let seen = f.signed()?.seen.as_deref().filter(|seen| seen.child == open.child)?;
        Some(Self { f, seen, typed: Typed::default() })
    }
}

macro_rules! people {
    ($($page:ident),+) => {$(
        impl $page<'_> {
            /// Whether the site knows no more who may collect the child.
            fn not_known(&self) -> bool {
                matches!(self.f.step(), Some(Step::Refused(NotHandedOver::NotKnown)))
            }

            /// Those who can be telephoned, guardians first.
            fn telephones(&self) -> Vec<(&str, &str)> {
                let guardians = self.seen.collectors.iter().filter(|one| {
                    matches!(one.who, CollectsAs::Guardian(_)) && one.not.is_none()
                });
                let own = guardians
                    .filter_map(|one| Some((one.name.as_str(), one.telephone.as_deref()?)));
                let contacts =
                    self.seen.contacts.iter().map(|one| (one.name.as_str(), one.telephone.as_str()));
                let mut all: Vec<(&str, &str)> = Vec::new();
                for (name, telephone) in own.chain(contacts) {
                    if !all.iter().any(|(_, known)| *known == telephone) {
                        all.push((name, telephone));
                    }
                }
                all
            }
        }
    )+};
}
people!(HandOverPage, HandOverBlock);

pub(super) async fn page(State(app): State<App>, Path(child): Path<String>) -> Response {
    let Ok(child) = child.parse() else { return Redirect::to("/").into_response() };
    match app.staff.see(child, false).await {
        Ok(_) => {
            app.staff.open_hand_over(child);
            draw_page(&app, Typed::default())
        }
        Err(told) => not_known(&app, child, told),
    }
}

pub(super) async fn claim(
    State(app): State<App>,
    Path(child): Path<String>,
    Form(form): Form<ClaimForm>,
) -> Response {
    let Ok(child) = child.parse::<ChildId>() else { return Redirect::to("/").into_response() };
    let back = || Redirect::to(&format!("/child/{child}/hand-over")).into_response();
    // A form of a page that was left long ago claims nothing.
    if !app.staff.hand_over_of(child) {
        return back();
    }
    match form.key.as_str() {
        "nothing" => app.staff.claim(Claim::Nothing).await,
        "again" => app.staff.once_more(child),
        "repeat" => app.staff.repeat_claim(child).await,
        key => {
            let language = app.staff.now().language;
            let mut typed =
                Typed { who: person_of(&form.who), pin: digits(&form.pin), problem: None };
            if press(&mut typed.pin, key, LONGEST_PIN) {
                return draw_page(&app, typed);
            }
            let Some(who) = typed.who else {
                typed.problem = Some(words::no_person(language));
                return draw_page(&app, typed);
            };
            if typed.pin.len() < 4 {
                typed.problem = Some(words::bad_pin(BadPin::Shape, language));
                return draw_page(&app, typed);
            }
            app.staff.claim(Claim::Pin { who, pin: Secret(typed.pin) }).await;
        }
    }
    back()
}

/// What a scanner typed into the page.
pub(super) async fn scan(State(app): State<App>, Form(form): Form<ScanForm>) -> Redirect {
    app.staff.on_code(&form.text).await;
    Redirect::to("/")
}

fn draw_page(app: &App, typed: Typed) -> Response {
    let view = app.staff.now();
    let Some(HandOverBlock { mut f, seen, .. }) = HandOverBlock::of(&view, &app.house) else {
        return Redirect::to("/").into_response();
    };
    f.scan = app.house.scanner;
    draw(&HandOverPage { f, seen, typed })
}

/// Somebody of a child's list, as forms send them.
fn person_key(who: &CollectsAs) -> String {
    match who {
        CollectsAs::Guardian(person) => format!("guardian:{person}"),
        CollectsAs::Named(collector) => format!("named:{collector}"),
    }
}

fn person_of(key: &str) -> Option<CollectsAs> {
    match key.split_once(':')? {
        ("guardian", id) => id.parse().ok().map(CollectsAs::Guardian),
        ("named", id) => id.parse().ok().map(CollectsAs::Named),
        _ => None,
    }
}
