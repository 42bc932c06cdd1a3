//! Every way of signing in, in a browser.

use chrono::Utc;
use fantoccini::Locator;
use tests::browser::{Browser, DESKTOP, PHONE, WindowSize};
use tests::http::{PASSWORD, email};
use tests::region::{Database, Region};

#[tokio::test]
async fn people_sign_in_by_each_way() {
    let region = Region::start(Database::Sqlite).await;
    every_way(&region, PHONE, "phone", "tanaka", 0).await;
    every_way(&region, DESKTOP, "desktop", "kimura", 1).await;
}

async fn every_way(region: &Region, size: WindowSize, shot: &str, worker: &str, recovery: usize) {
    // Passkeys are bound to a name; an address is none.
    let hub = region.url.replace("127.0.0.1", "localhost");
    let browser = Browser::open(size).await;
    let page = &browser.page;
    let look = async |what: &str| {
        assert!(!browser.overflows().await, "{what} is wider than the {shot}");
        browser.screenshot(&format!("{shot}-sign-in-{what}")).await;
    };
    let open = async |path: &str| page.goto(&format!("{hub}{path}")).await.unwrap();
    let sign_out = async || {
        open("/account").await;
        browser.click("form[action='/sign-out'] button").await;
        browser.comes_to("/").await;
    };

    // A password alone.
    open("/sign-in?lang=ja").await;
    type_password(&browser, worker).await;
    look("1-password").await;
    browser.click("form[action='/sign-in'] button").await;
    browser.comes_to("/").await;
    open("/account/sign-in").await;
    browser.shows("この端末").await;
    look("2-settings").await;
    sign_out().await;

    // A password and a one-time code. Whoever was here before has used this step's.
    if recovery == 0 {
        open("/sign-in").await;
        type_password(&browser, "kobayashi").await;
        browser.click("form[action='/sign-in'] button").await;
        browser.comes_to("/sign-in/second").await;
        look("3-second").await;
        browser.fill("#code", &hub::seed::code(Utc::now()).unwrap()).await;
        browser.click("form[action='/sign-in/second'] button").await;
        browser.comes_to("/").await;
        open("/operations/yokohama").await;
        browser.shows("横浜テレワークセンター").await;
        sign_out().await;
    }

    // A password and a recovery code.
    open("/sign-in").await;
    type_password(&browser, "kobayashi").await;
    browser.click("form[action='/sign-in'] button").await;
    browser.comes_to("/sign-in/second").await;
    browser.click("details summary").await;
    browser.fill("#recovery", &hub::seed::recovery_codes()[recovery]).await;
    look("4-recovery").await;
    browser.click("details form button").await;
    browser.comes_to("/").await;
    open("/account/sign-in").await;
    browser.shows("パスワードと予備コード").await;
    sign_out().await;

    // A passkey: made with one password, shown without any.
    browser.add_authenticator().await;
    open("/sign-in").await;
    type_password(&browser, worker).await;
    browser.click("form[action='/sign-in'] button").await;
    browser.comes_to("/").await;
    open("/account/sign-in/passkeys").await;
    look("5-new-passkey").await;
    browser.fill("#name", "窓口のスマートフォン").await;
    browser.click("form[data-passkey] button").await;
    browser.shows("予備コードを控えてください").await;
    assert_eq!(page.find_all(Locator::Css(".codes code")).await.unwrap().len(), 10);
    look("6-recovery-codes").await;
    sign_out().await;

    open("/sign-in").await;
    browser.click("form[data-passkey] button").await;
    browser.comes_to("/").await;
    open("/account/sign-in").await;
    browser.shows("窓口のスマートフォン").await;
    look("7-with-passkey").await;

    // It stands in for the code after a password, too.
    sign_out().await;
    open("/sign-in").await;
    type_password(&browser, worker).await;
    browser.click("form[action='/sign-in'] button").await;
    browser.comes_to("/sign-in/second").await;
    browser.click("form[data-passkey] button").await;
    browser.comes_to("/").await;
    browser.close().await;
}

async fn type_password(browser: &Browser, name: &str) {
    browser.fill("#email", &email(name)).await;
    browser.fill("#password", PASSWORD).await;
}
