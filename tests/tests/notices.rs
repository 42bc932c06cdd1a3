//! Mails as a real mail server takes them from a real hub, and what calendars read in them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use icalendar::{Calendar, Component as _};
use model::interval::Interval;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::folder::Folder;
use tests::http::{Person, email};
use tests::mail::{MailServer, Security};
use tests::region::{Database, Region};
use tests::waiting::until;

const FROM: &str = "拠点 Kyoten <kyoten@kyoten.example>";

/// A hub that sends through this server.
async fn region(database: Database, server: &MailServer) -> Region {
    let url = format!("smtp://{}", server.address);
    Region::start_with(database, &[("KYOTEN_SMTP_URL", &url), ("KYOTEN_MAIL_FROM", FROM)]).await
}

/// The first hour of the day so many days on, or of the next that the centre is open.
async fn open_hour(region: &Region, slug: &str, days: u64) -> Interval {
    let centres = region.store.centres().await.unwrap();
    let centre = centres.into_iter().find(|centre| centre.slug.as_str() == slug).unwrap();
    let today = Utc::now().with_timezone(&centre.time_zone).date_naive();
    let day = today + chrono::Days::new(days);
    let open = day.iter_days().flat_map(|day| centre.opening.on(day, centre.time_zone)).next();
    let starts = open.unwrap().starts();
    Interval::new(starts, starts + TimeDelta::hours(1)).unwrap()
}

async fn book(person: &Person, slug: &str, slots: &[Interval], children: &[Value]) -> String {
    let slots: Vec<Value> = slots
        .iter()
        .map(|slot| json!({"starts_at": slot.starts(), "ends_at": slot.ends()}))
        .collect();
    let order = json!({"centre": slug, "slots": slots, "children": children});
    let (status, booking) = person.post("/api/v1/bookings", &order).await;
    assert_eq!(status, StatusCode::CREATED, "{booking}");
    booking["id"].as_str().unwrap().to_owned()
}

async fn cancel(person: &Person, booking: &str) {
    let (status, told) =
        person.post(&format!("/api/v1/bookings/{booking}/cancel"), &json!({})).await;
    assert_eq!(status, StatusCode::OK, "{told}");
}

/// What the `icalendar` crate reads in a mail's calendar: by id, sequence, status, start and end.
type Events = BTreeMap<String, (u32, String, DateTime<Utc>, DateTime<Utc>)>;

/// The events of a mail that says one thing.
fn events(mail: &Value) -> Events {
    let calendars = mail["calendars"].as_array().unwrap();
    assert_eq!(calendars.len(), 2, "as a form of the text, and as a file");
    assert_eq!(calendars[0]["text"], calendars[1]["text"]);
    read(mail, &calendars[0])
}

/// The events of one of a mail's calendars, as both readers agree on them.
fn read(mail: &Value, told: &Value) -> Events {
    assert_eq!(told["method"], told["read"]["method"]);
    let text = told["text"].as_str().unwrap();
    let calendar: Calendar = text.parse().unwrap_or_else(|error| panic!("{error}: {text}"));
    let python = &told["read"];
    assert_eq!(python["errors"], json!([]), "{text}");
    assert_eq!(calendar.property_value("METHOD"), python["method"].as_str());
    let time = |value: &str| -> DateTime<Utc> {
        chrono::NaiveDateTime::parse_from_str(value, "%Y%m%dT%H%M%SZ").unwrap().and_utc()
    };
    let mut events = Events::new();
    for event in calendar.events() {
        let value = |name: &str| event.property_value(name).unwrap();
        let told = (
            event.get_sequence().unwrap(),
            value("STATUS").to_owned(),
            time(value("DTSTART")),
            time(value("DTEND")),
        );
        assert!(events.insert(event.get_uid().unwrap().to_owned(), told).is_none());
    }
    let of_python = python["events"].as_array().unwrap();
    assert_eq!(of_python.len(), events.len());
    for event in of_python {
        let (sequence, status, starts, ends) = &events[event["uid"].as_str().unwrap()];
        assert_eq!(event["sequence"], *sequence);
        assert_eq!(event["status"], *status);
        for (name, at) in [("starts", starts), ("ends", ends)] {
            assert_eq!(event[name].as_str().unwrap().parse::<DateTime<Utc>>().unwrap(), *at);
        }
        assert_eq!(event["organizer"], "mailto:kyoten@kyoten.example");
        assert_eq!(event["attendee"], format!("mailto:{}", mail["to"][0].as_str().unwrap()));
    }
    events
}

