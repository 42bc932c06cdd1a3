//! A site's own disk is full while its hub is away, and the operators read it on their page.

use std::sync::Arc;

use model::access::RefusalKind;
use model::clock::SystemClock;
use model::day_sheet::DeviceKind;
use model::site_event::Happening;
use tests::http::Person;
use tests::region::{Database, Region};
use tests::waiting::until;
use wire::identity::DeviceIdentity;
use wire::request::Answer;

use crate::place::{Screen, start_edge};

const EDGE: &str = "yokohama-edge";
const KIOSK: &str = "yokohama-kiosk-1";
/// As a page of SQLite's.
const PAGE: u64 = 4096;
/// Nobody's card.
const NOBODY: u128 = 250;

#[tokio::test(flavor = "multi_thread")]
async fn fault_12_a_sites_full_disk_is_an_alarm_on_its_operators_page() {
    let mut region = Region::start(Database::Sqlite).await;
    let (hub, home) = (region.uplink_url(), region.folder().join(EDGE));
    for device in [EDGE, KIOSK] {
        let (code, home) = (region.enrolment_code(device), region.folder().join(device));
        DeviceIdentity::enrol(&hub, &code, &home, &SystemClock).await.unwrap();
    }
    let centres = region.store.centres().await.unwrap();
    let centre = centres.iter().find(|one| one.slug.as_str() == "yokohama").unwrap().id;
    let clock = Arc::new(SystemClock);
    let site = start_edge(home.clone(), &hub, clock.clone(), None).await;
    until("the site to run on a sheet", async || {
        region.store.site_status(centre).await.unwrap().sheet_in_force
    })
    .await;
    site.stop().await;

    region.stop_hub();
    let pages = std::fs::metadata(home.join("site.db")).unwrap().len() / PAGE;
    let most = u32::try_from(pages).unwrap() + 4;
    let site = start_edge(home, &hub, clock, Some(most)).await;
    let screen = (KIOSK, DeviceKind::Kiosk);
    let kiosk = Screen::on(&site, &region.folder().join(KIOSK), screen, EDGE).await;
    let mut tapped = 1;
    while matches!(kiosk.tap(NOBODY).await, Answer::Refused { .. }) {
        tapped += 1;
        assert!(tapped < 5_000, "the disk never was full");
    }
    region.start_hub().await;
    let operator = Person::sign_in(&region.url, "kobayashi").await;
    until("the alarm on the operators' page", async || {
        let page = operator.text("/operations/yokohama").await;
        page.contains("装置の記録場所がいっぱいになりました").then_some(())
    })
    .await;
    let refused = async || {
        let events = region.store.events_after(centre, 0).await.unwrap();
        let unknown = |what: &Happening| {
            matches!(what, Happening::Refused { why: RefusalKind::UnknownCard, .. })
        };
        events.iter().filter(|(_, event)| unknown(&event.what)).count()
    };
    until("every tap in the record", async || (refused().await >= tapped).then_some(())).await;
    site.stop().await;
    assert_eq!(refused().await, tapped, "each once");
}
