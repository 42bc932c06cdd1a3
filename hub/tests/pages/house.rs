//! What operators, employers and the hub's admin decide about bookings, by page and by API, over
//! SQLite with the demo's data.

use crate::support::{Answer, Browser, World, email, field};
use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use hub::notices::outbox;
use model::booking::{Booking, BookingStatus};
use model::centre::{CentreSettings, HouseRule, Space, SpaceKind};
use model::id::{CentreId, SpaceId};
use model::interval::Interval;
use model::language::LocalText;
use serde_json::{Value, json};

const SETTINGS: &str = "/api/v1/centres/yokohama/settings";
const CLOSURES: &str = "/operations/yokohama/closures";

/// Somebody's browser with the token for their changes.
async fn program(world: &World, key: &str) -> (Browser, String) {
    let mut browser = world.signed_in(key).await;
    let me = browser.get("/api/v1/me").await.json();
    (browser, me["csrf_token"].as_str().unwrap().to_owned())
}

async fn send(
    (browser, csrf): &mut (Browser, String),
    method: Method,
    path: &str,
    body: Value,
) -> Answer {
    browser.api(method, path, &[("x-csrf-token", csrf)], body).await
}

/// Sends a form with the session's token.
async fn form(
    (browser, csrf): &mut (Browser, String),
    path: &str,
    fields: &[(&str, &str)],
) -> Answer {
    let fields = [&[("csrf", csrf.as_str())], fields].concat();
    browser.post(path, &fields).await
}

async fn book(who: &mut (Browser, String), starts: &str, ends: &str) -> Answer {
    let slots = json!([{"starts_at": starts, "ends_at": ends}]);
    let order = json!({"centre": "yokohama", "slots": slots});
    send(who, Method::POST, "/api/v1/bookings", order).await
}

async fn yokohama(world: &World) -> CentreId {
    let centres = world.hub.store.centres().await.unwrap();
    centres.into_iter().find(|centre| centre.slug.as_str() == "yokohama").unwrap().id
}

/// What stands at Yokohama on the demo's Thursday.
async fn thursday(world: &World) -> Vec<Booking> {
    let starts = "2026-11-25T15:00:00Z".parse().unwrap();
    let day = Interval::new(starts, starts + TimeDelta::days(1)).unwrap();
    world.hub.store.bookings_at(yokohama(world).await, &day).await.unwrap()
}

fn mails_to(world: &World, key: &str) -> Vec<String> {
    let to = format!("To: {}", email(key));
    let Ok(folder) = std::fs::read_dir(world.folder.join("mail")) else { return Vec::new() };
    let mails = folder.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    mails.filter(|mail| mail.contains(&to)).collect()
}

/// The words of the record that somebody may read.
async fn recorded(who: &mut (Browser, String)) -> String {
    who.0.get("/api/v1/audit").await.body
}

