//! Providers that lie: a sign-in with an employer's accounts believes none of them.

use std::sync::{Arc, Mutex};

use crate::support::{Answer, Browser, World, email};
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use model::id::EmployerId;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

/// What the provider will say next, changed by each test.
type Lie = Box<dyn Fn(&mut Value) + Send>;

/// A provider of our own that says what it is told to.
struct Fake {
    issuer: String,
    key: EcdsaKeyPair,
    stranger: EcdsaKeyPair,
    said: Mutex<Option<(String, Lie, bool)>>,
}

fn key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap()
}

impl Fake {
    async fn start() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let fake = Arc::new(Self { issuer, key: key(), stranger: key(), said: Mutex::default() });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(Self::metadata))
            .route("/jwks", get(Self::keys))
            .route("/token", post(Self::token))
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    async fn metadata(State(fake): State<Arc<Self>>) -> Json<Value> {
        let issuer = &fake.issuer;
        Json(json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/auth"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        }))
    }

    async fn keys(State(fake): State<Arc<Self>>) -> Json<Value> {
        let point = fake.key.public_key().as_ref();
        let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
        Json(json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "1",
            "x": part(1..33), "y": part(33..65),
        }] }))
    }

    async fn token(
        State(fake): State<Arc<Self>>,
        Form(form): Form<Vec<(String, String)>>,
    ) -> (StatusCode, Json<Value>) {
        // A code counts once, and only for whoever began the sign-in.
        let said = fake.said.lock().unwrap().take();
        let verifier = form.iter().any(|(name, value)| name == "code_verifier" && value.len() > 42);
        let Some((nonce, lie, stranger)) = said.filter(|_| verifier) else {
            return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" })));
        };
        // 2026-11-25T00:00:00Z, as the tests' clock has it.
        let now = 1_795_564_800;
        let mut claims = json!({
            "iss": fake.issuer, "aud": "kyoten", "sub": "u-1", "nonce": nonce,
            "iat": now, "exp": now + 300, "email": "hana@bank.example", "name": "山本 花",
        });
        lie(&mut claims);
        let alg = claims.as_object_mut().unwrap().remove("alg").unwrap_or("ES256".into());
        let head = json!({ "alg": alg, "kid": "1" }).to_string();
        let body = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(head),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let key = if stranger { &fake.stranger } else { &fake.key };
        let signature = key.sign(&SystemRandom::new(), body.as_bytes()).unwrap();
        let signature =
            if alg == "none" { String::new() } else { URL_SAFE_NO_PAD.encode(signature) };
        let token = json!({
            "access_token": "a", "token_type": "Bearer", "id_token": format!("{body}.{signature}"),
        });
        (StatusCode::OK, Json(token))
    }

    fn will_say(&self, nonce: &str, stranger: bool, lie: impl Fn(&mut Value) + Send + 'static) {
        *self.said.lock().unwrap() = Some((nonce.to_owned(), Box::new(lie), stranger));
    }
}

/// A hub whose bank has the fake for a provider.
async fn world() -> (World, Arc<Fake>, EmployerId) {
    // Fails only when there is a provider of cryptography already.
    rustls::crypto::ring::default_provider().install_default().ok();
    let (world, fake) = (World::new().await, Fake::start().await);
    let store = &world.hub.store;
    let sato = store.sign_in_record(&email("sato")).await.unwrap().unwrap().person;
    let sato = store.person(sato).await.unwrap().unwrap();
    let bank = sato.employers_at(world.hub.now()).next().unwrap();
    store.set_domains(bank, &["bank.example".to_owned()]).await.unwrap();
    let mut boss = world.signed_in("sasaki").await;
    let page = format!("/employers/{bank}/sign-in");
    let csrf = boss.get(&page).await.csrf();
    let form = [
        ("issuer", fake.issuer.as_str()),
        ("client_id", "kyoten"),
        ("secret", "s"),
        ("email_claim", "email"),
        ("csrf", &csrf),
    ];
    let kept = boss.post(&page, &form).await;
    assert_eq!(kept.status, StatusCode::SEE_OTHER, "{}", kept.body);
    let shown = boss.get(&page).await.body;
    assert!(!shown.contains("value=\"s\""), "the secret is not shown");
    (world, fake, bank)
}

/// Begins a sign-in; answers its state and nonce.
async fn begin(browser: &mut Browser) -> (String, String) {
    let csrf = browser.get("/sign-in/organisation").await.csrf();
    let form = [("email", "hana@bank.example"), ("next", "/bookings"), ("csrf", csrf.as_str())];
    let away = browser.post("/sign-in/organisation", &form).await;
    assert_eq!(away.status, StatusCode::OK, "{}", away.body);
    let to = away.header("refresh").to_owned();
    assert!(to.contains("code_challenge_method=S256") && to.contains("response_type=code"), "{to}");
    let part = |name: &str| {
        let (_, rest) = to.split_once(&format!("&{name}=")).unwrap();
        rest.split('&').next().unwrap().to_owned()
    };
    (part("state"), part("nonce"))
}

