//! What everybody in the house has to know, above whatever else a screen shows.

use askama::Template;
use wire::request::HouseAlarm;

/// The part of a page that says it; empty on most days.
#[derive(Template)]
#[template(path = "alarm.html")]
struct AlarmBlock {
    alarm: Option<HouseAlarm>,
}

/// What a page that follows by itself was told last.
#[derive(Debug, Default)]
pub struct AlarmFollowing(Option<Option<HouseAlarm>>);

impl AlarmFollowing {
    /// What takes the place of what the page shows; nothing where it shows that already. A page that
    /// begins to follow is told in any case: it may have been drawn before an alarm ended.
    #[must_use]
    pub fn next(&mut self, alarm: Option<HouseAlarm>) -> Option<String> {
        if self.0.replace(alarm) == Some(alarm) {
            return None;
        }
        AlarmBlock { alarm }.render().ok().map(|html| html.trim_end().to_owned())
    }
}

/// Two parts of a page as one update; nothing where there is neither.
#[must_use]
pub fn both(alarm: Option<String>, rest: Option<String>) -> Option<String> {
    match (alarm, rest) {
        (Some(alarm), Some(rest)) => Some(format!("{alarm}\n{rest}")),
        (one, other) => one.or(other),
    }
}
