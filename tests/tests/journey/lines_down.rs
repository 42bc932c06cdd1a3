//! The hub is away: the site goes on, and tells everything later.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use fantoccini::Locator;
use model::booking::BookingStatus;
use model::care::day::CareEvent;
use model::centre::Centre;
use model::id::{BookingId, PersonId};
use model::interval::Interval;
use model::site_event::{Happening, Proof};
use serde_json::Value;
use tests::browser::{Browser, DESKTOP};
use tests::http::{Person, email};
use tests::region::Database;
use tests::report::says;
use tests::site::{Bus, Site};
use tests::truth::Truth;
use tests::waiting::until;
use uuid::Uuid;

use crate::bookings::{book_now, newer_sheet, order_now};
use crate::nursery::{
    bring, collect, come_to_work, next_in_care, open_staff_screen, press, shows_children, sign_in,
    staff_the_nursery,
};

#[tokio::test]
async fn fault_01_taps_work_without_the_hub_and_are_told_once_and_in_order() {
    let mut site = Site::start(Database::Sqlite, Bus::Embedded, None).await;
    let centre = site.centre().await.id;
    newer_sheet(&site, None).await;
    book_now(&site, "tanaka").await;

    site.region.stop_hub();
    for name in ["sato", "tanaka"] {
        site.tap(name);
        let page = site.kiosk_shows("どうぞお入りください").await;
        assert!(page.contains("A-0"), "{page}");
        site.dismiss().await;
    }
    // A power cut at the site while the hub is away: what has happened stays.
    site.kill_edge();
    site.start_edge().await;
    site.kiosk_shows("screen--idle").await;
    let visit = site.tap_to_leave("sato").await;
    site.leave(&visit).await;
    site.kiosk_shows("お疲れさまでした").await;

    site.region.start_hub().await;
    until("the check-out to reach the hub", async || {
        let events = site.events(centre).await;
        events
            .iter()
            .any(|(_, event)| matches!(event.what, Happening::CheckedOut { .. }))
            .then_some(())
    })
    .await;
    let events = site.events(centre).await;
    let places: Vec<u64> = events.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>(), "without a gap, each once");
    assert!(events.is_sorted_by_key(|(_, event)| event.at), "in order: {events:?}");
    let count = |wanted: fn(&Happening) -> bool| {
        events.iter().filter(|(_, event)| wanted(&event.what)).count()
    };
    assert_eq!(count(|it| matches!(it, Happening::CheckedIn { .. })), 2);
    assert_eq!(count(|it| matches!(it, Happening::CheckedOut { .. })), 1);
    assert_eq!(count(|it| matches!(it, Happening::Started)), 2);
}

/// Guests come and go for `KYOTEN_AWAY_SECONDS` without the hub, one of them without a booking and one on a voucher, and a
/// child is brought and collected; `make soak` says 300.
#[tokio::test]
async fn who_comes_and_goes_while_the_hub_is_away_is_told_once_and_in_order() {
    let away = std::env::var("KYOTEN_AWAY_SECONDS").map_or(20, |text| text.parse().unwrap());
    let mut site = Site::start(Database::Sqlite, Bus::Embedded, None).await;
    let screen = site.start_staff_screen().await;
    let (staff, kiosk) = tokio::join!(open_staff_screen(&screen), Browser::open(DESKTOP));
    kiosk.page.goto(&site.kiosk_url).await.unwrap();
    let centre = site.centre().await;
    furnish(&site, &centre, &staff).await;
    let voucher = the_line_goes_down(&mut site).await;

    let begun = Instant::now();
    let guests = [Shows::Card("sato"), Shows::Card("suzuki"), Shows::Code(&voucher.text)];
    tokio::join!(come_in(&site, &guests), sign_in(&site, &staff));
    drop_off(&site, &kiosk, &staff).await;
    let mut rounds = 0;
    while rounds == 0 || begun.elapsed() < Duration::from_secs(away) {
        step_out(&site, &guests).await;
        if rounds == 0 {
            // A power cut in the middle of it: who is out comes back all the same, and who is in care is collected.
            site.kill_edge();
            site.start_edge().await;
            site.kiosk_shows("screen--idle").await;
            tokio::join!(come_back(&site, &guests), hand_over(&site, &staff, &screen));
        } else {
            come_back(&site, &guests).await;
        }
        rounds += 1;
    }
    let away = begun.elapsed();
    site.region.start_hub().await;
    let wanted = guests.len() * rounds;
    all_is_told_once(&site, &centre, wanted).await;
    they_have_bookings_and_visits(&site, &centre, voucher.booking).await;
    the_operators_read_of_it(&site, &centre, away, wanted).await;
    println!(
        "{away:.0?} without the hub: {} events, {} of them coming and going",
        site.events(centre.id).await.len(),
        2 * wanted
    );
    kiosk.close().await;
    staff.close().await;
}

/// What somebody shows the kiosk.
enum Shows<'a> {
    Card(&'a str),
    Code(&'a str),
}

impl Shows<'_> {
    async fn to(&self, site: &Site) {
        match self {
            Self::Card(card) => site.tap(card),
            Self::Code(text) => site.scan(text).await,
        }
    }
}

