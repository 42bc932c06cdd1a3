//! Orders on their way to a site, and its answers.

use chrono::TimeDelta;
use model::id::{CentreId, OrderId};
use model::site_order::{GOOD_FOR, OrderAnswer, SiteOrder};
use serde_json::json;
use store::{OrderAdded, SiteOrderRecord};
use uuid::Uuid;
use wire::event;
use wire::order::{OrderRefused, SentOrder, open};

use super::sheet;
use super::support::{HERE, Region, THERE, Told, WORKER, problem};

async fn given(region: &Region, centre: CentreId, number: u128, what: SiteOrder) -> OrderId {
    let now = region.hub.now();
    let id = OrderId(Uuid::from_u128(0x0dde << 64 | number));
    let order = SiteOrderRecord {
        id,
        centre,
        what,
        by: WORKER,
        asked_at: now,
        not_after: now + GOOD_FOR,
        answer: None,
    };
    assert_eq!(region.hub.store.add_site_order(&order, None).await.unwrap(), OrderAdded::Kept);
    id
}

fn opened(region: &Region, told: Option<event::Told>, centre: CentreId) -> SentOrder {
    let Some(event::Told::Order(signed)) = told else { unreachable!("{told:?}") };
    let keys = [region.hub.keys.sheet.public()];
    let other = if centre == HERE { THERE } else { HERE };
    assert_eq!(open(&signed, &keys, other), Err(OrderRefused::WrongCentre));
    open(&signed, &keys, centre).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_reaches_its_site_once_and_is_answered_once() {
    let region = Region::start().await;
    let (here, there) = (region.edge("here-edge").await, region.edge("there-edge").await);
    let (mut line, mut other) = (Told::open(&here).await, Told::open(&there).await);
    sheet(line.next().await);
    sheet(other.next().await);

    // Given at another hub: this one learns of it from the database.
    let first = given(&region, HERE, 1, SiteOrder::Lockdown { on: true }).await;
    let order = opened(&region, line.next().await, HERE);
    assert_eq!((order.order.id, order.order.by), (first, WORKER));
    assert_eq!(order.order.what, SiteOrder::Lockdown { on: true });
    assert_eq!(order.not_after - order.given_at, GOOD_FOR);

    // Not told again over the same line; the other site hears its own alone.
    let second = given(&region, THERE, 2, SiteOrder::Evacuate { on: true }).await;
    region.hub.live.order_given(THERE);
    let third = given(&region, HERE, 3, SiteOrder::Evacuate { on: false }).await;
    region.hub.live.order_given(HERE);
    assert_eq!(opened(&region, other.next().await, THERE).order.id, second);
    assert_eq!(opened(&region, line.next().await, HERE).order.id, third);

    // A line that was cut tells again what still counts; whoever has acted on it does not again.
    drop(line);
    let mut line = Told::open(&here).await;
    assert_eq!(opened(&region, line.next().await, HERE).order.id, first);
    assert_eq!(opened(&region, line.next().await, HERE).order.id, third);

    let path = |id| format!("orders/{id}");
    let done = json!({"answer": "done"});
    let standing = async |id| region.hub.store.site_order(id).await.unwrap().unwrap().answer;
    for _ in 0..2 {
        assert_eq!(here.post(&path(first), &done).await.status(), 204);
    }
    assert_eq!(standing(first).await.map(|(answer, _)| answer), Some(OrderAnswer::Done));
    let otherwise = here.post(&path(first), &json!({"answer": "too_late"})).await;
    assert_eq!(problem(otherwise).await, (409, "/problems/answered-otherwise".to_owned()));
    assert_eq!(standing(first).await.map(|(answer, _)| answer), Some(OrderAnswer::Done));

    // After its time nobody is told; an answer that comes late is kept.
    region.clock.advance(GOOD_FOR + TimeDelta::seconds(1));
    let mut late = Told::open(&here).await;
    sheet(late.next().await);
    assert_eq!(here.post(&path(third), &json!({"answer": "too_late"})).await.status(), 204);
    assert_eq!(standing(third).await.map(|(answer, _)| answer), Some(OrderAnswer::TooLate));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_answers_for_its_own_orders_and_in_good_form() {
    let region = Region::start().await;
    let (here, there) = (region.edge("here-edge").await, region.edge("there-edge").await);
    let kiosk = region.edge("here-kiosk-1").await;
    let order = given(&region, HERE, 1, SiteOrder::Lockdown { on: true }).await;
    let path = format!("orders/{order}");
    let done = json!({"answer": "done"});
    let not_found = (404, "/problems/not-found".to_owned());
    assert_eq!(problem(there.post(&path, &done).await).await, not_found);
    for none in [Uuid::nil().to_string(), "1".to_owned(), "x'--".to_owned(), "%00".to_owned()] {
        let answer = here.post(&format!("orders/{none}"), &done).await;
        assert_eq!(problem(answer).await, not_found, "{none}");
    }
    let refused = problem(kiosk.post(&path, &done).await).await;
    assert_eq!(refused, (403, "/problems/not-allowed".to_owned()));
    let nobody = region.stranger(None).post(&path, &done).await;
    assert_eq!(problem(nobody).await, (401, "/problems/no-certificate".to_owned()));
    for (body, want) in [
        (Vec::new(), 400),
        (b"{}".to_vec(), 400),
        (b"{\"answer\":\"perhaps\"}".to_vec(), 400),
        (b"{\"answer\":\"done\",\"more\":1}".to_vec(), 400),
        (b"{\"answer\":".to_vec(), 400),
        (vec![b'['; 900], 400),
        (vec![b' '; 2000], 413),
    ] {
        let refused = here.post_bytes(&path, body.clone()).await;
        assert_eq!(problem(refused).await.0, want, "{}", String::from_utf8_lossy(&body));
    }
    let kept = region.hub.store.site_order(order).await.unwrap().unwrap();
    assert_eq!(kept.answer, None, "nothing of this was an answer");
    assert_eq!(here.post(&path, &done).await.status(), 204);
}
