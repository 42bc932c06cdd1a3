//! Programs' tokens, employers and their people, as the hub serves them.

use crate::support::{Answer, Browser, World, email};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use hub::service::api_tokens::{self, Wish};
use model::booking::BookingStatus;
use model::id::{EmployerId, VisitId};
use model::people::{Grant, Person};
use model::permission::TokenScope;
use model::sign_in::Stage;
use model::site_event::{Happening, Proof, SiteEvent};
use serde_json::{Value, json};
use store::{EventBatch, TokenHolder};

/// Asks as a program with this token.
async fn ask(
    browser: &mut Browser,
    token: &str,
    method: Method,
    path: &str,
    body: Value,
) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    browser.api(method, path, &headers, body).await
}

/// Makes a token of one's own, as the page shows it.
async fn make_token(browser: &mut Browser, scopes: &[&str], days: &str) -> String {
    let csrf = browser.get("/account/tokens").await.csrf();
    let mut form = vec![("name", "予定表"), ("days", days), ("csrf", csrf.as_str())];
    form.extend(scopes.iter().map(|scope| ("scope", *scope)));
    let page = browser.post("/account/tokens", &form).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    page.body.split_once("<code id=\"token\">").unwrap().1.split_once('<').unwrap().0.to_owned()
}

#[tokio::test]
async fn a_token_does_what_its_scopes_say_and_no_more() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let token = make_token(&mut sato, &["read"], "30").await;
    assert!(token.starts_with("kyt_") && token.len() > 40, "{token}");
    let page = sato.get("/account/tokens").await.body;
    assert!(!page.contains(&token), "it is shown once");

    let mut program = world.browser();
    let mine = ask(&mut program, &token, Method::GET, "/api/v1/bookings", Value::Null).await;
    assert_eq!(mine.status, StatusCode::OK, "{}", mine.body);
    assert!(!mine.json().as_array().unwrap().is_empty());
    // Neither without its scope, nor what no token may do.
    let id = mine.json()[0]["id"].as_str().unwrap().to_owned();
    let cancel = format!("/api/v1/bookings/{id}/cancel");
    for (method, path) in [(Method::POST, cancel.as_str()), (Method::GET, "/api/v1/me")] {
        let refused = ask(&mut program, &token, method, path, Value::Null).await;
        assert!(
            [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&refused.status),
            "{path}: {}",
            refused.body
        );
    }
    // Somebody's cookies beside a token count for nothing.
    let beside = ask(&mut sato, &token, Method::GET, "/api/v1/me", Value::Null).await;
    assert_eq!(beside.status, StatusCode::FORBIDDEN);

    let book = make_token(&mut sato, &["book", "read"], "1").await;
    let done = ask(&mut program, &book, Method::POST, &cancel, Value::Null).await;
    assert_eq!(done.status, StatusCode::OK, "no CSRF token is asked of a program: {}", done.body);
    world.clock.advance(TimeDelta::days(1));
    let over = ask(&mut program, &book, Method::GET, "/api/v1/bookings", Value::Null).await;
    assert_eq!(over.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_wrong_token_is_a_problem_on_every_address() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let token = make_token(&mut sato, &["read"], "30").await;
    let session = sato.cookies["kyoten_session"].clone();
    let wrong = ["", "kyt_", "x", session.as_str(), &token[..token.len() - 1]];
    for token in wrong {
        for path in ["/api/v1/bookings", "/api/v1/centres", "/", "/account"] {
            let answer = ask(&mut sato, token, Method::GET, path, Value::Null).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token:?} {path}");
            assert_eq!(answer.json()["type"], "/problems/bad-token", "{token:?} {path}");
        }
    }
    for scheme in ["Basic YTpi", "Bearer", "bearer"] {
        let headers = [("authorization", scheme)];
        let answer = sato.send(Method::GET, "/api/v1/centres", &headers, Body::empty()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{scheme}");
    }
    let page = sato.get("/account/tokens").await;
    let csrf = page.csrf();
    let id = crate::support::field(&page.body, "id").unwrap();
    // Another person cannot take it back.
    let mut suzuki = world.signed_in("suzuki").await;
    let other = suzuki.get("/account/tokens").await.csrf();
    suzuki.post("/account/tokens/revoke", &[("id", &id), ("csrf", &other)]).await;
    let good = ask(&mut sato, &token, Method::GET, "/api/v1/bookings", Value::Null).await;
    assert_eq!(good.status, StatusCode::OK);
    sato.post("/account/tokens/revoke", &[("id", &id), ("csrf", &csrf)]).await;
    let gone = ask(&mut sato, &token, Method::GET, "/api/v1/bookings", Value::Null).await;
    assert_eq!(gone.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_is_refused_that_lasts_too_long_or_may_too_much() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let csrf = sato.get("/account/tokens").await.csrf();
    let long = "x".repeat(101);
    for (name, days, scope) in [
        ("a", "366", "read"),
        ("a", "0", "read"),
        ("a", "-1", "read"),
        ("a", "99999999999", "read"),
        ("", "1", "read"),
        (long.as_str(), "1", "read"),
        ("a", "1", "members"),
        ("a", "1", "root"),
    ] {
        let form = [("name", name), ("days", days), ("scope", scope), ("csrf", &csrf)];
        let page = sato.post("/account/tokens", &form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{name:.5} {days} {scope}");
    }
}

/// A demo person as the hub has them now.
async fn person(world: &World, key: &str) -> Person {
    let store = &world.hub.store;
    let id = store.sign_in_record(&email(key)).await.unwrap().unwrap().person;
    store.person(id).await.unwrap().unwrap()
}

async fn employer_of(world: &World, key: &str) -> EmployerId {
    let now = world.hub.now();
    person(world, key).await.employers_at(now).next().unwrap()
}

/// A program that speaks for an employer's directory.
struct Directory {
    program: Browser,
    token: String,
}

impl Directory {
    async fn of(world: &World, employer: EmployerId) -> Self {
        let (name, scopes) = ("SCIM".to_owned(), vec![TokenScope::Members]);
        let wish = Wish { name, scopes, days: 365 };
        let holder = TokenHolder::Employer(employer);
        let made = api_tokens::issue(&world.hub, holder, wish, Stage::Two).await.unwrap().unwrap();
        Self { program: world.browser(), token: made.text }
    }

    async fn ask(&mut self, method: Method, path: &str, body: Value) -> Answer {
        let path = format!("/scim/v2{path}");
        ask(&mut self.program, &self.token, method, &path, body).await
    }

    async fn id_of(&mut self, address: &str) -> String {
        let filter = format!("userName eq \"{address}\"").replace(' ', "%20").replace('"', "%22");
        let found = self.ask(Method::GET, &format!("/Users?filter={filter}"), Value::Null).await;
        assert_eq!(found.status, StatusCode::OK, "{}", found.body);
        found.json()["Resources"][0]["id"].as_str().unwrap().to_owned()
    }

    async fn leaves(&mut self, key: &str) -> Answer {
        let id = self.id_of(&email(key)).await;
        let leave =
            json!({ "Operations": [{ "op": "Replace", "path": "active", "value": "False" }] });
        self.ask(Method::PATCH, &format!("/Users/{id}"), leave).await
    }
}

#[tokio::test]
async fn a_directory_tells_of_joiners_changes_and_leavers() {
    let world = World::new().await;
    let bank = employer_of(&world, "sato").await;
    world.hub.store.set_domains(bank, &["bank.example".to_owned()]).await.unwrap();
    let mut directory = Directory::of(&world, bank).await;
    let everybody = directory.ask(Method::GET, "/Users", Value::Null).await;
    assert_eq!(everybody.header("content-type"), "application/scim+json");
    let before = everybody.json()["totalResults"].as_u64().unwrap();
    assert!(before > 2, "{}", everybody.body);

    let joiner = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "Hana@Bank.Example",
        "name": { "familyName": "花田", "givenName": "はな" },
        "externalId": "e-17",
    });
    let made = directory.ask(Method::POST, "/Users", joiner.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let user = made.json();
    assert_eq!(
        (user["userName"].as_str(), user["active"].as_bool()),
        (Some("hana@bank.example"), Some(true))
    );
    assert_eq!(user["displayName"], "花田 はな");
    let path = made.header("location").strip_prefix("/scim/v2").unwrap().to_owned();
    let again = directory.ask(Method::POST, "/Users", joiner).await;
    assert_eq!(
        (again.status, again.json()["scimType"].as_str()),
        (StatusCode::CONFLICT, Some("uniqueness"))
    );

    for (query, count) in [
        ("?startIndex=1&count=0".to_owned(), 0),
        (format!("?startIndex={before}&count=50"), 2),
        ("?startIndex=-3&count=1".to_owned(), 1),
        ("?filter=externalId%20eq%20%22e-17%22".to_owned(), 1),
        ("?filter=userName%20eq%20%22nobody@bank.example%22".to_owned(), 0),
    ] {
        let list = directory.ask(Method::GET, &format!("/Users{query}"), Value::Null).await;
        assert_eq!(list.json()["itemsPerPage"], count, "{query}: {}", list.body);
    }
    let mut changed = user.clone();
    changed["displayName"] = "花井 はな".into();
    changed["userName"] = "hanai@bank.example".into();
    let put = directory.ask(Method::PUT, &path, changed).await;
    assert_eq!(put.json()["displayName"], "花井 はな", "{}", put.body);
    let off = json!({ "Operations": [{ "op": "replace", "value": { "active": false } }] });
    let off = directory.ask(Method::PATCH, &path, off).await;
    assert_eq!(off.json()["active"], false, "{}", off.body);
    let on = json!({ "Operations": [{ "op": "add", "path": "active", "value": true }] });
    let on = directory.ask(Method::PATCH, &path, on).await;
    assert_eq!(on.json()["active"], true, "{}", on.body);
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND] {
        assert_eq!(directory.ask(Method::DELETE, &path, Value::Null).await.status, status);
        assert_eq!(
            directory.ask(Method::GET, &path, Value::Null).await.status,
            StatusCode::NOT_FOUND
        );
    }
    for discovery in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"] {
        assert_eq!(
            world.browser().get(&format!("/scim/v2{discovery}")).await.status,
            StatusCode::OK
        );
    }
}