#[tokio::test(flavor = "multi_thread")]
async fn house_rules_are_changed_within_their_bounds_and_count_at_once() {
    let world = World::new().await;
    let mut operator = program(&world, "kobayashi").await;
    let before = operator.0.get(SETTINGS).await.json();
    assert_eq!(before["grain_minutes"], 15);
    let centre = yokohama(&world).await;
    let sheet = async || world.hub.live.sheets.current(&world.hub, centre).await.unwrap().unwrap();
    let old = sheet().await;

    let mut wanted = before.clone();
    wanted["no_show_minutes"] = 45.into();
    wanted["horizon_days"] = 1.into();
    let answer = send(&mut operator, Method::PUT, SETTINGS, wanted.clone()).await;
    wanted["version"] = 2.into();
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, wanted.clone()));
    assert_eq!(operator.0.get(SETTINGS).await.json(), wanted);
    let new = sheet().await;
    assert!(old.sheet.version < new.sheet.version);
    assert_eq!(new.sheet.site.settings.no_show_minutes, 45);
    let mut sato = program(&world, "sato").await;
    let late = book(&mut sato, "2026-11-28T01:00:00Z", "2026-11-28T02:00:00Z").await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY, "the horizon counts at once");
    let record = recorded(&mut operator).await;
    assert!(record.contains("house_rules_changed"), "{record}");
    assert!(record.contains("30 -&gt; 45") || record.contains("30 -> 45"), "{record}");
    // The same once more changes nothing.
    let answer = send(&mut operator, Method::PUT, SETTINGS, wanted.clone()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(sheet().await.sheet.version, new.sheet.version);
    // Somebody who has read them before that change learns of it, and changes nothing.
    let mut theirs = before.clone();
    theirs["early_minutes"] = 30.into();
    let answer = send(&mut operator, Method::PUT, SETTINGS, theirs).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.body);
    let problem = answer.json();
    assert_eq!(
        (&problem["type"], &problem["version"]),
        (&json!("/problems/other-version"), &json!(2))
    );
    assert_eq!(operator.0.get(SETTINGS).await.json(), wanted);

    // Whatever the bounds allow, the database keeps.
    let wide =
        CentreSettings { shortest_minutes: 5, longest_minutes: 10_080, ..Default::default() };
    let mut version = 2;
    let json = |settings: CentreSettings, version: u64| {
        let mut body = serde_json::to_value(settings).unwrap();
        body["version"] = version.into();
        body
    };
    for rule in HouseRule::ALL {
        let (least, most) = rule.bounds();
        for number in [least, most] {
            let body = json(wide.clone().with(rule, number), version);
            let answer = send(&mut operator, Method::PUT, SETTINGS, body).await;
            assert_eq!(answer.status, StatusCode::OK, "{rule:?} {number}: {}", answer.body);
            version = answer.json()["version"].as_u64().unwrap();
        }
        for number in [Some(most + 1), least.checked_sub(1)].into_iter().flatten() {
            let body = json(wide.clone().with(rule, number), version);
            let answer = send(&mut operator, Method::PUT, SETTINGS, body).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{rule:?} {number}");
            let problem = answer.json();
            assert_eq!(problem["type"], "/problems/bad-setting");
            assert_eq!(problem["rule"], rule.as_str());
            assert_eq!((&problem["least"], &problem["most"]), (&json!(least), &json!(most)));
        }
    }

    let usual = json(CentreSettings::default(), version);
    for (name, value) in [
        ("grain_minutes", json!(7)),
        ("grain_minutes", json!(-15)),
        ("grain_minutes", json!("15")),
        ("horizon_days", json!(1.5)),
        ("horizon_days", json!(4_294_967_296_u64)),
        ("horizon_days", json!(null)),
        ("shortest_minutes", json!(721)),
        ("approval", json!("maybe")),
        ("approval", json!(["all"])),
        ("nonsense", json!(1)),
        ("longest_minutes", json!("9".repeat(10_000))),
        ("version", json!(-1)),
        ("version", json!(null)),
    ] {
        let mut body = usual.clone();
        body[name] = value.clone();
        let answer = send(&mut operator, Method::PUT, SETTINGS, body).await;
        let unfit = name == "shortest_minutes" || value == json!(7);
        let want = if unfit { 422 } else { 400 };
        assert_eq!(answer.status, want, "{name}: {}", answer.body);
    }
    for missing in ["hold_minutes", "version"] {
        let mut less = usual.clone();
        less.as_object_mut().unwrap().remove(missing);
        assert_eq!(send(&mut operator, Method::PUT, SETTINGS, less).await.status, 400);
    }
    assert_eq!(send(&mut operator, Method::PUT, SETTINGS, json!([])).await.status, 400);

    for (key, path, want) in [
        ("kato", SETTINGS, StatusCode::FORBIDDEN),
        ("sato", SETTINGS, StatusCode::FORBIDDEN),
        ("fujita", SETTINGS, StatusCode::FORBIDDEN),
        ("kato", "/api/v1/centres/nowhere/settings", StatusCode::NOT_FOUND),
    ] {
        let mut other = program(&world, key).await;
        assert_eq!(other.0.get(path).await.status, want, "{key} {path}");
        let answer = send(&mut other, Method::PUT, path, usual.clone()).await;
        assert_eq!(answer.status, want, "{key} {path}");
        let answer = send(&mut other, Method::PUT, path, json!("nonsense")).await;
        assert_eq!(answer.status, want, "{key} learns nothing of what is asked for");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_of_the_rules_says_what_is_wrong_with_which() {
    let world = World::new().await;
    let mut operator = program(&world, "kobayashi").await;
    let path = "/operations/yokohama/rules";
    let page = operator.0.get(path).await;
    assert_eq!(page.status, StatusCode::OK);
    let with = |name: &'static str, value: &str| -> Vec<(&'static str, String)> {
        let usual = CentreSettings::default();
        let rules = HouseRule::ALL.into_iter();
        let mut all: Vec<_> =
            rules.map(|rule| (rule.as_str(), usual.get(rule).to_string())).collect();
        all.push(("approval", "rooms".to_owned()));
        all.push(("version", "1".to_owned()));
        all.retain(|(field, _)| *field != name);
        all.push((name, value.to_owned()));
        all
    };
    let long = "9".repeat(5_000);
    for (name, value) in [
        ("grain_minutes", "7"),
        ("grain_minutes", ""),
        ("horizon_days", "731"),
        ("horizon_days", "-1"),
        ("horizon_days", "many"),
        ("buffer_minutes", "<script>"),
        ("hold_minutes", "0"),
        ("offer_minutes", long.as_str()),
        ("shortest_minutes", "5000"),
    ] {
        let fields = with(name, value);
        let fields: Vec<_> = fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let answer = form(&mut operator, path, &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name} {value}");
        assert!(answer.body.contains(&format!("id=\"{name}-error\"")), "{name} {value}");
        assert!(!answer.body.contains("<script>"), "{name}");
        if name == "horizon_days" {
            assert!(answer.body.contains(&format!("value=\"{value}\"")), "it stands as typed");
        }
    }
    let fields = with("no_show_minutes", "４５");
    let fields: Vec<_> = fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let answer = form(&mut operator, path, &fields).await;
    assert_eq!(answer.header("location"), "/operations/yokohama/rules?done=1", "{}", answer.body);
    let kept = operator.0.get(SETTINGS).await.json();
    assert_eq!((&kept["no_show_minutes"], &kept["approval"]), (&json!(45), &json!("rooms")));
    // The form of who began before that is shown again with what stands now.
    for version in ["1", "", "many"] {
        let mut fields = with("no_show_minutes", "50");
        fields.retain(|(field, _)| *field != "version");
        fields.push(("version", version.to_owned()));
        let fields: Vec<_> = fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let answer = form(&mut operator, path, &fields).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert!(answer.body.contains("name=\"version\" value=\"2\""), "{}", answer.body);
        assert!(answer.body.contains("value=\"45\"") && !answer.body.contains("value=\"50\""));
    }
    assert_eq!(operator.0.get(SETTINGS).await.json(), kept);
    assert_eq!(operator.0.get("/operations/tsurugashima/rules").await.status, 403);
    assert_eq!(form(&mut operator, "/operations/tsurugashima/rules", &[]).await.status, 403);
    assert_eq!(operator.0.get("/operations/nowhere/rules").await.status, 404);
    let answer = operator.0.post(path, &fields).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "a form without its token");
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_are_kept_by_an_employer_for_its_own_and_by_the_hub_for_all() {
    let world = World::new().await;
    let mut boss = program(&world, "sasaki").await;
    let employer = async |key: &str| {
        let person = world.hub.store.person(world.person(key).await).await.unwrap().unwrap();
        person.employers_at(world.hub.now()).next().unwrap()
    };
    let (bank, maker) = (employer("sato").await, employer("tanaka").await);
    let (page, api) =
        (format!("/employers/{bank}/quotas"), format!("/api/v1/employers/{bank}/quotas"));
    let good = json!({"subject": "employer", "measure": "at_once", "most": 1,
        "source_ja": "在宅勤務規程", "source_en": "Telework rules"});
    for (name, value, want) in [
        ("most", json!(10_001), 422),
        ("most", json!(-1), 400),
        ("most", json!("1"), 400),
        ("measure", json!("at_twice"), 400),
        ("subject", json!("everybody"), 400),
        ("centre", json!("nowhere"), 404),
        ("from_day", json!("2026-13-01"), 400),
        ("until_day", json!("2026-11-25"), 422),
        ("until_day", json!("tomorrow"), 400),
        ("source_ja", json!(""), 422),
        ("source_ja", json!("二行\nある"), 422),
        ("source_en", json!("x".repeat(201)), 422),
        ("employer", json!(maker), 422),
        ("nonsense", json!(1), 400),
    ] {
        let mut body = good.clone();
        body[name] = value;
        let answer = send(&mut boss, Method::POST, &api, body.clone()).await;
        assert_eq!(answer.status, want, "{body}: {}", answer.body);
    }
    assert_eq!(boss.0.get(&api).await.json(), json!([]), "nothing was kept");
    let usual = [
        ("subject", "person"),
        ("measure", "days_a_week"),
        ("most", "2"),
        ("from_day", "2026-11-25"),
        ("until_day", ""),
        ("source_ja", "規程"),
        ("source_en", "Rules"),
    ];
    let long = "長".repeat(201);
    for (name, value, error) in [
        ("most", "8", "most-error"),
        ("most", "二", "most-error"),
        ("most", "99999999999999999999", "most-error"),
        ("until_day", "2026-11-24", "days-error"),
        ("until_day", "いつか", "days-error"),
        ("centre", "nowhere", "centre-error"),
        ("source_ja", long.as_str(), "source-error"),
        ("source_en", "", "source-error"),
        ("subject", "nobody", "kind-error"),
        ("measure", "", "kind-error"),
    ] {
        let mut fields = usual.to_vec();
        fields.retain(|(field, _)| *field != name);
        fields.push((name, value));
        let answer = form(&mut boss, &page, &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name} {value}");
        assert!(answer.body.contains(&format!("id=\"{error}\"")), "{name} {value}");
    }

    // One desk at once for the whole bank: Yamamoto has it on Thursday from ten.
    let made = send(&mut boss, Method::POST, &api, good.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert_eq!(made.json()["employer"], json!(bank));
    let shown = boss.0.get(&page).await;
    assert!(shown.body.contains("在宅勤務規程") && shown.body.contains("同時に1席まで"));
    let mut sato = program(&world, "sato").await;
    let (from, to) = ("2026-11-26T01:00:00Z", "2026-11-26T02:00:00Z");
    let over = book(&mut sato, from, to).await;
    assert_eq!(over.status, StatusCode::CONFLICT, "{}", over.body);
    assert!(over.body.contains("quota"), "{}", over.body);
    let mut tanaka = program(&world, "tanaka").await;
    assert_eq!(book(&mut tanaka, from, to).await.status, StatusCode::CREATED, "not their employer");

    let id = made.json()["id"].as_str().unwrap().to_owned();
    let (end_page, end_api) = (format!("/quotas/{id}/end"), format!("/api/v1/quotas/{id}"));
    for key in ["sato", "kobayashi", "yoshida"] {
        let mut other = program(&world, key).await;
        assert_eq!(form(&mut other, &end_page, &[]).await.status, 404, "{key}");
        let answer = send(&mut other, Method::DELETE, &end_api, json!({})).await;
        assert_eq!(answer.status, 404, "{key}");
        assert_eq!(other.0.get(&api).await.status, 404, "{key}");
        assert_eq!(other.0.get("/api/v1/quotas").await.status, 403, "{key}");
        assert_eq!(other.0.get("/quotas").await.status, 403, "{key}");
    }
    let ended = form(&mut boss, &end_page, &[]).await;
    assert_eq!(ended.header("location"), format!("{page}?done=ended"));
    assert_eq!(form(&mut boss, &end_page, &[]).await.status, 404, "once");
    assert_eq!(form(&mut boss, "/quotas/nonsense/end", &[]).await.status, 404);
    assert_eq!(book(&mut sato, from, to).await.status, StatusCode::CREATED, "it counts no more");

    // The boss decides for nobody else.
    let everybody = json!({"subject": "person", "measure": "days_a_week", "most": 0,
        "source_ja": "規程", "source_en": "Rules"});
    let answer = send(&mut boss, Method::POST, "/api/v1/quotas", everybody.clone()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let theirs = format!("/api/v1/employers/{maker}/quotas");
    assert_eq!(send(&mut boss, Method::POST, &theirs, everybody.clone()).await.status, 404);

    let mut admin = program(&world, "fujita").await;
    let made = send(&mut admin, Method::POST, "/api/v1/quotas", everybody.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert!(admin.0.get("/quotas").await.body.contains("週に0日まで"));
    let none = book(&mut tanaka, "2026-12-03T01:00:00Z", "2026-12-03T02:00:00Z").await;
    assert_eq!(none.status, StatusCode::CONFLICT, "{}", none.body);
    let mut unknown = everybody.clone();
    unknown["employer"] = json!("0190b1d2-0000-7000-8000-0000000000aa");
    let answer = send(&mut admin, Method::POST, "/api/v1/quotas", unknown).await;
    assert_eq!(answer.status, 422, "{}", answer.body);
    let mut whose = everybody;
    whose["subject"] = json!("employer");
    let answer = send(&mut admin, Method::POST, "/api/v1/quotas", whose).await;
    assert!(answer.status == 422 && answer.body.contains("which employer"), "{}", answer.body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let answer = send(&mut admin, Method::DELETE, &format!("/api/v1/quotas/{id}"), json!({})).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.0.get("/api/v1/quotas").await.json(), json!([]));
    let record = recorded(&mut admin).await;
    assert!(record.contains("quota_added") && record.contains("quota_ended"), "{record}");
}

/// The form for a closure of Thursday's working hours.
const THURSDAY: [(&str, &str); 8] = [
    ("space", ""),
    ("kind", "closed"),
    ("from_day", "2026-11-26"),
    ("from", "09:00"),
    ("until_day", "2026-11-26"),
    ("until", "18:00"),
    ("reason_ja", "空調の工事"),
    ("reason_en", "Work on the air conditioning"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_closure_lists_what_it_meets_and_moves_it() {
    let world = World::new().await;
    outbox::send_due(&world.hub).await.unwrap();
    let mut operator = program(&world, "kobayashi").await;
    let long = "長".repeat(201);
    for (name, value, error) in [
        ("space", "nonsense", "space-error"),
        ("space", "0190b1d2-0000-7000-8000-0000000000aa", "space-error"),
        ("from_day", "2026-11-27", "time-error"),
        ("from_day", "", "time-error"),
        ("until", "25:00", "time-error"),
        ("until_day", "2028-11-26", "time-error"),
        ("until_day", "99999-01-01", "time-error"),
        ("reason_ja", "", "reason-error"),
        ("reason_en", "two\nlines", "reason-error"),
        ("reason_ja", long.as_str(), "reason-error"),
    ] {
        let mut fields = THURSDAY.to_vec();
        fields.retain(|(field, _)| *field != name);
        fields.push((name, value));
        let answer = form(&mut operator, CLOSURES, &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name} {value}");
        assert!(answer.body.contains(&format!("id=\"{error}\"")), "{name} {value}");
    }
    let mut past = THURSDAY;
    (past[2].1, past[4].1) = ("2026-11-24", "2026-11-24");
    assert_eq!(form(&mut operator, CLOSURES, &past).await.status, 422);

    let before = thursday(&world).await;
    assert_eq!(before.len(), 3);
    let made = form(&mut operator, CLOSURES, &THURSDAY).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    let to = made.header("location").to_owned();
    let (path, _) = to.split_once('?').unwrap();
    let page = operator.0.get(&to).await;
    assert!(page.body.contains("重なる予約 3件"), "{}", page.body);
    for name in ["高橋", "山本", "Clarke"] {
        assert!(page.body.contains(name), "{name}");
    }
    for child in ["はな", "そら"] {
        assert!(!page.body.contains(child), "no child's name");
    }
    assert!(operator.0.get(CLOSURES).await.body.contains("重なる予約 3件"));
    assert!(operator.0.get("/operations/yokohama").await.body.contains("臨時休館"));

    // Each guest is told, with the reason in their language, and the mail is no invitation.
    assert_eq!(outbox::send_due(&world.hub).await.unwrap(), 3);
    let told = mails_to(&world, "yamamoto");
    assert!(told.iter().any(|mail| !mail.contains("text/calendar")), "{told:?}");

    // One press moves the first.
    let mut moved = 0;
    for (index, piece) in page.body.split("name=\"booking\" value=\"").enumerate().skip(1) {
        let booking = piece.split('"').next().unwrap();
        let version = field(piece, "version").unwrap();
        let slots: Vec<String> = piece
            .split("name=\"slot\" value=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().replace("&#43;", "+"))
            .collect();
        assert_eq!(slots.len(), 1, "one is offered to each: {piece}");
        if index > 1 {
            continue;
        }
        let fields = [("booking", booking), ("version", &version), ("slot", slots[0].as_str())];
        let answer = form(&mut operator, &format!("{path}/move"), &fields).await;
        assert_eq!(answer.header("location"), format!("{path}?done=moved"), "{slots:?}");
        moved += 1;
        // The same once more: it is not met any more.
        let answer = form(&mut operator, &format!("{path}/move"), &fields).await;
        assert_eq!(answer.header("location"), format!("{path}?done=newer"));
    }
    assert_eq!(moved, 1);
    assert!(operator.0.get(path).await.body.contains("重なる予約 2件"));
    assert_eq!(outbox::send_due(&world.hub).await.unwrap(), 1, "the change");
    let record = recorded(&mut operator).await;
    for word in ["centre_closed", "booking_changed_for_guest"] {
        assert!(record.contains(word), "{word} in {record}");
    }

    // What cannot be read, or names nothing, changes nothing.
    let met = thursday(&world).await;
    let here = met.iter().find(|booking| before.contains(booking)).unwrap();
    let (id, version) = (here.id.to_string(), here.version.to_string());
    let slot = "2026-11-26T00:00:00Z/2026-11-26T01:00:00Z";
    for (booking, version, slot, done) in [
        ("nonsense", version.as_str(), slot, "newer"),
        (&id, "99", "2026-11-29T00:00:00Z/2026-11-29T01:00:00Z", "newer"),
        (&id, &version, slot, "full"),
        (&id, &version, "nonsense", "full"),
        (&id, "", slot, "full"),
        (&id, &version, "9999-11-26T00:00:00Z/9999-11-26T01:00:00Z", "full"),
    ] {
        let fields = [("booking", booking), ("version", version), ("slot", slot)];
        let answer = form(&mut operator, &format!("{path}/move"), &fields).await;
        assert_eq!(answer.header("location"), format!("{path}?done={done}"), "{fields:?}");
    }
    assert_eq!(thursday(&world).await, met);

    for key in ["kato", "sato"] {
        let mut other = program(&world, key).await;
        for path in [CLOSURES, path] {
            assert_eq!(other.0.get(path).await.status, StatusCode::FORBIDDEN, "{key}");
        }
        for path in [CLOSURES, &format!("{path}/move"), &format!("{path}/reopen")] {
            assert_eq!(form(&mut other, path, &THURSDAY).await.status, 403, "{key} {path}");
        }
    }
    assert_eq!(operator.0.get(&format!("{CLOSURES}/nonsense")).await.status, 404);
    let answer = form(&mut operator, &format!("{path}/reopen"), &[]).await;
    assert_eq!(answer.header("location"), format!("{CLOSURES}?done=reopened"));
    assert_eq!(form(&mut operator, &format!("{path}/reopen"), &[]).await.status, 404);
    assert!(recorded(&mut operator).await.contains("centre_reopened"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_out_of_use_is_left_for_another_at_the_same_time() {
    let world = World::new().await;
    outbox::send_due(&world.hub).await.unwrap();
    let mut operator = program(&world, "kobayashi").await;
    let mut tanaka = program(&world, "tanaka").await;
    let atlas = world.hub.store.spaces().await.unwrap();
    let centre = yokohama(&world).await;
    let desk: SpaceId = atlas.iter().rfind(|space| space.centre == centre).unwrap().id;
    let slots = json!([{"starts_at": "2026-11-27T00:00:00Z", "ends_at": "2026-11-27T03:00:00Z"}]);
    let order = json!({"centre": "yokohama", "slots": slots, "space": desk});
    let booked = send(&mut tanaka, Method::POST, "/api/v1/bookings", order).await;
    assert_eq!(booked.status, StatusCode::CREATED, "{}", booked.body);
    outbox::send_due(&world.hub).await.unwrap();

    let desk_text = desk.to_string();
    let mut friday = THURSDAY;
    (friday[0].1, friday[2].1, friday[4].1) = (&desk_text, "2026-11-27", "2026-11-27");
    let made = form(&mut operator, CLOSURES, &friday).await;
    let to = made.header("location").to_owned();
    let (path, _) = to.split_once('?').unwrap();
    let page = operator.0.get(path).await;
    assert!(page.body.contains("同じ時間の別の席に移す"), "{}", page.body);
    let made: Value = booked.json();
    let own = format!("/bookings/{}", made["id"].as_str().unwrap());
    let seen = tanaka.0.get(&own).await;
    assert!(seen.body.contains("は使えなくなりました"), "{}", seen.body);
    assert!(seen.body.contains("空調の工事") && seen.body.contains("ほかの日時に移すか"));
    assert!(!seen.body.contains("入館用のQRコード"), "no way in is shown to a desk out of use");
    assert!(tanaka.0.get("/bookings").await.body.contains("使えなくなりました"));
    let field = |name| field(&page.body, name).unwrap().replace("&#43;", "+");
    let (booking, version, slot) = (field("booking"), field("version"), field("slot"));
    let fields = [("booking", booking.as_str()), ("version", &version), ("slot", &slot)];
    let answer = form(&mut operator, &format!("{path}/move"), &fields).await;
    assert_eq!(answer.header("location"), format!("{path}?done=moved"));
    let now = world.hub.store.booking(booking.parse().unwrap()).await.unwrap().unwrap();
    assert_ne!(now.desks[0].space, desk);
    for page in [own.as_str(), "/bookings"] {
        assert!(!tanaka.0.get(page).await.body.contains("使えなくなりました"), "{page}");
    }
    assert!(tanaka.0.get(&own).await.body.contains("入館用のQRコード"));
    assert_eq!(now.desks[0].when.starts().to_rfc3339(), "2026-11-27T00:00:00+00:00");
    // The closure's own mail had not gone out yet: it is no news any more, the change is.
    assert_eq!(outbox::send_due(&world.hub).await.unwrap(), 1);
    let told = mails_to(&world, "tanaka");
    assert!(told.iter().all(|mail| mail.contains("text/calendar")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_had_a_booth_is_offered_another_booth() {
    let world = World::new().await;
    let mut operator = program(&world, "kobayashi").await;
    let mut tanaka = program(&world, "tanaka").await;
    let centre = yokohama(&world).await;
    let [first, second] = [1, 2].map(|n| SpaceId(uuid::Uuid::from_u128(0xb007 + n)));
    for (id, label) in [(first, "B-91"), (second, "B-92")] {
        let space = Space {
            id,
            centre,
            kind: SpaceKind::Booth,
            label: label.to_owned(),
            zone: LocalText::new("奥", "At the back"),
            terminal: None,
            features: Default::default(),
            row: 0,
        };
        world.hub.store.add_space(&space).await.unwrap();
    }
    let slots = json!([{"starts_at": "2026-11-27T00:00:00Z", "ends_at": "2026-11-27T03:00:00Z"}]);
    let order = json!({"centre": "yokohama", "slots": slots, "space": first});
    let booked = send(&mut tanaka, Method::POST, "/api/v1/bookings", order).await;
    assert_eq!(booked.status, StatusCode::CREATED, "{}", booked.body);
    let mut close = async |space: SpaceId| {
        let space = space.to_string();
        let mut friday = THURSDAY;
        (friday[0].1, friday[2].1, friday[4].1) = (&space, "2026-11-27", "2026-11-27");
        let made = form(&mut operator, CLOSURES, &friday).await;
        let path = made.header("location").split('?').next().unwrap().to_owned();
        let page = operator.0.get(&path).await.body;
        let field = |name| field(&page, name).map(|value| value.replace("&#43;", "+"));
        let fields = [field("booking"), field("version"), field("slot")].map(Option::unwrap);
        let [booking, version, slot] = &fields;
        let fields = [("booking", booking.as_str()), ("version", version), ("slot", slot)];
        let answer = form(&mut operator, &format!("{path}/move"), &fields).await;
        assert_eq!(answer.header("location"), format!("{path}?done=moved"), "{page}");
        let now = world.hub.store.booking(booking.parse().unwrap()).await.unwrap().unwrap();
        (page, now.desks[0].space, now.desks[0].when.starts().to_rfc3339())
    };
    let same = "同じ時間の別のブースに移す";
    let (page, space, starts) = close(first).await;
    assert!(page.contains(same), "{page}");
    assert_eq!((space, starts.as_str()), (second, "2026-11-27T00:00:00+00:00"));
    // With the other one shut as well only another time is left, in a booth again.
    let (page, space, starts) = close(second).await;
    assert!(!page.contains(same), "{page}");
    assert!([first, second].contains(&space) && !starts.starts_with("2026-11-27T00"), "{starts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closure_taken_back_in_time_is_told_to_nobody() {
    let world = World::new().await;
    outbox::send_due(&world.hub).await.unwrap();
    let mut operator = program(&world, "kobayashi").await;
    let api = "/api/v1/centres/yokohama/closures";
    let when = json!({"starts_at": "2026-11-26T00:00:00Z", "ends_at": "2026-11-26T09:00:00Z"});
    let body =
        json!({"kind": "closed", "when": when, "reason_ja": "停電", "reason_en": "No power"});
    let made = send(&mut operator, Method::POST, api, body).await.json();
    let met = made["meets"].as_array().unwrap();
    assert_eq!(met.len(), 3);
    assert!(met.iter().all(|met| met["instead"].is_array()), "{made}");
    assert!(met.iter().any(|met| met["elsewhere"].is_string()), "{made}");
    let own = |met: &Value| met["slots"] == met["instead"];
    assert!(!met.iter().any(own), "nothing is offered where it is closed: {made}");
    let path = format!("{api}/{}", made["id"].as_str().unwrap());
    let gone = send(&mut operator, Method::DELETE, &path, json!({})).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(outbox::send_due(&world.hub).await.unwrap(), 0);
    // Nor are they told later.
    world.clock.advance(TimeDelta::hours(1));
    assert_eq!(outbox::send_due(&world.hub).await.unwrap(), 0);
    let mut sato = program(&world, "sato").await;
    let booked = book(&mut sato, "2026-11-26T01:00:00Z", "2026-11-26T02:00:00Z").await;
    assert_eq!(booked.status, StatusCode::CREATED, "it is open again at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_centre_and_who_pays_each_decide_for_themselves() {
    let world = World::new().await;
    let mut operator = program(&world, "kobayashi").await;
    let list = "/operations/yokohama/approvals";
    assert!(operator.0.get(list).await.body.contains("承認を待つ予約はありません"));
    let rules = CentreSettings { approval: model::centre::Approval::All, ..Default::default() };
    let mut rules = serde_json::to_value(rules).unwrap();
    rules["version"] = 1.into();
    let answer = send(&mut operator, Method::PUT, SETTINGS, rules).await;
    assert_eq!(answer.status, StatusCode::OK);

    let mut tanaka = program(&world, "tanaka").await;
    let mut ids = Vec::new();
    for (from, to) in [
        ("2026-11-27T01:00:00Z", "2026-11-27T02:00:00Z"),
        ("2026-11-25T01:00:00Z", "2026-11-25T02:00:00Z"),
    ] {
        let booked = book(&mut tanaka, from, to).await.json();
        assert_eq!(booked["status"], "asked");
        ids.push(booked["id"].as_str().unwrap().to_owned());
    }
    let page = operator.0.get(list).await;
    let at = |id: &str| page.body.find(id).unwrap();
    assert!(at(&ids[1]) < at(&ids[0]), "the most urgent first");
    assert!(page.body.contains("田中 翔") && page.body.contains("まもなく期限"));
    assert!(operator.0.get("/operations/yokohama").await.body.contains("2件"));

    let path = |id: &str, what: &str| format!("/bookings/{id}/{what}");
    for (key, want) in [("kato", 404), ("sato", 404), ("tanaka", 404), ("sasaki", 404)] {
        let mut other = program(&world, key).await;
        for what in ["approve", "decline"] {
            let answer = form(&mut other, &path(&ids[0], what), &[]).await;
            assert_eq!(answer.status, want, "{key} {what}");
        }
        if key != "tanaka" {
            assert_eq!(other.0.get(list).await.status, StatusCode::FORBIDDEN, "{key}");
        }
    }
    for id in ["nonsense", "0190b1d2-0000-7000-8000-0000000000aa"] {
        assert_eq!(form(&mut operator, &path(id, "approve"), &[]).await.status, 404);
    }
    let answer = form(&mut operator, &path(&ids[0], "approve"), &[]).await;
    assert_eq!(answer.header("location"), format!("{list}?done=approved"));
    let answer = form(&mut operator, &path(&ids[0], "decline"), &[]).await;
    assert_eq!(answer.header("location"), format!("{list}?done=otherwise"));
    let answer = form(&mut operator, &path(&ids[1], "decline"), &[]).await;
    assert_eq!(answer.header("location"), format!("{list}?done=declined"));
    for (id, want) in ids.iter().zip([BookingStatus::Confirmed, BookingStatus::Declined]) {
        let booking = world.hub.store.booking(id.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(booking.status, want);
    }
    let record = recorded(&mut operator).await;
    assert!(record.contains("booking_approved") && record.contains("booking_declined"));

    // The bank wants to be asked too, and learns of no child.
    let mut usual = serde_json::to_value(CentreSettings::default()).unwrap();
    usual["version"] = 2.into();
    assert_eq!(send(&mut operator, Method::PUT, SETTINGS, usual).await.status, StatusCode::OK);
    let mut boss = program(&world, "sasaki").await;
    let sato = world.hub.store.person(world.person("sato").await).await.unwrap().unwrap();
    let bank = sato.employers_at(world.hub.now()).next().unwrap();
    let home = format!("/employers/{bank}");
    let answer = form(&mut operator, &format!("{home}/approves"), &[("approves", "yes")]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let answer = form(&mut boss, &format!("{home}/approves"), &[("approves", "yes")]).await;
    assert_eq!(answer.header("location"), format!("{home}?done=approves"));
    let mut sato = program(&world, "sato").await;
    let asked = book(&mut sato, "2026-11-27T01:00:00Z", "2026-11-27T02:00:00Z").await.json();
    assert_eq!(asked["status"], "asked", "{asked}");
    assert_eq!(asked["awaits"], json!(["employer"]));
    let id = asked["id"].as_str().unwrap();
    let page = boss.0.get(&home).await;
    assert!(page.body.contains(id), "{}", page.body);
    // The centre is not asked, nor may it decide in the bank's place.
    assert!(!operator.0.get(list).await.body.contains(id));
    let answer = form(&mut operator, &path(id, "approve"), &[]).await;
    assert_eq!(answer.header("location"), format!("{list}?done=otherwise"));
    let answer = form(&mut boss, &path(id, "approve"), &[]).await;
    assert_eq!(answer.header("location"), format!("{home}?done=approved"));
    // Where both want to be asked, it stands once both have agreed.
    let mut all = serde_json::to_value(CentreSettings {
        approval: model::centre::Approval::All,
        ..Default::default()
    })
    .unwrap();
    all["version"] = 3.into();
    assert_eq!(send(&mut operator, Method::PUT, SETTINGS, all).await.status, StatusCode::OK);
    let asked = book(&mut sato, "2026-11-30T01:00:00Z", "2026-11-30T02:00:00Z").await.json();
    assert_eq!(asked["awaits"], json!(["centre", "employer"]));
    let id = asked["id"].as_str().unwrap();
    let answer = form(&mut operator, &path(id, "approve"), &[]).await;
    assert_eq!(answer.header("location"), format!("{list}?done=agreed"));
    let page = sato.0.get(&format!("/bookings/{id}")).await;
    assert!(page.body.contains("会社の承認を待っています"), "{}", page.body);
    let answer = form(&mut boss, &path(id, "approve"), &[]).await;
    assert_eq!(answer.header("location"), format!("{home}?done=approved"));
    let page = sato.0.get(&format!("/bookings/{id}")).await;
    assert!(!page.body.contains("承認を待っています"), "{}", page.body);
    let mut usual = serde_json::to_value(CentreSettings::default()).unwrap();
    usual["version"] = 4.into();
    assert_eq!(send(&mut operator, Method::PUT, SETTINGS, usual).await.status, StatusCode::OK);
    let answer = form(&mut boss, &format!("{home}/approves"), &[("approves", "no")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let stands = book(&mut sato, "2026-12-01T01:00:00Z", "2026-12-01T02:00:00Z").await.json();
    assert_eq!(stands["status"], "confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_it_is_whole_in_both_languages() {
    let world = World::new().await;
    let mut operator = program(&world, "kobayashi").await;
    let made = form(&mut operator, CLOSURES, &THURSDAY).await;
    let closure = made.header("location").to_owned();
    let sato = world.hub.store.person(world.person("sato").await).await.unwrap().unwrap();
    let bank = sato.employers_at(world.hub.now()).next().unwrap();
    for (tag, lang) in [("ja", "<html lang=\"ja\">"), ("en", "<html lang=\"en\">")] {
        for (key, path) in [
            ("kobayashi", "/operations/yokohama?x=1".to_owned()),
            ("kobayashi", "/operations/yokohama/approvals?x=1".to_owned()),
            ("kobayashi", format!("{CLOSURES}?x=1")),
            ("kobayashi", closure.clone()),
            ("kobayashi", "/operations/yokohama/rules?x=1".to_owned()),
            ("sasaki", format!("/employers/{bank}?x=1")),
            ("sasaki", format!("/employers/{bank}/quotas?x=1")),
            ("fujita", "/quotas?x=1".to_owned()),
        ] {
            let mut browser = world.signed_in(key).await;
            let page = browser.get(&format!("{path}&lang={tag}")).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            assert!(page.body.contains(lang), "{path}");
            for word in ["{{", "{%", "Some(", "style=\"", "<script>"] {
                assert!(!page.body.contains(word), "{word} in {path}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_days_only_those_are_moved_that_are_shut() {
    let world = World::new().await;
    let mut operator = program(&world, "kobayashi").await;
    let mut tanaka = program(&world, "tanaka").await;
    let morning = |day: &str| json!({"starts_at": format!("{day}T01:00:00Z"), "ends_at": format!("{day}T03:00:00Z")});
    let days = ["2026-11-26", "2026-11-27", "2026-11-30"].map(morning);
    let order = json!({"centre": "yokohama", "slots": days});
    let booked = send(&mut tanaka, Method::POST, "/api/v1/bookings", order).await.json();
    let id = booked["id"].as_str().unwrap();
    let friday = json!({"starts_at": "2026-11-26T15:00:00Z", "ends_at": "2026-11-27T15:00:00Z"});
    let body =
        json!({"kind": "closed", "when": friday, "reason_ja": "停電", "reason_en": "No power"});
    let made = send(&mut operator, Method::POST, "/api/v1/centres/yokohama/closures", body).await;
    let made = made.json();
    let met = made["meets"].as_array().unwrap().iter().find(|met| met["booking"] == *id).unwrap();
    assert_eq!(met["slots"], json!(days));
    let instead: Vec<Value> = met["instead"].as_array().unwrap().clone();
    assert_eq!(instead.len(), 3, "{met}");
    assert!(instead.contains(&days[0]) && instead.contains(&days[2]), "the others stay: {met}");
    let moved = instead.iter().find(|slot| !days.contains(slot)).unwrap();
    assert!(!moved["starts_at"].as_str().unwrap().starts_with("2026-11-27"), "{met}");

    let own = format!("/bookings/{id}");
    let seen = tanaka.0.get(&own).await.body;
    assert!(seen.contains("入館用のQRコード") && seen.contains("?day=2026-11-30"), "{seen}");
    assert!(!seen.contains("?day=2026-11-27"), "there is no way in on the day that is shut");

    // Thursday is over when somebody presses the button: it stays as it was.
    let over: chrono::DateTime<chrono::Utc> = "2026-11-26T04:00:00Z".parse().unwrap();
    world.clock.advance(over - world.hub.now());
    let mut operator = program(&world, "kobayashi").await;
    let path = format!("{CLOSURES}/{}", made["id"].as_str().unwrap());
    let page = operator.0.get(&path).await.body;
    let piece =
        page.split("name=\"booking\" value=\"").find(|piece| piece.starts_with(id)).unwrap();
    let slots: Vec<String> = piece
        .split("</form>")
        .next()
        .unwrap()
        .split("name=\"slot\" value=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().replace("&#43;", "+"))
        .collect();
    assert_eq!(slots.len(), 2, "{piece}");
    let mut fields = vec![("booking", id), ("version", "1")];
    fields.extend(slots.iter().map(|slot| ("slot", slot.as_str())));
    let answer = form(&mut operator, &format!("{path}/move"), &fields).await;
    assert_eq!(answer.header("location"), format!("{path}?done=moved"), "{piece}");
    let now = world.hub.store.booking(id.parse().unwrap()).await.unwrap().unwrap();
    let starts: Vec<String> =
        now.desks.iter().map(|claim| claim.when.starts().to_rfc3339()).collect();
    assert_eq!(starts.len(), 3, "{starts:?}");
    assert_eq!(starts[0], "2026-11-26T01:00:00+00:00");
    assert!(!starts.iter().any(|starts| starts.starts_with("2026-11-27")), "{starts:?}");
    assert!(starts.iter().any(|starts| starts == "2026-11-30T01:00:00+00:00"), "{starts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_approved_anew_unless_the_booking_only_becomes_smaller() {
    let world = World::new().await;
    let mut operator = program(&world, "kobayashi").await;
    let mut tanaka = program(&world, "tanaka").await;
    let room = Space {
        id: SpaceId(uuid::Uuid::from_u128(0x400f)),
        centre: yokohama(&world).await,
        kind: SpaceKind::Room,
        label: "R-91".to_owned(),
        zone: LocalText::new("奥", "At the back"),
        terminal: None,
        features: Default::default(),
        row: 0,
    };
    world.hub.store.add_space(&room).await.unwrap();
    let rules = CentreSettings { approval: model::centre::Approval::Rooms, ..Default::default() };
    let mut rules = serde_json::to_value(rules).unwrap();
    rules["version"] = 1.into();
    assert_eq!(send(&mut operator, Method::PUT, SETTINGS, rules).await.status, StatusCode::OK);

    let booked = book(&mut tanaka, "2026-11-27T01:00:00Z", "2026-11-27T04:00:00Z").await.json();
    assert_eq!((&booked["status"], &booked["awaits"]), (&json!("confirmed"), &json!([])));
    let path = |what: &str| format!("/api/v1/bookings/{}/{what}", booked["id"].as_str().unwrap());
    let in_room = |version: u64, from: &str, to: &str| {
        let slot = json!({"starts_at": from, "ends_at": to});
        let order = json!({"centre": "yokohama", "slots": [slot], "space": room.id});
        json!({"version": version, "order": order})
    };
    // Of the one booking that is changed.
    let changed = |answer: Answer| answer.json()[0]["booking"].clone();
    let (one, three, four) =
        ("2026-11-27T01:00:00Z", "2026-11-27T03:00:00Z", "2026-11-27T04:00:00Z");
    // A desk is no way to a room that nobody has agreed to.
    let to = path("change");
    let asked = changed(send(&mut tanaka, Method::POST, &to, in_room(1, one, four)).await);
    let stands = (&asked["status"], &asked["awaits"]);
    assert_eq!(stands, (&json!("asked"), &json!(["centre"])), "{asked}");
    let agreed = send(&mut operator, Method::POST, &path("approve"), json!({})).await.json();
    assert_eq!(agreed["status"], "confirmed", "{agreed}");
    let version = agreed["version"].as_u64().unwrap();
    let smaller = in_room(version, one, three);
    let smaller = changed(send(&mut tanaka, Method::POST, &to, smaller).await);
    assert_eq!(smaller["status"], "confirmed", "{smaller}");
    let longer = in_room(version + 1, one, four);
    let longer = changed(send(&mut tanaka, Method::POST, &to, longer).await);
    assert_eq!(longer["status"], "asked", "{longer}");
    // While it waits it may become smaller, and waits no longer for that.
    let smaller = in_room(version + 2, one, three);
    let smaller = changed(send(&mut tanaka, Method::POST, &to, smaller).await);
    assert_eq!((&smaller["status"], &smaller["awaits"]), (&json!("asked"), &json!(["centre"])));
    assert_eq!(smaller["lapses_at"], longer["lapses_at"]);
    // Who decides may change it without being asked.
    let agreed = send(&mut operator, Method::POST, &path("approve"), json!({})).await.json();
    let longer = in_room(agreed["version"].as_u64().unwrap(), one, four);
    let longer = changed(send(&mut operator, Method::POST, &to, longer).await);
    assert_eq!(longer["status"], "confirmed", "{longer}");
}
