//! What happened to a child in care, opened for those who may read it; and the incidents of a nursery.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, Months, NaiveDate, Utc};
use chrono_tz::Tz;
use model::audit::AuditAction;
use model::care::day::{
    CareEvent, Claimer, FIRST_REPORT_DAYS, HealthCheck, NoteBody, SECOND_REPORT_MONTHS, Sealed,
};
use model::care::file::CareFile;
use model::centre::{Centre, Nursery};
use model::id::{ChildId, CollectorId, NurseryId, PersonId};
use model::interval::Interval;
use model::permission::Action;
use serde::de::DeserializeOwned;
use store::{DiaryEntry, IncidentRecord, KeyOwner, Report};
use wire::sealing::NoteKey;

use super::atlas::Atlas;
use super::audit::{self, Entry};
use super::nursery_day::{find, name_of, record_look};
use super::{Caller, Refused, children, vault};
use crate::hub::Hub;

/// Who reads a diary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Somebody who answers for the child.
    Guardian,
    /// The staff of this nursery: what happened there, with what they wrote for themselves.
    Nursery(NurseryId),
}

/// Something of a child's day.
pub struct Told {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub what: CareEvent,
    /// What its event holds sealed.
    pub opened: Opened,
    /// Who collected it, wanted to, or brought it, where that is known.
    pub who: Option<String>,
    /// Who of the staff, for the staff.
    pub staff: Option<String>,
}

/// What was sealed.
pub enum Opened {
    /// Nothing was.
    Nothing,
    /// How the child was when it was brought.
    Check(HealthCheck),
    /// What was written.
    Note(NoteBody),
    /// It cannot be opened.
    Torn,
}

/// A child's diary in `window`, in the order in which it happened. Whoever asks has seen that the reader may, and
/// records the look.
///
/// # Errors
/// [`Refused`] when the store fails.
pub async fn read(
    hub: &Hub,
    child: ChildId,
    file: &CareFile,
    reader: Reader,
    window: &Interval,
) -> Result<Vec<Told>, Refused> {
    let mut entries = hub.store.diary_of(child, window).await?;
    entries.retain(|entry| is_for(entry, reader));
    let key = note_key(hub, child).await?;
    let names = names(hub, file, &entries, reader).await?;
    let told = entries.into_iter().map(|entry| Told {
        at: entry.at,
        opened: opened(key.as_ref(), child, &entry.what),
        who: person_of(&entry.what).and_then(|who| names.get(&who).cloned()),
        staff: match reader {
            Reader::Guardian => None,
            Reader::Nursery(_) => {
                entry.what.staff().and_then(|staff| names.get(&Who::Person(staff)).cloned())
            }
        },
        what: entry.what,
    });
    Ok(told.collect())
}

fn is_for(entry: &DiaryEntry, reader: Reader) -> bool {
    let told = match &entry.what {
        // Looks stand in the record.
        CareEvent::LookedAt { .. } => false,
        CareEvent::Noted { kind, .. } => reader != Reader::Guardian || kind.for_guardians(),
        CareEvent::Moved { .. } => reader != Reader::Guardian,
        _ => true,
    };
    let theirs = match reader {
        Reader::Guardian => true,
        Reader::Nursery(nursery) => entry.nursery == Some(nursery),
    };
    told && theirs
}

/// The key that what was written of a child is sealed with; none once it was erased.
async fn note_key(hub: &Hub, child: ChildId) -> Result<Option<NoteKey>, Refused> {
    let own = vault::key_if_kept(hub, KeyOwner::Child(child)).await?;
    Ok(own.as_ref().map(children::note_key))
}

fn opened(key: Option<&NoteKey>, child: ChildId, what: &CareEvent) -> Opened {
    match what {
        CareEvent::DroppedOff { check, .. } | CareEvent::DropOffRefused { check, .. } => {
            open(key, child, check).map_or(Opened::Torn, Opened::Check)
        }
        CareEvent::Noted { body: Some(body), .. }
        | CareEvent::Recalled { why: body, .. }
        | CareEvent::PutRight { why: Some(body), .. } => {
            open(key, child, body).map_or(Opened::Torn, Opened::Note)
        }
        _ => Opened::Nothing,
    }
}