#[tokio::test]
async fn a_leaver_loses_session_bookings_and_card() {
    let world = World::new().await;
    let (hub, bank) = (&world.hub, employer_of(&world, "sato").await);
    let mut sato = world.signed_in("sato").await;
    let who = person(&world, "sato").await.id;
    let slot = json!({ "starts_at": "2026-11-26T01:00:00Z", "ends_at": "2026-11-26T03:00:00Z" });
    let csrf = sato.get("/api/v1/me").await.json()["csrf_token"].as_str().unwrap().to_owned();
    let order = json!({ "centre": "tsurugashima", "slots": [slot] });
    let headers = [("x-csrf-token", csrf.as_str())];
    let made = sato.api(Method::POST, "/api/v1/bookings", &headers, order).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let open = hub.store.open_bookings_of(who, hub.now()).await.unwrap();
    assert_eq!(open.len(), 2, "{open:?}");
    // Sato sits at the first of them.
    let here = hub.store.booking(open[0].id).await.unwrap().unwrap();
    let centres = hub.store.centres().await.unwrap();
    let centre = centres.into_iter().find(|centre| centre.id == here.centre).unwrap();
    let (visit, space) = (VisitId(uuid::Uuid::from_u128(7)), here.desks[0].space);
    let (booking, at) = (here.id, hub.now());
    let what = Happening::CheckedIn { visit, person: who, booking, space, by: Proof::Code };
    let first = hub.store.site_status(centre.id).await.unwrap().reached + 1;
    let (edge, events) = ("yokohama-edge".parse().unwrap(), vec![SiteEvent { at, what }]);
    let batch = EventBatch { centre, edge, first, events, told_until: at, at, spare: Vec::new() };
    hub.store.take_events(&batch).await.unwrap();
    let sheet = async || hub.live.sheets.current(hub, here.centre).await.unwrap().unwrap();
    let cards = |sheet: &hub::sheets::Current| -> Vec<bool> {
        let mine = sheet.sheet.credentials.iter().filter(|card| card.person == who);
        mine.map(|card| card.blocked).collect()
    };
    let known = cards(&*sheet().await);
    assert!(!known.is_empty() && known.iter().all(|blocked| !blocked), "{known:?}");

    let left = Directory::of(&world, bank).await.leaves("sato").await;
    assert_eq!(left.json()["active"], false, "{}", left.body);
    assert_eq!(sato.get("/api/v1/bookings").await.status, StatusCode::UNAUTHORIZED);
    for booking in &open[1..] {
        let booking = hub.store.booking(booking.id).await.unwrap().unwrap();
        assert_eq!(booking.status, BookingStatus::Cancelled);
    }
    let now = sheet().await;
    let known = cards(&now);
    assert!(!known.is_empty() && known.iter().all(|blocked| *blocked), "known, and let in no more");
    assert!(now.sheet.bookings.iter().all(|booking| booking.person != who));
    let inside = hub.store.booking(here.id).await.unwrap().unwrap();
    assert_eq!(inside.status, BookingStatus::Confirmed, "leaving is what gives the desk free");
}

