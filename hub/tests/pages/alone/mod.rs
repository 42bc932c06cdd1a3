//! What a site did on its own, as its operators read it; and the lease from the house rules to the sheet.

use axum::http::{Method, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use hub::jobs::keep_leases;
use model::access::RefusalKind;
use model::centre::Centre;
use model::device::{Trouble, Watched};
use model::door::DoorState;
use model::id::{BookingId, SpaceId, VisitId};
use model::interval::Interval;
use model::site_event::{Happening, Proof, SiteEvent, Vouched};
use serde_json::json;
use store::EventBatch;
use uuid::Uuid;

use crate::support::World;

/// A centre's site, as far as the hub hears of it.
pub struct Site<'a> {
    world: &'a World,
    pub centre: Centre,
}

impl<'a> Site<'a> {
    pub async fn of(world: &'a World) -> Self {
        let centres = world.hub.store.centres().await.unwrap();
        let centre = centres.into_iter().find(|one| one.slug.as_str() == "yokohama").unwrap();
        Self { world, centre }
    }

    /// The site runs on the newest sheet, and has told so.
    pub async fn runs_on_the_newest(&self) -> u64 {
        let hub = &self.world.hub;
        let newest = hub.live.sheets.current(hub, self.centre.id).await.unwrap().unwrap();
        let version = newest.sheet.version;
        hub.store.ack_sheet(self.centre.id, version, hub.now()).await.unwrap();
        self.tell(vec![(hub.now(), Happening::SheetInForce { version })]).await;
        version
    }

    async fn lease(&self) -> Vec<(SpaceId, Interval)> {
        let hub = &self.world.hub;
        let newest = hub.live.sheets.current(hub, self.centre.id).await.unwrap().unwrap();
        newest.sheet.lease.iter().map(|leased| (leased.space, leased.when)).collect()
    }

    pub async fn tell(&self, events: Vec<(DateTime<Utc>, Happening)>) {
        let hub = &self.world.hub;
        let first = hub.store.site_status(self.centre.id).await.unwrap().reached + 1;
        let events = events.into_iter().map(|(at, what)| SiteEvent { at, what }).collect();
        let batch = EventBatch {
            centre: self.centre.clone(),
            edge: "yokohama-edge".parse().unwrap(),
            first,
            events,
            told_until: hub.now(),
            at: hub.now(),
            spare: Vec::new(),
        };
        hub.store.take_events(&batch).await.unwrap();
        hub.live.look(hub, self.centre.id).await.unwrap();
    }
}

