//! A booking as people make it: in a browser, large and small.

use chrono::{DateTime, Utc};
use serde_json::json;
use tests::browser::{Browser, DESKTOP, PHONE, WindowSize};
use tests::http::{PASSWORD, Person, email};
use tests::region::{Database, Region};
use tests::site::{Bus, Site};

use crate::bookings::{for_now, newer_sheet};

#[tokio::test]
async fn a_desk_is_booked_on_a_desk_and_on_a_phone() {
    let site = Site::start(Database::Sqlite, Bus::Embedded, None).await;
    newer_sheet(&site, None).await;
    book(&site, "tanaka", DESKTOP, "desktop").await;
    book(&site, "kimura", PHONE, "phone").await;
    look_at_the_lobby(&site).await;
}

/// Searches as a stranger, signs in when asked to, books, and is let in.
async fn book(site: &Site, name: &str, size: WindowSize, shot: &str) {
    let centre = site.centre().await;
    let before = site.region.store.site_status(centre.id).await.unwrap().sheet_in_force;
    let browser = Browser::open(size).await;
    let page = &browser.page;
    let look = async |what: &str| {
        assert!(!browser.overflows().await, "{what} is wider than the {shot}");
        browser.screenshot(&format!("{shot}-{what}")).await;
    };

    page.goto(&format!("{}/?lang=ja", site.region.url)).await.unwrap();
    look("1-front").await;
    page.goto(&format!("{}/sign-in", site.region.url)).await.unwrap();
    browser.fill("main input[name=email]", &email(name)).await;
    browser.fill("main input[name=password]", PASSWORD).await;
    look("2-sign-in").await;
    browser.click("main form button").await;
    browser.comes_to("/").await;

    let slot = for_now(&centre).await;
    let local = |time: DateTime<Utc>| time.with_timezone(&centre.time_zone);
    let (starts, ends) = (local(slot.starts()), local(slot.ends()));
    let query = format!(
        "date={}&from={}&to={}&desks=1&near=yokohama",
        starts.format("%Y-%m-%d"),
        starts.format("%H:%M"),
        ends.format("%H:%M"),
    );
    page.goto(&format!("{}/search?{query}", site.region.url)).await.unwrap();
    browser.shows(&centre.name.ja).await;
    look("3-search").await;
    browser.click("article[aria-labelledby=c-yokohama] form[action='/bookings'] button").await;
    browser.shows("予約番号").await;
    look("4-booked").await;
    assert!(page.current_url().await.unwrap().path().starts_with("/bookings/"));

    newer_sheet(site, before).await;
    site.tap(name);
    let lobby = site.kiosk_shows("どうぞお入りください").await;
    assert!(lobby.contains("A-0"), "{lobby}");
    site.dismiss().await;
    browser.close().await;
}

/// The lobby's screen follows by itself.
async fn look_at_the_lobby(site: &Site) {
    let browser = Browser::open(DESKTOP).await;
    browser.page.goto(&site.kiosk_url).await.unwrap();
    browser.shows("カードをタッチしてください").await;
    browser.screenshot("lobby-1-idle").await;
    site.tap("sato");
    browser.shows("どうぞお入りください").await;
    browser.shows("A-0").await;
    browser.screenshot("lobby-2-welcome").await;
    browser.close().await;
}

#[tokio::test]
async fn an_open_page_goes_on_whatever_is_pressed_on_it_and_takes_no_focus_away() {
    let region = Region::start(Database::Sqlite).await;
    let operator = Person::sign_in(&region.url, "kobayashi").await;
    let browser = Browser::open(DESKTOP).await;
    let page = &browser.page;
    page.goto(&format!("{}/sign-in?lang=ja", region.url)).await.unwrap();
    browser.fill("main input[name=email]", &email("kobayashi")).await;
    browser.fill("main input[name=password]", PASSWORD).await;
    browser.click("form[action='/sign-in'] button").await;
    browser.comes_to("/sign-in/second").await;
    browser.fill("#code", &hub::seed::code(Utc::now()).unwrap()).await;
    browser.click("form[action='/sign-in/second'] button").await;
    browser.comes_to("/").await;
    page.goto(&format!("{}/operations/yokohama", region.url)).await.unwrap();
    // Another button than the first one, a second finger, and a finger that is never seen to be lifted.
    for (button, primary, order, shown) in [
        (2, true, "lockdown", "全館の閉鎖"),
        (0, false, "evacuate", "避難（全扉の開放）"),
        (0, true, "unlock", "を1回開ける"),
    ] {
        let press = format!(
            "document.getElementById('evacuate').focus();
             document.body.dispatchEvent(new PointerEvent('pointerdown',
                 {{ bubbles: true, button: {button}, isPrimary: {primary} }}));"
        );
        page.execute(&press, Vec::new()).await.unwrap();
        let what = match order {
            "unlock" => json!({ "order": order, "door": "yokohama-entrance" }),
            _ => json!({ "order": order, "on": true }),
        };
        let (status, told) = operator.post("/api/v1/centres/yokohama/orders", &what).await;
        assert!(status.is_success(), "{told}");
        browser.shows(shown).await;
        let focused = page.execute("return document.activeElement.id", Vec::new()).await.unwrap();
        assert_eq!(focused, "evacuate", "after {order}");
    }
    browser.close().await;
}