#[tokio::test]
async fn who_has_another_role_stays_signed_in_without_this_one() {
    let world = World::new().await;
    let bank = employer_of(&world, "sato").await;
    let who = person(&world, "sato").await;
    let now = world.hub.now();
    world.hub.store.give_role(who.id, &Grant::Parent.into(), now).await.unwrap();
    let mut sato = world.signed_in("sato").await;
    Directory::of(&world, bank).await.leaves("sato").await;
    let me = sato.get("/api/v1/me").await;
    assert_eq!(me.status, StatusCode::OK, "{}", me.body);
    assert_eq!(me.json()["grants"], json!([{ "role": "parent" }]));
}

#[tokio::test]
async fn a_directory_reaches_nobody_but_its_own() {
    let world = World::new().await;
    let bank = employer_of(&world, "sato").await;
    let mut directory = Directory::of(&world, bank).await;
    let stranger = person(&world, "suzuki").await.id;
    let path = format!("/Users/{stranger}");
    let off = json!({ "Operations": [{ "op": "replace", "path": "active", "value": false }] });
    for (method, body) in [
        (Method::GET, Value::Null),
        (Method::PATCH, off),
        (Method::PUT, json!({ "userName": email("suzuki"), "active": false })),
        (Method::DELETE, Value::Null),
    ] {
        let refused = directory.ask(method, &path, body).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{}", refused.body);
    }
    // Nor does it get hold of an account by naming its address, or by renaming one of its own.
    let take = json!({ "userName": email("fujita") });
    assert_eq!(directory.ask(Method::POST, "/Users", take).await.status, StatusCode::CONFLICT);
    let sato = directory.id_of(&email("sato")).await;
    let mine = json!({ "Operations": [{ "op": "replace", "path": "userName", "value": "x@bank.example" }] });
    let refused = directory.ask(Method::PATCH, &format!("/Users/{sato}"), mine).await;
    assert_eq!(refused.json()["scimType"], "mutability", "{}", refused.body);
    assert_eq!(person(&world, "sato").await.id.to_string(), sato);

    // Others' tokens, and none.
    let mut boss = world.signed_in("sasaki").await;
    let path = format!("/scim/v2/Users/{sato}");
    let elsewhere = boss.send(Method::DELETE, &path, &[], Body::empty()).await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN, "a page elsewhere could have sent that");
    let token = make_token(&mut boss, &["read", "book", "report"], "1").await;
    let refused = ask(&mut boss, &token, Method::GET, "/scim/v2/Users", Value::Null).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    for answer in [
        world.browser().get("/scim/v2/Users").await,
        ask(&mut boss, "kyt_x", Method::GET, "/scim/v2/Users", Value::Null).await,
    ] {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.json()["status"], "401");
        assert_eq!(answer.header("content-type"), "application/scim+json");
    }
    // And its own token opens nothing else.
    let token = directory.token.clone();
    for path in ["/api/v1/bookings", "/api/v1/me", "/account"] {
        let refused = ask(&mut boss, &token, Method::GET, path, Value::Null).await;
        assert!(refused.status.is_client_error() || refused.status.is_redirection(), "{path}");
    }
}

