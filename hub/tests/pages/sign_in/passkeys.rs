//! Passkeys, well and badly behaved.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use model::sign_in::{Means, Stage};
use serde_json::Value;

use super::soft_key::SoftKey;
use super::{recovery_codes, send};
use crate::support::{Answer, Browser, World};

const ADD: &str = "/account/sign-in/passkeys";
const SHOW: &str = "/sign-in/passkey";

/// What a browser is asked, by the form of a page.
async fn asked(browser: &mut Browser, page: &str, form: &str) -> (String, Value) {
    let answer = send(browser, page, &format!("{form}/options"), &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let told = answer.json();
    (told["ceremony"].as_str().unwrap().to_owned(), told["options"].clone())
}

async fn answered(
    browser: &mut Browser,
    page: &str,
    form: &str,
    ceremony: &str,
    answer: &str,
) -> Answer {
    let fields = [("ceremony", ceremony), ("answer", answer), ("name", "わたしの電話")];
    send(browser, page, form, &fields).await
}

/// Adds a passkey in a browser that is signed in.
async fn add(browser: &mut Browser, number: u8) -> (SoftKey, Answer) {
    let (ceremony, options) = asked(browser, ADD, ADD).await;
    let (key, made) = SoftKey::make(&options, number);
    let answer = answered(browser, ADD, ADD, &ceremony, &made.to_string()).await;
    (key, answer)
}

/// Shows a passkey at the door.
async fn show(browser: &mut Browser, key: &mut SoftKey) -> Answer {
    let (ceremony, options) = asked(browser, "/sign-in", SHOW).await;
    let shown = key.show(&options).to_string();
    answered(browser, "/sign-in", SHOW, &ceremony, &shown).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_added_shown_and_removed() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let (ceremony, options) = asked(&mut sato, ADD, ADD).await;
    let wish = &options["publicKey"]["authenticatorSelection"];
    assert_eq!(
        (&wish["residentKey"], &wish["userVerification"]),
        (&"required".into(), &"required".into())
    );
    assert_eq!(options["publicKey"]["rp"]["id"], "localhost");
    let (mut key, made) = SoftKey::make(&options, 1);
    let done = answered(&mut sato, ADD, ADD, &ceremony, &made.to_string()).await;
    assert_eq!(recovery_codes(&done).len(), 10, "the first factor brings them: {}", done.body);
    let page = sato.get("/account/sign-in").await;
    assert!(page.body.contains("わたしの電話"), "{}", page.body);

    // It is a second factor now, and both factors by itself.
    let (mut owing, answer) = super::after_password(&world, "sato").await;
    assert_eq!(answer.header("location"), "/sign-in/second?next=/");
    let (ceremony, options) = asked(&mut owing, "/sign-in/second", SHOW).await;
    let shown = key.show(&options).to_string();
    let done = answered(&mut owing, "/sign-in/second", SHOW, &ceremony, &shown).await;
    assert_eq!(done.header("location"), "/", "{}", done.body);
    assert_eq!(owing.get("/bookings").await.status, StatusCode::OK);

    let mut stranger = world.browser();
    let done = show(&mut stranger, &mut key).await;
    assert_eq!(done.header("location"), "/", "{}", done.body);
    assert_eq!(stranger.get("/bookings").await.status, StatusCode::OK);
    let id = world.person("sato").await;
    let sessions = world.hub.store.sessions_of(id, world.hub.now()).await.unwrap();
    assert!(sessions.iter().any(|one| (one.stage, one.means) == (Stage::Two, Means::Passkey)));

    // After a while it proves who they are.
    world.clock.advance(TimeDelta::minutes(20));
    let prove = "/account/sign-in/prove";
    assert_eq!(sato.get(ADD).await.header("location"), format!("{prove}?next={ADD}"));
    let (ceremony, options) = asked(&mut sato, prove, SHOW).await;
    let shown = key.show(&options).to_string();
    let done = answered(&mut sato, prove, prove, &ceremony, &shown).await;
    assert_eq!(done.header("location"), "/", "{}", done.body);
    assert_eq!(sato.get(ADD).await.status, StatusCode::OK);

    let passkey = world.hub.store.passkeys_of(id).await.unwrap().remove(0);
    assert_eq!(passkey.used_at, Some(world.hub.now()));
    let remove = format!("{ADD}/{}/remove", passkey.id);
    let mut tanaka = world.signed_in("tanaka").await;
    assert_eq!(send(&mut tanaka, ADD, &remove, &[]).await.status, StatusCode::NOT_FOUND);
    let gone = send(&mut sato, "/account/sign-in", &remove, &[]).await;
    assert_eq!(gone.header("location"), "/account/sign-in?done=removed", "{}", gone.body);
    let refused = show(&mut world.browser(), &mut key).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_once_in_time_and_by_the_browser_it_was_put_to() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let (mut key, _) = add(&mut sato, 1).await;
    let mut stranger = world.browser();
    let bad = StatusCode::UNPROCESSABLE_ENTITY;

    let (ceremony, options) = asked(&mut stranger, "/sign-in", SHOW).await;
    let shown = key.show(&options).to_string();
    let mut other = world.browser();
    let stolen = answered(&mut other, "/sign-in", SHOW, &ceremony, &shown).await;
    assert_eq!(stolen.status, bad, "another browser's question");
    let as_proof = answered(&mut sato, ADD, ADD, &ceremony, &shown).await;
    assert_eq!(as_proof.status, bad, "another purpose's question");
    let before = stranger.clone();
    let done = answered(&mut stranger, "/sign-in", SHOW, &ceremony, &shown).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    let replayed = answered(&mut before.clone(), "/sign-in", SHOW, &ceremony, &shown).await;
    assert_eq!(replayed.status, bad, "once");

    let mut late = world.browser();
    let (ceremony, options) = asked(&mut late, "/sign-in", SHOW).await;
    let shown = key.show(&options).to_string();
    world.clock.advance(TimeDelta::minutes(5));
    let answer = answered(&mut late, "/sign-in", SHOW, &ceremony, &shown).await;
    assert_eq!(answer.status, bad, "too late");
    world.clock.advance(TimeDelta::seconds(1));
    assert_eq!(world.hub.store.sweep_ceremonies(world.hub.now()).await.unwrap(), 1);

    // Making one: the answer to another question, and a key that is there already.
    let mut sato = world.signed_in_by(&mut key).await;
    let (first, options) = asked(&mut sato, ADD, ADD).await;
    let (second, _) = asked(&mut sato, ADD, ADD).await;
    let (_, made) = SoftKey::make(&options, 2);
    let answer = answered(&mut sato, ADD, ADD, &second, &made.to_string()).await;
    assert_eq!(answer.status, bad, "another question");
    let answer = answered(&mut sato, ADD, ADD, &first, &made.to_string()).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let mut tanaka = world.signed_in("tanaka").await;
    let (_, taken) = add(&mut tanaka, 2).await;
    assert_eq!(taken.status, bad, "it is somebody's already");
    let id = world.person("tanaka").await;
    assert!(!world.hub.store.factors_of(id).await.unwrap().any());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_lies_is_refused() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let (mut key, _) = add(&mut sato, 1).await;
    let tanaka = world.person("tanaka").await;
    let bad = StatusCode::UNPROCESSABLE_ENTITY;

    key.origin = "http://kyoten.example";
    assert_eq!(show(&mut world.browser(), &mut key).await.status, bad, "another site's page");
    key.origin = "http://localhost:8080";
    key.verifies = false;
    assert_eq!(show(&mut world.browser(), &mut key).await.status, bad, "whoever holds it");
    key.verifies = true;
    let user = std::mem::replace(&mut key.user, tanaka.0.as_bytes().to_vec());
    assert_eq!(show(&mut world.browser(), &mut key).await.status, bad, "another person's");
    key.user = user;
    let id = std::mem::replace(&mut key.id, vec![9; 32]);
    assert_eq!(show(&mut world.browser(), &mut key).await.status, bad, "an unknown key");
    key.id = id;
    key.counter = 50;
    assert_eq!(show(&mut world.browser(), &mut key).await.status, StatusCode::SEE_OTHER);
    key.counter = 20;
    assert_eq!(show(&mut world.browser(), &mut key).await.status, bad, "a copy of the key");

    let (ceremony, options) = asked(&mut sato, ADD, ADD).await;
    let (mut careless, _) = SoftKey::make(&options, 3);
    careless.verifies = false;
    let made = careless.made(&options).to_string();
    let answer = answered(&mut sato, ADD, ADD, &ceremony, &made).await;
    assert_eq!(answer.status, bad, "a key that asks nobody who they are");
}

#[tokio::test(flavor = "multi_thread")]
async fn torn_and_oversize_answers_are_refused() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let (mut key, _) = add(&mut sato, 1).await;
    let whole = {
        let (_, options) = asked(&mut world.browser(), "/sign-in", SHOW).await;
        key.show(&options).to_string()
    };
    let torn = [
        "",
        "{",
        "[]",
        "null",
        "{\"id\":\"日本\",\"rawId\":\"*\",\"type\":\"public-key\",\"response\":{}}",
        &whole[..whole.len() / 2],
        &whole.replace("public-key", "password"),
        &format!("{}{}", "[".repeat(5000), "]".repeat(5000)),
    ];
    for answer in torn {
        for (page, form) in [("/sign-in", SHOW), (ADD, ADD)] {
            let mut browser = if form == SHOW { world.browser() } else { sato.clone() };
            let (ceremony, _) = asked(&mut browser, page, form).await;
            let refused = answered(&mut browser, page, form, &ceremony, answer).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{form} {answer}");
        }
    }
    for ceremony in ["", "x", "00000000-0000-0000-0000-000000000000"] {
        let refused = answered(&mut world.browser(), "/sign-in", SHOW, ceremony, &whole).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{ceremony}");
    }
    let mut browser = world.browser();
    let csrf = browser.get("/sign-in").await.csrf();
    let body = format!("csrf={csrf}&ceremony=x&answer={}", "x".repeat(70_000));
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let refused = browser.send(Method::POST, SHOW, &kind, Body::from(body)).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    for options in [format!("{SHOW}/options"), format!("{ADD}/options")] {
        let without = browser.post(&options, &[("csrf", "x")]).await;
        assert_eq!(without.status, StatusCode::FORBIDDEN, "{options}");
    }
}

impl World {
    /// Sato's browser after a passkey was shown in it.
    async fn signed_in_by(&self, key: &mut SoftKey) -> Browser {
        let mut browser = self.browser();
        assert_eq!(show(&mut browser, key).await.status, StatusCode::SEE_OTHER);
        browser
    }
}
