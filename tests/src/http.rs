//! People at the hub's web port, by program.

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
        let answer = http
            .post(format!("{hub}/api/v1/session"))
            .json(&json!({ "email": email(name), "password": PASSWORD }))
            .send()
            .await
            .unwrap();
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

    /// `POST` of JSON to a path.
    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request =
            self.http.post(format!("{}{path}", self.hub)).header("x-csrf-token", &self.csrf);
        let answer = request.json(body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or_default())
    }
}
