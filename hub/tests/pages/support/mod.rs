//! A hub with the demo's data on SQLite, and browsers that call its router directly.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use hub::config::Config;
use hub::hub::Hub;
use hub::router::router;
use hub::web::WebSettings;
use model::care::admission::{Admits, Room};
use model::care::staffing::{CareRoom, Staffing};
use model::clock::ManualClock;
use model::id::{PersonId, RoomId};
use model::language::LocalText;
use ring::rand::SystemRandom;
use serde_json::Value;
use tokio::sync::OnceCell;
use tower::ServiceExt as _;
use uuid::Uuid;

/// Wednesday, nine in the morning in Japan; the day after a national holiday's week began.
pub const NOW: &str = "2026-11-25T00:00:00Z";

/// The hub and its folder, which goes with it.
pub struct World {
    pub hub: Hub,
    pub clock: Arc<ManualClock>,
    pub router: Router,
    pub folder: PathBuf,
}

impl World {
    pub async fn new() -> Self {
        Self::with(WebSettings::default()).await
    }

    /// The same hub behind other walls.
    pub async fn with(settings_of_web: WebSettings) -> Self {
        let folder = std::env::temp_dir().join(format!("kyoten-web-{}", Uuid::new_v4()));
        let clock = Arc::new(ManualClock::at(NOW.parse::<DateTime<Utc>>().unwrap()));
        copy(seeded(&clock).await, &folder).unwrap();
        let hub = open(&folder, &clock).await;
        let router = router(hub.clone(), settings_of_web);
        Self { hub, clock, router, folder }
    }

    /// Shows a second factor that was made for this moment: one-time codes work once each, and the
    /// clock must not be moved for them.
    async fn second_factor(&self, browser: &mut Browser, key: &str) {
        let code = "TEST-TEST-TEST-TEST";
        let person = self.person(key).await;
        let digest = hub::service::codes::recovery_digest(person, code);
        self.hub.store.set_recovery_codes(person, &[digest], self.hub.now()).await.unwrap();
        let csrf = browser.get("/sign-in/second").await.csrf();
        let answer = browser.post("/sign-in/second", &[("recovery", code), ("csrf", &csrf)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    }

    /// The demo's person of this key.
    pub async fn person(&self, key: &str) -> PersonId {
        self.hub.store.sign_in_record(&email(key)).await.unwrap().unwrap().person
    }

    /// A browser that nobody has signed in with.
    pub fn browser(&self) -> Browser {
        Browser { router: self.router.clone(), cookies: BTreeMap::new(), language: "ja" }
    }

    /// A browser in which the demo's person of this key has signed in.
    pub async fn signed_in(&self, key: &str) -> Browser {
        let mut browser = self.browser();
        let page = browser.get("/sign-in").await;
        let (email, csrf) = (email(key), page.csrf());
        let form = [("email", email.as_str()), ("password", hub::seed::PASSWORD), ("csrf", &csrf)];
        let answer = browser.post("/sign-in", &form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        if answer.header("location").starts_with("/sign-in/second") {
            self.second_factor(&mut browser, key).await;
        }
        browser
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // What stays behind in the temporary folder does no harm.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn open(folder: &Path, clock: &Arc<ManualClock>) -> Hub {
    let settings = |key: &str| match key {
        "KYOTEN_DATA_DIR" => Some(folder.display().to_string()),
        "KYOTEN_SECURE_COOKIES" => Some("false".to_owned()),
        _ => None,
    };
    let config = Config::read(None, settings).unwrap();
    hub::serve::open(&config, clock.clone(), Arc::new(SystemRandom::new())).await.unwrap()
}

/// A folder with the demo's data, made once: to hash everybody's password takes longer than most tests.
async fn seeded(clock: &Arc<ManualClock>) -> &'static Path {
    // The hub stays open: a database that is being closed is written to, and must not be copied.
    static SEEDED: OnceCell<(PathBuf, Hub)> = OnceCell::const_new();
    let seeded = SEEDED.get_or_init(async || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
        // What an earlier run has left.
        std::fs::remove_dir_all(&folder).ok();
        let hub = open(&folder, clock).await;
        hub::seed::demo(&hub, None).await.unwrap();
        (folder, hub)
    });
    &seeded.await.0
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// How a nursery is staffed that has one large room for all ages, under Japan's rules of 2024.
pub fn one_room() -> Staffing {
    let room = CareRoom {
        id: RoomId(Uuid::from_u128(1)),
        name: LocalText::new("ひよこ組", "Chicks"),
        room: Room { hundredths_m2: 10_000, from_years: 0, below_years: None },
    };
    Staffing {
        rule_sets: vec!["jp-art33-2024".to_owned()],
        admits: Admits::Both,
        integrated: false,
        main_hours: None,
        rooms: vec![room],
    }
}

/// The e-mail address of a demo person.
pub fn email(key: &str) -> String {
    let accounts = hub::seed::accounts();
    let account = accounts.iter().find(|account| account.email.starts_with(&format!("{key}@")));
    account.unwrap_or_else(|| panic!("the demo has no {key}")).email.clone()
}

/// Keeps cookies as a browser does, and sends them.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    pub cookies: BTreeMap<String, String>,
    pub language: &'static str,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The value of the first field called `csrf`.
    pub fn csrf(&self) -> String {
        field(&self.body, "csrf").unwrap_or_else(|| panic!("no csrf in {}", self.body))
    }
}

/// The value of a hidden field, as the templates write it.
pub fn field(html: &str, name: &str) -> Option<String> {
    let start = html.find(&format!("name=\"{name}\" value=\""))?;
    let value = &html[start..].split_once("value=\"")?.1;
    Some(value.split_once('"')?.0.replace("&#38;", "&").replace("&#61;", "="))
}

impl Browser {
    async fn call(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Body::empty()).await
    }

    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body: Vec<String> = form
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        self.send(Method::POST, path, &kind, Body::from(body.join("&"))).await
    }

    pub async fn api(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let headers = [&[("content-type", "application/json")], headers].concat();
        self.send(method, path, &headers, Body::from(body.to_string())).await
    }

    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT_LANGUAGE, self.language)
            .header(header::COOKIE, cookies.join("; "));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.call(request.body(body).unwrap()).await;
        let (parts, body) = response.into_parts();
        for line in parts.headers.get_all(header::SET_COOKIE) {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.into(), value.into());
            }
        }
        let body = to_bytes(body, 4 << 20).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

/// The first piece of an answer that does not end.
pub async fn first_piece(browser: &Browser, path: &str) -> String {
    pieces(browser, path).await.next().await
}

/// An answer that does not end.
pub struct Pieces(BodyDataStream);

impl Pieces {
    pub async fn next(&mut self) -> String {
        let piece = tokio::time::timeout(Duration::from_secs(30), self.0.next()).await.unwrap();
        String::from_utf8(piece.unwrap().unwrap().to_vec()).unwrap()
    }
}

pub async fn pieces(browser: &Browser, path: &str) -> Pieces {
    let cookies: Vec<String> =
        browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = Request::get(path).header(header::COOKIE, cookies.join("; "));
    let response = browser.call(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    Pieces(response.into_body().into_data_stream())
}

fn encode(text: &str) -> String {
    hub::pages::frame::encode(text)
}
