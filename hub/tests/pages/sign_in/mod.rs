//! Signing in, and what one signs in with.

mod passkeys;
mod soft_key;

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use hub::hub::Hub;
use hub::service::breach_list::BreachList;
use hub::service::codes;
use hub::service::password::{self, Weak};
use model::sign_in::{Means, Stage};
use serde_json::json;

use crate::support::{Answer, Browser, World, email, field};

/// A browser in which the password was right.
async fn after_password(world: &World, key: &str) -> (Browser, Answer) {
    let mut browser = world.browser();
    let csrf = browser.get("/sign-in").await.csrf();
    let email = email(key);
    let form = [("email", email.as_str()), ("password", hub::seed::PASSWORD), ("csrf", &csrf)];
    let answer = browser.post("/sign-in", &form).await;
    (browser, answer)
}

async fn second(browser: &mut Browser, name: &str, code: &str) -> Answer {
    let csrf = browser.get("/sign-in/second").await.csrf();
    browser.post("/sign-in/second", &[(name, code), ("csrf", &csrf)]).await
}

/// Sends a form of a page.
async fn send(browser: &mut Browser, page: &str, to: &str, fields: &[(&str, &str)]) -> Answer {
    let csrf = browser.get(page).await.csrf();
    browser.post(to, &[fields, &[("csrf", csrf.as_str())]].concat()).await
}

/// Sets up an authenticator app; answers its secret and what came back at last.
async fn set_up_codes(world: &World, browser: &mut Browser) -> (String, Answer) {
    let page = browser.get("/account/sign-in/code").await;
    assert_eq!(page.status, StatusCode::OK, "{} {}", page.header("location"), page.body);
    assert!(page.body.contains("<svg xmlns="), "no QR code");
    let secret = page.body.split_once("code__value--long\">").unwrap().1;
    let secret = secret.split_once('<').unwrap().0.replace(' ', "");
    let (csrf, offer) = (page.csrf(), field(&page.body, "offer").unwrap());
    let wrong = [("csrf", csrf.as_str()), ("offer", &offer), ("code", "000000")];
    let again = browser.post("/account/sign-in/code", &wrong).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(field(&again.body, "offer").unwrap(), offer, "the same secret is shown again");
    let code = codes::code_at(&secret, world.hub.now()).unwrap();
    let right = [("csrf", csrf.as_str()), ("offer", &offer), ("code", &code)];
    let done = browser.post("/account/sign-in/code", &right).await;
    (secret, done)
}

