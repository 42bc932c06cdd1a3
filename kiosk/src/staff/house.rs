//! What the staff do for the whole house: who is in it, locking it, emptying it.

use askama::Template;
use axum::extract::{Form, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::{DateTime, Utc};
use model::care::day::CaregiverState;
use model::muster::{CaregiverIn, ChildIn, Evidence, PersonIn};
use serde::Deserialize;
use wire::nursery::{StaffAnswer, StaffAsk, StaffIn, StaffMuster};
use wire::request::HouseAlarm;

use super::App;
use super::frame::Frame;
use super::screen::Told;
use super::words::Words;
use crate::frame::{SPRITE, draw};

/// Who is in the house.
#[derive(Template)]
#[template(path = "staff/muster.html")]
struct MusterPage<'a> {
    f: Frame<'a>,
    list: &'a StaffMuster,
    nurseries: Vec<NurseryIn<'a>>,
    guests: Vec<&'a PersonIn>,
    away: usize,
}

/// A nursery's part of it.
struct NurseryIn<'a> {
    name: &'a str,
    caregivers: Vec<&'a CaregiverIn>,
    children: Vec<&'a ChildIn>,
}

impl MusterPage<'_> {
    fn children(&self) -> usize {
        let here: usize = self.nurseries.iter().map(|one| one.children.len()).sum();
        here + self.list.elsewhere
    }

    fn caregivers(&self) -> usize {
        let here: usize = self.nurseries.iter().map(|one| one.caregivers.len()).sum();
        here + self.list.caregivers_elsewhere
    }

    fn on_break(&self, one: &CaregiverIn) -> bool {
        one.state == CaregiverState::OnBreak
    }

    fn room<'a>(&self, child: &'a ChildIn) -> &'a str {
        child.room_name.as_ref().map_or("", |name| name.get(self.f.language()))
    }

    fn child_name<'a>(&self, child: &'a ChildIn) -> &'a str {
        if child.name.is_empty() { super::words::nameless(self.f.language()) } else { &child.name }
    }

    fn caregiver_name<'a>(&'a self, one: &'a CaregiverIn) -> &'a str {
        if one.name.is_empty() { self.f.say("保育者", "A caregiver") } else { &one.name }
    }

    fn staff_name<'a>(&'a self, one: &'a StaffIn) -> &'a str {
        if one.name.is_empty() { self.f.say("職員", "Somebody of the staff") } else { &one.name }
    }

    fn last(&self, evidence: &Evidence) -> String {
        let (ja, en) = evidence.what.words();
        let time: &DateTime<Utc> = &evidence.at;
        format!("{} {}", self.f.when(time), self.f.say(ja, en))
    }
}

/// Whether they are sure.
#[derive(Template)]
#[template(path = "staff/sure.html")]
struct SurePage<'a> {
    f: Frame<'a>,
    asked: HouseForm,
    words: Words,
    does: &'static str,
    go: &'static str,
}

#[derive(Deserialize)]
pub(super) struct HouseForm {
    #[serde(default)]
    order: String,
    #[serde(default)]
    on: String,
    /// Absent until it was asked whether they are sure.
    #[serde(default)]
    sure: String,
}

impl HouseForm {
    /// Whether something begins that changes the whole house.
    fn begins(&self) -> bool {
        self.on == "yes"
    }

    /// What is wanted; nothing where it is none of this page's.
    fn wants(&self) -> Option<StaffAsk> {
        let on = match self.on.as_str() {
            "yes" => true,
            "no" => false,
            _ => return None,
        };
        match self.order.as_str() {
            "lockdown" => Some(StaffAsk::Lockdown { on }),
            "evacuate" => Some(StaffAsk::Evacuate { on }),
            _ => None,
        }
    }
}

/// `/muster`
pub(super) async fn muster(State(app): State<App>) -> Response {
    let list = match app.staff.ask(StaffAsk::Muster).await {
        Ok(StaffAnswer::Muster(list)) => list,
        Ok(_) => return to_board(&app, Told::Silent),
        Err(told) => return to_board(&app, told),
    };
    let view = app.staff.now();
    let f = Frame::new(&view, &app.house, "muster");
    let nurseries = list.nurseries.iter().map(|(id, name)| {
        let children = list.muster.children.iter().filter(|child| child.nursery == *id);
        let mut children: Vec<&ChildIn> = children.collect();
        children.sort_by(|a, b| (a.room, &a.name).cmp(&(b.room, &b.name)));
        NurseryIn {
            name: name.get(f.language()),
            caregivers: list.muster.caregivers.iter().filter(|one| one.nursery == *id).collect(),
            children,
        }
    });
    let nurseries = nurseries.collect();
    let guests = list.muster.people.iter().filter(|one| one.away_since.is_none());
    let mut guests: Vec<&PersonIn> = guests.collect();
    guests.sort_by(|a, b| a.space.cmp(&b.space));
    let away = list.muster.people.len() - guests.len();
    draw(&MusterPage { f, nurseries, guests, away, list: &list })
}

/// `/house`: gives the order once they are sure.
pub(super) async fn order(State(app): State<App>, Form(form): Form<HouseForm>) -> Response {
    let Some(wants) = form.wants() else { return to_board(&app, Told::Odd) };
    if form.sure == "yes" {
        return match app.staff.act(wants).await {
            Ok(()) => Redirect::to("/muster").into_response(),
            Err(told) => to_board(&app, told),
        };
    }
    let view = app.staff.now();
    let f = Frame::new(&view, &app.house, "sure");
    if f.signed().is_none() {
        return Redirect::to("/").into_response();
    }
    let (say, advice, does, go) = match wants {
        StaffAsk::Lockdown { on: true } => (
            f.say("全館を閉鎖しますか", "Lock the whole house?"),
            f.say(
                "すべての扉が閉まり、カードでも外から入れなくなります。",
                "Every door locks, and no card opens one from outside.",
            ),
            f.say(
                "中からはいつでも出られます。解除するまで続きます。",
                "Whoever is inside can go out. It lasts until it is lifted.",
            ),
            f.say("閉鎖する", "Lock it"),
        ),
        StaffAsk::Lockdown { .. } => (
            f.say("閉鎖を解除しますか", "Lift the lockdown?"),
            f.say(
                "扉はふだんどおり、カードで開くようになります。",
                "Cards open the doors again, as on any day.",
            ),
            "",
            f.say("解除する", "Lift it"),
        ),
        StaffAsk::Evacuate { on: true } => (
            f.say("全員を避難させますか", "Evacuate the house?"),
            f.say(
                "すべての扉が開き、館内の画面が避難を呼びかけます。",
                "Every door opens, and the screens ask everybody to leave.",
            ),
            f.say("119番への通報はされません。", "It does not call 119."),
            f.say("避難を始める", "Evacuate"),
        ),
        _ => (
            f.say("避難を終えますか", "End the evacuation?"),
            f.say("扉はふだんどおり施錠されます。", "The doors lock again, as on any day."),
            "",
            f.say("避難を終える", "End it"),
        ),
    };
    let words = Words { say: say.to_owned(), advice: advice.to_owned() };
    draw(&SurePage { f, asked: form, words, does, go })
}

fn to_board(app: &App, told: Told) -> Response {
    app.staff.tell(Some(told));
    Redirect::to("/").into_response()
}
