//! A child's page: what is to be known of it, and what is done and written down.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use model::care::board::ChildState;
use model::care::day::{BadNote, HealthCheck, NoteBody, NoteKind};
use model::id::{ChildId, RoomId};
use serde::Deserialize;
use wire::nursery::{ChildSeen, StaffAsk};
use wire::request::HouseAlarm;

use super::App;
use super::board::{Row, find, row};
use super::frame::Frame;
use super::guardians::not_known;
use super::screen::Told;
use super::words::{self, Words};
use crate::frame::{SPRITE, cut, draw, press};
use crate::typed::{LONGEST_TEMPERATURE, temperature as tenths_of};

#[derive(Template)]
#[template(path = "staff/child.html")]
struct ChildPage<'a> {
    f: Frame<'a>,
    seen: &'a ChildSeen,
    row: Option<Row<'a>>,
    /// The rooms of its nursery.
    rooms: Vec<(RoomId, &'a str)>,
    /// What was just written down.
    done: Option<&'static str>,
    asks: Asks,
}

/// What a child's page asks for besides what always stands on it.
#[derive(Default)]
pub(super) struct Asks {
    /// Why its guardians are to be asked to collect it, until that is confirmed.
    pub recalling: Option<String>,
    /// Whether the record is to be put right.
    pub putting_right: bool,
    /// What was typed and not taken, with why.
    pub typed: NoteForm,
    pub problem: Option<(&'static str, Words)>,
}

impl ChildPage<'_> {
    /// The problem of this form.
    fn problem_of(&self, form: &str) -> Option<&Words> {
        self.asks.problem.as_ref().filter(|(of, _)| *of == form).map(|(_, words)| words)
    }

    /// What was typed into this form and not taken.
    fn typed_in(&self, form: &str) -> &str {
        if self.problem_of(form).is_some() { &self.asks.typed.text } else { "" }
    }

    /// Whether nobody has said what it is allergic to.
    fn allergies_unknown(&self) -> bool {
        !self.seen.health_given && self.seen.allergies.is_empty()
    }

    fn in_care(&self) -> bool {
        matches!(self.row.as_ref().map(|row| row.state), None | Some(ChildState::InCare { .. }))
    }

    fn waits(&self) -> bool {
        let state = self.row.as_ref().map(|row| row.state);
        matches!(state, Some(ChildState::InCare { received: false, .. }))
    }

    fn expected(&self) -> bool {
        matches!(self.row.as_ref().map(|row| row.state), Some(ChildState::Expected))
    }

    fn asleep(&self) -> bool {
        let state = self.row.as_ref().map(|row| row.state);
        matches!(state, Some(ChildState::InCare { asleep: Some(_), .. }))
    }

    fn recalled(&self) -> bool {
        let state = self.row.as_ref().map(|row| row.state);
        matches!(state, Some(ChildState::InCare { recalled: Some(_), .. }))
    }
}

/// How a child is, on a page with a keypad.
#[derive(Template)]
#[template(path = "staff/check.html")]
struct CheckPage<'a> {
    f: Frame<'a>,
    seen: &'a ChildSeen,
    /// Whether it is brought; its temperature alone is noted otherwise.
    brought: bool,
    form: CheckForm,
    problem: Option<Words>,
}

#[derive(Default, Deserialize)]
pub(super) struct NoteForm {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    eaten: String,
    serious: Option<String>,
    /// `board` where the button stands there.
    #[serde(default)]
    from: String,
}

#[derive(Default, Deserialize)]
pub(super) struct CheckForm {
    #[serde(default)]
    key: String,
    #[serde(default)]
    temperature: String,
    #[serde(default)]
    unwell: String,
    #[serde(default)]
    remarks: String,
}

#[derive(Deserialize)]
pub(super) struct MoveForm {
    #[serde(default)]
    room: String,
}

#[derive(Deserialize)]
pub(super) struct Opened {
    done: Option<String>,
    /// What is to be done on it.
    open: Option<String>,
}