async fn back(browser: &mut Browser, state: &str, more: &str) -> Answer {
    browser.get(&format!("/sign-in/organisation/back?state={state}&code=c{more}")).await
}

#[tokio::test]
async fn a_true_word_signs_in_once() {
    let (world, fake, bank) = world().await;
    let mut browser = world.browser();
    let (state, nonce) = begin(&mut browser).await;
    fake.will_say(&nonce, false, |_| {});
    let done = back(&mut browser, &state, "").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    assert_eq!(done.header("location"), "/bookings");
    let store = &world.hub.store;
    let hana = store.sign_in_record("hana@bank.example").await.unwrap().unwrap().person;
    let hana = store.person(hana).await.unwrap().unwrap();
    assert_eq!(hana.employers_at(world.hub.now()).collect::<Vec<_>>(), [bank]);
    // The same way back again, in the same browser and in a fresh one.
    for mut again in [browser, world.browser()] {
        fake.will_say(&nonce, false, |_| {});
        let refused = back(&mut again, &state, "").await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    }
}

#[tokio::test]
async fn no_lie_is_believed() {
    let (world, fake, _) = world().await;
    type Lie = fn(&mut Value);
    let lies: [(&str, Lie); 9] = [
        ("another nonce", |claims| claims["nonce"] = "x".into()),
        ("no nonce", |claims| drop(claims.as_object_mut().unwrap().remove("nonce"))),
        ("another client's token", |claims| claims["aud"] = "other".into()),
        ("a token for others too", |claims| claims["aud"] = json!(["kyoten", "other"])),
        ("another issuer", |claims| claims["iss"] = "https://id.elsewhere.example".into()),
        ("one that has ended", |claims| claims["exp"] = 1_795_564_700.into()),
        ("one of the future", |claims| claims["iat"] = 1_795_565_800.into()),
        ("nothing signed", |claims| claims["alg"] = "none".into()),
        ("a shared secret", |claims| claims["alg"] = "HS256".into()),
    ];
    for (what, lie) in lies {
        let mut browser = world.browser();
        let (state, nonce) = begin(&mut browser).await;
        fake.will_say(&nonce, false, lie);
        let refused = back(&mut browser, &state, "").await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{what}: {}", refused.body);
    }
    // Signed by somebody else, and answered by somebody else.
    let mut browser = world.browser();
    let (state, nonce) = begin(&mut browser).await;
    fake.will_say(&nonce, true, |_| {});
    assert_eq!(back(&mut browser, &state, "").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let (state, nonce) = begin(&mut browser).await;
    fake.will_say(&nonce, false, |_| {});
    let mixed = back(&mut browser, &state, "&iss=https%3A%2F%2Fid.elsewhere.example").await;
    assert_eq!(mixed.status, StatusCode::UNPROCESSABLE_ENTITY);
    let nobody = world.hub.store.sign_in_record("hana@bank.example").await.unwrap();
    assert!(nobody.is_none(), "no lie has made an account");
}

#[tokio::test]
async fn a_way_back_is_its_browsers_own_and_does_not_wait_long() {
    let (world, fake, _) = world().await;
    let (mut mine, mut other) = (world.browser(), world.browser());
    other.get("/sign-in").await;
    let (state, nonce) = begin(&mut mine).await;
    fake.will_say(&nonce, false, |_| {});
    assert_eq!(back(&mut other, &state, "").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let (state, nonce) = begin(&mut mine).await;
    world.clock.advance(TimeDelta::minutes(11));
    fake.will_say(&nonce, false, |_| {});
    assert_eq!(back(&mut mine, &state, "").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_account_that_is_not_the_employers_is_not_taken_over() {
    let (world, fake, bank) = world().await;
    let claim =
        |address: String| move |claims: &mut Value| claims["email"] = address.clone().into();
    let store = &world.hub.store;
    // An address of nobody's domain, and one that the domain's owner speaks for but an account
    // holds that never joined it.
    store.set_domains(bank, &["bank.example".into(), "demo.kyoten.example".into()]).await.unwrap();
    for (address, status) in [
        ("x@elsewhere.example".to_owned(), StatusCode::UNPROCESSABLE_ENTITY),
        (email("fujita"), StatusCode::UNPROCESSABLE_ENTITY),
        (email("suzuki"), StatusCode::UNPROCESSABLE_ENTITY),
        (email("sato"), StatusCode::SEE_OTHER),
    ] {
        let mut browser = world.browser();
        let (state, nonce) = begin(&mut browser).await;
        fake.will_say(&nonce, false, claim(address.clone()));
        let answer = back(&mut browser, &state, "").await;
        assert_eq!(answer.status, status, "{address}: {}", answer.body);
    }
}
