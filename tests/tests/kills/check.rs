//! What must hold once the hub is back.

use std::collections::{BTreeMap, BTreeSet};

use chrono::SecondsFormat;
use model::clock::{Clock as _, SystemClock};
use model::interval::Interval;
use reqwest::StatusCode;
use serde_json::Value;
use tests::truth::{Held, Truth};
use uuid::Uuid;

use crate::client::{Client, Open, Sent, Told, id_in};

/// So many of the newest acknowledged requests of each client are repeated.
const REPEATED: usize = 4;

/// Nothing is there by halves, nothing twice.
pub async fn whole(truth: &Truth) {
    assert!(truth.is_whole().await);
    assert_eq!(truth.overlaps().await, 0);
    assert_eq!(truth.crowded().await, 0);
    assert_eq!(truth.halves(SystemClock.now()).await, Vec::<&str>::new());
}

/// Everything that was acknowledged is there as it was acknowledged; what was not answered is there
/// altogether or not at all.
pub async fn kept(truth: &Truth, clients: &[Client]) {
    let bookings = truth.bookings().await;
    let mut keys = BTreeSet::new();
    for client in clients {
        for (id, known) in &client.known {
            let held = bookings.get(id).unwrap_or_else(|| panic!("{id} is lost: {known:?}"));
            let otherwise = match &client.open {
                Some(Open::Other(open, told)) if open == id => told.is(held),
                _ => false,
            };
            assert!(known.told.is(held) || otherwise, "{id}: told {known:?}, but {held:?}");
        }
        keys.extend(client.sent.iter().map(|(sent, _)| sent.key.as_str()));
        if let Some(Open::New(sent)) = &client.open {
            keys.insert(sent.key.as_str());
            all_or_nothing(sent, &made_by(&bookings, &sent.key));
        }
    }
    for held in bookings.values() {
        assert!(held.key.as_deref().is_none_or(|key| keys.contains(key)), "nobody asked: {held:?}");
    }
}

/// The same request again makes nothing twice, whether its answer was lost or not.
pub async fn repeated(truth: &Truth, clients: &mut [Client]) {
    let before = truth.bookings().await;
    for client in clients {
        for (sent, id) in client.sent.iter().rev().take(REPEATED) {
            let (status, told) = post(client, sent).await;
            assert_eq!((status, id_in(&told["id"])), (StatusCode::OK, *id), "{sent:?} {told}");
        }
        match client.open.take() {
            None => {}
            Some(Open::Other(id, told)) => {
                // Whichever it is, the guest can see it, and goes on from there.
                let picked =
                    if told.is(&before[&id]) { told.picked } else { client.known[&id].told.picked };
                see(client, id, picked).await;
            }
            Some(Open::New(sent)) => {
                let made = made_by(&before, &sent.key);
                let (status, told) = post(client, &sent).await;
                if made.is_empty() {
                    client.note_new(sent.clone(), status, &told);
                } else {
                    assert_eq!(status, StatusCode::OK, "{sent:?} {told}");
                    let id = id_in(&told["id"]);
                    assert_eq!(before[&id].key.as_ref(), Some(&sent.key));
                    for id in made.keys() {
                        see(client, *id, sent.asked[0].picked).await;
                    }
                    client.sent.push((sent.clone(), id));
                }
                let now = truth.bookings().await;
                let made = made_by(&now, &sent.key);
                all_or_nothing(&sent, &made);
                assert_eq!(made.is_empty(), status == StatusCode::CONFLICT, "{sent:?} {told}");
                let (again, told) = post(client, &sent).await;
                assert_eq!(again == StatusCode::OK, !made.is_empty(), "{sent:?} {told}");
            }
        }
    }
    let after = truth.bookings().await;
    let keyed = after.values().filter_map(|held| held.key.as_ref());
    let unique: BTreeSet<_> = keyed.clone().collect();
    assert_eq!(unique.len(), keyed.count());
}

/// Whether a hub says the same of what is free as the database; else how it says otherwise.
pub async fn says_as_it_is(
    (http, url): (&reqwest::Client, &str),
    truth: &Truth,
    centre: Uuid,
    slots: &[Interval],
) -> Result<(), String> {
    let desks = "SELECT COUNT(*) FROM spaces WHERE kind = 'desk' AND centre_id = ";
    let desks = truth.count(&format!("{desks}{}", truth.id(centre))).await;
    let places = "SELECT places FROM nurseries WHERE centre_id = ";
    let places = truth.count(&format!("{places}{}", truth.id(centre))).await;
    for slot in slots {
        let time =
            |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let url = format!(
            "{url}/api/v1/availability?centre=yokohama&from={}&to={}",
            time(slot.starts()),
            time(slot.ends())
        );
        let said: Value = http.get(&url).send().await.unwrap().json().await.unwrap();
        let free = truth.free_desks(centre, slot).await;
        let so = if truth.busiest(centre, slot).await < desks {
            let said = &said["available"][0];
            let care = places - truth.children_in(centre, slot).await;
            said["free_desks"] == free && said["free_care_places"] == care
        } else {
            let said = &said["unavailable"][0];
            said["reason"] == "no_desk"
                && said["detail"] == format!("only {free} desks are free all through")
        };
        if !so {
            return Err(format!("{slot:?}: {free} desks are free, but {said}"));
        }
    }
    Ok(())
}

/// The bookings that a request has made: that with its key, and the others of its series.
fn made_by<'a>(bookings: &'a BTreeMap<Uuid, Held>, key: &str) -> BTreeMap<Uuid, &'a Held> {
    let keyed = bookings.iter().find(|(_, held)| held.key.as_deref() == Some(key));
    let Some((first, held)) = keyed else { return BTreeMap::new() };
    bookings
        .iter()
        .filter(|(id, other)| {
            *id == first || (held.series.is_some() && other.series == held.series)
        })
        .map(|(id, held)| (*id, held))
        .collect()
}

fn all_or_nothing(sent: &Sent, made: &BTreeMap<Uuid, &Held>) {
    if made.is_empty() {
        return;
    }
    let mut left: Vec<&Told> = sent.asked.iter().collect();
    for held in made.values() {
        let nth = left.iter().position(|told| told.is(held));
        let nth = nth.unwrap_or_else(|| panic!("asked {:?}, but {held:?}", sent.asked));
        left.swap_remove(nth);
    }
    assert!(sent.each || left.is_empty(), "without {left:?}");
}

async fn post(client: &Client, sent: &Sent) -> (StatusCode, Value) {
    client.person.try_post(sent.path, &sent.body, Some(&sent.key)).await.unwrap()
}

async fn see(client: &mut Client, id: Uuid, picked: Option<Uuid>) {
    let told = client.person.text(&format!("/api/v1/bookings/{id}")).await;
    client.note(&serde_json::from_str(&told).unwrap(), picked);
}
