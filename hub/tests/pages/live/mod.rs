//! A centre's page while it is open.

use chrono::TimeDelta;
use model::id::OrderId;
use model::site_event::Happening;
use model::site_order::{OrderAnswer, Ordered, OrderedFrom, SiteOrder};
use store::SiteOrderRecord;
use uuid::Uuid;

use crate::alone::Site;
use crate::support::{World, field, first_piece, pieces};

const PAGE: &str = "/operations/yokohama";
const LIVE: &str = "/operations/yokohama/live";

/// What those hear who listen.
fn heard(page: &str) -> &str {
    let region = page.split_once("aria-live=\"polite\">").unwrap().1;
    region.split_once("</div>").unwrap().0
}

/// What changes.
fn live(page: &str) -> &str {
    let block = page.split_once("id=\"live\"").unwrap().1;
    block.split_once("</main>").unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_says_that_its_site_is_away_though_nothing_comes_but_time() {
    let world = World::new().await;
    let site = Site::of(&world).await;
    site.runs_on_the_newest().await;
    let operator = world.signed_in("kobayashi").await;
    let mut stream = pieces(&operator, LIVE).await;
    let first = stream.next().await;
    assert!(first.contains("センターの装置とつながっています"), "{first}");
    assert!(stream.next().await.contains("event: ping"), "nothing has changed");
    world.clock.advance(store::SILENT + TimeDelta::seconds(1));
    let away = stream.next().await;
    assert!(away.contains("センターの装置から応答がありません"), "{away}");
    assert!(stream.next().await.contains("event: ping"), "it is said once");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_pressed_on_an_open_page_is_known_by_its_id() {
    let world = World::new().await;
    let site = Site::of(&world).await;
    site.runs_on_the_newest().await;
    let gone = world.hub.now();
    world.clock.advance(TimeDelta::minutes(40));
    let missed = Happening::Fire { on: false };
    site.tell(vec![(gone + TimeDelta::minutes(5), missed)]).await;
    let mut operator = world.signed_in("kobayashi").await;
    let page = operator.get(PAGE).await.body;
    let mut ids: Vec<&str> = Vec::new();
    for tag in live(&page)
        .split('<')
        .filter(|tag| ["a ", "button "].iter().any(|one| tag.starts_with(one)))
    {
        let tag = tag.split_once('>').unwrap().0;
        let id = tag.split_once(" id=\"").unwrap_or_else(|| panic!("<{tag}> loses the focus")).1;
        ids.push(id.split_once('"').unwrap().0);
    }
    for known in ["to-reports", "to-muster", "lockdown", "evacuate"] {
        assert!(ids.contains(&known), "{known}: {ids:?}");
    }
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
    // A button that is drawn anew is pressed anew.
    let other = operator.get(PAGE).await.body;
    assert_ne!(field(&page, "key").unwrap(), field(&other, "key").unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_and_an_order_that_failed_are_heard_too() {
    let world = World::new().await;
    let site = Site::of(&world).await;
    let mut operator = world.signed_in("kobayashi").await;
    let quiet = operator.get(PAGE).await.body;
    assert!(heard(&quiet).contains("在館") && !heard(&quiet).contains("火災"), "{quiet}");
    let (by, at) = (world.person("hoshino").await, world.hub.now());
    let lockdown = |number| Ordered {
        id: OrderId(Uuid::from_u128(number)),
        what: SiteOrder::Lockdown { on: true },
        by,
        from: OrderedFrom::StaffScreen,
    };
    let ordered = Happening::Ordered { order: lockdown(1), answer: OrderAnswer::Done };
    site.tell(vec![(at, Happening::Fire { on: true }), (at, ordered)]).await;
    let order = SiteOrderRecord {
        id: OrderId(Uuid::from_u128(2)),
        centre: site.centre.id,
        what: SiteOrder::Evacuate { on: true },
        by,
        asked_at: at,
        not_after: at + TimeDelta::seconds(10),
        answer: None,
    };
    world.hub.store.add_site_order(&order, None).await.unwrap();
    let page = operator.get(PAGE).await.body;
    assert!(!heard(&page).contains("届いていません"), "{page}");
    world.clock.advance(TimeDelta::seconds(16));
    for (language, words) in [
        (
            "ja",
            [
                "火災信号：すべての扉を開放中 9:00:00から。",
                "閉鎖中：だれも入れません 9:00:00から。",
                "9:00:00 避難（全扉の開放）：届いていません。現地の装置から返事がありません",
            ],
        ),
        (
            "en",
            [
                "Fire: every door is released since 9:00:00.",
                "Lockdown: nobody is let in since 9:00:00.",
                "9:00:00 Evacuation: Not delivered. The site has not answered.",
            ],
        ),
    ] {
        let page = operator.get(&format!("{PAGE}?lang={language}")).await.body;
        for words in words {
            assert!(heard(&page).contains(words), "{words}: {}", heard(&page));
        }
        let piece = first_piece(&operator, &format!("{LIVE}?lang={language}")).await;
        for part in ["live-over", "live-failed", "live-summary"] {
            assert!(piece.contains(&format!("id=\"{part}\"")), "{part}: {piece}");
        }
    }
    let english = operator.get(&format!("{PAGE}?lang=en")).await.body;
    assert!(live(&english).contains("since <time>9:00:00</time>"), "{english}");
}
