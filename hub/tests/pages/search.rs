//! Search as programs ask for it: always what the database holds, by distance, side by side, on
//! several days.

use crate::support::{Browser, World, one_room};
use axum::http::{Method, StatusCode};
use model::care::duty::Shift;
use model::care::terms::{HandOver, Terms};
use model::closure::{Closure, ClosureKind};
use model::id::{ClosureId, ShiftId};
use model::interval::Interval;
use model::language::LocalText;
use serde_json::{Value, json};
use store::{Roster, RosterPut, Rostered};
use uuid::Uuid;

/// Thursday from ten to twelve in Japan.
const TIME: &str = "from=2026-11-26T01:00:00Z&to=2026-11-26T03:00:00Z";

/// The same three weeks later, when the demo has no bookings.
const LATER: &str = "from=2026-12-17T01:00:00Z&to=2026-12-17T03:00:00Z";

async fn search(browser: &mut Browser, more: &str) -> Value {
    search_at(browser, TIME, more).await
}

async fn search_at(browser: &mut Browser, time: &str, more: &str) -> Value {
    let answer = browser.get(&format!("/api/v1/availability?{time}{more}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()
}

fn named<'a>(found: &'a Value, which: &str, slug: &str) -> Option<&'a Value> {
    found[which].as_array().unwrap().iter().find(|centre| centre["centre"] == slug)
}

fn free(found: &Value, slug: &str) -> u64 {
    named(found, "available", slug).map_or(0, |centre| centre["free_desks"].as_u64().unwrap())
}

