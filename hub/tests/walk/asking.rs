//! One request, put so that nothing but rights can stand in its way, and what its answer means.

use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use hub::pages::frame::encode;
use hub::routes::Route;
use hub::service::{rules, secret};
use hub::web::cookies;
use model::id::SessionId;
use model::sign_in::Means;
use serde_json::{Value, json};
use store::Session;
use tower::ServiceExt as _;

use crate::Port;
use crate::things::Thing;
use crate::world::{DOCUMENT, Who, World};

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was done, or was refused for another reason than who asks.
    LetIn,
    SignInFirst,
    Forbidden,
    NotFound,
    /// Nothing that a right could be read from.
    Neither,
}

impl Verdict {
    pub fn is_no(self) -> bool {
        self != Self::LetIn
    }
}

/// An answer.
pub struct Answered {
    pub verdict: Verdict,
    /// Status and body, without what differs between two answers that say the same.
    pub said: String,
    /// Whether the world may be another now.
    pub changed: bool,
}

/// What is sent, so that it is in good form.
enum Sent {
    Nothing,
    Form(Vec<(&'static str, String)>),
    Json(Value),
}

fn sent(world: &World, route: &Route, thing: &Thing) -> Sent {
    let text = str::to_owned;
    let centre = || thing.named("centre").unwrap_or_default().to_owned();
    let nursery = || thing.named("nursery").unwrap_or_default().to_owned();
    let form = |fields: &[(&'static str, &str)]| {
        Sent::Form(fields.iter().map(|(name, value)| (*name, text(value))).collect())
    };
    let [starts, ends] = ["2026-12-04T01:00:00Z", "2026-12-04T02:00:00Z"];
    let place = |first: u64| json!({"first": first, "events": [], "told_until": starts});
    match (route.method.as_str(), route.path.as_str()) {
        ("GET" | "DELETE", _) => Sent::Nothing,
        ("POST", "/bookings") => Sent::Form(vec![
            ("centre", centre()),
            ("slot", format!("{starts}/{ends}")),
            ("desks", text("1")),
        ]),
        ("POST", "/children") => form(&[("name", "はな"), ("born", "2024-05-10")]),
        ("POST", "/account/delete") => form(&[("sure", "yes")]),
        ("POST", "/account/telephone") => form(&[("telephone", "090-1234-5678")]),
        ("POST", "/children/join") => form(&[("code", "ABCD-EFGH-2345")]),
        ("POST", "/children/{id}/consents") => form(&[("purpose", "care"), ("agree", "yes")]),
        ("POST", "/children/{id}/collectors") => form(&[
            ("name", "伊藤 恵"),
            ("relation", "祖母"),
            ("telephone", "090-1234-5678"),
            ("born", "1960-05-10"),
        ]),
        ("POST", "/nurseries/{id}/rooms" | "/nurseries/{id}/terms") => form(&[("from-1", "8")]),
        ("POST", "/nurseries/{id}/incidents") => form(&[("incident", "1"), ("report", "first")]),
        ("POST", "/nurseries/{id}/shifts") => form(&[("table", "date")]),
        ("POST", "/children/{id}/bars") => form(&[("name", "伊藤 実"), ("reason", "the walk")]),
        ("POST", path) if path.starts_with("/children/{id}/interviews") => {
            Sent::Form(vec![("nursery", nursery())])
        }
        ("POST", path) if path.starts_with("/children/{id}/file/") => Sent::Form(vec![
            ("nursery", nursery()),
            ("name", text("伊藤 実")),
            ("reason", text("the walk")),
            ("held", text("1")),
            ("code", text(DOCUMENT)),
        ]),
        ("POST", "/account/collects") => form(&[("code", "ABCD-EFGH-2345")]),
        ("POST", "/account/pin") => form(&[("pin", "8642")]),
        ("POST", "/account/language") => form(&[("language", "en")]),
        ("POST", "/sign-in") => {
            form(&[("email", "sato@demo.kyoten.example"), ("password", hub::seed::PASSWORD)])
        }
        ("POST", "/api/v1/session") => Sent::Json(
            json!({"email": "sato@demo.kyoten.example", "password": hub::seed::PASSWORD}),
        ),
        ("POST", "/api/v1/bookings") => Sent::Json(json!({
            "centre": centre(), "slots": [{"starts_at": starts, "ends_at": ends}]
        })),
        ("POST", "/waitlist") => Sent::Form(vec![
            ("centre", centre()),
            ("slot", format!("{starts}/{ends}")),
            ("desks", text("1")),
        ]),
        ("POST", "/bookings/{id}/change") => {
            form(&[("version", "1"), ("date", "2026-12-04"), ("from", "10:00"), ("to", "11:00")])
        }
        ("POST", "/bookings/{id}/repeat") => {
            form(&[("day", "FR"), ("until", "2026-12-18"), ("each", "1")])
        }
        ("POST", "/api/v1/bookings/{id}/change") => Sent::Json(json!({
            "version": 1,
            "order": {"centre": "yokohama", "slots": [{"starts_at": starts, "ends_at": ends}]}
        })),
        ("POST", "/api/v1/waitlist") => Sent::Json(json!({
            "centre": centre(), "slots": [{"starts_at": starts, "ends_at": ends}]
        })),
        ("POST", "/api/v1/series") => Sent::Json(json!({
            "rule": "FREQ=DAILY;COUNT=1",
            "order": {"centre": centre(), "slots": [{"starts_at": starts, "ends_at": ends}]}
        })),
        ("POST", "/api/v1/centres/{slug}/closures") => Sent::Json(json!({
            "kind": "no_new", "when": {"starts_at": starts, "ends_at": ends},
            "reason_ja": "点検", "reason_en": "Check"
        })),
        ("PUT", "/api/v1/centres/{slug}/settings") => {
            let mut rules = serde_json::to_value(model::centre::CentreSettings::default()).unwrap();
            rules["version"] = 1.into();
            Sent::Json(rules)
        }
        ("POST", "/api/v1/quotas" | "/api/v1/employers/{id}/quotas") => Sent::Json(json!({
            "subject": "person", "measure": "days_a_week", "most": 5,
            "source_ja": "規程", "source_en": "Rules"
        })),
        ("POST", "/operations/{slug}/order") => form(&[("order", "lockdown"), ("on", "yes")]),
        ("POST", "/api/v1/centres/{slug}/orders") => {
            Sent::Json(json!({"order": "evacuate", "on": false}))
        }
        ("POST", "/uplink/v1/orders/{id}") => Sent::Json(json!({"answer": "done"})),
        ("POST", "/employers/{id}/approves") => form(&[("approves", "yes")]),
        ("POST", "/account/cards/add") => form(&[("code", "K7M-2QX")]),
        ("POST", "/account/cards/{id}/name") => form(&[("label", "定期券")]),
        ("POST", "/operations/{slug}/reports") => form(&[("number", "1")]),
        ("POST", path) if path.starts_with("/operations/{slug}/cards/") => {
            form(&[("why", "the walk")])
        }
        ("POST", "/api/v1/me/cards") => Sent::Json(json!({"code": "K7M-2QX"})),
        ("POST", "/api/v1/centres/{slug}/cards") => {
            Sent::Json(json!({"code": "K7M-2QX", "email": "nobody@example.jp"}))
        }
        ("POST", path) if path.starts_with("/api/v1/centres/{slug}/cards/") => {
            Sent::Json(json!({"why": "the walk"}))
        }
        ("POST", wire::cards::OFFERS_PATH) => {
            let reference = json!({"generation": 1, "reference": "7".repeat(64)});
            Sent::Json(json!({"kiosk": "yokohama-kiosk-1", "references": [reference]}))
        }
        ("POST", wire::cards::REKEYED_PATH) => Sent::Json(json!({"cards": []})),
        ("POST", "/account/tokens/revoke" | "/employers/{id}/tokens/revoke") => {
            form(&[("id", "00000000-0000-7000-8000-000000000000")])
        }
        ("POST", "/employers/{id}/members/end") => {
            Sent::Form(vec![("person", text(thing.named("person").unwrap_or_default()))])
        }
        ("PUT", "/api/v1/people/{id}/roles") => Sent::Json(json!({"roles": []})),
        ("POST", "/scim/v2/Users") => Sent::Json(json!({"userName": "hana@bank.example"})),
        ("PUT", "/scim/v2/Users/{id}") => {
            Sent::Json(json!({"userName": "sato@demo.kyoten.example"}))
        }
        ("PATCH", "/scim/v2/Users/{id}") => Sent::Json(json!({
            "Operations": [{"op": "replace", "path": "active", "value": true}]
        })),
        ("POST", "/uplink/v1/sheet/ack") => Sent::Json(json!({"version": 1})),
        ("POST", "/uplink/v1/events") => Sent::Json(place(1)),
        ("PUT", "/uplink/v1/snapshot") => {
            Sent::Json(json!({"place": 0, "state": twin::Snapshot::default()}))
        }
        ("POST", wire::renew::PATH) => {
            let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
            let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
            Sent::Json(json!({"csr_pem": csr.pem().unwrap()}))
        }
        ("POST", wire::enrol::PATH) => Sent::Json(world.enrolment()),
        ("POST", path) if path.starts_with("/api/") && path.ends_with("/revoke") => {
            Sent::Json(json!({"reason": "broken"}))
        }
        (_, path) if path.starts_with("/api/") => Sent::Json(json!({})),
        _ => form(&[]),
    }
}

/// Sends it, and reads what comes back.
pub async fn ask(
    world: &mut World,
    port: Port,
    route: &Route,
    who: &Who,
    thing: &Thing,
) -> Answered {
    let (token, csrf) = ("t".repeat(43), "c".repeat(43));
    if let Who::Person(person, stage, _) = who
        && !world.signed_in
    {
        let now = world.hub.now();
        let session = Session {
            id: SessionId(world.hub.new_id().unwrap()),
            token: secret::sha256(token.as_bytes()),
            person: person.id,
            csrf: csrf.clone(),
            stage: *stage,
            means: Means::Password,
            agent: "walk".to_owned(),
            started_at: now,
            proved_at: now,
            ends_at: now + rules::SESSION,
        };
        world.hub.store.start_session(&session).await.unwrap();
        world.signed_in = true;
    }
    let mut path = route.path.clone();
    for (name, value) in &thing.names {
        path = path.replace(&format!("{{{name}}}"), value);
    }
    assert!(!path.contains('{'), "nothing stands for the name in {path}");
    if route.path.ends_with("/v1/centres/{slug}/cards") && route.method == Method::GET {
        let operator = if thing.named("slug") == Some("yokohama") { "kobayashi" } else { "kato" };
        path.push_str(&format!("?email={operator}@demo.kyoten.example"));
    }
    if route.path == "/operations/{slug}/order" && route.method == Method::GET {
        path.push_str("?order=lockdown&on=yes");
    }
    if route.path.ends_with("/v1/availability") {
        path.push_str("?from=2026-12-04T01:00:00Z&to=2026-12-04T02:00:00Z");
    }
    let cookie = format!("{}={token}; {}={csrf}", cookies::SESSION, cookies::DOOR);
    let mut request = Request::builder()
        .method(route.method.clone())
        .uri(&path)
        .header(header::ACCEPT_LANGUAGE, "en")
        .header(header::COOKIE, cookie)
        .header("x-csrf-token", &csrf)
        .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 5000))))
        .extension(ConnectInfo(who.peer()));
    let body = match sent(world, route, thing) {
        Sent::Nothing => Body::empty(),
        Sent::Form(mut fields) => {
            fields.push(("csrf", csrf.clone()));
            let kind = "application/x-www-form-urlencoded";
            request = request.header(header::CONTENT_TYPE, kind);
            let pairs = fields.iter().map(|(name, value)| format!("{name}={}", encode(value)));
            Body::from(pairs.collect::<Vec<_>>().join("&"))
        }
        Sent::Json(value) => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(value.to_string())
        }
    };
    let router = if port == Port::People { &world.people } else { &world.sites };
    let response = router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
    read(route, response, &path, &csrf).await
}