fn walked_in(
    person: model::id::PersonId,
    space: SpaceId,
    (at, until): (DateTime<Utc>, DateTime<Utc>),
    number: u128,
) -> [(DateTime<Utc>, Happening); 2] {
    let (visit, booking) = (VisitId(Uuid::from_u128(number)), BookingId(Uuid::from_u128(number)));
    let by = Proof::Code;
    [
        (at, Happening::WalkedIn { visit, person, booking, space, until, by }),
        (at, Happening::CheckedIn { visit, person, booking, space, by }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_keeps_desks_from_its_rules_to_its_sites_sheet() {
    let world = World::new().await;
    let hub = &world.hub;
    let site = Site::of(&world).await;
    site.runs_on_the_newest().await;
    assert!(site.lease().await.is_empty());
    keep_leases::run(hub).await.unwrap();
    let lease = site.lease().await;
    assert!(!lease.is_empty(), "the demo keeps a desk");
    site.runs_on_the_newest().await;

    let mut operator = world.signed_in("kobayashi").await;
    let page = operator.get("/operations/yokohama/rules").await;
    assert!(page.body.contains("name=\"walk_in_desks\"") && page.body.contains("飛び込み用"));
    let rules = operator.get("/api/v1/centres/yokohama/settings").await.json();
    assert_eq!((&rules["walk_in_desks"], &rules["walk_in_hours"]), (&json!(1), &json!(72)));
    let csrf = operator.get("/api/v1/me").await.json()["csrf_token"].as_str().unwrap().to_owned();
    let mut put = async |change: &dyn Fn(&mut serde_json::Value)| {
        let mut rules = operator.get("/api/v1/centres/yokohama/settings").await.json();
        change(&mut rules);
        let path = "/api/v1/centres/yokohama/settings";
        operator.api(Method::PUT, path, &[("x-csrf-token", &csrf)], rules).await
    };
    let too_many = put(&|rules| rules["walk_in_desks"] = json!(51)).await;
    assert_eq!(too_many.status, StatusCode::UNPROCESSABLE_ENTITY);
    // A program of before does not know the rule, and leaves it as it is.
    let before = put(&|rules| {
        rules.as_object_mut().unwrap().remove("walk_in_desks");
        rules["early_minutes"] = json!(20);
    })
    .await;
    assert_eq!(before.status, StatusCode::OK, "{}", before.body);
    assert_eq!(before.json()["walk_in_desks"], json!(1));
    assert_eq!(put(&|rules| rules["walk_in_desks"] = json!(0)).await.status, StatusCode::OK);
    keep_leases::run(hub).await.unwrap();
    assert!(site.lease().await.is_empty(), "none stands on the next sheet");
    let window = Interval::new(hub.now(), hub.now() + TimeDelta::hours(1)).unwrap();
    let taken = async || {
        let claims = hub.store.claims_at(&[site.centre.id], &window).await.unwrap().desks;
        claims.iter().any(|(_, space, _)| *space == lease[0].0)
    };
    assert!(taken().await, "the site has not let go of it");
    site.runs_on_the_newest().await;
    keep_leases::run(hub).await.unwrap();
    assert!(!taken().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_site_did_alone_is_reported_to_its_operators() {
    let world = World::new().await;
    let hub = &world.hub;
    let site = Site::of(&world).await;
    site.runs_on_the_newest().await;
    let mut operator = world.signed_in("kobayashi").await;
    let page = operator.get("/operations/yokohama").await;
    assert!(
        page.body.contains("/operations/yokohama/reports") && !page.body.contains("新しい報告")
    );
    let none = operator.get("/operations/yokohama/reports").await;
    assert!(none.body.contains("2分を超えて切れたことは、まだありません"), "{}", none.body);

    let gone = hub.now();
    world.clock.advance(TimeDelta::minutes(40));
    let minute = |minutes| gone + TimeDelta::minutes(minutes);
    let (guest, other) = (world.person("takahashi").await, world.person("hoshino").await);
    let spaces = hub.store.spaces().await.unwrap();
    let mut desks: Vec<_> =
        spaces.into_iter().filter(|space| space.centre == site.centre.id).collect();
    desks.sort_by(|one, other| one.label.cmp(&other.label));
    // A desk that the hub has sold: with nobody able to move, and with somebody who is.
    let today = Interval::new(gone, minute(600)).unwrap();
    let free = hub.store.claims_at(&[site.centre.id], &today).await.unwrap().desks;
    let desk = desks.iter().rfind(|desk| !free.iter().any(|(_, space, _)| *space == desk.id));
    let desk = desk.unwrap();
    let mut events = walked_in(guest, desk.id, (minute(5), minute(180)), 71).to_vec();
    let by = Proof::Voucher {
        vouched: Some(Vouched { until: minute(60), language: Default::default() }),
    };
    let (visit, booking) = (VisitId(Uuid::from_u128(72)), BookingId(Uuid::from_u128(73)));
    let (person, space) = (other, desks[0].id);
    events.push((minute(6), Happening::CheckedIn { visit, person, booking, space, by }));
    for why in [RefusalKind::UnknownCard, RefusalKind::UnknownCard, RefusalKind::NoUsableSpace] {
        let reader = "yokohama-kiosk-1".parse().unwrap();
        let (credential, came_for, late_for) = (None, Vec::new(), Vec::new());
        let refused = Happening::Refused { reader, credential, why, came_for, late_for };
        events.push((minute(7), refused));
    }
    events.push((minute(8), Happening::LockFault { door: "yokohama-door-1".parse().unwrap() }));
    // Its guest picked it: what the hub sold meanwhile cannot be moved.
    let mut buyer = world.signed_in("takahashi").await;
    let csrf = buyer.get("/api/v1/me").await.json()["csrf_token"].as_str().unwrap().to_owned();
    let order = json!({
        "centre": "yokohama", "space": desk.id,
        "slots": [{"starts_at": minute(120), "ends_at": minute(180)}],
    });
    let headers = [("x-csrf-token", csrf.as_str())];
    let made = buyer.api(Method::POST, "/api/v1/bookings", &headers, order).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    site.tell(events).await;
    site.tell(vec![(hub.now(), Happening::Started)]).await;

    for (language, words) in [
        ("ja", ["新しい報告", "予約なしの利用", "登録のないカード", "対応が必要", "別の席を案内"]),
        ("en", ["Read the report", "Walked in", "Unknown card", "to be solved", "another desk"]),
    ] {
        let live = operator.get(&format!("/operations/yokohama?lang={language}")).await;
        let list = operator.get(&format!("/operations/yokohama/reports?lang={language}")).await;
        assert!(list.body.contains("number=1") && !list.body.contains("number=2"));
        let path = format!("/operations/yokohama/reports?number=1&lang={language}");
        let one = operator.get(&path).await;
        assert_eq!(one.status, StatusCode::OK);
        assert!(one.body.contains(&format!("<html lang=\"{language}\">")));
        let all = format!("{}{}{}", live.body, list.body, one.body);
        for word in words {
            assert!(all.contains(word), "{word}: {}", one.body);
        }
        assert!(one.body.contains(&desk.label), "{}", one.body);
        let met = ["11月25日（水） 11:00〜12:00", "Wed 25 Nov 11:00–12:00"];
        for page in [&one.body, &list.body] {
            assert!(met.iter().any(|when| page.contains(when)), "{page}");
        }
        let booking = made.json()["id"].as_str().unwrap().to_owned();
        assert!(one.body.contains(&format!("/bookings/{booking}")));
        assert!(!one.body.contains("{{"));
    }

    for number in ["2", "x", "-1", "99999999999", "%00"] {
        let answer = operator.get(&format!("/operations/yokohama/reports?number={number}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{number}");
    }
    // What is to be solved is said wherever an operator looks, until the booking is out of the way.
    let list = operator.get("/operations/yokohama/reports?lang=ja").await.body;
    assert!(list.contains("対応が必要") && list.contains(&desk.label), "{list}");
    assert!(
        operator.get("/operations/yokohama?lang=ja").await.body.contains("同じ席が重なっています")
    );
    let booking = made.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/bookings/{booking}/cancel");
    let gone = buyer.api(Method::POST, &path, &headers, json!({})).await;
    assert!(gone.status.is_success(), "{}", gone.body);
    let list = operator.get("/operations/yokohama/reports?lang=ja").await.body;
    assert!(!list.contains("対応が必要"), "{list}");
    assert!(
        !operator.get("/operations/yokohama?lang=ja").await.body.contains("同じ席が重なっています")
    );

    let csrf = operator.get("/operations/yokohama/reports?number=1").await.csrf();
    let bad = [("csrf", csrf.as_str()), ("number", "x")];
    let bad = operator.post("/operations/yokohama/reports", &bad).await;
    assert!(bad.status.is_client_error());
    let read = [("csrf", csrf.as_str()), ("number", "1")];
    let answer = operator.post("/operations/yokohama/reports", &read).await;
    assert_eq!(answer.header("location"), "/operations/yokohama/reports");
    assert!(hub.store.absence(site.centre.id, 1).await.unwrap().unwrap().read_at.is_some());

    for key in ["takahashi", "hoshino"] {
        let mut stranger = world.signed_in(key).await;
        let answer = stranger.get("/operations/yokohama/reports").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{key}");
        let answer = stranger.get("/operations/yokohama/reports?number=1").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{key}");
    }
    assert_eq!(operator.get("/operations/azamino/reports").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_times_that_nobody_can_reckon_with_is_shown_all_the_same() {
    let world = World::new().await;
    let site = Site::of(&world).await;
    site.runs_on_the_newest().await;
    world.clock.advance(TimeDelta::minutes(40));
    let (guest, now) = (world.person("takahashi").await, world.hub.now());
    let spaces = world.hub.store.spaces().await.unwrap();
    let space = spaces.iter().find(|space| space.centre == site.centre.id).unwrap().id;
    let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    let ago = now - TimeDelta::minutes(20);
    let mut events = Vec::new();
    for (number, when) in [(81, (ago, last)), (82, (first, last)), (83, (first, first))] {
        events.extend(walked_in(guest, space, when, number));
    }
    let fault = || Happening::LockFault { door: "yokohama-door-1".parse().unwrap() };
    events.extend([(first, fault()), (first, Happening::Fire { on: true }), (last, fault())]);
    site.tell(events).await;
    let mut operator = world.signed_in("kobayashi").await;
    for language in ["ja", "en"] {
        for path in ["reports?number=1&", "reports?", "muster?", "?"] {
            let path = format!("/operations/yokohama/{path}lang={language}").replace("/?", "?");
            let page = operator.get(&path).await;
            assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
        }
    }
    let report = operator.get("/operations/yokohama/reports?number=1&lang=ja").await.body;
    assert!(report.contains("予約なしの利用"), "{report}");
}

#[test]
fn a_fault_of_a_lock_is_counted_once_however_it_is_told() {
    let door = || "yokohama-door-1".parse().unwrap();
    let fault = || Happening::LockFault { door: door() };
    let is = |state| Happening::DoorState { door: door(), state };
    let works = || Happening::DoorLocked { door: door() };
    let (broken, locked) = (DoorState::LockFault, DoorState::Locked);
    let cases = [
        (vec![fault()], 1),
        (vec![fault(), is(broken)], 1),
        // It does not follow what it is told, and then does not answer either.
        (vec![is(broken), fault()], 1),
        (vec![fault(), is(broken), is(DoorState::Forced), is(broken)], 2),
        (vec![fault(), is(broken), works(), is(locked), fault(), is(broken)], 2),
        (vec![fault(), works(), is(locked), is(broken)], 2),
    ];
    for (told, want) in cases {
        let at = DateTime::UNIX_EPOCH;
        let events: Vec<_> = told.into_iter().map(|what| SiteEvent { at, what }).collect();
        let doors = hub::service::absence::count(events.iter()).doors;
        assert_eq!(doors.len(), want, "{events:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_several_days_names_them_and_cuts_what_is_long() {
    let world = World::new().await;
    let hub = &world.hub;
    let site = Site::of(&world).await;
    site.runs_on_the_newest().await;
    let gone = hub.now();
    world.clock.advance(TimeDelta::days(3));
    let hour = |hours| gone + TimeDelta::hours(hours);
    let guest = world.person("takahashi").await;
    let spaces = hub.store.spaces().await.unwrap();
    let mut desks = spaces.into_iter().filter(|space| space.centre == site.centre.id);
    let desk = desks.next().unwrap();
    let mut events = walked_in(guest, desk.id, (hour(25), hour(27)), 71).to_vec();
    let door = || Happening::LockFault { door: "yokohama-door-1".parse().unwrap() };
    events.extend((0..130).map(|_| (hour(26), door())));
    events.push((hour(49), Happening::Fire { on: true }));
    let torn_off = Happening::DeviceTrouble {
        of: Watched::Reader("yokohama-reader-1".parse().unwrap()),
        why: Some(Trouble::Tampered),
    };
    events.push((hour(50), torn_off));
    site.tell(events).await;
    site.tell(vec![(hub.now(), Happening::Started)]).await;

    let mut operator = world.signed_in("kobayashi").await;
    for (language, words) in [
        (
            "ja",
            [
                "高橋 彩",
                ">11月26日（木） 10:00</td>",
                ">11月26日（木） 12:00</td>",
                "<li>11月26日（木） 11:00 ",
                "<li>11月27日（金） 10:00 火災受信機が扉を開放",
                "<li>11月27日（金） 11:00 カードリーダー yokohama-reader-1：開けられたか、外されました",
                "ほかに30件あります",
            ],
        ),
        (
            "en",
            [
                "高橋 彩",
                ">Thu 26 Nov 10:00</td>",
                ">Thu 26 Nov 12:00</td>",
                "<li>Thu 26 Nov 11:00 ",
                "<li>Fri 27 Nov 10:00 The fire panel released the doors",
                "<li>Fri 27 Nov 11:00 reader yokohama-reader-1: was opened or taken off the wall",
                "And 30 more.",
            ],
        ),
    ] {
        let path = format!("/operations/yokohama/reports?number=1&lang={language}");
        let report = operator.get(&path).await;
        assert_eq!(report.status, StatusCode::OK);
        for word in words {
            assert!(report.body.contains(word), "{word}: {}", report.body);
        }
        let doors = report.body.split("id=\"doors\"").nth(1).unwrap();
        let doors = doors.split("</section>").next().unwrap();
        assert_eq!(doors.matches("<li>").count(), 100, "{doors}");
    }
}
