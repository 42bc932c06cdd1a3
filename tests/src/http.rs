//! People at the hub's web port, by program.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

/// The password of every demo account.
pub const PASSWORD: &str = "kyoten-demo";

/// An HTTP client with cookies of its own; it follows no redirects.
#[must_use]
pub fn client() -> Client {
    // Fails only when there is a provider already.
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::builder()
        .cookie_store(true)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap()
}

/// The e-mail address of a demo account.
#[must_use]
pub fn email(name: &str) -> String {
    format!("{name}@demo.kyoten.example")
}

fn has_second_factor(name: &str) -> bool {
    let accounts = hub::seed::accounts();
    accounts.iter().any(|account| account.email == email(name) && account.second_factor)
}

/// A code that this person was not asked for yet at this hub: one-time codes would have to be waited
/// for when somebody signs in twice.
fn next_code(hub: &str, name: &str) -> String {
    static USED: Mutex<BTreeMap<(String, String), usize>> = Mutex::new(BTreeMap::new());
    let mut used = USED.lock().unwrap();
    let used = used.entry((hub.to_owned(), name.to_owned())).or_default();
    *used += 1;
    hub::seed::recovery_codes()
        .get(*used - 1)
        .unwrap_or_else(|| panic!("{name} has no recovery code left at {hub}"))
        .clone()
}

/// Somebody signed in over the API.
#[derive(Clone)]
pub struct Person {
    http: Client,
    hub: String,
    csrf: String,
}

impl Person {
    /// Signs a demo account in at the hub (its address, without a slash at the end).
    ///
    /// # Panics
    /// When the hub does not let them in.
    pub async fn sign_in(hub: &str, name: &str) -> Self {
        let http = client();
        let mut order = json!({ "email": email(name), "password": PASSWORD });
        if has_second_factor(name) {
            order["code"] = json!(next_code(hub, name));
        }
        let answer = http.post(format!("{hub}/api/v1/session")).json(&order).send().await.unwrap();
        let status = answer.status();
        let told: Value = answer.json().await.unwrap_or_default();
        assert!(status.is_success(), "{name} cannot sign in: {status} {told}");
        let csrf = told["csrf_token"]
            .as_str()
            .unwrap_or_else(|| panic!("no csrf token in {told}"))
            .to_owned();
        Self { http, hub: hub.to_owned(), csrf }
    }

    /// `GET` of a path.
    pub async fn get(&self, path: &str) -> Response {
        self.http.get(format!("{}{path}", self.hub)).send().await.unwrap()
    }

    /// The text at a path.
    ///
    /// # Panics
    /// When the answer is no success.
    pub async fn text(&self, path: &str) -> String {
        let answer = self.get(path).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        text
    }

    /// `POST` of a form to a page, as its own form would send it.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let mut form = fields.to_vec();
        form.push(("csrf", &self.csrf));
        self.http.post(format!("{}{path}", self.hub)).form(&form).send().await.unwrap()
    }

    /// `PUT` of JSON to a path.
    pub async fn put(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request =
            self.http.put(format!("{}{path}", self.hub)).header("x-csrf-token", &self.csrf);
        let answer = request.json(body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    /// `POST` of JSON to a path.
    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request =
            self.http.post(format!("{}{path}", self.hub)).header("x-csrf-token", &self.csrf);
        let answer = request.json(body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    /// `POST` of JSON to a path, with a key that makes it harmless to send it again.
    ///
    /// # Errors
    /// When the whole answer does not come.
    pub async fn try_post(
        &self,
        path: &str,
        body: &Value,
        key: Option<&str>,
    ) -> reqwest::Result<(StatusCode, Value)> {
        let mut request =
            self.http.post(format!("{}{path}", self.hub)).header("x-csrf-token", &self.csrf);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = request.json(body).send().await?;
        Ok((answer.status(), answer.json().await?))
    }

    /// `POST` of a page's form to a path.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> StatusCode {
        let mut fields = fields.to_vec();
        fields.push(("csrf", &self.csrf));
        let request = self.http.post(format!("{}{path}", self.hub)).form(&fields);
        request.send().await.unwrap().status()
    }
}
