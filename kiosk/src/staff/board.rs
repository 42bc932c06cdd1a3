//! The board: a nursery as its staff read it from a step away.

use chrono::{DateTime, Utc};
use model::care::board::{CaregiverView, ChildState, ChildView, Count};
use model::care::day::{CareAlarm, CaregiverState};
use model::care::rule_set::kind_name;
use model::id::{ChildId, ShiftId};
use model::language::Language;
use wire::nursery::{Board, BoardChild, NurseryBoard};

use super::frame::Frame;
use super::words::{self, Words};

/// A nursery.
pub(super) struct Nursery<'a> {
    pub name: &'a str,
    pub now: Count,
    pub staffed: bool,
    pub short: bool,
    pub alarms: Vec<Alarm>,
    pub strip: Vec<Stretch>,
    /// The children in each room, in words.
    pub rooms: Vec<(&'a str, String)>,
    pub groups: [Group<'a>; 4],
    pub caregivers: Vec<Caregiver<'a>>,
}

impl Nursery<'_> {
    /// Whether no child is or will be here today.
    pub fn is_empty(&self) -> bool {
        self.groups.iter().all(|group| group.rows.is_empty())
    }
}

/// Something that is not as it has to be.
pub(super) struct Alarm {
    pub words: Words,
    pub since: DateTime<Utc>,
    /// Whether it is so now, and not soon.
    pub urgent: bool,
    /// Who could be asked.
    pub ask: String,
    pub child: Option<ChildId>,
    /// Whether a look at a sleeping child ends it.
    pub nap: bool,
}

/// Quarters of an hour that are alike.
pub(super) struct Stretch {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub count: Count,
    pub short: bool,
}

/// Children who stand alike.
pub(super) struct Group<'a> {
    pub title: &'static str,
    pub kind: &'static str,
    pub rows: Vec<Row<'a>>,
}

/// A child.
pub(super) struct Row<'a> {
    pub child: ChildId,
    pub name: &'a str,
    pub years: Option<u32>,
    /// Whether it is allergic to something; nothing where that is not known.
    pub allergic: Option<bool>,
    pub room: &'a str,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub state: ChildState,
    pub look_by: Option<DateTime<Utc>>,
    /// Whether the look is due.
    pub look_now: bool,
}

/// Somebody who works today.
pub(super) struct Caregiver<'a> {
    pub shift: ShiftId,
    pub name: &'a str,
    pub kind: &'a str,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub state: Option<(CaregiverState, DateTime<Utc>)>,
}

impl Caregiver<'_> {
    pub fn is(&self, state: &str) -> bool {
        self.state.map_or("none", |(state, _)| state_key(state)) == state
    }
}

/// A caregiver's state as forms send it.
pub(super) fn state_key(state: CaregiverState) -> &'static str {
    match state {
        CaregiverState::Here => "here",
        CaregiverState::OnBreak => "on_break",
        CaregiverState::Gone => "gone",
    }
}

/// The state that a form has sent.
pub(super) fn state_of(key: &str) -> Option<CaregiverState> {
    [CaregiverState::Here, CaregiverState::OnBreak, CaregiverState::Gone]
        .into_iter()
        .find(|state| state_key(*state) == key)
}

/// The nurseries of a board.
pub(super) fn nurseries<'a>(board: &'a Board, f: &Frame<'_>) -> Vec<Nursery<'a>> {
    board.nurseries.iter().map(|one| nursery(one, board.at, f)).collect()
}

/// A child of the board, with its nursery.
pub(super) fn find(board: &Board, child: ChildId) -> Option<(&NurseryBoard, &ChildView)> {
    board.nurseries.iter().find_map(|nursery| {
        let view = nursery.view.children.iter().find(|one| one.child == child)?;
        Some((nursery, view))
    })
}

fn nursery<'a>(one: &'a NurseryBoard, at: DateTime<Utc>, f: &Frame<'_>) -> Nursery<'a> {
    let language = f.language();
    let view = &one.view;
    let mut rows: Vec<Row<'a>> =
        view.children.iter().filter_map(|child| row(one, child, at, language)).collect();
    rows.sort_by(|a, b| (a.from, a.name).cmp(&(b.from, b.name)));
    let mut groups = [
        (f.say("引き受けを待っています", "To be taken over"), "waiting"),
        (f.say("保育中", "In care"), "in"),
        (f.say("これから登園", "Expected"), "expected"),
        (f.say("お迎えずみ", "Collected"), "collected"),
    ]
    .map(|(title, kind)| Group { title, kind, rows: Vec::new() });
    for row in rows {
        let group = match row.state {
            ChildState::InCare { received: false, .. } => 0,
            ChildState::InCare { .. } => 1,
            ChildState::Expected => 2,
            ChildState::Collected { .. } => 3,
        };
        if let Some(group) = groups.get_mut(group) {
            group.rows.push(row);
        }
    }
    Nursery {
        name: one.name.get(language),
        now: view.now,
        staffed: view.staffed,
        short: view.is_short(),
        alarms: alarms(one, f),
        strip: strip(one),
        rooms: rooms(one, language),
        groups,
        caregivers: view.caregivers.iter().map(|who| caregiver(one, who, language)).collect(),
    }
}

