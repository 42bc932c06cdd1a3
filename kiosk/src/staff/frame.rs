//! What every page of the staff screen is drawn with.

use chrono::{DateTime, Utc};
use model::care::day::NotHandedOver;
use model::care::file::NotCollecting;
use model::language::Language;
use wire::nursery::NotDone;

use super::hand_over::{HandOver, Hint, Step};
use super::screen::{BadPin, Out, Signed, Stage, Told, View};
use super::words::{self, Words};
use crate::frame::in_language;
use crate::pages::House;

/// The page's frame.
pub(super) struct Frame<'a> {
    pub view: &'a View,
    pub house: &'a House,
    /// Where the page's live part comes from.
    pub live: String,
    /// Whether what a scanner types counts here.
    pub scan: bool,
}

impl<'a> Frame<'a> {
    pub fn new(view: &'a View, house: &'a House, page: &str) -> Self {
        Self { view, house, live: format!("/live?page={page}&turn={}", view.turn), scan: false }
    }

    pub fn language(&self) -> Language {
        self.view.language
    }

    pub fn say<'t>(&self, ja: &'t str, en: &'t str) -> &'t str {
        in_language(self.view.language, ja, en)
    }

    pub fn is_ja(&self) -> bool {
        self.view.language == Language::Ja
    }

    pub fn signed(&self) -> Option<&'a Signed> {
        match &self.view.stage {
            Stage::In(signed) => Some(signed),
            _ => None,
        }
    }

    pub fn hand_over(&self) -> Option<&'a HandOver> {
        self.signed()?.hand_over.as_ref()
    }

    pub fn step(&self) -> Option<&'a Step> {
        self.hand_over().map(|open| &open.step)
    }

    /// When something ends: midnight ends a day.
    pub fn end(&self, time: &DateTime<Utc>) -> String {
        match self.clock(time).as_str() {
            "0:00" => "24:00".to_owned(),
            other => other.to_owned(),
        }
    }

    pub fn clock(&self, time: &DateTime<Utc>) -> String {
        time.with_timezone(&self.house.zone).format("%-H:%M").to_string()
    }

    /// The time, with its day where that is not today.
    pub fn when(&self, time: &DateTime<Utc>) -> String {
        let local = time.with_timezone(&self.house.zone);
        let today = self.house.clock.now().with_timezone(&self.house.zone).date_naive();
        if local.date_naive() == today {
            return self.clock(time);
        }
        match self.language() {
            Language::Ja => local.format("%-m月%-d日 %-H:%M").to_string(),
            Language::En => local.format("%a %-d %b, %-H:%M").to_string(),
        }
    }

    pub fn years(&self, years: &u32) -> String {
        match self.language() {
            Language::Ja => format!("{years}歳"),
            Language::En => format!("aged {years}"),
        }
    }

    /// What became of the last thing that was done, where it was not done.
    pub fn told(&self) -> Option<Words> {
        self.signed()?.told.as_ref().map(|told| self.words_of(told))
    }

    /// Why something was not done, and from when on it would be, where that is known.
    pub fn words_of(&self, told: &Told) -> Words {
        let mut said = words::told(told, self.language());
        if let Told::NotTaken(_, Some(opens)) = told {
            let opens = self.when(opens);
            said.advice.push_str(&match self.language() {
                Language::Ja => format!(" {opens} から受け付けられます。"),
                Language::En => format!(" It would be taken from {opens} on."),
            });
        }
        said
    }

    pub fn out(&self, why: &Out) -> Words {
        words::out(*why, self.language())
    }

    pub fn bad_pin(&self, bad: &BadPin) -> &'static str {
        words::bad_pin(*bad, self.language())
    }

    pub fn not_collecting(&self, why: &NotCollecting) -> &'static str {
        words::not_collecting(*why, self.language())
    }

    pub fn not_done(&self, why: &NotDone) -> Words {
        words::not_done(*why, self.language())
    }

    pub fn not_handed_over(&self, why: &NotHandedOver) -> Words {
        words::not_handed_over(*why, self.language())
    }

    pub fn hint(&self, why: &Hint) -> &'static str {
        words::hint(*why, self.language())
    }
}
