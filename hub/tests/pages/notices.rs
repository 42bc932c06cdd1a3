//! Mails of the outbox, their words, and the private calendar, over SQLite with the demo's data.

use std::collections::BTreeSet;

use crate::support::{Browser, NOW, World, email};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use hub::hub::Hub;
use hub::jobs::release_no_shows;
use hub::notices::letter::{self, Letter, Occasion};
use hub::notices::outbox;
use hub::service::atlas::Atlas;
use model::booking::Booking;
use model::language::Language;
use model::notice::{NoticeBody, NoticeKind, WishTold};
use serde_json::json;
use store::{EventBatch, NewNotice};

/// The mails in the folder, as they would travel.
fn mails(world: &World) -> Vec<String> {
    let Ok(folder) = std::fs::read_dir(world.folder.join("mail")) else { return Vec::new() };
    folder.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

/// Mails to one of the demo's people, with lines put together again.
fn mails_to(world: &World, key: &str) -> Vec<String> {
    let to = format!("To: {}", email(key));
    mails(world).into_iter().filter(|mail| mail.contains(&to)).collect()
}

async fn book(browser: &mut Browser, starts: &str, ends: &str) -> String {
    let csrf = browser.get("/api/v1/me").await.json()["csrf_token"].as_str().unwrap().to_owned();
    let order = json!({"centre": "azamino", "slots": [{"starts_at": starts, "ends_at": ends}]});
    let token = [("x-csrf-token", csrf.as_str())];
    let answer = browser.api(Method::POST, "/api/v1/bookings", &token, order).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn cancel(browser: &mut Browser, booking: &str) {
    let path = format!("/bookings/{booking}/cancel");
    let csrf = browser.get(&path).await.csrf();
    let answer = browser.post(&path, &[("csrf", &csrf)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
}

/// The booking of Takahashi, with both children.
async fn family(hub: &Hub, world: &World) -> Booking {
    let takahashi = world.person("takahashi").await;
    let bookings = hub.store.bookings_of(takahashi, hub.now()).await.unwrap();
    bookings.into_iter().find(|booking| !booking.care.is_empty()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hubs_that_send_at_once_send_each_mail_once() {
    let world = World::new().await;
    let hub = &world.hub;
    let others = (0..3).map(|_| outbox::send_due(hub));
    let sent: Vec<u32> =
        futures::future::join_all(others).await.into_iter().map(Result::unwrap).collect();
    let mails = mails(&world);
    let total = usize::try_from(sent.iter().sum::<u32>()).unwrap();
    assert_eq!(total, mails.len(), "{sent:?}");
    assert_eq!(total, 12, "one for each booking to come, none for what is long over");
    let ids: BTreeSet<&str> = mails
        .iter()
        .flat_map(|m| m.lines().filter(|line| line.starts_with("Message-ID:")))
        .collect();
    assert_eq!(ids.len(), total);
    for mail in &mails {
        assert!(mail.contains("Auto-Submitted: auto-generated\r\n"), "{mail}");
        assert!(mail.contains("text/calendar; charset=utf-8; method=REQUEST"), "{mail}");
    }
    assert_eq!(outbox::send_due(hub).await.unwrap(), 0, "and never again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_news_any_more_is_not_sent() {
    let world = World::new().await;
    let hub = &world.hub;
    outbox::send_due(hub).await.unwrap();
    let mut tanaka = world.signed_in("tanaka").await;
    let before = mails_to(&world, "tanaka").len();
    let booking = book(&mut tanaka, "2026-11-28T01:00:00Z", "2026-11-28T03:00:00Z").await;
    cancel(&mut tanaka, &booking).await;
    assert_eq!(outbox::send_due(hub).await.unwrap(), 1, "only that it is given up");
    let told = mails_to(&world, "tanaka");
    assert_eq!(told.len(), before + 1);
    assert!(told.iter().any(|mail| mail.contains("method=CANCEL")), "{told:?}");

    // While the server was away the time went by.
    book(&mut tanaka, "2026-11-28T01:00:00Z", "2026-11-28T03:00:00Z").await;
    world.clock.advance(TimeDelta::days(4));
    assert_eq!(outbox::send_due(hub).await.unwrap(), 0);
    assert_eq!(mails_to(&world, "tanaka").len(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_without_an_address_stops_nobody_elses_mail() {
    let world = World::new().await;
    let hub = &world.hub;
    outbox::send_due(hub).await.unwrap();
    let sato = hub.store.person(world.person("sato").await).await.unwrap().unwrap();
    let mut nobody = sato.clone();
    nobody.id = model::id::PersonId(hub.new_id().unwrap());
    nobody.email = "no address".to_owned();
    hub.store.add_person(&nobody, None).await.unwrap();
    let centre = hub.store.centres().await.unwrap().remove(0).id;
    let when = model::interval::Interval::new(
        hub.now() + TimeDelta::days(1),
        hub.now() + TimeDelta::days(2),
    );
    for person in [nobody.id, sato.id] {
        let wish = WishTold { centre, slots: vec![when.unwrap()], desks: 1, children: 0 };
        let notice = NewNotice {
            person,
            kind: NoticeKind::Waitlisted,
            booking: None,
            body: NoticeBody { wish: Some(wish), ..NoticeBody::default() },
            occasion: "1".to_owned(),
            at: hub.now(),
        };
        hub.store.add_notice(&notice).await.unwrap();
    }
    assert_eq!(outbox::send_due(hub).await.unwrap(), 1);
    assert!(mails_to(&world, "sato").iter().any(|mail| !mail.contains("text/calendar")));
    assert!(hub.store.notices_of(nobody.id).await.unwrap()[0].sent_at.is_none());
}

fn letter(
    atlas: &Atlas,
    booking: &Booking,
    kind: NoticeKind,
    language: Language,
    reader: &str,
) -> Letter {
    let by: DateTime<Utc> = "2026-11-25T03:00:00Z".parse().unwrap();
    let body = NoticeBody {
        answer_by: Some(by),
        reason: Some("設備の点検\r\nBcc: eve@example.com".to_owned()),
        desk: Some("A-07".to_owned()),
        ..NoticeBody::default()
    };
    let public_url = "https://kyoten.example".parse().unwrap();
    let occasion = Occasion {
        kind,
        body: &body,
        booking: Some(booking),
        reader,
        guest: "佐藤 健",
        language,
        atlas,
        public_url: &public_url,
    };
    letter::write(&occasion).unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_says_what_when_where_and_what_next_in_both_languages() {
    let world = World::new().await;
    let hub = &world.hub;
    let atlas = Atlas::load(hub.store.as_ref(), hub.now()).await.unwrap();
    let booking = family(hub, &world).await;
    let link = format!("https://kyoten.example/bookings/{}", booking.id);
    let mut subjects = BTreeSet::new();
    for kind in NoticeKind::ALL {
        for (language, name, when, where_at) in [
            (
                Language::Ja,
                "高橋 美咲",
                "日時：11月26日（木） 9:00〜13:00",
                "場所：横浜テレワークセンター（",
            ),
            (
                Language::En,
                "Misaki",
                "When: Thu 26 Nov 9:00–13:00",
                "Where: Yokohama Telework Centre (",
            ),
        ] {
            let letter = letter(&atlas, &booking, kind, language, name);
            let Letter { subject, text } = &letter;
            let shown = format!("{kind:?} {language:?}\nSubject: {subject}\n\n{text}");
            if std::env::var_os("KYOTEN_SHOW_LETTERS").is_some() {
                eprintln!("{shown}\n==========");
            }
            assert!(subjects.insert(subject.clone()), "{shown}");
            assert!((5..80).contains(&subject.chars().count()), "{shown}");
            // Who answers for a child need not be who has booked: they get neither its page nor its code.
            let calls = matches!(
                kind,
                NoticeKind::Recalled | NoticeKind::CollectSoon | NoticeKind::CollectLate
            );
            let link = if calls { "https://kyoten.example/children" } else { &link };
            for part in [name, when, where_at, link] {
                assert!(text.contains(part), "{part:?} is missing in {shown}");
            }
            let ja = language == Language::Ja;
            let tells_care =
                text.contains(if ja { "保育：2人（" } else { "Childcare: 2 children (" });
            assert_eq!(tells_care, kind != NoticeKind::ApprovalAsked, "{shown}");
            assert!(!text.contains("はな") && !text.contains("そら"), "no child's name: {shown}");
            assert!(!text.contains("\n\n\n") && !text.contains('{'), "{shown}");
            assert!(text.lines().all(|line| !line.starts_with("Bcc")), "{shown}");
            let alone = |c: char| ('\u{3040}'..'\u{30ff}').contains(&c);
            assert!(
                ja || !text.replace("設備の点検", "").replace("佐藤 健", "").contains(alone),
                "{shown}"
            );
            let waits = [
                NoticeKind::Held,
                NoticeKind::ApprovalAsked,
                NoticeKind::Closure,
                NoticeKind::Late,
            ];
            if waits.contains(&kind) {
                assert!(text.contains(if ja {
                    "11月25日（水） 12:00"
                } else {
                    "Wed 25 Nov 12:00"
                }));
            }
            let tells_code = text.contains(&booking.code.to_string());
            assert_eq!(tells_code, kind != NoticeKind::ApprovalAsked && !calls, "{shown}");
        }
    }
    let hostile = "山田\r\nBcc: eve@example.com\r\n\r\n{{ m.code }}";
    let letter = letter(&atlas, &booking, NoticeKind::Made, Language::Ja, hostile);
    assert!(letter.text.starts_with("山田  Bcc: eve@example.com"), "{}", letter.text);
    assert!(!letter.subject.contains(char::is_control));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_holds_an_event_for_the_desk_and_one_for_the_care_and_no_childs_name() {
    let world = World::new().await;
    outbox::send_due(&world.hub).await.unwrap();
    let booking = family(&world.hub, &world).await;
    let mail = mails_to(&world, "takahashi").pop().unwrap();
    // The file's part is in base64 or quoted-printable; the ids are ASCII and stand in one of both
    // forms: look at what the calendar itself would say.
    let feed = {
        let mut parent = world.signed_in("takahashi").await;
        let address = make_feed(&mut parent).await;
        parent.get(&address).await.body.replace("\r\n ", "")
    };
    for kind in ["desk", "care"] {
        assert!(feed.contains(&format!("UID:{}-{kind}-1@localhost\r\n", booking.id)), "{feed}");
    }
    assert!(feed.contains("SUMMARY:保育（2人）：横浜テレワークセンター\r\n"), "{feed}");
    assert!(!feed.contains(&booking.code.to_string()), "{feed}");
    for name in ["はな", "そら"] {
        assert!(!feed.contains(name) && !mail.contains(name));
    }
}

/// Makes the private address and answers its path.
async fn make_feed(browser: &mut Browser) -> String {
    let csrf = browser.get("/account/calendar").await.csrf();
    let page = browser.post("/account/calendar", &[("csrf", &csrf)]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let (_, rest) = page.body.split_once("id=\"address\">").unwrap();
    let address = rest.split('<').next().unwrap();
    let path = address.strip_prefix("http://localhost:8080").unwrap().to_owned();
    assert!(!browser.get("/account/calendar").await.body.contains(&path), "shown once");
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn the_private_calendar_is_read_without_a_session_until_it_is_renewed_or_stopped() {
    let world = World::new().await;
    let mut tanaka = world.signed_in("tanaka").await;
    let booking = book(&mut tanaka, "2026-11-28T01:00:00Z", "2026-11-28T03:00:00Z").await;
    let path = make_feed(&mut tanaka).await;
    let mut program = world.browser();
    let answer = program.get(&path).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "text/calendar; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    assert!(answer.headers.get("set-cookie").is_none());
    assert!(answer.body.contains("DTSTART:20261128T010000Z\r\n"), "{}", answer.body);
    assert!(answer.body.contains("STATUS:CONFIRMED\r\n"));

    let known = answer.header("etag").to_owned();
    for (given, status) in [
        (known.clone(), StatusCode::NOT_MODIFIED),
        (format!("\"other\", W/{known}"), StatusCode::NOT_MODIFIED),
        ("\"other\"".to_owned(), StatusCode::OK),
    ] {
        let headers = [("if-none-match", given.as_str())];
        let again = program.send(Method::GET, &path, &headers, Body::empty()).await;
        assert_eq!(again.status, status, "{given}");
        assert_eq!(again.header("etag"), known);
    }
    cancel(&mut tanaka, &booking).await;
    let headers = [("if-none-match", known.as_str())];
    let after = program.send(Method::GET, &path, &headers, Body::empty()).await;
    assert_eq!(after.status, StatusCode::OK);
    assert!(after.body.contains("STATUS:CANCELLED\r\n") && after.body.contains("SEQUENCE:2\r\n"));

    let second = make_feed(&mut tanaka).await;
    assert_eq!(program.get(&path).await.status, StatusCode::NOT_FOUND, "the old one has ended");
    assert_eq!(program.get(&second).await.status, StatusCode::OK);
    // What somebody gave away ends with their roles, too.
    let tanaka_id = world.person("tanaka").await;
    let grants = world.hub.store.person(tanaka_id).await.unwrap().unwrap().grants;
    world.hub.store.set_grants(tanaka_id, &[]).await.unwrap();
    assert_eq!(program.get(&second).await.status, StatusCode::NOT_FOUND);
    world.hub.store.set_grants(tanaka_id, &grants).await.unwrap();
    let csrf = tanaka.get("/account/calendar").await.csrf();
    let answer = tanaka.post("/account/calendar/stop", &[("csrf", &csrf)]).await;
    assert_eq!(answer.header("location"), "/account/calendar?stopped=1");
    assert!(tanaka.get("/account/calendar?stopped=1").await.body.contains("アドレスを止めました"));
    assert_eq!(program.get(&second).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_whole_address_opens_a_calendar() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let path = make_feed(&mut sato).await;
    let token = path.strip_prefix("/calendar/").unwrap().strip_suffix(".ics").unwrap();
    assert_eq!(token.len(), 43);
    let mut program = world.browser();
    for wrong in [
        token.to_owned(),
        format!("{token}.ics.ics"),
        format!("{}.ics", &token[..42]),
        format!("{}.ics", token.to_lowercase()),
        format!("%00{token}.ics"),
        format!("..%2f{token}.ics"),
        ".ics".to_owned(),
        "%F0%9F%8D%A3.ics".to_owned(),
        format!("{}.ics", "x".repeat(8000)),
    ] {
        let answer = program.get(&format!("/calendar/{wrong}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{wrong}");
    }
    let answer = program.get("/calendar/%ff.ics").await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
    let answer = program.post(&path, &[("csrf", "x")]).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "it is for reading alone");
    let mut stranger = world.browser();
    for path in ["/account/calendar", "/account/calendar/stop"] {
        let answer = sato.post(path, &[("csrf", "guessed")]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        let answer = stranger.post(path, &[]).await;
        assert!(answer.status.is_redirection() || answer.status == StatusCode::FORBIDDEN);
    }
    assert_eq!(program.get(&path).await.status, StatusCode::OK, "nothing has changed at {NOW}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calendar_goes_sixty_days_back_and_everything_ahead() {
    let world = World::new().await;
    let mut suzuki = world.signed_in("suzuki").await;
    let path = make_feed(&mut suzuki).await;
    let person = world.person("suzuki").await;
    let from = world.hub.now() - TimeDelta::days(60);
    let all = world.hub.store.bookings_of(person, DateTime::UNIX_EPOCH).await.unwrap();
    let kept = all.iter().filter(|b| b.span().unwrap().ends() > from).count();
    assert!(0 < kept && kept < all.len(), "the demo has some before and some after");
    let body = world.browser().get(&path).await.body;
    assert_eq!(body.matches("BEGIN:VEVENT").count(), kept);
    let page = suzuki.get("/account/calendar").await;
    assert!(page.body.contains("に作ったアドレスが使えます"), "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_not_come_is_told_that_the_desk_is_free_again() {
    let world = World::new().await;
    let hub = &world.hub;
    outbox::send_due(hub).await.unwrap();
    let sato = world.person("sato").await;
    let booking = hub.store.bookings_of(sato, hub.now()).await.unwrap().remove(0);
    let centres = hub.store.centres().await.unwrap();
    let centre = centres.into_iter().find(|centre| centre.id == booking.centre).unwrap();
    let made = hub.store.next_sheet_listing(centre.id, &[1; 32], &[], hub.now()).await.unwrap();
    let (version, _) = made.unwrap();
    hub.store.ack_sheet(centre.id, version, hub.now()).await.unwrap();
    // A third of the grace after the start, as the site has told: the guest hears until when.
    let starts = booking.span().unwrap().starts();
    world.clock.advance(starts + TimeDelta::minutes(12) - hub.now());
    let told = EventBatch {
        edge: "yokohama-edge".parse().unwrap(),
        first: 1,
        events: Vec::new(),
        told_until: hub.now(),
        at: hub.now(),
        centre: centre.clone(),
        spare: Vec::new(),
    };
    hub.store.take_events(&told).await.unwrap();
    assert_eq!(release_no_shows::run(hub).await.unwrap(), 0);
    release_no_shows::run(hub).await.unwrap();
    assert!(outbox::send_due(hub).await.unwrap() > 0);
    assert_eq!(mails_to(&world, "sato").len(), 2, "once");
    world.clock.advance(TimeDelta::hours(2));
    let word = EventBatch {
        edge: "yokohama-edge".parse().unwrap(),
        first: 1,
        events: Vec::new(),
        told_until: hub.now(),
        at: hub.now(),
        centre,
        spare: Vec::new(),
    };
    hub.store.take_events(&word).await.unwrap();
    assert!(release_no_shows::run(hub).await.unwrap() > 0);
    assert!(outbox::send_due(hub).await.unwrap() > 0);
    let told = mails_to(&world, "sato");
    assert_eq!(told.len(), 3);
    assert!(told.iter().any(|mail| mail.contains("method=CANCEL")), "{told:?}");
    // A late guest's site is told what became of the desk, whoever they are.
    let sheet = hub.live.sheets.current(hub, booking.centre).await.unwrap().unwrap();
    let listed = sheet.sheet.bookings.iter().find(|listed| listed.id == booking.id).unwrap();
    assert_eq!((listed.desks.len(), listed.released.len()), (0, 1));
    assert!(sheet.sheet.people.iter().any(|person| person.id == sato));
}
