//! What the site's file keeps over a restart.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::HashMap;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta};
use edge_store::{EdgeStore, KeptSheet, Progress, StoreError};
use model::id::OrderId;
use model::site_event::{Happening, SiteEvent};
use model::site_order::OrderAnswer;
use wire::sheet::SignedManifest;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("kyoten-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    async fn open(&self) -> EdgeStore {
        EdgeStore::open(&self.0.join("site.db")).await.unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn event(version: u64) -> SiteEvent {
    SiteEvent { at: DateTime::UNIX_EPOCH, what: Happening::SheetInForce { version } }
}

fn sheet(text: &str) -> KeptSheet {
    KeptSheet {
        manifest: SignedManifest {
            manifest: text.to_owned(),
            key: "key".to_owned(),
            signature: "signature".to_owned(),
        },
        sections: HashMap::from([("00ff".to_owned(), text.as_bytes().to_vec())]),
    }
}

#[tokio::test]
async fn events_keep_their_places_over_a_restart_and_after_they_are_dropped() {
    let folder = Folder::new();
    let store = folder.open().await;
    assert_eq!(store.append(1, &[event(1), event(2), event(3)]).await.unwrap(), 3);
    assert!(matches!(
        store.append(3, &[event(4)]).await,
        Err(StoreError::OutOfOrder { expected: 4, given: 3 })
    ));
    store.committed(2).await.unwrap();
    store.keep_state(1, "one").await.unwrap();
    store.close().await;

    let store = folder.open().await;
    assert_eq!(
        store.events_from(0, 10).await.unwrap(),
        [(2, event(2)), (3, event(3))],
        "2 is not in the kept state yet"
    );
    store.committed(3).await.unwrap();
    store.committed(1).await.unwrap();
    store.keep_state(3, "three").await.unwrap();
    assert!(store.events_from(0, 10).await.unwrap().is_empty());
    let state = Some((3, "three".to_owned()));
    assert_eq!(
        store.progress().await.unwrap(),
        Progress { last_place: 3, committed: 3, met: false, state, shifts: 0 }
    );
    assert_eq!(store.append(4, &[event(4)]).await.unwrap(), 4);
}

#[tokio::test]
async fn what_the_hub_does_not_have_can_be_given_later_places() {
    let folder = Folder::new();
    let store = folder.open().await;
    store.append(1, &[event(1), event(2)]).await.unwrap();
    assert_eq!(store.renumber(41, "two").await.unwrap(), 42);
    assert_eq!(store.events_from(0, 10).await.unwrap(), [(41, event(1)), (42, event(2))]);
    assert!(store.progress().await.unwrap().met);
    assert_eq!(store.append(43, &[event(3)]).await.unwrap(), 43);
}

#[tokio::test]
async fn the_newest_two_sheets_stay() {
    let folder = Folder::new();
    let store = folder.open().await;
    for version in 1..=3 {
        store.keep_sheet(version, &sheet(&version.to_string())).await.unwrap();
    }
    store.keep_sheet(3, &sheet("3 again")).await.unwrap();
    store.close().await;
    let kept = folder.open().await.sheets().await.unwrap();
    let texts: Vec<_> = kept.iter().map(|sheet| sheet.manifest.manifest.as_str()).collect();
    assert_eq!(texts, ["3 again", "2"]);
    assert_eq!(kept[0].sections["00ff"], b"3 again");
}

#[tokio::test]
async fn the_time_is_kept() {
    let folder = Folder::new();
    let store = folder.open().await;
    let noon = DateTime::UNIX_EPOCH + TimeDelta::hours(12);
    assert_eq!(store.clock_floor().await.unwrap(), DateTime::UNIX_EPOCH);
    store.keep_clock_floor(noon).await.unwrap();
    store.close().await;
    assert_eq!(folder.open().await.clock_floor().await.unwrap(), noon);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_set_aside() {
    let folder = Folder::new();
    std::fs::write(folder.0.join("site.db"), vec![0x55; 8192]).unwrap();
    let store = folder.open().await;
    assert_eq!(store.progress().await.unwrap(), Progress::default());
    assert!(folder.0.join("site.db.damaged").exists());
}

#[tokio::test]
async fn an_order_is_taken_once_also_over_a_restart() {
    let folder = Folder::new();
    let store = folder.open().await;
    let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
    let [one, two, three] = [1, 2, 3].map(|n| OrderId(uuid::Uuid::from_u128(n)));
    assert!(store.take_order(one, at(10)).await.unwrap());
    assert!(!store.take_order(one, at(10)).await.unwrap());
    assert!(!store.take_order(one, at(99)).await.unwrap(), "the id counts, whatever else it says");
    assert!(store.take_order(two, at(20)).await.unwrap());
    store.answer_order(two, OrderAnswer::Done).await.unwrap();
    store.close().await;

    let store = folder.open().await;
    assert!(!store.take_order(one, at(10)).await.unwrap(), "whether it was acted on nobody knows");
    assert_eq!(store.untold_answers().await.unwrap(), [(two, OrderAnswer::Done)]);
    store.answer_order(two, OrderAnswer::TooLate).await.unwrap();
    store.answer_order(three, OrderAnswer::Done).await.unwrap();
    let first = [(two, OrderAnswer::Done)];
    assert_eq!(store.untold_answers().await.unwrap(), first, "the first answer stands");
    store.answer_told(two).await.unwrap();
    assert_eq!(store.untold_answers().await.unwrap(), []);

    store.forget_orders(at(20)).await.unwrap();
    assert!(store.take_order(one, at(10)).await.unwrap(), "forgotten");
    assert!(!store.take_order(two, at(20)).await.unwrap());
}

#[tokio::test]
async fn wrong_pins_are_counted_over_a_restart() {
    let folder = Folder::new();
    let count = |whose: &str, wrong| (whose.to_owned(), wrong);
    let store = folder.open().await;
    assert_eq!(store.pin_tries().await.unwrap(), []);
    store.keep_pin_tries(&[count("a", 1), count("b", 3)]).await.unwrap();
    store.keep_pin_tries(&[count("a", 2), count("c", 0)]).await.unwrap();
    store.close().await;
    let store = folder.open().await;
    assert_eq!(store.pin_tries().await.unwrap(), [count("a", 2), count("b", 3)]);
    store.keep_pin_tries(&[count("a", 0)]).await.unwrap();
    assert_eq!(store.pin_tries().await.unwrap(), [count("b", 3)]);
}