async fn a_guest_is_told(database: Database) {
    let server = MailServer::start(Security::None).await;
    let region = region(database, &server).await;
    let hour = open_hour(&region, "azamino", 2).await;
    for (name, made, given_up, parts) in [
        ("tanaka", "予約がとれました：", "予約を取り消しました：", ["予約番号：", "場所：", "様"]),
        ("clarke", "Booked: ", "Cancelled: ", ["Booking code: ", "Where: ", "Dear "]),
    ] {
        let guest = Person::sign_in(&region.url, name).await;
        let booking = book(&guest, "azamino", &[hour], &[]).await;
        let mail = server.mail("REQUEST", &booking).await;
        assert_eq!(mail["to"], json!([email(name)]));
        assert_eq!(mail["from"], "kyoten@kyoten.example");
        assert_eq!(mail["defects"], json!([]));
        let headers = &mail["headers"];
        assert!(headers["subject"].as_str().unwrap().starts_with(made), "{headers}");
        assert!(headers["from"].as_str().unwrap().contains("拠点 Kyoten"), "{headers}");
        assert_eq!(headers["auto-submitted"], "auto-generated");
        for part in parts {
            assert!(mail["text"].as_str().unwrap().contains(part), "{}", mail["text"]);
        }
        let told = events(&mail);
        let uid = format!("{booking}-desk-1@localhost");
        let confirmed = (1, "CONFIRMED".to_owned(), hour.starts(), hour.ends());
        assert_eq!(told, Events::from([(uid.clone(), confirmed)]));

        cancel(&guest, &booking).await;
        let mail = server.mail("CANCEL", &booking).await;
        assert!(mail["headers"]["subject"].as_str().unwrap().starts_with(given_up), "{mail}");
        let cancelled = (2, "CANCELLED".to_owned(), hour.starts(), hour.ends());
        assert_eq!(events(&mail), Events::from([(uid, cancelled)]), "the same event is taken out");
        let about = server.mails();
        let about = about.iter().filter(|mail| mail["text"].as_str().unwrap().contains(&booking));
        assert_eq!(about.count(), 2, "each once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_told_in_their_language_with_what_their_calendar_needs_on_sqlite() {
    a_guest_is_told(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_told_in_their_language_with_what_their_calendar_needs_on_postgres() {
    a_guest_is_told(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn desks_and_care_of_several_days_are_events_of_their_own() {
    let server = MailServer::start(Security::None).await;
    let region = region(Database::Sqlite, &server).await;
    let parent = Person::sign_in(&region.url, "takahashi").await;
    let me: Value = parent.get("/api/v1/me").await.json().await.unwrap();
    let children: Vec<Value> =
        me["children"].as_array().unwrap().iter().map(|child| child["id"].clone()).collect();
    assert_eq!(children.len(), 2, "{me}");
    let first = open_hour(&region, "yokohama", 8).await;
    let next = open_hour(&region, "yokohama", 20).await;
    let booking = book(&parent, "yokohama", &[first, next], &children).await;
    let mail = server.mail("REQUEST", &booking).await;
    let told = events(&mail);
    let uids: BTreeSet<String> = ["desk-1", "desk-2", "care-1", "care-2"]
        .map(|part| format!("{booking}-{part}@localhost"))
        .into();
    assert_eq!(told.keys().cloned().collect::<BTreeSet<_>>(), uids);
    for child in me["children"].as_array().unwrap() {
        let name = child["name"].as_str().unwrap();
        assert!(!mail.to_string().contains(name), "no child's name travels");
    }
    assert!(mail["text"].as_str().unwrap().contains("保育：2人"), "{}", mail["text"]);
    cancel(&parent, &booking).await;
    let gone = events(&server.mail("CANCEL", &booking).await);
    assert_eq!(gone.keys().cloned().collect::<BTreeSet<_>>(), uids);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_change_drops_leaves_no_ghosts_in_calendars() {
    let server = MailServer::start(Security::None).await;
    let region = region(Database::Sqlite, &server).await;
    let parent = Person::sign_in(&region.url, "takahashi").await;
    let me: Value = parent.get("/api/v1/me").await.json().await.unwrap();
    let child = me["children"][0]["id"].clone();
    let first = open_hour(&region, "yokohama", 8).await;
    let next = open_hour(&region, "yokohama", 20).await;
    let booking = book(&parent, "yokohama", &[first, next], &[child]).await;
    server.mail("REQUEST", &booking).await;
    let only = json!({"starts_at": next.starts(), "ends_at": next.ends()});
    let order = json!({"centre": "yokohama", "slots": [only]});
    let to = format!("/api/v1/bookings/{booking}/change");
    let (status, told) = parent.post(&to, &json!({"version": 1, "order": order})).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let mail = until("the mail of the change", async || {
        server.mails().into_iter().find(|mail| {
            mail["text"].as_str().unwrap().contains(&booking)
                && mail["calendars"].as_array().unwrap().len() == 3
        })
    })
    .await;
    let uid = |part: &str| format!("{booking}-{part}@localhost");
    let calendars = mail["calendars"].as_array().unwrap();
    assert_eq!(calendars[0]["text"], calendars[1]["text"]);
    let stands = (2, "CONFIRMED".to_owned(), next.starts(), next.ends());
    assert_eq!(read(&mail, &calendars[0]), Events::from([(uid("desk-1"), stands)]));
    assert_eq!(calendars[2]["method"], "CANCEL");
    let gone = |events: &Events| -> BTreeSet<String> {
        assert!(events.values().all(|event| event.1 == "CANCELLED"), "{events:?}");
        events.keys().cloned().collect()
    };
    let dropped: BTreeSet<String> = ["desk-2", "care-1", "care-2"].map(uid).into();
    assert_eq!(gone(&read(&mail, &calendars[2])), dropped);
    // Whoever missed that mail has them taken out with all the rest.
    cancel(&parent, &booking).await;
    let all: BTreeSet<String> = dropped.into_iter().chain([uid("desk-1")]).collect();
    assert_eq!(gone(&events(&server.mail("CANCEL", &booking).await)), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_for_now_gets_the_mail_later_and_once() {
    let server = MailServer::start(Security::None).await;
    let mut region = region(Database::Sqlite, &server).await;
    let hour = open_hour(&region, "azamino", 2).await;
    let guest = Person::sign_in(&region.url, "tanaka").await;
    server.refuse(Some("451 4.3.0 come back later"));
    let before = server.refused();
    let booking = book(&guest, "azamino", &[hour], &[]).await;
    until("the mail to be refused", async || (server.refused() > before).then_some(())).await;
    // The hub is stopped and started in between: what is written is not lost with it.
    region.stop_hub();
    server.refuse(None);
    region.start_hub().await;
    server.mail("REQUEST", &booking).await;
    until("the notice to be marked", async || {
        let tanaka = region.store.sign_in_record(&email("tanaka")).await.unwrap().unwrap().person;
        let told = region.store.notices_of(tanaka).await.unwrap();
        told.iter()
            .any(|told| told.sent_at.is_some() && told.booking.unwrap().to_string() == booking)
            .then_some(())
    })
    .await;
    let about = server.mails();
    let about = about.iter().filter(|mail| mail["text"].as_str().unwrap().contains(&booking));
    assert_eq!(about.count(), 1);
    let log = std::fs::read_to_string(region.folder().join("hub.log")).unwrap();
    assert!(log.contains("the mail server answered 451"), "{log}");
    for personal in [email("tanaka").as_str(), "田中", "come back later"] {
        assert!(!log.contains(personal), "{personal} stands in the log:\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hubs_send_each_mail_once() {
    let server = MailServer::start(Security::None).await;
    let region = region(Database::Postgres, &server).await;
    let (other, _process) = region.another_hub().await;
    let mut wanted = BTreeSet::new();
    for (turn, name) in ["tanaka", "clarke", "yamada", "inoue"].iter().enumerate() {
        let guest = Person::sign_in(if turn % 2 == 0 { &region.url } else { &other }, name).await;
        for day in 2..12 {
            let hour = open_hour(&region, "azamino", day * 3).await;
            wanted.insert(book(&guest, "azamino", &[hour], &[]).await);
        }
    }
    let ids = || -> Vec<String> {
        let mails = server.mails();
        mails
            .iter()
            .map(|mail| mail["headers"]["message-id"].as_str().unwrap().to_owned())
            .collect()
    };
    // Those of the demo's own bookings are there too.
    until("every mail", async || (ids().len() >= wanted.len() + 12).then_some(())).await;
    let mails = server.mails();
    for booking in &wanted {
        let about = mails.iter().filter(|mail| mail["text"].as_str().unwrap().contains(booking));
        assert_eq!(about.count(), 1, "{booking}");
    }
    let ids = ids();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "no id twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_travel_encrypted_to_a_server_that_is_who_it_says() {
    let folder = Folder::new("mail-tls");
    let (certificate, key) = identity(&folder);
    let (tls, starttls) = (
        MailServer::start(Security::Tls(&certificate, &key)).await,
        MailServer::start(Security::StartTls(&certificate, &key)).await,
    );
    let port = |server: &MailServer| server.address.port();
    let by_tls = format!("smtps://localhost:{}", port(&tls));
    let by_starttls = format!("smtp://localhost:{}?tls=required", port(&starttls));
    let trusted = certificate.display().to_string();
    let settings = |url: &str| {
        [("KYOTEN_SMTP_URL", url), ("KYOTEN_MAIL_FROM", FROM), ("SSL_CERT_FILE", &trusted)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let mut region = Region::start_with(
        Database::Sqlite,
        &[("KYOTEN_SMTP_URL", &by_tls), ("KYOTEN_MAIL_FROM", FROM)],
    )
    .await;
    let log = region.folder().join("hub.log");
    until("the hub to find that it does not know the server", async || {
        let log = std::fs::read_to_string(&log).unwrap();
        log.contains("the mail server cannot be reached, or broke off").then_some(())
    })
    .await;
    assert!(tls.mails().is_empty(), "nothing is told to somebody unknown");
    for (server, url) in [(&tls, &by_tls), (&starttls, &by_starttls)] {
        region.stop_hub();
        region.settings = settings(url).into();
        region.start_hub().await;
        let guest = Person::sign_in(&region.url, "tanaka").await;
        let hour = open_hour(&region, "azamino", if server.address == tls.address { 2 } else { 5 });
        let booking = book(&guest, "azamino", &[hour.await], &[]).await;
        let mail = server.mail("REQUEST", &booking).await;
        assert_eq!(mail["encrypted"], true);
    }
}

/// A certificate for this machine that vouches for itself, and its key.
fn identity(folder: &Folder) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key)
}