async fn order(browser: &mut Browser, order: &Value) -> Value {
    let token = browser.get("/api/v1/me").await.json()["csrf_token"].clone();
    let headers = [("x-csrf-token", token.as_str().unwrap_or_default())];
    let answer = browser.api(Method::POST, "/api/v1/bookings", &headers, order.clone()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_just_booked_cancelled_or_closed_is_so_in_the_next_search() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let before = free(&search(&mut sato, "").await, "yokohama");
    let slots = json!([{ "starts_at": "2026-11-26T02:00:00Z", "ends_at": "2026-11-26T05:00:00Z" }]);
    let booked = order(&mut sato, &json!({ "centre": "yokohama", "slots": slots })).await;
    assert_eq!(free(&search(&mut sato, "").await, "yokohama"), before - 1);

    let token = sato.get("/api/v1/me").await.json()["csrf_token"].clone();
    let headers = [("x-csrf-token", token.as_str().unwrap_or_default())];
    let path = format!("/api/v1/bookings/{}/cancel", booked["id"].as_str().unwrap());
    let cancelled = sato.api(Method::POST, &path, &headers, json!({})).await;
    assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.body);
    assert_eq!(free(&search(&mut sato, "").await, "yokohama"), before);

    // By another hub, as far as this one knows.
    let store = &world.hub.store;
    let centre =
        store.centres().await.unwrap().into_iter().find(|one| one.slug.as_str() == "yokohama");
    let centre = centre.unwrap();
    let time = |text: &str| text.parse().unwrap();
    let closure = Closure {
        id: ClosureId(Uuid::from_u128(77)),
        centre: centre.id,
        space: None,
        kind: ClosureKind::NoNew,
        when: Interval::new(time("2026-11-26T00:00:00Z"), time("2026-11-26T02:00:00Z")).unwrap(),
        reason: LocalText::new("停電", "No power"),
        made_by: None,
        made_at: world.hub.now(),
    };
    store.close(&centre, &closure).await.unwrap();
    let found = search(&mut sato, "").await;
    let closed = named(&found, "unavailable", "yokohama").unwrap();
    assert_eq!(closed["reason"], "closed");
    assert_eq!(closed["detail"], "No power");
    assert_eq!(closed["instead"]["slots"][0]["starts_at"], "2026-11-26T02:00:00Z");
    store.reopen(&centre, closure.id).await.unwrap();
    assert_eq!(free(&search(&mut sato, "").await, "yokohama"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn centres_are_ranked_and_the_reason_is_said() {
    let world = World::new().await;
    let mut anybody = world.browser();
    let found = search(&mut anybody, "&point=35.86,139.65").await;
    let first = &found["available"][0];
    assert_eq!(first["centre"], "saitama-satellite", "{found}");
    assert!(first["reasons"].as_array().unwrap().contains(&json!("nearest")), "{first}");
    let distances: Vec<f64> = found["available"]
        .as_array()
        .unwrap()
        .iter()
        .map(|centre| centre["distance_km"].as_f64().unwrap())
        .collect();
    assert!(distances.is_sorted(), "{distances:?}");
    let all = found["available_in_all"].as_u64().unwrap();
    assert_eq!(all, u64::try_from(distances.len()).unwrap());

    let one = search(&mut anybody, "&point=35.86,139.65&limit=1").await;
    assert_eq!(one["available"], json!([first]));
    assert_eq!(one["available_in_all"], all);
    let anywhere = search(&mut anybody, "").await;
    let free: Vec<u64> = anywhere["available"]
        .as_array()
        .unwrap()
        .iter()
        .map(|centre| centre["free_desks"].as_u64().unwrap())
        .collect();
    assert!(free.iter().rev().is_sorted(), "{free:?}");
    let reasons = &anywhere["available"][0]["reasons"];
    assert!(reasons.as_array().unwrap().contains(&json!("most_free")), "{reasons}");
}

#[tokio::test(flavor = "multi_thread")]
async fn desks_side_by_side_and_several_days() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let found = search_at(&mut sato, LATER, "&desks=2&together=true&centre=yokohama").await;
    assert!(named(&found, "available", "yokohama").is_some(), "{found}");
    // Every second desk of the six: three stay free, none beside another.
    let spaces = world.hub.store.spaces().await.unwrap();
    let atlas = world.hub.atlas().await.unwrap();
    let yokohama = atlas.named("yokohama").unwrap().id;
    let desks: Vec<_> = atlas.desks(yokohama).map(|space| space.id.0).collect();
    assert_eq!((desks.len(), spaces.len() > 6), (6, true));
    let slots = json!([{ "starts_at": "2026-12-17T01:00:00Z", "ends_at": "2026-12-17T03:00:00Z" }]);
    for desk in desks.iter().skip(1).step_by(2) {
        order(&mut sato, &json!({ "centre": "yokohama", "slots": slots, "space": desk })).await;
    }
    let found = search_at(&mut sato, LATER, "&desks=2&together=true&centre=yokohama").await;
    let apart = named(&found, "unavailable", "yokohama").unwrap();
    assert_eq!(apart["reason"], "not_together", "{apart}");
    assert!(
        named(&search_at(&mut sato, LATER, "&desks=2").await, "available", "yokohama").is_some()
    );

    // The day after the same hours are free.
    let found = search_at(&mut sato, LATER, "&desks=3&days=2026-12-18&centre=yokohama").await;
    assert_eq!(free(&found, "yokohama"), 3, "{found}");
    let found = search_at(&mut sato, LATER, "&desks=4&days=2026-12-18&centre=yokohama").await;
    assert_eq!(named(&found, "unavailable", "yokohama").unwrap()["reason"], "no_desk");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_said() {
    let world = World::new().await;
    let mut anybody = world.browser();
    let many: Vec<String> = (1..=28).map(|day| format!("2027-02-{day:02}")).collect();
    let days = format!("&days={}", [many.clone(), many].concat().join(","));
    for more in [
        "&point=here",
        "&point=91,0",
        "&point=0,181",
        "&point=NaN,0",
        "&point=35.0",
        "&point=35.4,139.6&near=yokohama",
        "&limit=0",
        "&limit=101",
        "&limit=-1",
        "&days=tomorrow",
        "&days=2026-13-01",
        days.as_str(),
        "&wanted=sunshine",
        "&features=quiet,sunshine",
        "&together=maybe",
        "&desks=99999",
    ] {
        let answer = anybody.get(&format!("/api/v1/availability?{TIME}{more}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{more}: {}", answer.body);
        assert_eq!(answer.json()["type"], "/problems/malformed", "{more}");
    }
    // A day beyond the calendar of bookings is no error: nobody can then.
    let found = search(&mut anybody, "&days=9999-12-31").await;
    assert_eq!(found["available_in_all"], 0, "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_is_offered_what_nobody_has_to_make_room_for() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let mut tanaka = world.signed_in("tanaka").await;
    let slot = json!({"starts_at": "2026-12-17T01:00:00Z", "ends_at": "2026-12-17T03:00:00Z"});
    let any = json!({"centre": "yokohama", "slots": [slot]});
    let desk = order(&mut sato, &any).await["desks"][0]["space"].clone();
    let picked = json!({"centre": "yokohama", "slots": [slot], "space": desk});
    let token = tanaka.get("/api/v1/me").await.json()["csrf_token"].clone();
    let token = token.as_str().unwrap().to_owned();
    let mut refused = async |order: &Value| {
        let headers = [("x-csrf-token", token.as_str())];
        let answer = tanaka.api(Method::POST, "/api/v1/bookings", &headers, order.clone()).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.body);
        answer.json()
    };
    let told = refused(&picked).await;
    let another = json!({"slots": [slot], "with_care": true, "another_desk": true});
    assert_eq!(told["instead"], another);
    // Once all are taken there is that desk, or any, at another time only; elsewhere it is this time.
    while free(&search_at(&mut sato, LATER, "").await, "yokohama") > 0 {
        order(&mut sato, &any).await;
    }
    for wanted in [&picked, &any] {
        let told = refused(wanted).await;
        assert_eq!(told["instead"]["another_desk"], false, "{told}");
        assert_ne!(told["instead"]["slots"], json!([slot]), "{told}");
        let mut instead = wanted.clone();
        instead["slots"] = told["instead"]["slots"].clone();
        let elsewhere = told["elsewhere"].as_array().unwrap();
        assert!(!elsewhere.is_empty() && !elsewhere.contains(&json!("yokohama")), "{told}");
        order(&mut sato, &instead).await;
    }
}

/// The nursery of Yokohama goes by staffing from now on: one room, and two who work from 8 to 18 on the day of
/// [`LATER`], one of them with this break.
async fn two_work(world: &World, pause: Option<(&str, &str)>) {
    let store = &world.hub.store;
    let centres = store.centres().await.unwrap();
    let centre = centres.into_iter().find(|one| one.slug.as_str() == "yokohama").unwrap();
    let nurseries = store.nurseries().await.unwrap();
    let nursery = nurseries.into_iter().find(|one| one.centre == centre.id).unwrap().id;
    assert!(store.set_staffing(nursery, Some(&one_room())).await.unwrap());
    let stretch = |from: &str, to: &str| {
        let time = |clock: &str| format!("2026-12-{clock}:00Z").parse().unwrap();
        Interval::new(time(from), time(to)).unwrap()
    };
    let shift = |caregiver: &str, number: u128, breaks: Vec<Interval>| Rostered {
        id: ShiftId(Uuid::from_u128(number)),
        caregiver: caregiver.to_owned(),
        shift: Shift {
            kind: "nursery-teacher".to_owned(),
            when: stretch("16T23:00", "17T09:00"),
            breaks,
        },
    };
    let breaks = pause.map(|(from, to)| stretch(from, to)).into_iter().collect();
    let roster = Roster {
        centre,
        nursery,
        days: vec!["2026-12-17".parse().unwrap()],
        shifts: vec![shift("伊藤", 1, breaks), shift("阿部", 2, Vec::new())],
        at: world.hub.now(),
        only_try: false,
    };
    assert_eq!(store.put_roster(&roster).await.unwrap(), RosterPut::Done(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nursery_that_goes_by_staffing_is_found_as_it_is_booked() {
    let world = World::new().await;
    let mut parent = world.signed_in("takahashi").await;
    let me = parent.get("/api/v1/me").await.json();
    let children: Vec<&Value> =
        me["children"].as_array().unwrap().iter().map(|child| &child["id"]).collect();
    let slot = json!({"starts_at": "2026-12-17T01:00:00Z", "ends_at": "2026-12-17T03:00:00Z"});
    let wish = json!({"centre": "yokohama", "slots": [slot], "children": children});
    let token = me["csrf_token"].as_str().unwrap();
    let headers = [("x-csrf-token", token)];

    // One is away from 11 to 12, in the middle of it.
    two_work(&world, Some(("17T02:00", "17T03:00"))).await;
    let found = search_at(&mut parent, LATER, "&children=1").await;
    let told = named(&found, "unavailable", "yokohama").unwrap();
    assert_eq!(told["reason"], "care_short", "{told}");
    let detail = told["detail"].as_str().unwrap();
    assert!(
        detail.contains("11:00–12:00: 1 more caregiver needed, 1 more qualified caregiver needed"),
        "{told}"
    );
    assert!(told["instead"]["with_care"] == true, "an hour earlier or later works: {told}");
    let refused = parent.api(Method::POST, "/api/v1/bookings", &headers, wish.clone()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
    let refused = refused.json();
    assert!(refused["type"].as_str().unwrap().ends_with("care-short"), "{refused}");
    let lack = |what: &str, have: u32, need: u32| {
        let (starts_at, ends_at) = ("2026-12-17T02:00:00Z", "2026-12-17T03:00:00Z");
        json!({"starts_at": starts_at, "ends_at": ends_at, "what": what, "kind": null, "room": null, "have": have, "need": need})
    };
    let lacks =
        json!([lack("plan-staff", 1, 2), lack("live-staff", 1, 2), lack("qualified", 1, 2)]);
    assert_eq!(refused["lacks"], lacks, "{refused}");
    let kids: Vec<String> =
        children.iter().map(|child| format!("&child={}", child.as_str().unwrap())).collect();
    let page =
        "/search?date=2026-12-17&from=10%3A00&to=12%3A00&desks=1".to_owned() + &kids.concat();
    let page = parent.get(&page).await;
    assert!(page.body.contains("11:00〜12:00 保育者があと1人"), "{}", page.body);

    // With both there all the time there is room for these two and babies for the other four of six places.
    two_work(&world, None).await;
    order(&mut parent, &wish).await;
    let found = search_at(&mut parent, LATER, "&children=4").await;
    assert!(named(&found, "available", "yokohama").is_some(), "{found}");
    let found = search_at(&mut parent, LATER, "&children=5").await;
    let told = named(&found, "unavailable", "yokohama").unwrap();
    assert_eq!(told["reason"], "no_care_place", "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terms_of_a_nursery_are_found_as_they_are_booked() {
    let world = World::new().await;
    let store = &world.hub.store;
    let atlas = world.hub.atlas().await.unwrap();
    let yokohama = atlas.named("yokohama").unwrap();
    let nursery = atlas.nursery(yokohama.id).unwrap();
    assert_eq!((nursery.walking_minutes, yokohama.settings.grain_minutes), (0, 15));
    let terms = Terms {
        handover: Some(HandOver { before: 10, after: 10 }),
        schemes: vec!["edogawa-temporary".to_owned(), "jp-temporary".to_owned()],
        ..Terms::default()
    };
    assert!(store.set_terms(nursery.id, &terms).await.unwrap());
    let mut parent = world.signed_in("takahashi").await;
    let me = parent.get("/api/v1/me").await.json();
    let child = me["children"][0]["id"].as_str().unwrap();
    let token = me["csrf_token"].as_str().unwrap();
    let headers = [("x-csrf-token", token)];
    let slot = |to: &str| json!({"starts_at": "2026-12-17T01:00:00Z", "ends_at": format!("2026-12-17T{to}:00Z")});
    let wish = |to: &str| json!({"centre": "yokohama", "slots": [slot(to)], "children": [child]});
    let care = json!([{"starts_at": "2026-12-17T00:45:00Z", "ends_at": "2026-12-17T03:15:00Z"}]);

    let found = search_at(&mut parent, LATER, "&children=1").await;
    assert_eq!(named(&found, "available", "yokohama").unwrap()["care"], care, "{found}");
    let alone = search_at(&mut parent, LATER, "&children=1&desks=0").await;
    let as_asked = json!([slot("03:00")]);
    assert_eq!(named(&alone, "available", "yokohama").unwrap()["care"], as_asked, "{alone}");
    let page = format!("/search?date=2026-12-17&from=10%3A00&to=12%3A00&desks=1&child={child}");
    let page = parent.get(&page).await.body;
    assert!(page.contains("送り迎えを入れて、保育は12月17日（木） 9:45〜12:15"), "{page}");
    assert!(page.contains("<option value=\"jp-temporary\">一時預かり</option>"), "{page}");

    let page = parent.get("/centres/yokohama").await.body;
    assert!(page.contains("席の15分前から15分後まで預かります"), "{page}");
    assert!(page.contains("一時預かり（江戸川区）：1回3時間まで、1世帯につき月10回まで"), "{page}");
    // With the hand-overs three hours become three and a half: too long a visit under the first scheme.
    let long = "from=2026-12-17T01:00:00Z&to=2026-12-17T04:00:00Z";
    let found = search_at(&mut parent, long, "&children=1").await;
    let told = named(&found, "available", "yokohama").unwrap();
    let other = (&json!(["jp-temporary"]), &json!(true));
    assert_eq!((&told["schemes"], &told["must_name_scheme"]), other, "{told}");
    let page = format!("/search?date=2026-12-17&from=10%3A00&to=13%3A00&desks=1&child={child}");
    let page = parent.get(&page).await.body;
    assert!(page.contains("name=\"scheme\"><option value=\"jp-temporary\">"), "{page}");
    let refused = parent.api(Method::POST, "/api/v1/bookings", &headers, wish("04:00")).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
    let refused = refused.json();
    assert!(refused["type"].as_str().unwrap().ends_with("no-scheme"), "{refused}");
    assert_eq!((&refused["why"], &refused["child"]), (&json!({"too_long": 180}), &json!(child)));
    for (schemes, status) in [
        (json!({ child: "no-such" }), StatusCode::CONFLICT),
        (json!({ child: 7 }), StatusCode::BAD_REQUEST),
        (json!({ "x": "jp-temporary" }), StatusCode::BAD_REQUEST),
        (json!(["jp-temporary"]), StatusCode::BAD_REQUEST),
    ] {
        let mut odd = wish("04:00");
        odd["schemes"] = schemes;
        let refused = parent.api(Method::POST, "/api/v1/bookings", &headers, odd).await;
        assert_eq!(refused.status, status, "{}", refused.body);
    }

    let alone = Terms { schemes: vec!["edogawa-temporary".to_owned()], ..terms.clone() };
    assert!(store.set_terms(nursery.id, &alone).await.unwrap());
    let found = search_at(&mut parent, long, "&children=1").await;
    let told = named(&found, "unavailable", "yokohama").unwrap();
    assert_eq!(told["reason"], "no_scheme", "{told}");
    let detail = "Thu 17 Dec 9:45–13:15: Temporary care (Edogawa): at most 3 h a visit";
    assert_eq!(told["detail"], detail);
    assert_eq!(told["instead"]["with_care"], false, "{told}");
    assert!(store.set_terms(nursery.id, &terms).await.unwrap());

    let booked = order(&mut parent, &wish("03:00")).await;
    assert_eq!(booked["care"][0]["scheme"], "edogawa-temporary", "{booked}");
    assert_eq!(booked["care"][0]["starts_at"], care[0]["starts_at"]);
    assert_eq!(booked["care"][0]["ends_at"], care[0]["ends_at"]);
    assert_eq!(booked["desks"][0]["starts_at"], "2026-12-17T01:00:00Z");
    let page = parent.get(&format!("/bookings/{}", booked["id"].as_str().unwrap())).await.body;
    assert!(page.contains("12月17日（木） 10:00〜12:00"), "{page}");
    assert!(page.contains("12月17日（木） 9:45〜12:15"), "{page}");
    assert!(page.contains("一時預かり（江戸川区）"), "{page}");
    let mut other = wish("04:00");
    other["slots"] =
        json!([{"starts_at": "2026-12-18T01:00:00Z", "ends_at": "2026-12-18T04:00:00Z"}]);
    other["schemes"] = json!({ child: "jp-temporary" });
    let booked = order(&mut parent, &other).await;
    assert_eq!(booked["care"][0]["scheme"], "jp-temporary", "{booked}");
}
