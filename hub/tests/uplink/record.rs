//! The chain over events, from a site's batch to the record of who did what and the operators' page.

use model::audit::AuditAction;
use model::care::day::CareEvent;
use model::event_chain::{SiteAlarmKind, ToldChain};
use model::id::{BootId, ChainFileId, PersonId};
use model::site_event::{Happening, SiteEvent};
use uuid::Uuid;
use wire::chain::{link, start};
use wire::edge_config::{self, SignedEdgeConfig};
use wire::event::{Batch, EventBody};

use super::{batch, started, taken};
use crate::support::{HERE, Region, problem};

fn chained(events: Vec<EventBody>) -> Batch {
    let file = ChainFileId(Uuid::from_u128(1));
    let before = start(file, 1);
    let mut links = Vec::new();
    for (place, event) in (1..).zip(&events) {
        links.push(link(links.last().unwrap_or(&before), place, event.written()));
    }
    let chain = Some(ToldChain { file, began: 1, before, links });
    Batch { first: 1, events, chain, ..Batch::default() }
}

async fn recorded(region: &Region, action: AuditAction) -> usize {
    let action = Some(hub::service::audit::word(action));
    let wanted = store::AuditWanted { action, ..Default::default() };
    region.hub.store.audit_like(&wanted, 200).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_21_a_changed_event_is_taken_kept_as_an_alarm_and_recorded() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    let now = region.hub.now();
    // In words of the site's own: what it hashed is what the hub hashes.
    let text = format!("{{ \"kind\" : \"started\",  \"at\":\"{}\" }}", now.to_rfc3339());
    let events = vec![text.parse().unwrap(), started(now).into(), started(now).into()];
    let good = chained(events.clone());
    assert_eq!(taken(&edge, &good).await.reached, 3);
    assert_eq!(region.hub.store.site_alarms(HERE, now).await.unwrap(), []);
    let kept = region.hub.store.chained_events(HERE, 0).await.unwrap();
    assert_eq!(kept[0].body, text, "word for word");

    let mut more = events;
    more.extend([started(now).into(), started(now).into()]);
    let mut changed = chained(more);
    changed.events[4] =
        batch(1, vec![started(now - chrono::TimeDelta::hours(1))], now).events.remove(0);
    assert_eq!(taken(&edge, &changed).await.reached, 5, "what the site did stands");
    let alarms = region.hub.store.site_alarms(HERE, now).await.unwrap();
    assert_eq!((alarms.len(), alarms[0].place), (1, 5));
    assert_eq!(region.hub.store.alarms_to_record(HERE).await.unwrap(), []);
    assert_eq!(recorded(&region, AuditAction::SiteAlarmRaised).await, 1);

    // One that the site cannot read any more: its place is kept, and named.
    let file = ChainFileId(Uuid::from_u128(1));
    let (place, lost) = (6, SiteEvent { at: now, what: Happening::Lost });
    let before = *changed.chain.unwrap().links.last().unwrap();
    let gone = link(&before, place, r#"{"what":"nobody knows"}"#);
    let chain = Some(ToldChain { file, began: 1, before, links: vec![gone] });
    let told = Batch { first: place, events: vec![lost.into()], chain, ..Batch::default() };
    assert_eq!(taken(&edge, &told).await.reached, place);
    let alarms = region.hub.store.site_alarms(HERE, now).await.unwrap();
    assert!(alarms.iter().any(|one| (one.kind, one.place) == (SiteAlarmKind::EventMissing, place)));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_alarm_of_one_batch_is_recorded() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    let now = region.hub.now();
    let twin = |device: &str| Happening::BusTwin { device: device.parse().unwrap() };
    let events = ["here-kiosk-1", "here-door"].map(|one| SiteEvent { at: now, what: twin(one) });
    assert_eq!(taken(&edge, &batch(1, events.to_vec(), now)).await.reached, 2);
    assert_eq!(region.hub.store.alarms_to_record(HERE).await.unwrap(), []);
    assert_eq!(recorded(&region, AuditAction::SiteAlarmRaised).await, 2);

    // More at once than are recorded at once: the rest comes with what is told next.
    let many: Vec<SiteEvent> = (0..60)
        .map(|number| SiteEvent { at: now, what: twin(&format!("here-seat-{number}")) })
        .collect();
    taken(&edge, &batch(3, many, now)).await;
    assert_eq!(region.hub.store.alarms_to_record(HERE).await.unwrap().len(), 10);
    taken(&edge, &batch(63, vec![started(now)], now)).await;
    assert_eq!(recorded(&region, AuditAction::SiteAlarmRaised).await, 62);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_19_both_of_two_agents_with_one_identity_are_told() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    let word = |boot| {
        let boot = Some(BootId(Uuid::from_u128(boot)));
        Batch { boot, ..batch(1, Vec::new(), region.hub.now()) }
    };
    for (boot, twin) in [(1, false), (2, false), (1, true), (2, true), (2, false)] {
        assert_eq!(taken(&edge, &word(boot)).await.twin, twin, "{boot}");
    }
    let now = region.hub.now();
    let alarms = region.hub.store.site_alarms(HERE, now - chrono::TimeDelta::hours(1)).await;
    assert!(alarms.unwrap().iter().any(|one| one.kind == SiteAlarmKind::Twin));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_chain_is_refused_in_words() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    let (at, staff) = (region.hub.now(), PersonId(Uuid::from_u128(0x99)));
    let what = Happening::Care(CareEvent::SignedIn { staff, let_in: false });
    let good = chained(vec![SiteEvent { at, what }.into()]);
    let mut uneven = good.clone();
    uneven.chain.as_mut().unwrap().links.clear();
    let mut later = good.clone();
    later.chain.as_mut().unwrap().began = 2;
    for bad in [uneven, later] {
        let (status, _) = problem(edge.tell(&bad).await).await;
        assert_eq!(status, 400);
    }
    let text = serde_json::to_string(&good).unwrap().replace("\"before\":\"", "\"before\":\"zz");
    let (status, _) = problem(edge.post_bytes("events", text.into_bytes()).await).await;
    assert!(matches!(status, 400 | 422), "{status}");
    assert_eq!(region.hub.store.site_status(HERE).await.unwrap().reached, 0);
    assert_eq!(recorded(&region, AuditAction::SignInRefused).await, 0, "nothing of it happened");
    assert_eq!(taken(&edge, &good).await.reached, 1);
    assert_eq!(recorded(&region, AuditAction::SignInRefused).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_20_an_edge_gets_its_settings_signed_and_the_hub_hears_what_became_of_them() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    assert_eq!(edge.get("config").await.status(), 404);
    let now = region.hub.now();
    for (version, room) in [(1, 64), (2, 65)] {
        let json = format!("{{\"outbox_mb\":{room}}}");
        let put = region.hub.store.put_edge_config(HERE, &json, now).await.unwrap();
        assert_eq!(put, version);
    }
    let signed: SignedEdgeConfig = edge.get("config").await.json().await.unwrap();
    let keys = [region.hub.keys.sheet.public()];
    let config = edge_config::check(&signed, &keys, HERE).unwrap();
    assert_eq!((config.version, config.settings.outbox_mb), (2, Some(65)));

    let why = "the door y-door has no driver".to_owned();
    let rolled_back = Happening::ConfigRolledBack { version: 2, why: why.clone() };
    let unknown = Happening::ConfigInForce { version: u64::MAX };
    let events = [rolled_back, unknown].map(|what| SiteEvent { at: now, what });
    assert_eq!(taken(&edge, &batch(1, events.to_vec(), now)).await.reached, 2);
    let newest = region.hub.store.edge_config(HERE).await.unwrap().unwrap();
    assert_eq!(newest.rolled_back.map(|(_, why)| why), Some(why));
    let alarms = region.hub.store.site_alarms(HERE, now).await.unwrap();
    assert_eq!(alarms.len(), 1);
    assert!(alarms[0].detail.starts_with("2: "), "{alarms:?}");
}