fn open<T: DeserializeOwned>(key: Option<&NoteKey>, child: ChildId, sealed: &Sealed) -> Option<T> {
    key?.open(child, sealed).ok()
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Person(PersonId),
    Named(CollectorId),
}

impl From<Claimer> for Who {
    fn from(who: Claimer) -> Self {
        match who {
            Claimer::Account(person) => Self::Person(person),
            Claimer::Named(collector) => Self::Named(collector),
        }
    }
}

fn person_of(what: &CareEvent) -> Option<Who> {
    match what {
        CareEvent::DroppedOff { brought_by, .. } => brought_by.map(Who::Person),
        CareEvent::HandedOver { to, .. } => Some(Claimer::from(*to).into()),
        CareEvent::HandOverRefused { who, .. } => who.map(Who::from),
        _ => None,
    }
}

/// The names of those that the entries speak of: those in the child's own file, its guardians, and for the staff their
/// own. Of anybody else no name is told, however their id came into an event.
async fn names(
    hub: &Hub,
    file: &CareFile,
    entries: &[DiaryEntry],
    reader: Reader,
) -> Result<BTreeMap<Who, String>, Refused> {
    let mut names = BTreeMap::new();
    for one in &file.collecting.collectors {
        names.insert(Who::Named(one.id), one.name.clone());
        names.extend(one.account.map(|account| (Who::Person(account), one.name.clone())));
    }
    for one in &file.collecting.barred {
        names.extend(one.account.map(|account| (Who::Person(account), one.name.clone())));
    }
    let mut people: BTreeSet<PersonId> = BTreeSet::new();
    if let Some(child) = entries.iter().find_map(|entry| entry.what.child()) {
        people.extend(hub.store.who_answer_for(child).await?);
    }
    if reader != Reader::Guardian {
        people.extend(entries.iter().filter_map(|entry| entry.what.staff()));
    }
    let people: Vec<PersonId> = people.into_iter().collect();
    for person in hub.store.persons(&people).await? {
        names.insert(Who::Person(person.id), person.name);
    }
    Ok(names)
}

/// An incident that is reported.
pub struct Incident {
    /// Its place in what the site told.
    pub place: u64,
    /// Which child's.
    pub child: ChildId,
    /// Its name; none where it was erased.
    pub name: Option<String>,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened; none where that cannot be opened, so that nobody knows whether it is serious.
    pub text: Option<String>,
    /// The first report.
    pub first: Due,
    /// The second.
    pub second: Due,
}

/// A report of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The last local day for it.
    pub by: NaiveDate,
    /// When it went out.
    pub done: Option<DateTime<Utc>>,
}

impl Due {
    /// Whether it should have gone out before the local day `today`.
    #[must_use]
    pub fn is_overdue(&self, today: NaiveDate) -> bool {
        self.done.is_none() && self.by < today
    }
}

/// The serious incidents of a nursery whose files the caller keeps, the newest in front. The look at a child that is not
/// among `recorded` is recorded.
///
/// # Errors
/// [`Refused`] when they may not, or the store or a seal fails.
pub async fn incidents(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    id: NurseryId,
    recorded: &BTreeSet<ChildId>,
) -> Result<Vec<Incident>, Refused> {
    let (centre, _) = find(atlas, caller, id, Action::KeepCareFiles)?;
    let now = hub.now();
    let on = now.with_timezone(&centre.time_zone).date_naive();
    let mut recorded = recorded.clone();
    let (mut incidents, mut minor, mut keys) = (Vec::new(), Vec::new(), BTreeMap::new());
    for record in hub.store.incidents_at(id).await? {
        let Some(child) = record.entry.what.child() else { continue };
        let key = match keys.entry(child) {
            Slot::Occupied(known) => known.into_mut(),
            Slot::Vacant(free) => free.insert(note_key(hub, child).await?),
        };
        let text = match opened(key.as_ref(), child, &record.entry.what) {
            Opened::Note(body) if body.serious => Some(body.text),
            Opened::Torn => None,
            _ => {
                minor.push(record.entry.place);
                continue;
            }
        };
        if recorded.insert(child) {
            record_look(hub, caller, (centre.id, id), child, on).await?;
        }
        let name = name_of(hub, child).await?;
        incidents.push(incident(record, child, name, text, centre.time_zone));
    }
    // They are read once, not whenever somebody looks at the page.
    hub.store.need_no_report(centre.id, &minor).await?;
    Ok(incidents)
}

