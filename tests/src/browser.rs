//! Headless Chromium, moved through its own driver.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;
use std::time::{Duration, Instant};

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::json;
use tokio::time::sleep;

use crate::folder::Folder;
use crate::ports::free_address;
use crate::process::{Process, system_program};
use crate::waiting::{DEADLINE, until};

/// A browser window of its own, with nothing remembered. Call [`Browser::close`] at the end.
pub struct Browser {
    /// What moves it.
    pub page: Client,
    driver: Process,
    _folder: Folder,
}

/// How large a window is, in CSS pixels.
#[derive(Clone, Copy, Debug)]
pub struct WindowSize {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// A window on a desk.
pub const DESKTOP: WindowSize = WindowSize { width: 1280, height: 900 };
/// A phone held upright.
pub const PHONE: WindowSize = WindowSize { width: 390, height: 844 };

impl Browser {
    /// Opens it.
    ///
    /// # Panics
    /// When Chromium or its driver is not installed or does not start.
    pub async fn open(size: WindowSize) -> Self {
        let folder = Folder::new("browser");
        let address = free_address();
        let mut command = Command::new(system_program(&["chromedriver"]));
        command.arg(format!("--port={}", address.port())).process_group(0);
        let mut driver = Process::start("chromedriver", &mut command, &folder.join("driver.log"));
        driver.listens(address).await;

        let profile = folder.join("profile");
        let mut arguments: Vec<String> = [
            "--headless",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--lang=ja",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        // Chromium's own sandbox works neither for root nor in a container; it only sees our pages here.
        arguments.push("--no-sandbox".to_owned());
        // Windows of a headless Chromium are never as narrow as a phone; the emulation is.
        let metrics = json!({ "width": size.width, "height": size.height, "pixelRatio": 1.0 });
        let chromium = system_program(&["chromium", "chromium-browser", "google-chrome"]);
        let mut capabilities = Capabilities::new();
        capabilities.insert(
            "goog:chromeOptions".to_owned(),
            json!({
                "binary": chromium,
                "args": arguments,
                "mobileEmulation": { "deviceMetrics": metrics },
            }),
        );
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://{address}"))
            .await
            .unwrap_or_else(|error| panic!("Chromium did not start: {error}\n{}", driver.log()));
        Self { page, driver, _folder: folder }
    }

    /// Waits until the page's visible text holds `text`.
    pub async fn shows(&self, text: &str) {
        let begun = Instant::now();
        loop {
            let shown = self.text().await;
            if shown.contains(text) {
                return;
            }
            assert!(begun.elapsed() < DEADLINE, "in vain for {text:?}; the page shows:\n{shown}");
            sleep(Duration::from_millis(25)).await;
        }
    }

    /// Waits until the page at `path` is there.
    pub async fn comes_to(&self, path: &str) {
        until(&format!("the browser to come to {path}"), async || {
            self.page.current_url().await.ok().filter(|url| url.path() == path).map(drop)
        })
        .await;
    }

    /// The page's visible text.
    pub async fn text(&self) -> String {
        match self.page.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Types into the field that `css` chooses, instead of what stands there.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.page.wait().for_element(Locator::Css(css)).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Clicks what `css` chooses.
    pub async fn click(&self, css: &str) {
        self.page.wait().for_element(Locator::Css(css)).await.unwrap().click().await.unwrap();
    }

    /// Gives the browser a device for passkeys that always says yes.
    ///
    /// # Panics
    /// When the driver knows no such devices.
    pub async fn add_authenticator(&self) {
        self.page.issue_cmd(AddAuthenticator).await.unwrap();
    }

    /// Whether the page is wider than its window.
    pub async fn overflows(&self) -> bool {
        let script =
            "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
        self.page.execute(script, Vec::new()).await.unwrap().as_bool().unwrap_or(true)
    }

    /// Saves a picture of the window as `screenshots/<name>.png` in the target folder.
    pub async fn screenshot(&self, name: &str) {
        let folder = screenshots();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), self.page.screenshot().await.unwrap())
            .unwrap();
    }

    /// Closes the window.
    pub async fn close(self) {
        self.page.clone().close().await.ok();
    }
}

/// `POST /session/{id}/webauthn/authenticator` of the WebDriver extension in Web Authentication.
#[derive(Debug)]
struct AddAuthenticator;

impl WebDriverCompatibleCommand for AddAuthenticator {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as FromStr>::Err> {
        base.join(&format!("session/{}/webauthn/authenticator", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let device = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserVerified": true,
        });
        (Method::POST, Some(device.to_string()))
    }
}

impl Drop for Browser {
    /// Of a test that failed the window is still open, and the driver's end does not close it.
    fn drop(&mut self) {
        let group = format!("kill -KILL -{}", self.driver.id());
        Command::new("sh").arg("-c").arg(group).status().ok();
    }
}

fn screenshots() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.ancestors().nth(3).unwrap().join("screenshots")
}