#[tokio::test]
async fn a_directory_that_speaks_nonsense_is_told_so() {
    let world = World::new().await;
    let bank = employer_of(&world, "sato").await;
    let mut directory = Directory::of(&world, bank).await;
    let bad = [
        (Method::POST, "/Users", json!([])),
        (Method::POST, "/Users", json!({ "userName": "no address" })),
        (
            Method::POST,
            "/Users",
            json!({ "userName": "a@b.example", "displayName": "x".repeat(101) }),
        ),
        (
            Method::POST,
            "/Users",
            json!({ "userName": "a@b.example", "externalId": "x".repeat(256) }),
        ),
        (Method::GET, "/Users?filter=password%20pr", Value::Null),
        (Method::GET, "/Users?count=many", Value::Null),
        (Method::GET, "/Users?startIndex=99999999999999999999", Value::Null),
    ];
    for (method, path, body) in bad {
        let answer = directory.ask(method, path, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", answer.body);
        assert_eq!(answer.json()["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
    }
    for (method, path) in [
        (Method::GET, "/Users/not-an-id"),
        (Method::GET, "/Groups"),
        (Method::GET, "/Schemas/urn:none"),
        (Method::GET, "/Users/00000000-0000-0000-0000-000000000000"),
    ] {
        assert_eq!(directory.ask(method, path, Value::Null).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(
        directory.ask(Method::PATCH, "/Users", Value::Null).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}