fn incident(
    record: IncidentRecord,
    child: ChildId,
    name: Option<String>,
    text: Option<String>,
    zone: Tz,
) -> Incident {
    let IncidentRecord { entry, first_reported_at, second_reported_at } = record;
    let (first, second) = due(entry.at, zone);
    Incident {
        place: entry.place,
        child,
        name,
        at: entry.at,
        text,
        first: Due { by: first, done: first_reported_at },
        second: Due { by: second, done: second_reported_at },
    }
}

/// The last local days of both reports of what happened at the time `at`.
fn due(at: DateTime<Utc>, zone: Tz) -> (NaiveDate, NaiveDate) {
    let on = at.with_timezone(&zone).date_naive();
    let first = on.checked_add_days(Days::new(FIRST_REPORT_DAYS)).unwrap_or(on);
    // A month that has no such day ends with its last.
    let second = on.checked_add_months(Months::new(SECOND_REPORT_MONTHS)).unwrap_or(on);
    (first, second)
}

/// Notes that an incident of a nursery whose files the caller keeps was reported on; false where there is none such, or
/// it was before.
///
/// # Errors
/// [`Refused`] when they may not, or the store or a seal fails.
pub async fn report(
    hub: &Hub,
    (centre, nursery): (&Centre, &Nursery),
    caller: &Caller,
    place: u64,
    report: Report,
) -> Result<bool, Refused> {
    let now = hub.now();
    let all = hub.store.incidents_at(nursery.id).await?;
    let meant = |one: &&IncidentRecord| one.entry.place == place && one.entry.centre == centre.id;
    let Some(record) = all.iter().find(meant) else { return Ok(false) };
    let open = match report {
        Report::First => record.first_reported_at.is_none(),
        Report::Second => record.first_reported_at.is_some() && record.second_reported_at.is_none(),
    };
    let Some(child) = record.entry.what.child().filter(|_| open) else { return Ok(false) };
    let word = if report == Report::First { "first" } else { "second" };
    let entry = Entry::new(AuditAction::IncidentReported)
        .at(centre.id)
        .about_child(child)
        .note("report", word)
        .note("event", place.to_string());
    // What must leave a trace is not done without it.
    audit::record(hub, caller, entry).await?;
    Ok(hub.store.report_incident(nursery.id, (centre.id, place), report, now).await?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono_tz::Asia::Tokyo;

    use super::*;

    #[test]
    fn reports_are_due_by_the_days_of_the_centre() {
        for (at, first, second) in [
            ("2026-12-01T14:59:59Z", "2026-12-02", "2027-01-01"),
            ("2026-12-01T15:00:00Z", "2026-12-03", "2027-01-02"),
            ("2027-01-31T03:00:00Z", "2027-02-01", "2027-02-28"),
        ] {
            let wanted = [first, second].map(|day| day.parse::<NaiveDate>().unwrap());
            let found = due(at.parse().unwrap(), Tokyo);
            assert_eq!([found.0, found.1], wanted, "{at}");
        }
    }

    #[test]
    fn a_report_is_overdue_the_day_after_its_last() {
        let day = |n| NaiveDate::from_ymd_opt(2026, 12, n).unwrap();
        let due = Due { by: day(2), done: None };
        assert!(!due.is_overdue(day(2)) && due.is_overdue(day(3)));
        let done = Due { done: Some(DateTime::UNIX_EPOCH), ..due };
        assert!(!done.is_overdue(day(3)));
    }
}
