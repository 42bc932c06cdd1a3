//! The drop-off: how a child is that somebody brings, as a plain form.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use model::care::day::HealthCheck;
use model::id::{ChildId, TicketId};
use model::language::Language;
use serde::Deserialize;

use super::{App, Step, at_door, page_of_step};
use crate::frame::{cut, in_language, press};
use crate::lobby::Unheard;
use crate::typed::{LONGEST_TEMPERATURE, temperature};

/// What has been typed so far.
pub(super) struct Bringing {
    pub ticket: TicketId,
    pub child: ChildId,
    /// How the child is named here.
    pub which: String,
    pub temperature: String,
    pub unwell: Option<bool>,
    pub problem: Option<&'static str>,
    pub language: Language,
}

#[derive(Deserialize)]
pub(super) struct Typed {
    ticket: String,
    child: String,
    /// Absent where the form is opened.
    key: Option<String>,
    #[serde(default)]
    temperature: String,
    #[serde(default)]
    unwell: String,
}

impl Bringing {
    pub fn say<'t>(&self, ja: &'t str, en: &'t str) -> &'t str {
        in_language(self.language, ja, en)
    }

    fn check(&self) -> Result<HealthCheck, &'static str> {
        if self.temperature.trim().is_empty() {
            return Err(self.say("体温を入れてください", "Enter the temperature"));
        }
        let tenths = temperature(&self.temperature).ok_or(self.say(
            "体温は 34.0 から 42.0 までの数字です（例 36.5）",
            "A temperature lies between 34.0 and 42.0 (like 36.5)",
        ))?;
        let unwell = self.unwell.ok_or(self.say(
            "体調について、「はい」か「いいえ」を選んでください",
            "Answer yes or no about signs of illness",
        ))?;
        Ok(HealthCheck { temperature: Some(tenths), unwell, remarks: String::new() })
    }
}

/// Opens the form, types into it, or sends it to the site.
pub(super) async fn bring(State(app): State<App>, Form(typed): Form<Typed>) -> Response {
    let (Ok(ticket), Ok(child)) = (typed.ticket.parse(), typed.child.parse()) else {
        return Redirect::to("/").into_response();
    };
    // Somebody else may stand here by now: their answer is shown, not this form.
    let Some(door) = app.lobby.screen.bring(ticket) else {
        return Redirect::to("/").into_response();
    };
    let mut form = Bringing {
        ticket,
        child,
        which: at_door::which(Some(&door.care), child, door.language),
        temperature: cut(typed.temperature, LONGEST_TEMPERATURE),
        unwell: match typed.unwell.as_str() {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
        problem: None,
        language: door.language,
    };
    let Some(key) = typed.key else { return page_of_step(&app, Step::DropOff(form)) };
    if !press(&mut form.temperature, &key, LONGEST_TEMPERATURE) {
        match form.check() {
            Ok(check) => {
                form.problem = Some(match app.lobby.drop_off(ticket, child, check).await {
                    Ok(()) => return Redirect::to("/").into_response(),
                    Err(Unheard::Silent) => form.say(
                        "センターの装置から返事がありません。もう一度押すか、保育室の職員にお声がけください。",
                        "The centre's equipment does not answer. Press again, or ask the staff of the nursery.",
                    ),
                    Err(Unheard::NotUnderstood) => form.say(
                        "時間が過ぎました。もう一度カードをタッチするか、保育室の職員にお声がけください。",
                        "The time is up. Touch your card once more, or ask the staff of the nursery.",
                    ),
                });
            }
            Err(problem) => form.problem = Some(problem),
        }
    }
    page_of_step(&app, Step::DropOff(form))
}