async fn read(route: &Route, response: Response, path: &str, csrf: &str) -> Answered {
    let status = response.status();
    let header = |name| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (location, kind) = (header(header::LOCATION), header(header::CONTENT_TYPE));
    let verdict = match status {
        StatusCode::UNAUTHORIZED => Verdict::SignInFirst,
        StatusCode::SEE_OTHER if location.starts_with("/sign-in?next=") => Verdict::SignInFirst,
        StatusCode::FORBIDDEN => Verdict::Forbidden,
        StatusCode::NOT_FOUND => Verdict::NotFound,
        StatusCode::CONFLICT
        | StatusCode::GONE
        | StatusCode::UNPROCESSABLE_ENTITY
        | StatusCode::TOO_MANY_REQUESTS => Verdict::LetIn,
        status if status.is_success() || status.is_redirection() => Verdict::LetIn,
        _ => Verdict::Neither,
    };
    let done = status.is_success() || status.is_redirection();
    let changed = route.method != Method::GET && verdict == Verdict::LetIn && done;
    // A stream goes on for ever, and what is let in is not compared.
    let said = if verdict == Verdict::LetIn || kind.starts_with("text/event-stream") {
        String::new()
    } else {
        let body = to_bytes(response.into_body(), 4 << 20).await.unwrap();
        let body =
            String::from_utf8_lossy(&body).replace(path, "PATH").replace(&encode(path), "PATH");
        body.replace(csrf, "CSRF")
    };
    let said =
        format!("{status} {} {}", location.replace(&encode(path), "PATH"), without_nonces(&said));
    Answered { verdict, said, changed }
}

/// Nonces differ from answer to answer.
fn without_nonces(body: &str) -> String {
    let mut pieces = body.split("nonce=\"");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text.push_str(piece.split_once('"').map_or(piece, |(_, rest)| rest));
    }
    text
}