pub(super) fn row<'a>(
    nursery: &'a NurseryBoard,
    view: &'a ChildView,
    at: DateTime<Utc>,
    language: Language,
) -> Option<Row<'a>> {
    let named: Option<&BoardChild> = nursery.children.iter().find(|one| one.child == view.child);
    // Whom the sheet knows no more is still there, and counted, until it is collected or the record is put right.
    if named.is_none() && !matches!(view.state, ChildState::InCare { .. }) {
        return None;
    }
    let look_by = named.and_then(|one| one.look_by);
    let room = view.room.and_then(|id| nursery.rooms.iter().find(|(room, _)| *room == id));
    Some(Row {
        child: view.child,
        name: named.map_or(words::nameless(language), |one| &one.name),
        years: named.map(|one| one.years),
        allergic: named.and_then(|one| one.allergies.as_ref()).map(|all| !all.trim().is_empty()),
        room: room.map_or("", |(_, name)| name.get(language)),
        from: view.when.starts(),
        until: view.when.ends(),
        state: view.state,
        look_by,
        look_now: look_by.is_some_and(|by| by <= at),
    })
}

fn alarms(nursery: &NurseryBoard, f: &Frame<'_>) -> Vec<Alarm> {
    let name_of = |child: &ChildId| {
        let named = nursery.children.iter().find(|one| one.child == *child);
        named.map_or(words::nameless(f.language()), |one| &one.name)
    };
    let mut alarms: Vec<Alarm> = nursery
        .view
        .alarms
        .iter()
        .map(|raised| {
            let child = match &raised.alarm {
                CareAlarm::Short { .. } | CareAlarm::ShortSoon { .. } => None,
                CareAlarm::Due { child }
                | CareAlarm::Late { child }
                | CareAlarm::Waiting { child }
                | CareAlarm::NapCheck { child }
                | CareAlarm::GuardianOut { child } => Some(*child),
            };
            let name = child.as_ref().map_or("", name_of);
            let who: Vec<&str> = nursery
                .caregivers
                .iter()
                .filter(|(shift, ..)| raised.ask.contains(shift))
                .map(|(_, name, _)| name.as_str())
                .collect();
            Alarm {
                words: words::alarm(&raised.alarm, name, f.language(), &|time| f.clock(&time)),
                since: raised.since,
                urgent: !matches!(
                    raised.alarm,
                    CareAlarm::ShortSoon { .. } | CareAlarm::Due { .. }
                ),
                ask: who.join(f.say("、", ", ")),
                child,
                nap: matches!(raised.alarm, CareAlarm::NapCheck { .. }),
            }
        })
        .collect();
    alarms.sort_by_key(|alarm| !alarm.urgent);
    alarms
}

/// Quarters that are alike stand as one: a day of them fits the screen.
fn strip(nursery: &NurseryBoard) -> Vec<Stretch> {
    let mut strip: Vec<Stretch> = Vec::new();
    for quarter in &nursery.view.quarters {
        let until = quarter.from + chrono::TimeDelta::minutes(15);
        match strip.last_mut() {
            Some(last)
                if last.until == quarter.from
                    && last.count == quarter.count
                    && last.short == quarter.short =>
            {
                last.until = until;
            }
            _ => strip.push(Stretch {
                from: quarter.from,
                until,
                count: quarter.count,
                short: quarter.short,
            }),
        }
    }
    strip
}

fn rooms(nursery: &NurseryBoard, language: Language) -> Vec<(&str, String)> {
    let name = |id| nursery.rooms.iter().find(|(room, _)| *room == id);
    let ages = |by_age: &[(u32, u32)]| {
        let one = |(years, children): &(u32, u32)| match language {
            Language::Ja => format!("{years}歳 {children}人"),
            Language::En => format!("{children} aged {years}"),
        };
        let all: Vec<String> =
            by_age.iter().filter(|(_, children)| *children > 0).map(one).collect();
        if all.is_empty() { "0".to_owned() } else { all.join("・") }
    };
    let counted = nursery.view.rooms.iter();
    counted
        .filter_map(|count| Some((name(count.room)?.1.get(language), ages(&count.by_age))))
        .collect()
}

fn caregiver<'a>(
    nursery: &'a NurseryBoard,
    view: &'a CaregiverView,
    language: Language,
) -> Caregiver<'a> {
    let named = nursery.caregivers.iter().find(|(shift, ..)| *shift == view.shift);
    Caregiver {
        shift: view.shift,
        name: named.map_or("", |(_, name, _)| name),
        kind: named.map_or("", |(_, _, kind)| kind_name(language, kind)),
        from: view.when.starts(),
        until: view.when.ends(),
        state: view.state,
    }
}
