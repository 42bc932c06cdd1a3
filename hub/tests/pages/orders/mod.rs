//! What operators order of their site, by page and by API.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use hub::service::site_order;
use model::id::{CentreId, DeviceId, OrderId};
use model::people::Grant;
use model::site_order::{OrderAnswer, SiteOrder};
use serde_json::{Value, json};
use store::SiteOrderRecord;
use uuid::Uuid;

use crate::support::{Answer, Browser, World, field, first_piece};

const ORDERS: &str = "/api/v1/centres/yokohama/orders";
const FORM: &str = "/operations/yokohama/order";
const LIVE: &str = "/operations/yokohama";

async fn program(world: &World, key: &str) -> (Browser, String) {
    let mut browser = world.signed_in(key).await;
    let me = browser.get("/api/v1/me").await.json();
    (browser, me["csrf_token"].as_str().unwrap().to_owned())
}

async fn give(
    (browser, csrf): &mut (Browser, String),
    path: &str,
    key: Option<&str>,
    order: Value,
) -> Answer {
    let mut headers = vec![("x-csrf-token", csrf.as_str())];
    headers.extend(key.map(|key| ("idempotency-key", key)));
    browser.api(Method::POST, path, &headers, order).await
}

async fn send((browser, csrf): &mut (Browser, String), fields: &[(&str, &str)]) -> Answer {
    browser.post(FORM, &[&[("csrf", csrf.as_str())], fields].concat()).await
}

async fn yokohama(world: &World) -> CentreId {
    let centres = world.hub.store.centres().await.unwrap();
    centres.into_iter().find(|centre| centre.slug.as_str() == "yokohama").unwrap().id
}

async fn orders(world: &World) -> Vec<SiteOrderRecord> {
    let since = world.hub.now() - TimeDelta::days(1);
    world.hub.store.site_orders_since(yokohama(world).await, since, 100).await.unwrap()
}

async fn a_door(world: &World) -> DeviceId {
    let centre = yokohama(world).await;
    let sheet = world.hub.live.sheets.current(&world.hub, centre).await.unwrap().unwrap();
    sheet.sheet.site.doors[0].device.clone()
}

