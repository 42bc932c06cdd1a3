//! Somebody who books, and remembers what the hub has acknowledged to them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use model::interval::Interval;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::http::Person;
use tests::truth::Held;
use uuid::Uuid;

use crate::plan::{Step, Wish};

/// Why somebody may not get what they want; all else would be a surprise.
const NO_ROOM: [&str; 3] =
    ["/problems/no-desk", "/problems/no-care-place", "/problems/child-elsewhere"];

/// Where and when it is booked.
#[derive(Clone)]
pub struct Stage {
    /// Midnight, in UTC, of the first day.
    pub first: DateTime<Utc>,
    /// The desks of the centre.
    pub desks: Vec<Uuid>,
}

/// One client.
pub struct Client {
    pub person: Person,
    child: Option<Uuid>,
    /// Every booking of theirs as they were last told of it.
    pub known: BTreeMap<Uuid, Known>,
    /// Requests with a key that were acknowledged, with the id of the booking that has the key.
    pub sent: Vec<(Sent, Uuid)>,
    /// What was not answered when the hub was killed.
    pub open: Option<Open>,
}

/// A booking as its guest knows it.
#[derive(Clone, Debug)]
pub struct Known {
    pub version: i64,
    pub told: Told,
}

/// What a booking is said to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub status: String,
    /// When it holds a desk, sorted.
    pub desks: Vec<Interval>,
    /// Which desk it has to be.
    pub picked: Option<Uuid>,
    pub care: Vec<(Uuid, Interval)>,
}

/// A request that may be repeated.
#[derive(Clone, Debug)]
pub struct Sent {
    pub path: &'static str,
    pub body: Value,
    pub key: String,
    /// What each booking is to hold; where it is a series, one a day.
    pub asked: Vec<Told>,
    /// Whether fewer of them will do.
    pub each: bool,
}

/// A request that was not answered.
#[derive(Clone, Debug)]
pub enum Open {
    /// Something new.
    New(Sent),
    /// Another state of a booking; it is in the old one or in this.
    Other(Uuid, Told),
}

impl Client {
    pub fn new(person: Person, child: Option<Uuid>) -> Self {
        Self { person, child, known: BTreeMap::new(), sent: Vec::new(), open: None }
    }

    /// Does one thing after the other until the hub is gone.
    pub async fn run(&mut self, steps: &[Step], stage: &Stage) {
        for step in steps.iter().cycle() {
            if !self.take(step, stage).await {
                return;
            }
        }
    }

    /// Takes a step; answers whether the hub is still there.
    async fn take(&mut self, step: &Step, stage: &Stage) -> bool {
        match step {
            Step::Book(wish) => self.send(self.booking(wish, stage, false)).await,
            Step::Hold(wish) => self.send(self.booking(wish, stage, true)).await,
            Step::Repeat { wish, days, each } => {
                self.send(self.series(wish, *days, *each, stage)).await
            }
            Step::Confirm(which) => {
                let Some((id, known)) = self.one_of(*which, &["held"]) else { return true };
                let told = Told { status: "confirmed".to_owned(), ..known.told };
                let path = format!("/api/v1/bookings/{id}/confirm");
                self.alter(id, told, &path, &json!({})).await
            }
            Step::Cancel(which) => {
                let standing = ["held", "confirmed"];
                let Some((id, _)) = self.one_of(*which, &standing) else { return true };
                let path = format!("/api/v1/bookings/{id}/cancel");
                self.alter(id, Told::cancelled(), &path, &json!({})).await
            }
            Step::Change(which, wish) => {
                let standing = ["held", "confirmed"];
                let Some((id, known)) = self.one_of(*which, &standing) else { return true };
                let (order, told) = self.order(wish, stage);
                let told = Told { status: known.told.status, ..told };
                let path = format!("/api/v1/bookings/{id}/change");
                let body = json!({ "version": known.version, "order": order });
                self.alter(id, told, &path, &body).await
            }
        }
    }

    /// Sends a request that may be repeated; answers whether the hub is still there.
    async fn send(&mut self, sent: Sent) -> bool {
        self.open = Some(Open::New(sent.clone()));
        let answer = self.person.try_post(sent.path, &sent.body, Some(&sent.key)).await;
        let Ok((status, told)) = answer else { return false };
        self.open = None;
        self.note_new(sent, status, &told);
        true
    }

    /// Notes how a request was answered that had not been answered before.
    pub fn note_new(&mut self, sent: Sent, status: StatusCode, told: &Value) {
        if status == StatusCode::CONFLICT {
            assert!(
                told["made"] == json!(false) || NO_ROOM.iter().any(|no| told["type"] == *no),
                "{told}"
            );
            return;
        }
        assert_eq!(status, StatusCode::CREATED, "{sent:?} {told}");
        let (days, picked) = (told["days"].as_array(), sent.asked[0].picked);
        let made: Vec<Uuid> = match days {
            None => vec![self.note(told, picked)],
            Some(days) => days
                .iter()
                .filter(|day| !day["booking"].is_null())
                .map(|day| self.note(&day["booking"], picked))
                .collect(),
        };
        // All of what was asked for is acknowledged, not a part of it.
        for id in &made {
            assert!(sent.asked.contains(&self.known[id].told), "{sent:?} {told}");
        }
        assert!(sent.each || made.len() == sent.asked.len(), "{sent:?} {told}");
        self.sent.push((sent, made[0]));
    }