pub(super) async fn page(
    State(app): State<App>,
    Path(child): Path<String>,
    Query(query): Query<Opened>,
) -> Response {
    let Ok(child) = child.parse() else { return to_board() };
    let done = query.done.as_deref().and_then(|what| words::done(what, app.staff.now().language));
    let putting_right = query.open.as_deref() == Some("put-right");
    // Who comes back from writing something down, or goes on from a hand-over, has not looked once more.
    match app.staff.see(child, done.is_none() && !putting_right).await {
        Ok(seen) => {
            app.staff.close_hand_over();
            draw_child(&app, &seen, done, Asks { putting_right, ..Asks::default() })
        }
        Err(told) => not_known(&app, child, told),
    }
}

pub(super) async fn receive(State(app): State<App>, Path(child): Path<String>) -> Response {
    let Ok(child) = child.parse() else { return to_board() };
    let told = app.staff.act(StaffAsk::Receive { child }).await.err();
    app.staff.tell(told);
    to_board()
}

pub(super) async fn note(
    State(app): State<App>,
    Path(child): Path<String>,
    Form(form): Form<NoteForm>,
) -> Response {
    let Ok(child) = child.parse() else { return to_board() };
    let Some((kind, key)) = kind_of(&form.kind) else {
        app.staff.tell(Some(Told::Odd));
        return to_board();
    };
    let body = NoteBody {
        text: form.text.clone(),
        temperature: None,
        eaten: form.eaten.parse().ok(),
        serious: form.serious.is_some(),
    };
    let told = match body.of(kind) {
        Ok(body) => {
            let body = body.unwrap_or_default();
            app.staff.act(StaffAsk::Note { child, kind, body }).await.err()
        }
        Err(bad) => Some(Told::BadNote(bad)),
    };
    match told {
        // The board is looked at from a step away by all: whoever presses there stays there.
        told if form.from == "board" => {
            app.staff.tell(told);
            to_board()
        }
        None => done(child, key),
        Some(told) => not_done(&app, child, told, form, form_of(kind)).await,
    }
}

pub(super) async fn change_room(
    State(app): State<App>,
    Path(child): Path<String>,
    Form(form): Form<MoveForm>,
) -> Response {
    let Ok(child) = child.parse() else { return to_board() };
    let told = match form.room.parse() {
        Ok(room) => app.staff.act(StaffAsk::Move { child, room }).await.err(),
        Err(_) => Some(Told::Odd),
    };
    match told {
        None => done(child, "move"),
        Some(told) => not_done(&app, child, told, NoteForm::default(), "move").await,
    }
}

pub(super) async fn drop_off(State(app): State<App>, Path(child): Path<String>) -> Response {
    open_check(&app, &child, true).await
}

pub(super) async fn temperature(State(app): State<App>, Path(child): Path<String>) -> Response {
    open_check(&app, &child, false).await
}

pub(super) async fn type_drop_off(
    State(app): State<App>,
    Path(child): Path<String>,
    Form(mut form): Form<CheckForm>,
) -> Response {
    let Ok(child) = child.parse() else { return to_board() };
    let mut problem = None;
    if !form.presses() {
        let told = match form.check() {
            Ok(check) => app.staff.act(StaffAsk::DropOff { child, check }).await.err(),
            Err(bad) => Some(Told::BadNote(bad)),
        };
        let Some(told) = told else { return to_board() };
        problem = Some(told);
    }
    check_page(&app, child, true, form, problem).await
}

pub(super) async fn type_temperature(
    State(app): State<App>,
    Path(child): Path<String>,
    Form(mut form): Form<CheckForm>,
) -> Response {
    let Ok(child) = child.parse() else { return to_board() };
    let mut problem = None;
    if !form.presses() {
        let body = NoteBody { temperature: tenths_of(&form.temperature), ..NoteBody::default() };
        let kind = NoteKind::Temperature;
        let told = match body.of(kind) {
            Ok(body) => {
                let body = body.unwrap_or_default();
                app.staff.act(StaffAsk::Note { child, kind, body }).await.err()
            }
            Err(bad) => Some(Told::BadNote(bad)),
        };
        let Some(told) = told else { return done(child, "temperature") };
        problem = Some(told);
    }
    check_page(&app, child, false, form, problem).await
}

/// A kind of note, and how forms send it.
fn kind_of(key: &str) -> Option<(NoteKind, &'static str)> {
    NoteKind::ALL.into_iter().map(|kind| (kind, key_of(kind))).find(|(_, of)| *of == key)
}

