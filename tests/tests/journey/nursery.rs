//! A parent books desk and care for two children, brings them, and collects them: nobody else gets them, and the staff
//! see at every moment how many are there. The same with the hub stopped from the drop-off to the pick-up.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use chrono::{DateTime, Days, Utc};
use fantoccini::Locator;
use model::booking::Booking;
use model::care::day::{CareAlarm, CareEvent, CaregiverState, Claimed, NotHandedOver};
use model::care::file::NotCollecting;
use model::centre::Centre;
use model::interval::Interval;
use model::site_event::Happening;
use store::SealedChild;
use tests::browser::{Browser, DESKTOP, PHONE};
use tests::http::{PASSWORD, email};
use tests::region::Database;
use tests::site::{Bus, STAFF, Site};
use tests::waiting::until;

use crate::bookings::{for_now, newer_sheet};

const ROOMS: &str = r#"
rule_sets = ["jp-art33-2024"]
admits = "live"

[[room]]
name = { ja = "ひよこ組", en = "Chicks" }
hundredths_m2 = 6000
from_years = 0
"#;

const TERMS: &str = "handover = { before = 10, after = 10 }\n";

#[tokio::test]
async fn two_children_are_brought_and_collected() {
    a_day(Database::Sqlite, Bus::Embedded, false).await;
}

#[tokio::test]
async fn two_children_are_brought_and_collected_without_the_hub() {
    a_day(Database::Postgres, Bus::Mosquitto, true).await;
}

async fn a_day(database: Database, bus: Bus, hub_away: bool) {
    let mut site = Site::start(database, bus, None).await;
    let screen = site.start_staff_screen().await;
    let centre = site.centre().await;
    staff_the_nursery(&site, &centre);
    let booking = book_two_days(&site, &centre).await;
    let before = site.events(centre.id).await.len();

    let staff = open_staff_screen(&screen).await;
    sign_in(&site, &staff).await;
    come_to_work(&staff).await;
    if hub_away {
        site.region.stop_hub();
    }
    let kiosk = Browser::open(DESKTOP).await;
    kiosk.page.goto(&site.kiosk_url).await.unwrap();
    site.tap("takahashi");
    kiosk.shows("どうぞお入りください").await;
    kiosk.screenshot("nursery-1-welcome").await;
    for nth in 1..=2 {
        bring(&kiosk, nth).await;
        let told = Instant::now();
        shows_children(&staff, nth).await;
        let late = told.elapsed();
        assert!(late < Duration::from_secs(1), "the staff saw child {nth} only after {late:?}");
    }
    staff.screenshot("nursery-3-board").await;

    somebody_leaves_the_children(&staff).await;
    until("both to be taken over", async || {
        // A page that is only coming shows nobody to be taken over either.
        let taken_over = staff.page.find_all(Locator::Css(".children--in a.child")).await.ok()?;
        if taken_over.len() == 2 {
            return Some(());
        }
        staff.page.find(Locator::Css("[id^=receive-]")).await.ok()?.click().await.ok();
        None
    })
    .await;
    let mut left = 2;
    while let Some(child) = next_in_care(&staff, &screen).await {
        if left == 2 {
            a_stranger_is_refused(&site, &staff, &screen, &child).await;
        }
        collect(&site, &staff, &screen, &child).await;
        left -= 1;
        shows_children(&staff, left).await;
    }
    assert_eq!(left, 0);
    let visit = site.tap_to_leave("takahashi").await;
    site.leave(&visit).await;
    site.kiosk_shows("お疲れさまでした").await;
    if hub_away {
        site.region.start_hub().await;
    }
    it_reached_the_hub(&site, &centre, &booking, before).await;
    kiosk.close().await;
    staff.close().await;
}

/// Two teachers at all hours around now, and hand-overs of ten minutes.
pub fn staff_the_nursery(site: &Site, centre: &Centre) {
    let today = Utc::now().with_timezone(&centre.time_zone).date_naive();
    let mut shifts = "日付,氏名,資格,開始,終了,休憩\n".to_owned();
    for day in 0..4 {
        let day = today - Days::new(1) + Days::new(day);
        for caregiver in ["山本 桜", "石井 葵"] {
            writeln!(shifts, "{day},{caregiver},nursery-teacher,0:00,24:00,").unwrap();
        }
    }
    for (what, text) in [("staffing", ROOMS), ("shifts", &shifts), ("terms", TERMS)] {
        let file = site.region.folder().join(what);
        std::fs::write(&file, text).unwrap();
        let file = file.display().to_string();
        let told = site.region.hub(&["nursery", "--centre", "yokohama", what, &file]);
        assert!(!told.is_empty());
    }
}

