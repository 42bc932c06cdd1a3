//! Pages and API as a browser and a program meet them, over SQLite with the demo's data.

use crate::support::{Answer, Browser, World, email, field, first_piece};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use serde_json::{Value, json};

/// Every page, with what only its own may see.
const PERSONAL: &[&str] = &[
    "/bookings",
    "/bookings/0190b1d2-0000-7000-8000-000000000000",
    "/bookings/0190b1d2-0000-7000-8000-000000000000/cancel",
    "/children",
    "/account",
    "/operations",
    "/operations/yokohama",
    "/operations/yokohama/live",
    "/operations/yokohama/muster",
    "/operations/yokohama/order?order=lockdown&on=yes",
    "/operations/yokohama/devices",
    "/operations/yokohama/reports",
    "/reports/0190b1d2-0000-7000-8000-000000000000",
    "/reports/0190b1d2-0000-7000-8000-000000000000/months.csv",
];

const SEARCH: &str = "/search?date=2026-11-26&from=10:00&to=12:00&desks=1";

pub fn no_machine_words(answer: &Answer) {
    for word in ["{{", "{%", "Some(", "&amp;lt;"] {
        assert!(!answer.body.contains(word), "{word} in {}", answer.body);
    }
    let inline = ["style=\"", "onclick", "<style", "<script>"];
    assert!(!inline.iter().any(|word| answer.body.contains(word)), "inline in {}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_no_personal_page_answers() {
    let world = World::new().await;
    let mut stranger = world.browser();
    for path in PERSONAL {
        let answer = stranger.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.header("location").starts_with("/sign-in?next=/"), "{path}");
    }
    for (method, path) in [
        (Method::GET, "/api/v1/bookings"),
        (Method::GET, "/api/v1/bookings/0190b1d2-0000-7000-8000-000000000000"),
        (Method::GET, "/api/v1/bookings/0190b1d2-0000-7000-8000-000000000000/voucher"),
        (Method::POST, "/api/v1/bookings/0190b1d2-0000-7000-8000-000000000000/cancel"),
        (Method::DELETE, "/api/v1/session"),
        (Method::GET, "/api/v1/me"),
    ] {
        let answer = stranger.api(method, path, &[], json!({})).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.json()["type"], "/problems/sign-in-first", "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let order = json!({"centre": "yokohama", "slots": []});
    let answer = stranger.api(Method::POST, "/api/v1/bookings", &[], order).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_whole_in_both_languages() {
    let world = World::new().await;
    let municipality = world.hub.store.municipalities().await.unwrap();
    let yokohama = municipality.iter().find(|(_, name)| name.ja.contains("横浜")).unwrap().0;
    for (language, lang) in [("ja", "<html lang=\"ja\">"), ("en-GB,en;q=0.8", "<html lang=\"en\">")]
    {
        let mut browser = world.browser();
        browser.language = language;
        for path in
            ["/", SEARCH, "/sign-in", "/centres/yokohama", "/centres/iizuna", "/no-such-page"]
        {
            let page = browser.get(path).await;
            assert!(page.body.contains(lang), "{path}: {}", page.body);
            no_machine_words(&page);
        }
        let tag = &lang[12..14];
        for (key, paths) in [
            (
                "takahashi",
                vec![
                    "/",
                    SEARCH,
                    "/bookings",
                    "/children",
                    "/children/00000007-0000-4000-8000-000000000001?care=1&done=collector",
                    "/account",
                    "/operations",
                ],
            ),
            (
                "kobayashi",
                vec![
                    "/operations/yokohama",
                    "/operations/yokohama/muster",
                    "/operations/yokohama/order?order=lockdown&on=yes",
                    "/operations/yokohama/order?order=evacuate&on=no",
                    "/operations/yokohama/devices",
                    "/operations/yokohama/reports",
                    "/operations/yokohama/devices/yokohama-edge/revoke",
                    "/account",
                    "/operations/tsurugashima",
                    "/nurseries/00000004-0000-4000-8000-000000000001/rooms",
                    "/nurseries/00000004-0000-4000-8000-000000000001/terms",
                    "/nurseries/00000004-0000-4000-8000-000000000001/shifts",
                ],
            ),
            (
                "hoshino",
                vec![
                    "/nurseries/00000004-0000-4000-8000-000000000001",
                    "/nurseries/00000004-0000-4000-8000-000000000001/shifts",
                    "/children/00000007-0000-4000-8000-000000000001",
                ],
            ),
            ("yoshida", vec!["/account", "/bookings"]),
        ] {
            let mut browser = world.signed_in(key).await;
            for path in paths {
                let page = browser.get(&with_lang(path, tag)).await;
                assert!(page.body.contains(lang), "{path}: {}", page.body);
                no_machine_words(&page);
            }
        }
        let mut admin = world.signed_in("yoshida").await;
        let page = admin.get(&format!("/reports/{yokohama}?lang={tag}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains(lang));
        no_machine_words(&page);
    }
}

fn with_lang(path: &str, tag: &str) -> String {
    format!("{path}{}lang={tag}", if path.contains('?') { '&' } else { '?' })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_for_now_takes_two_buttons() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let front = sato.get("/").await;
    assert_eq!(front.status, StatusCode::OK);
    assert_eq!(field(&front.body, "csrf").unwrap(), front.csrf());
    let found = sato.get(SEARCH).await;
    assert_eq!(found.status, StatusCode::OK);
    let booked = press_first_offer(&mut sato, &found).await;
    assert_eq!(booked.status, StatusCode::SEE_OTHER, "{}", booked.body);
    let place = booked.header("location").to_owned();
    let page = sato.get(&place).await;
    assert!(page.body.contains("席がとれました"), "{}", page.body);
    assert!(page.body.contains("code__value"));
    assert!(page.body.contains("11月26日（木） 10:00〜12:00"));
    // The same button again is the same booking.
    let again = press_first_offer(&mut sato, &found).await;
    assert_eq!(again.header("location"), place);

    let id = place.trim_start_matches("/bookings/").trim_end_matches("?new=1").to_owned();
    let confirm = sato.get(&format!("/bookings/{id}/cancel")).await;
    assert!(confirm.body.contains("この予約を取り消しますか"));
    let csrf = confirm.csrf();
    let gone = sato.post(&format!("/bookings/{id}/cancel"), &[("csrf", &csrf)]).await;
    assert_eq!(gone.header("location"), format!("/bookings/{id}"));
    let page = sato.get(&format!("/bookings/{id}")).await;
    assert!(page.body.contains("取り消し済み"));
    assert!(!page.body.contains("code__value"));
}

pub async fn press_first_offer(browser: &mut Browser, found: &Answer) -> Answer {
    let html = found.body.split_once("action=\"/bookings\"").unwrap().1;
    let value = |name: &str| field(html, name).unwrap_or_else(|| panic!("no {name} in {html}"));
    let (csrf, key, centre) = (value("csrf"), value("key"), value("centre"));
    let (desks, slot) = (value("desks"), value("slot"));
    let form = html.split_once("</form>").unwrap().0;
    let mut fields: Vec<(&str, &str)> = vec![
        ("csrf", &csrf),
        ("key", &key),
        ("centre", &centre),
        ("desks", &desks),
        ("slot", &slot),
    ];
    let children: Vec<&str> = form
        .split("name=\"child\" value=\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(id, _)| id)
        .collect();
    fields.extend(children.into_iter().map(|id| ("child", id)));
    let like: Vec<(&str, &str)> = ["feature", "together"]
        .into_iter()
        .flat_map(|name| {
            let hidden = format!("name=\"{name}\" value=\"");
            let values: Vec<&str> = form.split(&hidden).skip(1).collect();
            values.into_iter().filter_map(move |rest| Some((name, rest.split_once('"')?.0)))
        })
        .collect();
    fields.extend(like);
    browser.post("/bookings", &fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_books_desk_and_care_together_and_others_do_not_see_it() {
    let world = World::new().await;
    let mut parent = world.signed_in("takahashi").await;
    let me = parent.get("/api/v1/me").await.json();
    let child = me["children"][0]["id"].as_str().unwrap().to_owned();
    let found = parent
        .get(&format!("{}&near=yokohama&child={child}", SEARCH.replace("11-26", "11-27")))
        .await;
    assert!(found.body.contains("全部そろいます"), "{}", found.body);
    assert!(found.body.contains("このセンターには保育室がありません"));
    let booked = press_first_offer(&mut parent, &found).await;
    assert_eq!(booked.status, StatusCode::SEE_OTHER, "{}", booked.body);
    let place = booked.header("location").to_owned();
    let page = parent.get(&place).await;
    assert!(page.body.contains("席と保育、両方とれました"), "{}", page.body);
    assert!(page.body.contains("高橋 はな"));

    let path = place.split('?').next().unwrap();
    let id = path.trim_start_matches("/bookings/");
    for key in ["sato", "yoshida", "kato"] {
        let mut other = world.signed_in(key).await;
        for address in [path.to_owned(), format!("{path}/cancel"), format!("/api/v1{path}")] {
            assert_eq!(other.get(&address).await.status, StatusCode::NOT_FOUND, "{key} {address}");
        }
        let csrf = other.get("/account").await.csrf();
        let answer = other.post(&format!("{path}/cancel"), &[("csrf", &csrf)]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    // The operator of that centre sees the booking, and no child's name.
    let mut operator = world.signed_in("kobayashi").await;
    let page = operator.get(path).await;
    assert_eq!(page.status, StatusCode::OK, "{id}");
    assert!(!page.body.contains("はな") && page.body.contains("1人"));
    // Somebody else's child cannot be brought.
    let mut ito = world.signed_in("ito").await;
    let order = json!({"centre": "yokohama", "slots": [slot("2026-11-26T06:00:00Z", "2026-11-26T07:00:00Z")], "children": [child]});
    let answer = ordered(&mut ito, &order, &[]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", answer.body);
    // A worker without children may not book care at all.
    let mut sato = world.signed_in("sato").await;
    let answer = ordered(&mut sato, &order, &[]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
}

fn slot(starts_at: &str, ends_at: &str) -> Value {
    json!({"starts_at": starts_at, "ends_at": ends_at})
}

async fn ordered(browser: &mut Browser, order: &Value, headers: &[(&str, &str)]) -> Answer {
    let csrf = browser.get("/api/v1/me").await.json()["csrf_token"].as_str().unwrap().to_owned();
    let headers = [headers, &[("x-csrf-token", csrf.as_str())]].concat();
    browser.api(Method::POST, "/api/v1/bookings", &headers, order.clone()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_or_change_without_its_token_is_refused() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    for form in [vec![], vec![("csrf", "wrong")], vec![("csrf", "")]] {
        for path in ["/bookings", "/sign-out", "/account/pin", "/account/language", "/children"] {
            let answer = sato.post(path, &form).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
            assert!(answer.body.contains("もう一度送ってください"), "{path}: {}", answer.body);
        }
    }
    let other = world.signed_in("suzuki").await.get("/account").await.csrf();
    assert_eq!(sato.post("/sign-out", &[("csrf", &other)]).await.status, StatusCode::FORBIDDEN);
    let mut stranger = world.browser();
    let form = [("email", "sato@example.jp"), ("password", "x"), ("csrf", "guessed")];
    assert_eq!(stranger.post("/sign-in", &form).await.status, StatusCode::FORBIDDEN);

    for headers in [vec![], vec![("x-csrf-token", "wrong")]] {
        let order = json!({"centre": "yokohama", "slots": []});
        let answer = sato.api(Method::POST, "/api/v1/bookings", &headers, order).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.json()["type"], "/problems/csrf");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_answered_with_a_problem() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let csrf = sato.get("/api/v1/me").await.json()["csrf_token"].as_str().unwrap().to_owned();
    let token = ("x-csrf-token", csrf.as_str());
    let long = format!("{{\"centre\": \"{}\"}}", "x".repeat(70_000));
    let order = "/api/v1/bookings";
    for (path, kind, body, status, name) in [
        (order, "application/json", "{\"centre\": ", 400, "malformed"),
        (order, "application/json", "{\"centre\": 7, \"slots\": []}", 400, "malformed"),
        (
            order,
            "application/json",
            "{\"centre\": \"yokohama\", \"slots\": [], \"x\": 1}",
            400,
            "malformed",
        ),
        (
            order,
            "application/json",
            "{\"centre\": \"nowhere\", \"slots\": []}",
            404,
            "no-such-centre",
        ),
        (
            order,
            "application/json",
            "{\"centre\": \"yokohama\", \"slots\": []}",
            422,
            "nothing-asked",
        ),
        (order, "application/json", long.as_str(), 413, "too-large"),
        (order, "text/plain", "{}", 415, "not-json"),
        ("/api/v1/nothing", "application/json", "{}", 404, "not-found"),
        ("/api/v1/centres", "application/json", "{}", 405, "method-not-allowed"),
        ("/api/v1/bookings/not-an-id/cancel", "application/json", "{}", 404, "not-found"),
    ] {
        let headers = [token, ("content-type", kind)];
        let answer = sato.send(Method::POST, path, &headers, Body::from(body.to_owned())).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert_eq!(answer.json()["type"], format!("/problems/{name}"), "{path}");
    }
    let answer = sato.get("/api/v1/availability?from=yesterday&to=today").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["type"], "/problems/malformed");

    let oversized = [("csrf", csrf.as_str()), ("name", &"x".repeat(70_000))];
    assert_eq!(sato.post("/children", &oversized).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let page = sato
        .send(Method::POST, "/bookings", &[("content-type", "text/plain")], Body::from("x"))
        .await;
    assert_eq!(page.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(page.body.contains("<html"), "{}", page.body);
    let page =
        sato.post("/bookings", &[("csrf", &csrf), ("centre", "yokohama"), ("slot", "x")]).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_order_is_one_booking_and_a_full_room_says_what_would_work() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let order = json!({"centre": "yokohama", "slots": [slot("2026-11-27T03:00:00Z", "2026-11-27T05:00:00Z")]});
    let first = ordered(&mut sato, &order, &[("idempotency-key", "a key")]).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    let id = first.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(first.header("location"), format!("/api/v1/bookings/{id}"));
    let again = ordered(&mut sato, &order, &[("idempotency-key", "a key")]).await;
    assert_eq!((again.status, &again.json()["id"]), (StatusCode::OK, &json!(id)));
    let mut other = order.clone();
    other["desks"] = json!(2);
    let reused = ordered(&mut sato, &other, &[("idempotency-key", "a key")]).await;
    assert_eq!(reused.status, StatusCode::CONFLICT);
    assert_eq!(reused.json()["type"], "/problems/key-reused");

    let past = json!({"centre": "yokohama", "slots": [slot("2020-11-27T03:00:00Z", "2020-11-27T05:00:00Z")]});
    let reused = ordered(&mut sato, &past, &[("idempotency-key", "a key")]).await;
    assert_eq!(reused.json()["type"], "/problems/key-reused");
    let passed = ordered(&mut sato, &past, &[("idempotency-key", "another key")]).await;
    assert_eq!(passed.json()["type"], "/problems/past");

    other["desks"] = json!(9);
    let full = ordered(&mut sato, &other, &[]).await;
    assert_eq!(full.status, StatusCode::CONFLICT, "{}", full.body);
    let problem = full.json();
    assert_eq!(problem["type"], "/problems/no-desk");
    assert_eq!(problem["slot"], slot("2026-11-27T03:00:00Z", "2026-11-27T05:00:00Z"));
    assert!(problem["elsewhere"].as_array().is_some(), "{problem}");

    let far = json!({"centre": "yokohama", "slots": [slot("2026-11-27T03:00:00Z", "+262142-12-31T23:00:00Z")]});
    let answer = ordered(&mut sato, &far, &[]).await;
    assert!(answer.status.is_client_error(), "{}", answer.body);
    for path in [
        "/api/v1/availability?from=2026-12-01T00:00:00Z&to=%2B262142-12-31T23:00:00Z",
        "/api/v1/availability?from=1900-12-01T00:00:00Z&to=2900-12-31T23:00:00Z",
        "/search?date=%2B262142-12-31&from=23:00&to=23:59&desks=1",
        "/search?date=-262143-01-01&from=0:00&to=0:15&desks=1",
        "/search?date=9999-12-31&from=23:00&to=24:00&desks=1",
    ] {
        let answer = sato.get(path).await;
        assert!(!answer.status.is_server_error(), "{path}: {} {}", answer.status, answer.body);
    }

    let closed = json!({"centre": "iizuna", "slots": [slot("2026-11-27T17:00:00Z", "2026-11-27T18:00:00Z")]});
    let answer = ordered(&mut sato, &closed, &[]).await;
    assert_eq!(answer.json()["type"], "/problems/not-open", "{}", answer.body);

    let csrf = sato.get("/api/v1/me").await.json()["csrf_token"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        let path = format!("/api/v1/bookings/{id}/cancel");
        let gone = sato.api(Method::POST, &path, &[("x-csrf-token", &csrf)], json!({})).await;
        assert_eq!((gone.status, &gone.json()["status"]), (StatusCode::OK, &json!("cancelled")));
    }
    let list = sato.get("/api/v1/bookings").await.json();
    assert!(list.as_array().unwrap().iter().any(|booking| booking["id"] == json!(id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_desk_goes_to_one_and_the_other_is_told_the_next() {
    let world = World::new().await;
    let (mut sato, mut suzuki) = (world.signed_in("sato").await, world.signed_in("suzuki").await);
    let found = suzuki.get(SEARCH).await;
    let html = found.body.split_once("action=\"/bookings\"").unwrap().1;
    let centre = field(html, "centre").unwrap();
    let times = slot("2026-11-26T01:00:00Z", "2026-11-26T03:00:00Z");
    loop {
        let order = json!({"centre": centre, "slots": [times]});
        match ordered(&mut sato, &order, &[]).await.status {
            StatusCode::CREATED => {}
            StatusCode::CONFLICT => break,
            other => panic!("{other}"),
        }
    }
    let answer = press_first_offer(&mut suzuki, &found).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.body.contains("その時間の席は、先に予約されました"));
    assert!(answer.body.contains("で予約する"), "{}", answer.body);
    no_machine_words(&answer);
    let next = press_first_offer(&mut suzuki, &answer).await;
    assert_eq!(next.status, StatusCode::SEE_OTHER, "{}", next.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_waits_after_wrong_tries_and_out_is_out() {
    let world = World::new().await;
    let mut browser = world.browser();
    let csrf = browser.get("/sign-in").await.csrf();
    let email = email("sato");
    for _ in 0..5 {
        let form = [("email", email.as_str()), ("password", "wrong"), ("csrf", &csrf)];
        let answer = browser.post("/sign-in", &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.body.contains(&format!("value=\"{email}\"")));
    }
    let form = [("email", email.as_str()), ("password", hub::seed::PASSWORD), ("csrf", &csrf)];
    let answer = browser.post("/sign-in", &form).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header("retry-after"), "60");
    world.clock.advance(TimeDelta::minutes(1));
    let answer = browser.post("/sign-in", &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let cookie = answer.headers.get("set-cookie").unwrap().to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");

    let stolen = browser.clone();
    let csrf = browser.get("/account").await.csrf();
    let out = browser.post("/sign-out", &[("csrf", &csrf)]).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    assert_eq!(stolen.clone().get("/account").await.status, StatusCode::SEE_OTHER);

    let mut late = world.signed_in("suzuki").await;
    assert_eq!(late.get("/account").await.status, StatusCode::OK);
    world.clock.advance(TimeDelta::hours(12));
    assert_eq!(late.get("/account").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_signs_in_and_out() {
    let world = World::new().await;
    let mut program = world.browser();
    let wrong = json!({"email": email("sato"), "password": "no"});
    let answer = program.api(Method::POST, "/api/v1/session", &[], wrong).await;
    assert_eq!(
        (answer.status, &answer.json()["type"]),
        (StatusCode::UNAUTHORIZED, &json!("/problems/wrong-credentials"))
    );
    let right = json!({"email": email("sato"), "password": hub::seed::PASSWORD});
    let answer = program.api(Method::POST, "/api/v1/session", &[], right).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let csrf = answer.json()["csrf_token"].as_str().unwrap().to_owned();
    assert_eq!(program.get("/api/v1/me").await.json()["email"], json!(email("sato")));
    let out =
        program.api(Method::DELETE, "/api/v1/session", &[("x-csrf-token", &csrf)], json!({})).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert_eq!(program.get("/api/v1/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_keep_what_was_typed_and_say_what_is_wrong_at_the_field() {
    let world = World::new().await;
    let mut parent = world.signed_in("takahashi").await;
    let page = parent.get("/search?date=2026-11-26&from=16:00&to=9:00&desks=1").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.body.contains("time-error") && page.body.contains("value=\"16:00\""),
        "{}",
        page.body
    );
    let page = parent.get("/search?date=２０２６年１１月２６日&from=９時半&to=１１：００").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains("11月26日（木） 9:30〜11:00"));
    let csrf = page.csrf();
    let form = [("csrf", csrf.as_str()), ("name", ""), ("born", "2024-01-01")];
    let page = parent.post("/children", &form).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("name-error") && page.body.contains("2024-01-01"));
    let form = [("csrf", csrf.as_str()), ("name", "ゆい<b>"), ("born", "２０２４/１/１")];
    assert_eq!(parent.post("/children", &form).await.status, StatusCode::SEE_OTHER);
    let page = parent.get("/children").await;
    assert!(
        page.body.contains("ゆい&#60;b&#62;") && page.body.contains("2024年1月1日"),
        "{}",
        page.body
    );

    let short = parent.post("/account/pin", &[("csrf", &csrf), ("pin", "12")]).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.body.contains("pin-error"));
    let good = parent.post("/account/pin", &[("csrf", &csrf), ("pin", "９８７６")]).await;
    assert_eq!(good.header("location"), "/account?done=pin");
    let english = parent.post("/account/language", &[("csrf", &csrf), ("language", "en")]).await;
    assert_eq!(english.status, StatusCode::SEE_OTHER);
    assert!(parent.get("/account").await.body.contains("<html lang=\"en\">"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_page_and_its_updates_say_the_same() {
    let world = World::new().await;
    let mut operator = world.signed_in("kobayashi").await;
    let page = operator.get("/operations/yokohama").await;
    assert!(page.body.contains("data-live=\"/operations/yokohama/live\""));
    let event = first_piece(&operator, "/operations/yokohama/live").await;
    assert!(event.contains("event: block"), "{event}");
    // Each time it is drawn its buttons have another key.
    let keyless = |html: &str| {
        let key = field(html, "key").unwrap();
        html.replace(key.split_at(36).0, "")
    };
    let (body, event) = (keyless(&page.body), keyless(&event));
    for line in event.lines().filter_map(|line| line.strip_prefix("data: ")) {
        assert!(body.contains(line.trim()), "{line} is not on the page: {body}");
    }
    assert!(event.contains("id=\"live-summary\"") && event.contains("id=\"live\""), "{event}");
    assert_eq!(operator.get("/operations/azamino").await.status, StatusCode::FORBIDDEN);
    assert_eq!(operator.get("/operations/nowhere").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_looks_after_the_devices_of_one_centre() {
    let world = World::new().await;
    let mut operator = world.signed_in("kobayashi").await;
    let list = "/operations/yokohama/devices";
    let csrf = operator.get(list).await.csrf();
    let long = "x".repeat(90);
    for name in ["", "横浜", "a b", "../x", "edge", "kiosk-1", &long] {
        let form = [("csrf", csrf.as_str()), ("kind", "kiosk"), ("name", name)];
        let answer = operator.post(list, &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        assert!(answer.body.contains("name-error"), "{name}");
    }
    let form = [("csrf", csrf.as_str()), ("kind", "seat"), ("name", "seat-99")];
    assert_eq!(operator.post(list, &form).await.status, StatusCode::SEE_OTHER);
    let only_csrf = [("csrf", csrf.as_str())];
    let code = operator.post(&format!("{list}/yokohama-seat-99/enrol-code"), &only_csrf).await;
    assert_eq!(code.header("cache-control"), "no-store");
    assert!(code.body.contains("kyoten-seat enrol --code K1-"), "{}", code.body);
    let page = operator.get(list).await;
    assert!(page.body.contains("yokohama-seat-99") && !page.body.contains("K1-"), "shown once");
    let removed = operator.post(&format!("{list}/yokohama-seat-99/remove"), &only_csrf).await;
    assert!(removed.header("location").ends_with("done=removed"));
    assert!(!operator.get(list).await.body.contains("yokohama-seat-99"));
    let form = [("csrf", csrf.as_str()), ("kind", "staff"), ("name", "staff-9")];
    assert_eq!(operator.post(list, &form).await.status, StatusCode::SEE_OTHER);
    let code = operator.post(&format!("{list}/yokohama-staff-9/enrol-code"), &only_csrf).await;
    assert!(code.body.contains("kyoten-kiosk enrol --code K1-"), "{}", code.body);
    let recorded = operator.get("/api/v1/audit").await.body;
    assert_eq!(recorded.matches("device_code_made").count(), 2, "{recorded}");
    assert!(operator.get(list).await.body.contains("yokohama-staff-9"));
    let form = [("csrf", csrf.as_str()), ("names", "no host")];
    let answer = operator.post(&format!("{list}/yokohama-edge/enrol-code"), &form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for path in ["yokohama-edge/revoke", "tsurugashima-edge/revoke", "nothing/revoke"] {
        let there = if path.starts_with("yokohama") { 200 } else { 404 };
        assert_eq!(operator.get(&format!("{list}/{path}")).await.status, there, "{path}");
    }

    let api = "/api/v1/centres/yokohama/devices";
    let edge = |devices: &Value| {
        let all = devices.as_array().unwrap().iter();
        all.clone().find(|device| device["device"] == "yokohama-edge").unwrap().clone()
    };
    assert_eq!(edge(&operator.get(api).await.json())["state"], "new");
    let token = [("x-csrf-token", csrf.as_str())];
    for (path, body, want) in [
        ("yokohama-edge/revoke", json!({"reason": "bored"}), 400),
        ("yokohama-edge/revoke", json!({}), 400),
        ("yokohama-edge/enrol-code", json!({"names": "https://edge"}), 400),
        ("yokohama-edge/enrol-code", json!({"name": "edge"}), 400),
        ("tsurugashima-edge/enrol-code", json!({}), 404),
        ("yokohama-edge/enrol-code", json!({"names": "edge.local,10.0.0.2"}), 201),
        ("yokohama-edge/revoke", json!({"reason": "retired"}), 200),
    ] {
        let answer =
            operator.api(Method::POST, &format!("{api}/{path}"), &token, body.clone()).await;
        assert_eq!(answer.status, want, "{path} {body}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_masked_and_only_for_their_own_town() {
    let world = World::new().await;
    let towns = world.hub.store.municipalities().await.unwrap();
    let mut admin = world.signed_in("yoshida").await;
    let (mut read, mut refused) = (0, 0);
    for (id, name) in towns {
        let csv = admin.get(&format!("/reports/{id}/months.csv")).await;
        if csv.status == StatusCode::FORBIDDEN {
            refused += 1;
            continue;
        }
        read += 1;
        assert_eq!(csv.status, StatusCode::OK, "{}", name.ja);
        assert!(csv.body.starts_with("\u{FEFF}月,センター"), "{}", csv.body);
        assert!(csv.header("content-type").starts_with("text/csv"));
        for line in csv.body.lines().skip(1) {
            for cell in line.split(',').skip(2) {
                assert!(
                    cell != "1" && cell != "2" || line.split(',').nth(2) == Some(cell),
                    "{line}"
                );
            }
            let cells: Vec<&str> = line.split(',').collect();
            assert!(!["1", "2"].contains(&cells[3]) && !["1", "2"].contains(&cells[4]), "{line}");
        }
        let page = admin.get(&format!("/reports/{id}")).await;
        assert!(page.body.contains("これは利用者の数で、住民の数ではありません"));
    }
    assert!(read == 1 && refused > 0, "{read} read, {refused} refused");
    let mut sato = world.signed_in("sato").await;
    assert_eq!(sato.get("/operations/yokohama").await.status, StatusCode::FORBIDDEN);
    assert_eq!(sato.get("/operations/yokohama/live").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_safeguards_and_files_are_kept_by_browsers() {
    let world = World::new().await;
    let mut browser = world.browser();
    for path in ["/", "/sign-in", "/no-such-page", "/api/v1/centres", "/api/nothing"] {
        let answer = browser.get(path).await;
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert!(!answer.header("content-security-policy").contains("unsafe"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    let page = browser.get("/").await;
    let css = page.body.split_once("stylesheet\" href=\"").unwrap().1.split_once('"').unwrap().0;
    let file = browser.get(css).await;
    assert_eq!(
        (file.status, file.header("content-type")),
        (StatusCode::OK, "text/css; charset=utf-8")
    );
    assert!(file.header("cache-control").contains("immutable"));
    assert_eq!(browser.get("/assets/kyoten-000000000000.css").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_names_every_address() {
    let world = World::new().await;
    let description = world.browser().get("/api/openapi.json").await.json();
    let paths = description["paths"].as_object().unwrap();
    for path in [
        "/api/v1/centres",
        "/api/v1/availability",
        "/api/v1/bookings",
        "/api/v1/bookings/{id}",
        "/api/v1/bookings/{id}/cancel",
        "/api/v1/bookings/{id}/voucher",
        "/api/v1/session",
        "/api/v1/me",
    ] {
        assert!(paths.contains_key(path), "{path} in {paths:?}");
    }
    assert!(description["components"]["schemas"]["Problem"].is_object());
    let centres = world.browser().get("/api/v1/centres").await.json();
    assert!(
        centres
            .as_array()
            .unwrap()
            .iter()
            .any(|centre| centre["slug"] == "yokohama" && centre["desks"] == 6)
    );
    let free = world
        .browser()
        .get("/api/v1/availability?from=2026-11-26T01:00:00Z&to=2026-11-26T03:00:00Z&desks=1&children=1")
        .await
        .json();
    let unavailable = free["unavailable"].as_array().unwrap();
    assert!(unavailable.iter().any(|centre| centre["reason"] == "no_nursery"), "{free}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_confirmed_booking_with_a_desk_to_come_has_a_voucher_for_each_day() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let slots = [
        slot("2026-11-26T01:00:00Z", "2026-11-26T03:00:00Z"),
        slot("2026-11-26T04:00:00Z", "2026-11-26T05:00:00Z"),
        slot("2026-11-27T01:00:00Z", "2026-11-27T03:00:00Z"),
    ];
    let order = json!({"centre": "yokohama", "slots": slots});
    let booked = ordered(&mut sato, &order, &[]).await.json();
    let id = booked["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/bookings/{id}/voucher");
    let keys = [world.hub.keys.sheet.public()];

    let next = sato.get(&path).await.json();
    assert_eq!(next["day"], "2026-11-26");
    assert_eq!(next["days"], json!(["2026-11-26", "2026-11-27"]));
    let text = next["text"].as_str().unwrap();
    let voucher = wire::voucher::open(text, &keys).unwrap();
    assert_eq!(voucher.booking.0.to_string(), id);
    assert_eq!(voucher.person, world.person("sato").await);
    assert_eq!(voucher.code.to_string(), booked["code"].as_str().unwrap());
    assert_eq!(voucher.issued_at, world.hub.now());
    let begin: Vec<_> = voucher.desks.iter().map(|desk| desk.when.starts().to_rfc3339()).collect();
    assert_eq!(begin, ["2026-11-26T01:00:00+00:00", "2026-11-26T04:00:00+00:00"]);
    let later = sato.get(&format!("{path}?day=2026-11-27")).await.json();
    let later = wire::voucher::open(later["text"].as_str().unwrap(), &keys).unwrap();
    assert_eq!(later.desks.len(), 1);

    let page = sato.get(&format!("/bookings/{id}")).await;
    no_machine_words(&page);
    assert!(page.body.contains("qr--voucher") && page.body.contains("<svg"), "{}", page.body);
    assert!(page.body.contains(text) && page.body.contains("?day=2026-11-27#voucher"));
    assert_eq!(page.header("cache-control"), "no-store");
    let page = sato.get(&format!("/bookings/{id}?day=2026-11-27")).await;
    assert!(page.body.contains("?day=2026-11-26#voucher") && !page.body.contains(text));
    for day in ["2026-11-28", "soon", "%00", "9999-99-99"] {
        let page = sato.get(&format!("/bookings/{id}?day={day}")).await;
        assert!(page.body.contains(text), "another day than its own: the next one");
    }

    for (day, status, kind) in [
        ("soon", StatusCode::BAD_REQUEST, "/problems/malformed"),
        ("%FF", StatusCode::BAD_REQUEST, "/problems/malformed"),
        ("2026-02-30", StatusCode::BAD_REQUEST, "/problems/malformed"),
        ("2026-11-28", StatusCode::CONFLICT, "/problems/no-voucher"),
        ("9999-12-31", StatusCode::CONFLICT, "/problems/no-voucher"),
    ] {
        let answer = sato.get(&format!("{path}?day={day}")).await;
        assert_eq!((answer.status, answer.json()["type"].as_str()), (status, Some(kind)), "{day}");
    }
    let mut other = world.signed_in("ito").await;
    assert_eq!(other.get(&path).await.status, StatusCode::NOT_FOUND);

    // What is over or given up has none.
    world.clock.set_by(TimeDelta::hours(28));
    let mut sato = world.signed_in("sato").await;
    let next = sato.get(&path).await.json();
    let left = wire::voucher::open(next["text"].as_str().unwrap(), &keys).unwrap();
    assert_eq!(left.desks.len(), 1, "the morning is over");
    let cancel = format!("/api/v1/bookings/{id}/cancel");
    let csrf = sato.get("/account").await.csrf();
    let headers = [("x-csrf-token", csrf.as_str())];
    let cancelled = sato.api(Method::POST, &cancel, &headers, json!({})).await;
    assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.body);
    let gone = sato.get(&path).await;
    assert_eq!(gone.status, StatusCode::CONFLICT, "{}", gone.body);
    assert!(!sato.get(&format!("/bookings/{id}")).await.body.contains("qr--voucher"));
}
