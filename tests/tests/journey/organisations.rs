//! Employers' own sign-in through a real provider, and leavers told of by a directory.

use std::time::{Duration, Instant};

use model::id::EmployerId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use store::Store;
use tests::browser::{Browser, PHONE};
use tests::http::{Person, client, email};
use tests::oidc::Provider;
use tests::region::{Database, Region};
use tests::site::{Bus, Site};
use tests::waiting::{until, within};

use crate::bookings::newer_sheet;

/// What a leaver has had must be gone after so long.
const GONE: Duration = Duration::from_secs(5);

async fn bank(store: &dyn Store) -> EmployerId {
    let sato = store.sign_in_record(&email("sato")).await.unwrap().unwrap().person;
    let sato = store.person(sato).await.unwrap().unwrap();
    sato.employers_at(chrono::Utc::now()).next().unwrap()
}

#[tokio::test]
async fn people_sign_in_with_their_employers_accounts() {
    let region = Region::start(Database::Sqlite).await;
    // Browsers and provider know the hub by one name.
    let hub = region.url.replace("127.0.0.1", "localhost");
    let provider = Provider::start(&hub).await;
    let store = region.store.as_ref();
    let bank = bank(store).await;
    store.set_domains(bank, &["bank.example".to_owned()]).await.unwrap();
    let admin = Person::sign_in(&region.url, "sasaki").await;
    let settings = [
        ("issuer", provider.issuer.as_str()),
        ("client_id", Provider::CLIENT),
        ("secret", Provider::SECRET),
        ("email_claim", "email"),
        ("claim-0", "groups"),
        ("value-0", "desk"),
        ("role-0", "worker"),
        ("claim-1", "groups"),
        ("value-1", "admins"),
        ("role-1", "employer_admin"),
    ];
    let kept = admin.submit(&format!("/employers/{bank}/sign-in"), &settings).await;
    assert_eq!(kept.status(), StatusCode::SEE_OTHER, "{}", kept.text().await.unwrap());

    sign_in(&hub, "hana", "bank.example").await.expect_in("山本 花").await;
    let hana = store.sign_in_record("hana@bank.example").await.unwrap().unwrap();
    assert!(hana.password.is_none());
    let first = store.person(hana.person).await.unwrap().unwrap();
    assert_eq!(first.employers_at(chrono::Utc::now()).collect::<Vec<_>>(), [bank]);
    assert_eq!(first.grants.len(), 1);
    // The second time finds the same account.
    sign_in(&hub, "hana", "bank.example").await.expect_in("山本 花").await;
    let found = store.people_like("hana@bank.example", 10).await.unwrap();
    assert_eq!(found, [first]);
    // Roles come with the claims; somebody of another domain is none of the bank's.
    sign_in(&hub, "boss", "bank.example").await.expect_in("部長 太郎").await;
    let boss = store.people_like("boss@bank.example", 10).await.unwrap();
    assert_eq!(boss[0].grants.len(), 2);
    let refused = sign_in(&hub, "stranger", "bank.example").await;
    refused.browser.shows("登録されていません").await;
    refused.browser.close().await;
    assert!(store.sign_in_record("stranger@elsewhere.example").await.unwrap().is_none());
}

/// Somebody who has come back from their provider.
struct Back {
    browser: Browser,
}

impl Back {
    async fn expect_in(self, name: &str) {
        self.browser.comes_to("/").await;
        self.browser.shows(name).await;
        assert!(!self.browser.overflows().await);
        self.browser.close().await;
    }
}

/// Goes to the provider and signs in there.
async fn sign_in(hub: &str, name: &str, domain: &str) -> Back {
    let browser = Browser::open(PHONE).await;
    browser.page.goto(&format!("{hub}/sign-in?lang=ja")).await.unwrap();
    browser.click("a[href='/sign-in/organisation']").await;
    browser.fill("main input[name=email]", &format!("{name}@{domain}")).await;
    browser.screenshot("organisation-1-address").await;
    browser.click("main form button").await;
    browser.fill("input[name=login]", name).await;
    browser.fill("input[name=password]", "anything").await;
    browser.click("button[type=submit]").await;
    browser.shows("Continue").await;
    browser.click("button[type=submit]").await;
    Back { browser }
}