    /// Asks for another state of a booking; answers whether the hub is still there.
    async fn alter(&mut self, id: Uuid, told: Told, path: &str, body: &Value) -> bool {
        self.open = Some(Open::Other(id, told));
        let Ok((status, answer)) = self.person.try_post(path, body, None).await else {
            return false;
        };
        let Some(Open::Other(_, told)) = self.open.take() else { return true };
        if status == StatusCode::CONFLICT && answer["type"] == "/problems/other-version" {
            // Moved meanwhile, by somebody who needed the room.
            self.known.get_mut(&id).unwrap().version = answer["version"].as_i64().unwrap();
            return true;
        }
        if status == StatusCode::CONFLICT {
            assert!(NO_ROOM.iter().any(|no| answer["type"] == *no), "{path} {answer}");
            return true;
        }
        assert_eq!(status, StatusCode::OK, "{path} {body} {answer}");
        let now = if answer.is_array() { &answer[0]["booking"] } else { &answer };
        self.note(now, told.picked);
        assert_eq!(self.known[&id].told, told, "{path} {body} {answer}");
        true
    }

    /// Notes a booking as the hub tells of it.
    pub fn note(&mut self, told: &Value, picked: Option<Uuid>) -> Uuid {
        let id = id_in(&told["id"]);
        let live = |what: &str| -> Vec<Value> {
            let claims = told[what].as_array().unwrap().iter();
            claims.filter(|claim| claim["released_at"].is_null()).cloned().collect()
        };
        let mut desks: Vec<Interval> = live("desks").iter().map(when).collect();
        desks.sort();
        let mut care: Vec<(Uuid, Interval)> =
            live("care").iter().map(|claim| (id_in(&claim["child"]), when(claim))).collect();
        care.sort_by_key(|(child, when)| (*when, *child));
        let status = told["status"].as_str().unwrap().to_owned();
        let told_now = Told { status, desks, picked, care };
        let version = told["version"].as_i64().unwrap();
        self.known.insert(id, Known { version, told: told_now });
        id
    }

    fn one_of(&self, which: usize, status: &[&str]) -> Option<(Uuid, Known)> {
        let mut standing: Vec<_> = self
            .known
            .iter()
            .filter(|(_, known)| status.contains(&known.told.status.as_str()))
            .collect();
        let len = standing.len();
        (len > 0).then(|| standing.swap_remove(which % len)).map(|(id, one)| (*id, one.clone()))
    }

    fn booking(&self, wish: &Wish, stage: &Stage, hold: bool) -> Sent {
        let (mut body, told) = self.order(wish, stage);
        body["hold"] = json!(hold);
        let status = if hold { "held" } else { "confirmed" }.to_owned();
        let asked = vec![Told { status, ..told }];
        Sent { path: "/api/v1/bookings", body, key: key(), asked, each: false }
    }

    fn series(&self, wish: &Wish, days: u32, each: bool, stage: &Stage) -> Sent {
        let first = wish.days.iter().next().copied().unwrap_or_default();
        let on = |day: i64| Wish { days: [day].into(), ..wish.clone() };
        let (order, _) = self.order(&on(first), stage);
        let asked = (first..).take(usize::try_from(days).unwrap());
        let asked = asked.map(|day| self.order(&on(day), stage).1).collect();
        let rule = format!("FREQ=DAILY;COUNT={days}");
        let body = json!({ "order": order, "rule": rule, "each": each });
        Sent { path: "/api/v1/series", body, key: key(), asked, each }
    }

    /// A wish as the API is told of it, and what the booking holds then.
    fn order(&self, wish: &Wish, stage: &Stage) -> (Value, Told) {
        let slots: Vec<Interval> =
            wish.days.iter().map(|day| stage.hours(*day, wish.hour, wish.hours)).collect();
        let told: Vec<Value> = slots
            .iter()
            .map(|slot| json!({ "starts_at": slot.starts(), "ends_at": slot.ends() }))
            .collect();
        let picked = wish.picked.map(|nth| stage.desks[nth % stage.desks.len()]);
        let child = self.child.filter(|_| wish.care);
        let order = json!({
            "centre": "yokohama",
            "slots": told,
            "desks": wish.desks,
            "space": picked,
            "children": child.into_iter().collect::<Vec<_>>(),
        });
        let desks = usize::try_from(wish.desks).unwrap();
        let care = child.into_iter().flat_map(|child| slots.iter().map(move |slot| (child, *slot)));
        let told = Told {
            status: "confirmed".to_owned(),
            desks: slots.iter().flat_map(|slot| std::iter::repeat_n(*slot, desks)).collect(),
            picked,
            care: care.collect(),
        };
        (order, told)
    }
}

impl Told {
    fn cancelled() -> Self {
        Self { status: "cancelled".to_owned(), desks: vec![], picked: None, care: vec![] }
    }

    /// Whether the database has it so.
    pub fn is(&self, held: &Held) -> bool {
        let mut desks: Vec<Interval> = held.desks.iter().map(|(_, when)| *when).collect();
        desks.sort();
        let picked =
            self.picked.is_none_or(|picked| held.desks.iter().all(|(desk, _)| *desk == picked));
        self.status == held.status && self.desks == desks && picked && self.care == held.care
    }
}

impl Stage {
    /// So many hours of one of the days.
    pub fn hours(&self, day: i64, from: i64, hours: i64) -> Interval {
        let starts = self.first + TimeDelta::days(day) + TimeDelta::hours(from);
        Interval::new(starts, starts + TimeDelta::hours(hours)).unwrap()
    }
}

fn key() -> String {
    Uuid::new_v4().to_string()
}

pub fn id_in(told: &Value) -> Uuid {
    told.as_str().and_then(|id| id.parse().ok()).unwrap()
}

fn when(claim: &Value) -> Interval {
    let time = |name: &str| claim[name].as_str().and_then(|time| time.parse().ok()).unwrap();
    Interval::new(time("starts_at"), time("ends_at")).unwrap()
}