fn key_of(kind: NoteKind) -> &'static str {
    match kind {
        NoteKind::NapBegins => "nap_begins",
        NoteKind::NapCheck => "nap_check",
        NoteKind::NapEnds => "nap_ends",
        NoteKind::Meal => "meal",
        NoteKind::Temperature => "temperature",
        NoteKind::Note => "note",
        NoteKind::ToGuardians => "to_guardians",
        NoteKind::Incident => "incident",
    }
}

/// The form of the page in which a kind of note is written.
fn form_of(kind: NoteKind) -> &'static str {
    match kind {
        NoteKind::NapBegins | NoteKind::NapCheck | NoteKind::NapEnds => "nap",
        NoteKind::Meal => "meal",
        NoteKind::Temperature => "temperature",
        NoteKind::Note | NoteKind::ToGuardians => "note",
        NoteKind::Incident => "incident",
    }
}

impl NoteForm {
    pub fn of(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl CheckForm {
    /// Whether a key was pressed that types.
    fn presses(&mut self) -> bool {
        self.temperature = cut(std::mem::take(&mut self.temperature), LONGEST_TEMPERATURE);
        press(&mut self.temperature, &self.key, LONGEST_TEMPERATURE)
    }

    fn check(&self) -> Result<HealthCheck, BadNote> {
        let temperature = match self.temperature.trim() {
            "" => None,
            text => Some(tenths_of(text).ok_or(BadNote::Temperature)?),
        };
        let remarks = self.remarks.clone();
        let check = HealthCheck { temperature, unwell: self.unwell == "yes", remarks };
        check.check().map_err(|_| BadNote::Text)?;
        Ok(check)
    }
}

pub(super) fn to_board() -> Response {
    Redirect::to("/").into_response()
}

pub(super) fn done(child: ChildId, what: &str) -> Response {
    Redirect::to(&format!("/child/{child}?done={what}")).into_response()
}

/// The child's page once more, with what was typed and why it was not done.
pub(super) async fn not_done(
    app: &App,
    child: ChildId,
    told: Told,
    typed: NoteForm,
    form: &'static str,
) -> Response {
    match app.staff.see(child, false).await {
        Ok(seen) => {
            let words = words::told(&told, app.staff.now().language);
            let problem = Some((form, words));
            draw_child(app, &seen, None, Asks { typed, problem, ..Asks::default() })
        }
        Err(_) => not_seen(app, told),
    }
}

pub(super) fn not_seen(app: &App, told: Told) -> Response {
    app.staff.tell(Some(told));
    to_board()
}

pub(super) fn draw_child(
    app: &App,
    seen: &Arc<ChildSeen>,
    done: Option<&'static str>,
    asks: Asks,
) -> Response {
    let view = app.staff.now();
    let f = Frame::new(&view, &app.house, "child");
    let board = f.signed().and_then(|signed| signed.board.as_deref());
    let found = board.and_then(|board| {
        let (nursery, child) = find(board, seen.child)?;
        Some((nursery, row(nursery, child, board.at, f.language())))
    });
    let rooms = found.as_ref().map_or_else(Vec::new, |(nursery, _)| {
        nursery.rooms.iter().map(|(id, name)| (*id, name.get(f.language()))).collect()
    });
    let row = found.and_then(|(_, row)| row);
    draw(&ChildPage { f, seen, row, rooms, done, asks })
}

async fn open_check(app: &App, child: &str, brought: bool) -> Response {
    let Ok(child) = child.parse() else { return to_board() };
    check_page(app, child, brought, CheckForm::default(), None).await
}

async fn check_page(
    app: &App,
    child: ChildId,
    brought: bool,
    form: CheckForm,
    problem: Option<Told>,
) -> Response {
    match app.staff.see(child, false).await {
        Ok(seen) => {
            let view = app.staff.now();
            let f = Frame::new(&view, &app.house, "child");
            let problem = problem.map(|told| match told {
                Told::BadNote(BadNote::Text) => words::long_remarks(f.language()),
                told => f.words_of(&told),
            });
            draw(&CheckPage { f, seen: &seen, brought, form, problem })
        }
        Err(told) => not_seen(app, told),
    }
}