/// The recovery codes that a page shows.
fn recovery_codes(page: &Answer) -> Vec<String> {
    let pieces = page.body.split("<code>").skip(1);
    pieces.map(|piece| piece.split_once("</code>").unwrap().0.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_alone_makes_nobody_of_somebody_with_a_second_factor() {
    let world = World::new().await;
    let (mut browser, answer) = after_password(&world, "kobayashi").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(answer.header("location"), "/sign-in/second?next=/");
    let halfway = browser.clone();
    for path in ["/operations/yokohama", "/account", "/account/sign-in"] {
        let answer = browser.get(path).await;
        assert!(answer.header("location").starts_with("/sign-in?next="), "{path}");
    }
    let me = browser.get("/api/v1/me").await;
    assert_eq!(me.json()["type"], "/problems/sign-in-first");

    for (name, wrong) in [
        ("code", "000000"),
        ("code", ""),
        ("code", "12345"),
        ("recovery", "ABCD-EFGH-IJKL-MNOP"),
        ("recovery", "x"),
    ] {
        let answer = second(&mut halfway.clone(), name, wrong).await;
        let waits = answer.status == StatusCode::TOO_MANY_REQUESTS;
        assert!(waits || answer.status == StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    // Five wrong ones, and even the right one waits.
    let code = hub::seed::code(world.hub.now()).unwrap();
    let waits = second(&mut browser, "code", &code).await;
    assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS, "{}", waits.body);
    assert_eq!(waits.header("retry-after"), "60");
    world.clock.advance(TimeDelta::seconds(60));

    let code = hub::seed::code(world.hub.now()).unwrap();
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    assert_eq!(second(&mut browser, "code", &spaced).await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/operations/yokohama").await.status, StatusCode::OK);
    assert_ne!(halfway.cookies["kyoten_session"], browser.cookies["kyoten_session"]);
    let old = halfway.clone().get("/operations/yokohama").await;
    assert_eq!(old.status, StatusCode::SEE_OTHER, "the token from before is worth nothing");
    let kobayashi = world.person("kobayashi").await;
    let session = world.hub.store.sessions_of(kobayashi, world.hub.now()).await.unwrap().remove(0);
    assert_eq!((session.stage, session.means), (Stage::Two, Means::Code));

    // The same code again, elsewhere; then the next one.
    let (mut other, _) = after_password(&world, "kobayashi").await;
    let replayed = second(&mut other, "code", &code).await;
    assert_eq!(replayed.status, StatusCode::UNPROCESSABLE_ENTITY);
    world.clock.advance(TimeDelta::seconds(30));
    let next = hub::seed::code(world.hub.now()).unwrap();
    assert_eq!(second(&mut other, "code", &next).await.status, StatusCode::SEE_OTHER);

    // Whoever dawdles begins anew.
    let (mut slow, _) = after_password(&world, "kobayashi").await;
    world.clock.advance(TimeDelta::minutes(10));
    let answer = slow.get("/sign-in/second").await;
    assert_eq!(answer.header("location"), "/sign-in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_needs_a_second_factor_waits_for_it_and_the_way_leads_there() {
    let world = World::new().await;
    let kobayashi = world.person("kobayashi").await;
    world.hub.store.remove_code_maker(kobayashi).await.unwrap();
    world.hub.store.set_recovery_codes(kobayashi, &[], world.hub.now()).await.unwrap();
    let (mut browser, answer) = after_password(&world, "kobayashi").await;
    assert_eq!(answer.header("location"), "/", "there is no second factor to ask for");
    let account = browser.get("/account").await;
    assert!(account.body.contains("href=\"/operations\""), "the way is shown");
    for path in ["/operations", "/operations/yokohama"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}");
        assert!(page.body.contains("もう1つの確認が必要です"), "{}", page.body);
        assert!(page.body.contains("href=\"/sign-in/second?next=/operations"), "{}", page.body);
    }
    let on = browser.get("/sign-in/second?next=/operations").await;
    assert_eq!(on.header("location"), "/account/sign-in");
    assert!(browser.get("/account/sign-in").await.body.contains("あと1つ、設定が必要です"));

    let before = browser.clone();
    let (secret, done) = set_up_codes(&world, &mut browser).await;
    let codes = recovery_codes(&done);
    assert_eq!(codes.len(), 10, "{}", done.body);
    assert_eq!(browser.get("/operations/yokohama").await.status, StatusCode::OK);
    assert_eq!(before.clone().get("/account").await.status, StatusCode::SEE_OTHER, "old token");
    let page = browser.get("/account/sign-in").await;
    assert!(page.body.contains("あと10個") && !page.body.contains(&codes[0]), "shown once");
    let kept = world.hub.store.code_maker(kobayashi).await.unwrap().unwrap().sealed;
    let found = kept.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
    assert!(!found, "the secret is sealed");

    // The code that set it up was used by that.
    let (mut other, _) = after_password(&world, "kobayashi").await;
    let used = codes::code_at(&secret, world.hub.now()).unwrap();
    let answer = second(&mut other, "code", &used).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);

    // Without it the role waits again, and the other sessions are over.
    let page = "/account/sign-in";
    let gone = send(&mut browser, page, "/account/sign-in/code/remove", &[]).await;
    assert_eq!(gone.status, StatusCode::SEE_OTHER, "{}", gone.body);
    assert_eq!(browser.get("/operations/yokohama").await.status, StatusCode::FORBIDDEN);
    let held = world.hub.store.factors_of(kobayashi).await.unwrap();
    assert_eq!((held.any(), held.recovery_codes), (false, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_from_before_the_second_factor_does_not_get_past_it() {
    let world = World::new().await;
    let mut old = world.signed_in("tanaka").await;
    let mut here = world.signed_in("tanaka").await;
    let (secret, _) = set_up_codes(&world, &mut here).await;
    let refused = send(&mut old, "/account/sign-in", "/account/sign-in/code/remove", &[]).await;
    assert_eq!(refused.header("location"), "/account/sign-in/prove?next=/account/sign-in");
    let on = old.get(refused.header("location")).await;
    assert_eq!(on.header("location"), "/sign-in/second?next=/account/sign-in");
    let kobayashis = hub::seed::code(world.hub.now()).unwrap();
    let others = second(&mut old, "code", &kobayashis).await;
    assert_eq!(others.status, StatusCode::UNPROCESSABLE_ENTITY, "another person's code");
    world.clock.advance(TimeDelta::seconds(30));
    let code = codes::code_at(&secret, world.hub.now()).unwrap();
    assert_eq!(second(&mut old, "code", &code).await.status, StatusCode::SEE_OTHER);
    let gone = send(&mut old, "/account/sign-in", "/account/sign-in/code/remove", &[]).await;
    assert_eq!(gone.header("location"), "/account/sign-in?done=removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offered_secret_is_this_sessions_and_not_for_ever() {
    let world = World::new().await;
    let (mut sato, mut tanaka) = (world.signed_in("sato").await, world.signed_in("tanaka").await);
    let page = sato.get("/account/sign-in/code").await;
    let offer = field(&page.body, "offer").unwrap();
    let secret = page.body.split_once("code__value--long\">").unwrap().1;
    let secret = secret.split_once('<').unwrap().0.replace(' ', "");
    let code = codes::code_at(&secret, world.hub.now()).unwrap();
    let to = "/account/sign-in/code";
    let stolen = send(&mut tanaka, to, to, &[("offer", &offer), ("code", &code)]).await;
    assert_eq!(stolen.header("location"), to, "another session's offer is none");
    for torn in ["", "AAAA", &offer[1..], &format!("{offer}AAAA")] {
        let answer = send(&mut sato, to, to, &[("offer", torn), ("code", &code)]).await;
        assert_eq!(answer.header("location"), to);
    }
    let id = world.person("tanaka").await;
    assert!(!world.hub.store.factors_of(id).await.unwrap().any());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_works_once_and_new_ones_end_the_old() {
    let world = World::new().await;
    let codes = hub::seed::recovery_codes();
    let (mut browser, _) = after_password(&world, "fujita").await;
    let typed = codes[0].to_lowercase().replace('-', " ");
    assert_eq!(second(&mut browser, "recovery", &typed).await.status, StatusCode::SEE_OTHER);
    let (mut other, _) = after_password(&world, "fujita").await;
    let again = second(&mut other, "recovery", &codes[0]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = browser.get("/account/sign-in").await;
    assert!(page.body.contains("あと9個") && page.body.contains("パスワードと予備コード"));

    let renewed = send(&mut browser, "/account/sign-in", "/account/sign-in/recovery", &[]).await;
    let fresh = recovery_codes(&renewed);
    assert_eq!(fresh.len(), 10);
    let old = second(&mut other, "recovery", &codes[1]).await;
    assert_eq!(old.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(second(&mut other, "recovery", &fresh[9]).await.status, StatusCode::SEE_OTHER);
    let (mut kato, _) = after_password(&world, "kato").await;
    let others = second(&mut kato, "recovery", &fresh[0]).await;
    assert_eq!(others.status, StatusCode::UNPROCESSABLE_ENTITY, "another person's code");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_is_long_unguessable_and_not_stolen() {
    let world = World::new().await;
    let mut here = world.signed_in("sato").await;
    let elsewhere = world.signed_in("sato").await;
    let to = "/account/sign-in/password";
    let old = hub::seed::PASSWORD;
    let good = "雨の日はバスで行くことにした";
    for (old, new, said) in [
        (old, "kX9#mQ2!v", "10文字以上"),
        (old, "password123", "よく使われている"),
        (old, "sato@demo.kyoten.example", "メールアドレスから当てられます"),
        (old, &"x".repeat(129), "128文字まで"),
        ("not the old one", good, "いまのパスワードが違います"),
    ] {
        let answer = send(&mut here, to, to, &[("old", old), ("new", new)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{new}");
        assert!(answer.body.contains(said), "{new}: {}", answer.body);
    }
    assert_eq!(elsewhere.clone().get("/account").await.status, StatusCode::OK);
    let before = here.clone();
    let done = send(&mut here, to, to, &[("old", old), ("new", good)]).await;
    assert_eq!(done.header("location"), "/account/sign-in?done=password", "{}", done.body);
    assert_eq!(here.get("/account").await.status, StatusCode::OK);
    for ended in [before, elsewhere] {
        assert_eq!(ended.clone().get("/account").await.status, StatusCode::SEE_OTHER);
    }
    let mut anew = world.browser();
    let email = email("sato");
    for (password, status) in
        [(old, StatusCode::UNPROCESSABLE_ENTITY), (good, StatusCode::SEE_OTHER)]
    {
        let form = [("email", email.as_str()), ("password", password)];
        assert_eq!(send(&mut anew, "/sign-in", "/sign-in", &form).await.status, status);
    }

    let list = std::env::temp_dir().join(format!("kyoten-stolen-{}", uuid::Uuid::new_v4()));
    // SHA-1 of "crooked lantern above 7 bridges" among others.
    let digest = ring::digest::digest(
        &ring::digest::SHA1_FOR_LEGACY_USE_ONLY,
        b"crooked lantern above 7 bridges",
    );
    let hash = data_encoding::HEXUPPER.encode(digest.as_ref());
    let mut lines = [hash, "0".repeat(40), "F".repeat(40)];
    lines.sort();
    std::fs::write(&list, lines.join(":3\n")).unwrap();
    let with_list =
        Hub { breach_list: Some(BreachList::open(&list).unwrap().into()), ..world.hub.clone() };
    let sato = world.hub.store.person(world.person("sato").await).await.unwrap().unwrap();
    let judged = async |hub: &Hub, new: &str| password::judge(hub, &sato, new).await.unwrap();
    let stolen = "crooked lantern above 7 bridges";
    assert_eq!(judged(&world.hub, stolen).await, Ok(()));
    assert_eq!(judged(&with_list, stolen).await, Err(Weak::Stolen));
    assert_eq!(judged(&with_list, "crooked lantern above 8 bridges").await, Ok(()));
    std::fs::remove_file(list).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn factors_change_only_within_a_quarter_of_an_hour_of_a_proof() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    assert_eq!(sato.get("/account/sign-in/code").await.status, StatusCode::OK);
    world.clock.advance(TimeDelta::minutes(15));
    for path in ["/account/sign-in/code", "/account/sign-in/passkeys"] {
        let answer = sato.get(path).await;
        assert_eq!(answer.header("location"), format!("/account/sign-in/prove?next={path}"));
    }
    let page = "/account/sign-in/prove?next=/account/sign-in/code";
    let next = [("next", "/account/sign-in/code")];
    for path in ["code", "passkeys", "passkeys/options", "recovery", "code/remove"] {
        let answer = send(&mut sato, page, &format!("/account/sign-in/{path}"), &[]).await;
        let location = "/account/sign-in/prove?next=/account/sign-in";
        assert_eq!(answer.header("location"), location, "{path}");
    }
    let prove = "/account/sign-in/prove";
    let wrong = [&next[..], &[("password", "wrong")]].concat();
    let right = [&next[..], &[("password", hub::seed::PASSWORD)]].concat();
    for _ in 0..5 {
        let answer = send(&mut sato, page, prove, &wrong).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let answer = send(&mut sato, page, prove, &right).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    world.clock.advance(TimeDelta::minutes(1));
    let answer = send(&mut sato, page, prove, &right).await;
    assert_eq!(answer.header("location"), "/account/sign-in/code");
    assert_eq!(sato.get("/account/sign-in/code").await.status, StatusCode::OK);
    let elsewhere = [("next", "https://example.com"), ("password", hub::seed::PASSWORD)];
    assert_eq!(send(&mut sato, page, prove, &elsewhere).await.header("location"), "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_says_the_same_of_everybody() {
    let world = World::new().await;
    let mut answers = Vec::new();
    let sso_only = world.person("suzuki").await;
    world.hub.store.set_password(sso_only, None).await.unwrap();
    for address in [email("sato"), email("kobayashi"), email("suzuki"), "nobody@x.example".into()] {
        let mut browser = world.browser();
        let csrf = browser.get("/sign-in").await.csrf();
        let form = [("email", address.as_str()), ("password", "wrong"), ("csrf", &csrf)];
        let answer = browser.post("/sign-in", &form).await;
        let nonce = answer.body.split_once("nonce=\"").unwrap().1.split_once('"').unwrap().0;
        let body = answer.body.replace(nonce, "").replace(&csrf, "").replace(&address, "");
        answers.push((answer.status, body));
        let order = json!({"email": address, "password": "wrong", "code": "000000"});
        let answer = browser.api(Method::POST, "/api/v1/session", &[], order).await;
        answers.push((answer.status, answer.body));
    }
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(*answer, answers[number % 2], "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_says_password_and_code_at_once() {
    let world = World::new().await;
    let mut program = world.browser();
    let order = |code: Option<&str>| {
        let mut order = json!({"email": email("yoshida"), "password": hub::seed::PASSWORD});
        if let Some(code) = code {
            order["code"] = json!(code);
        }
        order
    };
    let path = "/api/v1/session";
    let code = hub::seed::code(world.hub.now()).unwrap();
    for (code, kind) in [
        (None, "/problems/second-factor-needed"),
        (Some("000000"), "/problems/wrong-code"),
        (Some("日本"), "/problems/wrong-code"),
    ] {
        let answer = program.api(Method::POST, path, &[], order(code)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.json()["type"], kind);
        assert!(!program.cookies.contains_key("kyoten_session"));
    }
    let answer = program.api(Method::POST, path, &[], order(Some(&code))).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    assert_eq!(program.get("/api/v1/me").await.json()["grants"][0]["role"], "municipal_admin");
    let again = world.browser().api(Method::POST, path, &[], order(Some(&code))).await;
    assert_eq!(again.json()["type"], "/problems/wrong-code", "each works once");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended_by_their_own_person_alone() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let (phone, laptop) = (world.signed_in("sato").await, world.signed_in("sato").await);
    let mut tanaka = world.signed_in("tanaka").await;
    let path = "/api/v1/me/sessions";
    let sessions = sato.get(path).await.json();
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 3);
    assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1);
    assert!(sessions.iter().all(|session| session["means"] == "password"));
    let other = sessions.iter().find(|session| session["current"] == false).unwrap();
    let one = format!("{path}/{}", other["id"].as_str().unwrap());

    let csrf = tanaka.get("/api/v1/me").await.json()["csrf_token"].as_str().unwrap().to_owned();
    let token = [("x-csrf-token", csrf.as_str())];
    for path in [one.as_str(), "/api/v1/me/sessions/nonsense"] {
        let answer = tanaka.api(Method::DELETE, path, &token, json!({})).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let csrf = sato.get("/api/v1/me").await.json()["csrf_token"].as_str().unwrap().to_owned();
    assert_eq!(
        sato.api(Method::DELETE, &one, &[], json!({})).await.status,
        StatusCode::FORBIDDEN,
        "without the token"
    );
    let token = [("x-csrf-token", csrf.as_str())];
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND] {
        assert_eq!(sato.api(Method::DELETE, &one, &token, json!({})).await.status, status);
    }
    let page = sato.get("/account/sign-in").await;
    assert!(page.body.contains("この端末"), "{}", page.body);
    let ended = send(&mut sato, "/account/sign-in", "/account/sign-in/sessions/end", &[]).await;
    assert_eq!(ended.header("location"), "/account/sign-in?done=ended");
    for elsewhere in [phone, laptop] {
        assert_eq!(elsewhere.clone().get("/account").await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(sato.get("/account").await.status, StatusCode::OK);
    assert_eq!(tanaka.get("/account").await.status, StatusCode::OK);

    world.clock.advance(TimeDelta::hours(13));
    let swept = hub::jobs::sweep_sign_ins::run(&world.hub).await.unwrap();
    assert_eq!(swept, 2, "what has ended by itself is forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_are_whole_in_both_languages() {
    let world = World::new().await;
    for (language, tag) in [("ja", "<html lang=\"ja\">"), ("en", "<html lang=\"en\">")] {
        let (mut owing, _) = after_password(&world, "kato").await;
        let mut kobayashi = world.signed_in("kobayashi").await;
        let page = owing.get(&format!("/sign-in/second?lang={language}")).await;
        assert!(page.body.contains(tag));
        crate::web::no_machine_words(&page);
        for path in ["", "/password", "/code", "/passkeys", "/prove"] {
            let page = kobayashi.get(&format!("/account/sign-in{path}?lang={language}")).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            assert!(page.body.contains(tag), "{path}: {}", page.body);
            crate::web::no_machine_words(&page);
        }
        let from = "/account/sign-in";
        let page = send(&mut kobayashi, from, "/account/sign-in/recovery", &[]).await;
        crate::web::no_machine_words(&page);
    }
}