async fn answer(world: &World, order: OrderId, answer: OrderAnswer) {
    let (edge, centre) = ("yokohama-edge".parse().unwrap(), yokohama(world).await);
    site_order::answered(&world.hub, &edge, centre, order, answer).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_orders_once_and_learns_what_became_of_it() {
    let world = World::new().await;
    let mut operator = program(&world, "kobayashi").await;
    let door = a_door(&world).await;
    let unlock = json!({"order": "unlock", "door": door});
    let first = give(&mut operator, ORDERS, Some("k1"), unlock.clone()).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.body);
    let first = first.json();
    assert_eq!((&first["standing"], &first["answer"]), (&json!("on_its_way"), &Value::Null));
    let again = give(&mut operator, ORDERS, Some("k1"), unlock).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, first.clone()));
    let other = json!({"order": "lockdown", "on": true});
    let reused = give(&mut operator, ORDERS, Some("k1"), other).await;
    assert_eq!(reused.status, StatusCode::CONFLICT);
    assert_eq!(orders(&world).await.len(), 1);

    let one = format!("{ORDERS}/{}", first["id"].as_str().unwrap());
    let id: OrderId = first["id"].as_str().unwrap().parse().unwrap();
    answer(&world, id, OrderAnswer::LockFault).await;
    let now = operator.0.get(&one).await.json();
    let stands = (&now["standing"], &now["answer"]);
    assert_eq!(stands, (&json!("answered"), &json!("lock_fault")));

    let lost = give(&mut operator, ORDERS, None, json!({"order": "evacuate", "on": true})).await;
    let lost = format!("{ORDERS}/{}", lost.json()["id"].as_str().unwrap());
    world.clock.advance(TimeDelta::seconds(16));
    assert_eq!(operator.0.get(&lost).await.json()["standing"], "not_delivered");

    let record = operator.0.get("/api/v1/audit").await.body;
    assert!(record.contains("site_ordered") && record.contains("site_order_answered"), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_click_is_the_same_order_whatever_its_key() {
    let world = World::new().await;
    let also = Grant::Operator { centre: yokohama(&world).await };
    let kato = world.person("kato").await;
    world.hub.store.set_grants(kato, &[also.into()]).await.unwrap();
    let (mut operator, mut other) =
        (program(&world, "kobayashi").await, program(&world, "kato").await);
    let lock = |on: bool| json!({"order": "lockdown", "on": on});
    let first = give(&mut operator, ORDERS, Some("page"), lock(true)).await;
    assert_eq!(first.status, StatusCode::ACCEPTED);
    world.clock.advance(TimeDelta::seconds(1));
    for key in [Some("stream"), None] {
        let again = give(&mut operator, ORDERS, key, lock(true)).await;
        assert_eq!(again.status, StatusCode::OK, "{}", again.body);
        assert_eq!(again.json()["id"], first.json()["id"]);
    }
    assert_eq!(orders(&world).await.len(), 1);
    // Another thing, another person, and what was ordered otherwise in between are no second click.
    let moment = TimeDelta::milliseconds(1);
    for (mine, on, status) in [
        (true, false, StatusCode::ACCEPTED),
        (true, true, StatusCode::ACCEPTED),
        (false, true, StatusCode::ACCEPTED),
        (true, true, StatusCode::OK),
    ] {
        world.clock.advance(moment);
        let asker = if mine { &mut operator } else { &mut other };
        assert_eq!(give(asker, ORDERS, None, lock(on)).await.status, status);
    }
    world.clock.advance(site_order::DOUBLE_CLICK - moment * 3);
    assert_eq!(give(&mut operator, ORDERS, None, lock(true)).await.status, StatusCode::OK);
    world.clock.advance(moment);
    assert_eq!(give(&mut operator, ORDERS, None, lock(true)).await.status, StatusCode::ACCEPTED);
    assert_eq!(orders(&world).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_orders_what_is_not_theirs_and_nothing_that_is_none() {
    let world = World::new().await;
    let lockdown = || json!({"order": "lockdown", "on": true});
    let mut worker = program(&world, "sato").await;
    assert_eq!(give(&mut worker, ORDERS, None, lockdown()).await.status, StatusCode::FORBIDDEN);
    let mut operator = program(&world, "kobayashi").await;
    let elsewhere = "/api/v1/centres/azamino/orders";
    let refused = give(&mut operator, elsewhere, None, lockdown()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let nowhere = give(&mut operator, "/api/v1/centres/nowhere/orders", None, lockdown()).await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    let without = operator.0.api(Method::POST, ORDERS, &[], lockdown()).await;
    assert_eq!(without.status, StatusCode::FORBIDDEN, "no token of the session");

    for (body, want) in [
        (json!({}), 400),
        (json!({"order": "open sesame"}), 400),
        (json!({"order": "lockdown"}), 400),
        (json!({"order": "lockdown", "on": "yes"}), 400),
        (json!({"order": "lockdown", "on": true, "door": "yokohama-door-1"}), 400),
        (json!({"order": "unlock", "door": "../../etc"}), 400),
        (json!({"order": "unlock", "door": "azamino-door-1"}), 422),
        (json!({"order": "end_visit", "visit": "1"}), 400),
    ] {
        let refused = give(&mut operator, ORDERS, None, body.clone()).await;
        assert_eq!(refused.status.as_u16(), want, "{body} {}", refused.body);
        assert_eq!(refused.header("content-type"), "application/problem+json");
    }
    for key in ["", &"k".repeat(201)] {
        let refused = give(&mut operator, ORDERS, Some(key), lockdown()).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{key}");
    }
    assert_eq!(orders(&world).await, []);
    for none in ["00000000-0000-0000-0000-000000000000", "1", "%00"] {
        let answer = operator.0.get(&format!("{ORDERS}/{none}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{none}");
    }

    let unlock = json!({"order": "unlock", "door": a_door(&world).await});
    for number in 0..20 {
        let end = json!({"order": "end_visit", "visit": Uuid::from_u128(number)});
        assert_eq!(give(&mut operator, ORDERS, None, end).await.status, StatusCode::ACCEPTED);
    }
    let flood = give(&mut operator, ORDERS, None, unlock.clone()).await;
    assert_eq!(flood.status, StatusCode::TOO_MANY_REQUESTS);
    // What makes the house safer waits behind nothing.
    assert_eq!(give(&mut operator, ORDERS, None, lockdown()).await.status, StatusCode::ACCEPTED);
    world.clock.advance(TimeDelta::seconds(10));
    assert_eq!(give(&mut operator, ORDERS, None, unlock).await.status, StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lockdown_is_asked_about_first_and_a_door_opens_with_one_button() {
    let world = World::new().await;
    let mut operator = program(&world, "kobayashi").await;
    let door = a_door(&world).await;
    let page = operator.0.get(LIVE).await.body;
    assert!(page.contains(&format!("id=\"open-{door}\"")), "{page}");
    assert!(page.contains("/operations/yokohama/order?order=lockdown&amp;on=yes"), "{page}");
    assert!(page.contains("/operations/yokohama/muster"), "{page}");

    // Whatever it was asked with, the first request of a lockdown is a question.
    let asked = send(&mut operator, &[("order", "lockdown"), ("on", "yes")]).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(asked.body.contains("全館を閉鎖しますか") && asked.body.contains("館内からは"));
    assert_eq!(orders(&world).await, []);
    let key = field(&asked.body, "key").unwrap();
    let sure = [("order", "lockdown"), ("on", "yes"), ("sure", "yes"), ("key", key.as_str())];
    for _ in 0..2 {
        let given = send(&mut operator, &sure).await;
        assert_eq!(given.status, StatusCode::SEE_OTHER, "{}", given.body);
        assert_eq!(given.header("location"), "/operations/yokohama#orders");
    }
    let [lockdown] = &orders(&world).await[..] else { panic!("a second click is no second order") };
    assert_eq!(lockdown.what, SiteOrder::Lockdown { on: true });
    let live = first_piece(&operator.0, "/operations/yokohama/live").await;
    assert!(live.contains("送信中"), "{live}");
    world.clock.advance(TimeDelta::seconds(15));
    let page = operator.0.get(LIVE).await.body;
    assert!(page.contains("届いていません") && page.contains("センターに電話して"), "{page}");
    // The page that was left open is no dead button: it says what became of it, and asks again.
    let late = send(&mut operator, &sure).await;
    assert_eq!(late.status, StatusCode::OK);
    assert!(
        late.body.contains("送信済み") && late.body.contains("届いていません"),
        "{}",
        late.body
    );
    assert_ne!(field(&late.body, "key").unwrap(), key);
    assert_eq!(orders(&world).await.len(), 1);

    let press = [("order", "unlock"), ("door", door.as_str()), ("key", "1-door")];
    assert_eq!(send(&mut operator, &press).await.status, StatusCode::SEE_OTHER);
    let opened = orders(&world).await[0].clone();
    assert_eq!(opened.what, SiteOrder::Unlock { door: door.clone() });
    answer(&world, opened.id, OrderAnswer::Done).await;
    assert!(operator.0.get(LIVE).await.body.contains("完了"));

    for bad in [
        &[("order", "unlock")][..],
        &[("order", "unlock"), ("door", "../..")],
        &[("order", "lockdown"), ("on", "perhaps")],
        &[("order", "end_visit"), ("visit", "me")],
        &[("order", "<script>")],
        &[],
    ] {
        let refused = send(&mut operator, bad).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad:?}");
    }
    let unknown = [("order", "unlock"), ("door", "yokohama-nothing")];
    assert_eq!(send(&mut operator, &unknown).await.status, StatusCode::NOT_FOUND);
    let without = operator.0.post(FORM, &press).await;
    assert_eq!(without.status, StatusCode::FORBIDDEN, "no token of the session");
    let mut worker = program(&world, "sato").await;
    assert_eq!(send(&mut worker, &press).await.status, StatusCode::FORBIDDEN);
    assert_eq!(worker.0.get("/operations/yokohama/muster").await.status, StatusCode::FORBIDDEN);
    assert_eq!(orders(&world).await.len(), 2);
}