#[tokio::test]
async fn a_leaver_loses_pages_and_doors_within_five_seconds() {
    let site = Site::start(Database::Sqlite, Bus::Embedded, None).await;
    newer_sheet(&site, None).await;
    let region = &site.region;
    let bank = bank(region.store.as_ref()).await;
    let sato = Person::sign_in(&region.url, "sato").await;
    assert!(sato.get("/api/v1/bookings").await.status().is_success());
    site.tap("sato");
    site.kiosk_shows("どうぞお入りください").await;
    site.dismiss().await;

    let admin = Person::sign_in(&region.url, "sasaki").await;
    let form = [("name", "SCIM"), ("days", "1")];
    let page = admin.submit(&format!("/employers/{bank}/tokens"), &form).await;
    let page = page.text().await.unwrap();
    let (_, token) = page.split_once("<code id=\"token\">").unwrap();
    let token = token.split('<').next().unwrap();
    let http = client();
    let ask = async |method: Method, path: &str, body: Value| {
        let request = http.request(method, format!("{}/scim/v2{path}", region.url));
        let answer = request.bearer_auth(token).json(&body).send().await.unwrap();
        let status = answer.status();
        (status, answer.json::<Value>().await.unwrap_or_default())
    };
    let filter = format!("/Users?filter=userName%20eq%20%22{}%22", email("sato"));
    let (_, found) = ask(Method::GET, &filter, Value::Null).await;
    let id = found["Resources"][0]["id"].as_str().unwrap_or_else(|| panic!("{found}"));
    let before = region.store.site_status(site.centre().await.id).await.unwrap().sheet_in_force;

    let leave = json!({ "Operations": [{ "op": "replace", "path": "active", "value": false }] });
    let left = Instant::now();
    let (status, user) = ask(Method::PATCH, &format!("/Users/{id}"), leave).await;
    assert_eq!((status, user["active"].as_bool()), (StatusCode::OK, Some(false)), "{user}");
    let answer = sato.get("/api/v1/bookings").await.status();
    let page = left.elapsed();
    assert_eq!(answer, StatusCode::UNAUTHORIZED);
    newer_sheet(&site, before).await;
    let door = left.elapsed();
    site.tap("sato");
    let refused = until("the kiosk to turn the leaver away", async || {
        Some(site.kiosk_page().await).filter(|page| page.contains("screen--refused"))
    })
    .await;
    assert!(!refused.contains("どうぞお入りください"));
    println!("a leaver's session ended after {page:?}, the door knew after {door:?}");
    assert!(page < GONE && door < GONE, "{page:?} {door:?}");
}

#[tokio::test]
async fn a_role_that_is_taken_ends_a_live_page_within_five_seconds() {
    let region = Region::start(Database::Sqlite).await;
    let operator = Person::sign_in(&region.url, "kobayashi").await;
    let mut stream = operator.get("/operations/yokohama/live").await;
    assert!(stream.status().is_success(), "{}", stream.status());
    stream.chunk().await.unwrap().unwrap();
    let id = region.store.sign_in_record(&email("kobayashi")).await.unwrap().unwrap().person;
    let admin = Person::sign_in(&region.url, "fujita").await;
    let taken = Instant::now();
    let (status, told) =
        admin.put(&format!("/api/v1/people/{id}/roles"), &json!({ "roles": [] })).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    within("the live page to end", async { while let Ok(Some(_)) = stream.chunk().await {} }).await;
    let ended = taken.elapsed();
    println!("a live page ended {ended:?} after its right was taken");
    assert!(ended < GONE, "{ended:?}");
    assert_eq!(operator.get("/operations/yokohama").await.status(), StatusCode::SEE_OTHER);
}