/// In one act: a desk and both children, today and the day after tomorrow. For tomorrow the demo's family has booked.
async fn book_two_days(site: &Site, centre: &Centre) -> Booking {
    let before = site.region.store.site_status(centre.id).await.unwrap().sheet_in_force;
    let browser = Browser::open(PHONE).await;
    let page = &browser.page;
    page.goto(&format!("{}/sign-in", site.region.url)).await.unwrap();
    browser.fill("main input[name=email]", &email("takahashi")).await;
    browser.fill("main input[name=password]", PASSWORD).await;
    browser.click("main form button").await;
    browser.comes_to("/").await;
    let parent = site.region.store.people_like(&email("takahashi"), 1).await.unwrap()[0].id;
    let children = site.region.store.children_of(parent).await.unwrap();
    assert_eq!(children.len(), 2);
    // Searches know of what another program has changed some seconds later.
    until("a search to know of the shifts", async || {
        let query = two_days(centre, for_now(centre).await, &children);
        page.goto(&format!("{}/search?{query}", site.region.url)).await.unwrap();
        browser.shows(&centre.name.ja).await;
        (!browser.text().await.contains("保育者があと2人必要")).then_some(())
    })
    .await;
    browser.click("article[aria-labelledby=c-yokohama] form[action='/bookings'] button").await;
    browser.shows("予約番号").await;
    browser.screenshot("nursery-0-booked").await;
    let path = page.current_url().await.unwrap().path().to_owned();
    let id = path.strip_prefix("/bookings/").unwrap().parse().unwrap();
    let booking = site.region.store.booking(id).await.unwrap().unwrap();
    assert_eq!((booking.desks.len(), booking.care.len()), (2, 4), "two days, two children");
    newer_sheet(site, before).await;
    browser.close().await;
    booking
}

/// What a search asks for: this stretch, and the same the day after tomorrow, with these children.
fn two_days(centre: &Centre, slot: Interval, children: &[SealedChild]) -> String {
    let local = |time: DateTime<Utc>| time.with_timezone(&centre.time_zone);
    let (starts, ends) = (local(slot.starts()), local(slot.ends()));
    let later = starts.date_naive() + Days::new(2);
    let mut query = format!(
        "date={}&date={later}&from={}&to={}&desks=1&near=yokohama",
        starts.date_naive(),
        starts.format("%H:%M"),
        ends.format("%H:%M"),
    );
    for child in children {
        write!(query, "&child={}", child.id).unwrap();
    }
    query
}

pub async fn open_staff_screen(screen: &str) -> Browser {
    let staff = Browser::open(DESKTOP).await;
    staff.page.goto(screen).await.unwrap();
    staff
}

pub async fn sign_in(site: &Site, staff: &Browser) {
    staff.shows("カードをかざしてください").await;
    // Whoever does not work there gets no further.
    site.tap_at(STAFF, "tanaka");
    staff.fill("#pin", hub::seed::PIN).await;
    staff.click("button[name=key][value=go]:not(.visually-hidden)").await;
    staff.shows("カードをかざしてください").await;
    site.tap_at(STAFF, "hoshino");
    staff.fill("#pin", hub::seed::PIN).await;
    staff.click("button[name=key][value=go]:not(.visually-hidden)").await;
    staff.shows("今日の職員").await;
}

pub async fn come_to_work(staff: &Browser) {
    for present in 1..=2 {
        press(staff, "[id^=here-]").await;
        until("a caregiver to be counted", async || {
            (number(staff, ".count__staff dd").await == Some(present)).then_some(())
        })
        .await;
    }
}

/// At the kiosk, after the welcome.
pub async fn bring(kiosk: &Browser, nth: u32) {
    kiosk.click(&format!("#bring-{nth}")).await;
    kiosk.shows("体温").await;
    kiosk.click("button[name=key][value=go]:not(.visually-hidden)").await;
    kiosk.page.wait().for_element(Locator::Css(".entry__error")).await.unwrap();
    kiosk.fill("#temperature", "36.6").await;
    kiosk.click("label:has(input[name=unwell][value=no])").await;
    kiosk.screenshot("nursery-2-drop-off").await;
    kiosk.click("button[name=key][value=go]:not(.visually-hidden)").await;
    kiosk.shows("保育室へ").await;
}

/// Clicks something on the board, which is drawn anew again and again.
pub async fn press(staff: &Browser, css: &str) {
    until(&format!("{css} to be pressed"), async || {
        staff.page.find(Locator::Css(css)).await.ok()?.click().await.ok()
    })
    .await;
}

/// The number that an element shows.
async fn number(browser: &Browser, css: &str) -> Option<u32> {
    let element = browser.page.find(Locator::Css(css)).await.ok()?;
    element.text().await.ok()?.trim().parse().ok()
}