/// A voucher, and the booking that it is of.
struct Voucher {
    booking: BookingId,
    text: String,
}

/// A desk for walk-ins, the nursery's staff, and a booking with care: all of it on the site's sheet. Sato has a booking for
/// now and Suzuki one for later: they are of the demo.
async fn furnish(site: &Site, centre: &Centre, staff: &Browser) {
    newer_sheet(site, None).await;
    staff_the_nursery(site, centre);
    let store = &site.region.store;
    keep_a_desk(site, centre).await;
    let children = store.children_of(known(site, "takahashi").await).await.unwrap();
    let parent = Person::sign_in(&site.region.url, "takahashi").await;
    order_now(site, &parent, &[children[0].id]).await;
    sign_in(site, staff).await;
    until("the site to expect the child", async || {
        staff.page.find(Locator::Css(".children--expected a.child")).await.ok().map(drop)
    })
    .await;
    come_to_work(staff).await;
}

/// Keeps a desk for walk-ins, as if that had been a while ago: a lease begins with the next quarter of an hour.
async fn keep_a_desk(site: &Site, centre: &Centre) {
    let (mut centre, ago) = (centre.clone(), Utc::now() - TimeDelta::minutes(15));
    let store = &site.region.store;
    while store.keep_lease(&centre, ago, Uuid::new_v4()).await.unwrap().taken == 0 {
        // The hub itself, which does it each minute, was first: from the next quarter of an hour on. So one more.
        centre.settings.walk_in_desks += 1;
        assert!(centre.settings.walk_in_desks < 6, "no desk can be kept");
        let operator = Person::sign_in(&site.region.url, "kobayashi").await;
        let path = format!("/api/v1/centres/{}/settings", centre.slug);
        let mut rules: Value = operator.get(&path).await.json().await.unwrap();
        rules["walk_in_desks"] = centre.settings.walk_in_desks.into();
        let (status, told) = operator.put(&path, &rules).await;
        assert!(status.is_success(), "{told}");
    }
}

/// The demo's person of this name.
async fn known(site: &Site, name: &str) -> PersonId {
    site.region.store.people_like(&email(name), 1).await.unwrap()[0].id
}

/// The site loses its power, somebody books what it cannot hear of, and the hub is gone before the site is back.
async fn the_line_goes_down(site: &mut Site) -> Voucher {
    site.kill_edge();
    let guest = Person::sign_in(&site.region.url, "clarke").await;
    let booking = order_now(site, &guest, &[]).await;
    let path = format!("/api/v1/bookings/{booking}/voucher");
    let voucher: Value = guest.get(&path).await.json().await.unwrap();
    let text = voucher["text"].as_str().unwrap().to_owned();
    site.region.stop_hub();
    site.start_edge().await;
    site.kiosk_shows("screen--idle").await;
    Voucher { booking, text }
}

