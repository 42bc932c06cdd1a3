//! What the staff do with a child that its guardians read, and that cannot be taken back: they ask them to collect it
//! early, or put its record right.

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::response::Response;
use model::care::board::ChildState;
use model::care::day::{NotDone, NotHandedOver, NoteBody, NoteKind};
use model::id::ChildId;
use serde::Deserialize;
use wire::nursery::StaffAsk;
use wire::request::HouseAlarm;

use super::App;
use super::board::{Row, find, row};
use super::child::{Asks, NoteForm, done, draw_child, not_done, not_seen, to_board};
use super::frame::Frame;
use super::screen::Told;
use super::words::Words;
use crate::frame::{SPRITE, draw};

/// A child in care of whom the site knows nothing any more.
#[derive(Template)]
#[template(path = "staff/gone.html")]
struct GonePage<'a> {
    f: Frame<'a>,
    row: Row<'a>,
    said: Words,
    /// What was typed and not taken.
    why: &'a str,
    problem: Option<Words>,
}

#[derive(Deserialize)]
pub(super) struct RecallForm {
    #[serde(default)]
    text: String,
    /// Absent until it was asked whether they are sure.
    sure: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct PutRightForm {
    #[serde(default)]
    text: String,
}

pub(super) async fn recall(
    State(app): State<App>,
    Path(child): Path<String>,
    Form(form): Form<RecallForm>,
) -> Response {
    let Ok(child) = child.parse() else { return to_board() };
    let told = match (for_guardians(&form.text), form.sure.as_deref()) {
        (Err(bad), _) => Some(bad),
        (Ok(why), Some("yes")) => app.staff.act(StaffAsk::Recall { child, why }).await.err(),
        // It is mailed and refunded at once, and cannot be taken back.
        (Ok(_), sure) => {
            let recalling = sure.is_none().then_some(form.text);
            return match app.staff.see(child, false).await {
                Ok(seen) => draw_child(&app, &seen, None, Asks { recalling, ..Asks::default() }),
                Err(told) => not_seen(&app, told),
            };
        }
    };
    match told {
        None => done(child, "recall"),
        Some(told) => not_done(&app, child, told, NoteForm::of(form.text), "recall").await,
    }
}

pub(super) async fn put_right(
    State(app): State<App>,
    Path(child): Path<String>,
    Form(form): Form<PutRightForm>,
) -> Response {
    let Ok(child) = child.parse() else { return to_board() };
    let told = match for_guardians(&form.text) {
        Ok(why) => app.staff.act(StaffAsk::PutRight { child, why }).await.err(),
        Err(bad) => Some(bad),
    };
    match told {
        None if app.staff.sees(child) => done(child, "put_right"),
        None => to_board(),
        Some(told) if app.staff.sees(child) => {
            not_done(&app, child, told, NoteForm::of(form.text), "put-right").await
        }
        Some(told) => {
            gone(&app, child, &form.text, Some(told)).unwrap_or_else(|| not_seen(&app, told))
        }
    }
}

/// The page of a child in care of whom the site knows nothing any more; the board where it is not one.
pub(super) fn not_known(app: &App, child: ChildId, told: Told) -> Response {
    let unknown = told == Told::NotDone(NotDone::NotTheirs);
    let page = if unknown { gone(app, child, "", None) } else { None };
    page.unwrap_or_else(|| not_seen(app, told))
}

fn gone(app: &App, child: ChildId, why: &str, problem: Option<Told>) -> Option<Response> {
    let view = app.staff.now();
    let f = Frame::new(&view, &app.house, "child");
    let board = f.signed()?.board.as_deref()?;
    let (nursery, child) = find(board, child)?;
    let row = row(nursery, child, board.at, f.language())?;
    let in_care = matches!(row.state, ChildState::InCare { .. });
    if row.years.is_some() || !in_care {
        return None;
    }
    let said = f.not_handed_over(&NotHandedOver::NotKnown);
    let problem = problem.map(|told| f.words_of(&told));
    Some(draw(&GonePage { f, row, said, why, problem }))
}

/// What guardians are to read, and so says something.
fn for_guardians(text: &str) -> Result<NoteBody, Told> {
    let body = NoteBody { text: text.to_owned(), ..NoteBody::default() };
    body.of(NoteKind::ToGuardians).map(Option::unwrap_or_default).map_err(Told::BadNote)
}