pub async fn shows_children(staff: &Browser, count: u32) {
    until(&format!("the board to count {count} children"), async || {
        (number(staff, ".count > div:first-child dd").await == Some(count)).then_some(())
    })
    .await;
}

/// One of two goes on a break, and comes back when everybody has seen what is wrong.
async fn somebody_leaves_the_children(staff: &Browser) {
    press(staff, "[id^=break-]").await;
    staff.shows("足りません").await;
    staff.shows("頼める人").await;
    staff.screenshot("nursery-4-short").await;
    // The button of whoever is on a break.
    press(staff, "[id^=here-]").await;
    staff.shows("足りています").await;
}

/// The page of a child in care.
pub async fn next_in_care(staff: &Browser, screen: &str) -> Option<String> {
    staff.page.goto(screen).await.unwrap();
    staff.shows("今日の職員").await;
    let children = staff.page.find_all(Locator::Css(".children--in a.child")).await.unwrap();
    children.first()?.attr("href").await.unwrap()
}

async fn a_stranger_is_refused(site: &Site, staff: &Browser, screen: &str, child: &str) {
    staff.page.goto(&format!("{screen}{child}/hand-over")).await.unwrap();
    staff.shows("お迎えの人のカードをかざしてください").await;
    // Somebody whom the site knows, and the child does not.
    site.tap_at(STAFF, "sato");
    staff.shows("引き渡さないでください").await;
    staff.screenshot("nursery-5-stranger").await;
    staff.page.goto(screen).await.unwrap();
}

pub async fn collect(site: &Site, staff: &Browser, screen: &str, child: &str) {
    staff.page.goto(&format!("{screen}{child}/hand-over")).await.unwrap();
    staff.shows("お迎えの人のカードをかざしてください").await;
    site.tap_at(STAFF, "takahashi");
    staff.shows("高橋 彩").await;
    staff.screenshot("nursery-6-confirm").await;
    staff.click("button[name=key][value=repeat]").await;
    staff.shows("引き渡しました").await;
    staff.page.goto(screen).await.unwrap();
}

/// Everything was told once, in order, and the booking is over for today.
async fn it_reached_the_hub(site: &Site, centre: &Centre, booking: &Booking, before: usize) {
    let store = &site.region.store;
    site.event("the check-out", centre.id, |it| matches!(it, Happening::CheckedOut { .. })).await;
    let events = site.events(centre.id).await;
    assert!(events.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0), "without a gap, each once");
    let care: Vec<(DateTime<Utc>, &CareEvent)> = events[before..]
        .iter()
        .filter_map(|(_, event)| match &event.what {
            Happening::Care(care) => Some((event.at, care)),
            _ => None,
        })
        .collect();
    let count =
        |wanted: fn(&CareEvent) -> bool| care.iter().filter(|(_, event)| wanted(event)).count();
    assert_eq!(count(|it| matches!(it, CareEvent::DroppedOff { staff: None, .. })), 2);
    assert_eq!(count(|it| matches!(it, CareEvent::Received { .. })), 2);
    let by_card = |it: &CareEvent| {
        matches!(it, CareEvent::HandedOver { by: Claimed::Card { .. }, telephoned: false, .. })
    };
    assert_eq!(count(by_card), 2);
    let refused: Vec<_> = care
        .iter()
        .filter_map(|(_, it)| match it {
            CareEvent::HandOverRefused { why, .. } => Some(*why),
            _ => None,
        })
        .collect();
    assert_eq!(refused, [NotHandedOver::NotCollecting(NotCollecting::Stranger)]);
    // The alarm came within a second of the break that it was for.
    let on_break =
        |it: &CareEvent| matches!(it, CareEvent::Caregiver { state: CaregiverState::OnBreak, .. });
    let left = care.iter().find(|(_, it)| on_break(it)).unwrap().0;
    let short =
        |it: &CareEvent| matches!(it, CareEvent::AlarmRaised { alarm: CareAlarm::Short { .. } });
    let raised = care.iter().find(|(at, it)| *at >= left && short(it)).unwrap().0;
    let late = (raised - left).to_std().unwrap();
    assert!(late < Duration::from_secs(1), "the alarm came after {late:?}");

    let now = Utc::now();
    until("the care to have ended with the hand-over", async || {
        let after = store.booking(booking.id).await.unwrap().unwrap();
        let today = after.care.iter().filter(|claim| claim.when.starts() <= now);
        let over = today.clone().all(|claim| {
            let had = booking.care.iter().find(|one| one.id == claim.id).unwrap();
            claim.when.ends() < had.when.ends()
        });
        (today.count() == 2 && over).then_some(())
    })
    .await;
    let after = store.booking(booking.id).await.unwrap().unwrap();
    let tomorrow = after.care.iter().filter(|claim| claim.when.starts() > now).count();
    assert_eq!(tomorrow, 2, "tomorrow's care stands");
}