/// Whoever has no booking for now is offered a desk, and takes it.
async fn come_in(site: &Site, guests: &[Shows<'_>]) {
    for guest in guests {
        guest.to(site).await;
        if let Shows::Card("suzuki") = guest {
            site.kiosk_shows("空いている席があります").await;
            let visit = site.asked_about().await;
            site.take_offered(&visit).await;
        }
        site.kiosk_shows("screen--welcome").await;
        site.dismiss().await;
    }
}

async fn step_out(site: &Site, guests: &[Shows<'_>]) {
    site.same_tap_over().await;
    for guest in guests {
        guest.to(site).await;
        let visit = site.asked_about().await;
        site.answer_leaving(&visit, "soon").await;
        site.kiosk_shows("screen--goodbye").await;
        site.dismiss().await;
    }
}

async fn come_back(site: &Site, guests: &[Shows<'_>]) {
    site.same_tap_over().await;
    for guest in guests {
        guest.to(site).await;
        site.kiosk_shows("screen--welcome").await;
        site.dismiss().await;
    }
}

/// At the kiosk, and then at the nursery's screen.
async fn drop_off(site: &Site, kiosk: &Browser, staff: &Browser) {
    site.tap("takahashi");
    kiosk.shows("どうぞお入りください").await;
    bring(kiosk, 1).await;
    site.dismiss().await;
    shows_children(staff, 1).await;
    press(staff, "[id^=receive-]").await;
    until("the child to be taken over", async || {
        staff.page.find(Locator::Css(".children--in a.child")).await.ok().map(drop)
    })
    .await;
}

/// Nobody is signed in at the nursery's screen any more.
async fn hand_over(site: &Site, staff: &Browser, screen: &str) {
    sign_in(site, staff).await;
    shows_children(staff, 1).await;
    let child = next_in_care(staff, screen).await.unwrap();
    collect(site, staff, screen, &child).await;
    shows_children(staff, 0).await;
}

/// Each event once and in order, and as much of each as was done.
async fn all_is_told_once(site: &Site, centre: &Centre, wanted: usize) {
    let came_back = |what: &Happening| matches!(what, Happening::CameBack { .. });
    until("the last of them to reach the hub", async || {
        let events = site.events(centre.id).await;
        let back = events.iter().filter(|(_, event)| came_back(&event.what)).count();
        (back >= wanted).then_some(())
    })
    .await;
    let events = site.events(centre.id).await;
    let places: Vec<u64> = events.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>(), "without a gap, each once");
    assert!(events.is_sorted_by_key(|(_, event)| event.at), "in order");
    let told: Vec<&Happening> = events.iter().map(|(_, event)| &event.what).collect();
    let twins = told.windows(2).filter(|pair| pair[0] == pair[1]);
    assert_eq!(twins.count(), 0, "nothing is told twice");
    let count =
        |wanted: fn(&Happening) -> bool| told.iter().filter(|happening| wanted(happening)).count();
    assert_eq!(count(|it| matches!(it, Happening::Started)), 3, "and two power cuts");
    assert_eq!(count(|it| matches!(it, Happening::CheckedIn { .. })), 4);
    assert_eq!(count(|it| matches!(it, Happening::CheckedOut { .. })), 0);
    assert_eq!(count(|it| matches!(it, Happening::SteppedOut { .. })), wanted);
    assert_eq!(count(|it| matches!(it, Happening::CameBack { .. })), wanted);
    assert_eq!(count(|it| matches!(it, Happening::Care(CareEvent::DroppedOff { .. }))), 1);
    assert_eq!(count(|it| matches!(it, Happening::Care(CareEvent::Received { .. }))), 1);
    assert_eq!(count(|it| matches!(it, Happening::Care(CareEvent::HandedOver { .. }))), 1);
}

/// Nobody is lost, no desk is anybody's twice, and the walk-in and the guest on a voucher are guests like any other.
async fn they_have_bookings_and_visits(site: &Site, centre: &Centre, vouched: BookingId) {
    let store = &site.region.store;
    let events = site.events(centre.id).await;
    let walked_in: Vec<_> = events
        .iter()
        .filter_map(|(_, event)| match event.what {
            Happening::WalkedIn { person, booking, space, .. } => Some((person, booking, space)),
            _ => None,
        })
        .collect();
    let [(walker, booking, space)] = walked_in[..] else { panic!("{walked_in:?}") };
    assert_eq!(walker, known(site, "suzuki").await);
    let made = store.booking(booking).await.unwrap().unwrap();
    assert_eq!((made.person, made.status), (walker, BookingStatus::Confirmed));
    assert!(matches!(&made.desks[..], [claim] if claim.space == space), "{made:?}");
    let by_voucher: Vec<_> = events
        .iter()
        .filter_map(|(_, event)| match event.what {
            Happening::CheckedIn { person, booking, by: Proof::Voucher { vouched }, .. } => {
                Some((person, booking, vouched.is_some()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(by_voucher, [(known(site, "clarke").await, vouched, true)]);

    let now = Utc::now();
    let lately = Interval::new(now - TimeDelta::hours(1), now).unwrap();
    let stays = store.stays(centre.municipality, &lately, now).await.unwrap();
    let here = stays.iter().filter(|stay| stay.centre == centre.id);
    let mut here: Vec<PersonId> = here.map(|stay| stay.person).collect();
    here.sort();
    let mut all = Vec::new();
    for name in ["sato", "suzuki", "clarke", "takahashi"] {
        all.push(known(site, name).await);
    }
    all.sort();
    assert_eq!(here, all, "each has one visit");
    let truth = Truth::open(&site.region.database_url).await;
    assert_eq!((truth.overlaps().await, truth.sat_together().await), (0, 0));
    let open = "SELECT COUNT(*) FROM visits WHERE checked_out_at IS NULL";
    assert_eq!(truth.count(open).await, 4, "they are still there");
}

/// A report, where the site was on its own for longer than a moment.
async fn the_operators_read_of_it(site: &Site, centre: &Centre, away: Duration, wanted: usize) {
    let store = &site.region.store;
    let absences = store.absences(centre.id).await.unwrap();
    assert_eq!(absences.len(), usize::from(away > store::SILENT.to_std().unwrap()));
    let operator = Person::sign_in(&site.region.url, "kobayashi").await;
    let path = format!("/operations/{}/reports", centre.slug);
    let list = operator.text(&path).await;
    let [absence] = &absences[..] else {
        return assert!(list.contains("まだありません"), "{list}");
    };
    let alone = store.done_alone(centre.id, absence, 20_000).await.unwrap();
    let out = alone.iter().filter(|(_, it)| matches!(it.what, Happening::SteppedOut { .. }));
    assert_eq!(out.count(), wanted);
    assert!(list.contains("number=1") && !list.contains("number=2"), "{list}");
    let page = operator.text(&format!("{path}?number=1")).await;
    for (what, times) in [
        ("入館", 4),
        ("予約なしの利用", 1),
        ("QRコードで確かめた予約", 1),
        ("登園したお子さま", 1),
        ("お迎えが済んだお子さま", 1),
    ] {
        assert!(says(&page, what, times), "{what} {times}: {page}");
    }
    let walker = known(site, "suzuki").await;
    let name = store.person(walker).await.unwrap().unwrap().name;
    assert!(page.contains(&format!(">{name}</td>")), "{page}");
}
