//! A device enrols at the port for sites and comes back with its certificate.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::HashSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hub::authority::Authority;
use hub::tls_listener::{PeerIdentity, TlsListener};
use model::clock::SystemClock;
use ring::rand::SystemRandom;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::enrol::{self, BadCode, EnrolAnswer, EnrolRequest, OneTimeCode};
use wire::identity::{DeviceIdentity, IdentityError};
use wire::topics::DeviceKind;

const DEADLINE: Duration = Duration::from_secs(20);

/// A hub that does nothing but enrol, and tell who asks.
struct Hub {
    authority: Authority,
    codes: Mutex<HashSet<[u8; 32]>>,
    asked: Mutex<u32>,
    /// Answers with a certificate for a key that the device does not have.
    swaps_keys: bool,
}

struct Running {
    hub: Arc<Hub>,
    address: SocketAddr,
    folder: Folder,
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("kyoten-enrol-{}", uuid::Uuid::new_v4())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn authority(folder: &Folder) -> Authority {
    Authority::open_or_create(&folder.0, Arc::new(SystemClock), Arc::new(SystemRandom::new()))
        .unwrap()
}

impl Running {
    async fn start(names: &[&str], swaps_keys: bool) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let folder = Folder::new();
        let authority = authority(&folder);
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let tls = authority.server_config(&names).unwrap();
        let listener = TlsListener::bind((Ipv4Addr::LOCALHOST, 0).into(), tls).await.unwrap();
        let address = listener.address();
        let hub = Arc::new(Hub {
            authority,
            codes: Mutex::default(),
            asked: Mutex::default(),
            swaps_keys,
        });
        let router = Router::new()
            .route(enrol::PATH, post(enrol_device))
            .route("/who", get(who))
            .with_state(hub.clone());
        tokio::spawn(async move {
            axum::serve(listener, router.into_make_service_with_connect_info::<PeerIdentity>())
                .await
        });
        Self { hub, address, folder }
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    fn code(&self) -> OneTimeCode {
        let code =
            OneTimeCode::new(&SystemRandom::new(), self.hub.authority.fingerprint16()).unwrap();
        self.hub.codes.lock().unwrap().insert(code.secret_digest());
        code
    }

    async fn enrol(&self, code: &str, device: &str) -> Result<DeviceIdentity, IdentityError> {
        DeviceIdentity::enrol(&self.url(), code, &self.folder.0.join(device), &SystemClock).await
    }

    async fn who(&self, client: &reqwest::Client) -> Result<String, reqwest::Error> {
        client.get(self.url() + "/who").timeout(DEADLINE).send().await?.text().await
    }
}

async fn enrol_device(State(hub): State<Arc<Hub>>, Json(request): Json<EnrolRequest>) -> Response {
    *hub.asked.lock().unwrap() += 1;
    let code: OneTimeCode = request.code.parse().unwrap();
    if !hub.codes.lock().unwrap().remove(&code.secret_digest()) {
        let problem =
            serde_json::json!({"title": "Gone", "detail": "the code was used or is too old"});
        return (StatusCode::GONE, Json(problem)).into_response();
    }
    let csr = if hub.swaps_keys {
        let key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap()
    } else {
        request.csr_pem
    };
    let device = "y-edge".parse().unwrap();
    let names = ["127.0.0.1".to_owned()];
    Json(EnrolAnswer {
        certificate_pem: hub
            .authority
            .sign_device(&csr, &device, DeviceKind::Edge, &names)
            .unwrap(),
        authority_pem: hub.authority.pem().to_owned(),
        device,
        centre: "y".parse().unwrap(),
        kind: DeviceKind::Edge,
        region_card_key: Some("a2V5".to_owned()),
        sheet_key: None,
    })
    .into_response()
}

async fn who(ConnectInfo(peer): ConnectInfo<PeerIdentity>) -> String {
    match peer.device {
        Some(device) => format!("{device} {}", peer.fingerprint != [0; 32]),
        None => "nobody".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_enrols_and_is_known_from_then_on() {
    let running = Running::start(&["localhost", "127.0.0.1"], false).await;
    let identity = running.enrol(&running.code().reveal(), "edge").await.unwrap();
    assert_eq!(identity.device().as_str(), "y-edge");
    assert_eq!(identity.kind(), DeviceKind::Edge);
    assert_eq!(identity.region_card_key(), Some(&b"key"[..]));
    identity.server_config().unwrap();
    assert_eq!(running.who(&identity.http_client().unwrap()).await.unwrap(), "y-edge true");

    let home = running.folder.0.join("edge");
    let mode = fs::metadata(identity.files().key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!home.join("pending-key.pem").exists());
    let again = DeviceIdentity::load(&home).unwrap();
    assert_eq!(running.who(&again.http_client().unwrap()).await.unwrap(), "y-edge true");

    // A second enrolment takes the first one's place.
    running.enrol(&running.code().reveal(), "edge").await.unwrap();
    let newer = DeviceIdentity::load(&home).unwrap();
    assert_ne!(newer.expires().timestamp(), 0);
    assert_eq!(fs::read_dir(&home).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_works_once_and_the_next_try_keeps_the_key() {
    let running = Running::start(&["127.0.0.1"], false).await;
    let code = running.code().reveal();
    running.enrol(&code, "one").await.unwrap();
    match running.enrol(&code, "two").await {
        Err(IdentityError::Refused { status: 410, why }) => assert!(why.contains("used"), "{why}"),
        other => unreachable!("{other:?}"),
    }
    let home = running.folder.0.join("two");
    assert!(matches!(DeviceIdentity::load(&home), Err(IdentityError::NotEnrolled(_))));
    let pending = fs::read_to_string(home.join("pending-key.pem")).unwrap();
    let identity = running.enrol(&running.code().reveal(), "two").await.unwrap();
    assert_eq!(fs::read_to_string(identity.files().key).unwrap(), pending);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_or_address_asks_nobody() {
    let running = Running::start(&["127.0.0.1"], false).await;
    let error = running.enrol("K1-nonsense", "edge").await.unwrap_err();
    assert!(matches!(error, IdentityError::Code(BadCode::Form)), "{error}");
    let code = running.code().reveal();
    let folder = running.folder.0.join("edge");
    let error =
        DeviceIdentity::enrol("http://127.0.0.1", &code, &folder, &SystemClock).await.unwrap_err();
    assert!(matches!(error, IdentityError::Address(_)), "{error}");
    assert_eq!(*running.hub.asked.lock().unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_never_sees_the_code() {
    let running = Running::start(&["127.0.0.1"], false).await;
    let elsewhere = OneTimeCode::new(&SystemRandom::new(), [7; 16]).unwrap();
    let error = running.enrol(&elsewhere.reveal(), "edge").await.unwrap_err();
    assert!(matches!(error, IdentityError::WrongAuthority(_)), "{error}");
    assert_eq!(*running.hub.asked.lock().unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hub_s_name_is_checked() {
    let running = Running::start(&["hub.example"], false).await;
    let error = running.enrol(&running.code().reveal(), "edge").await.unwrap_err();
    assert!(matches!(error, IdentityError::Unreachable { .. }), "{error}");
    assert_eq!(*running.hub.asked.lock().unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_key_is_not_kept() {
    let running = Running::start(&["127.0.0.1"], true).await;
    let error = running.enrol(&running.code().reveal(), "edge").await.unwrap_err();
    assert!(error.to_string().contains("another key"), "{error}");
    let home = running.folder.0.join("edge");
    assert!(matches!(DeviceIdentity::load(&home), Err(IdentityError::NotEnrolled(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_s_device_is_refused() {
    let running = Running::start(&["127.0.0.1"], false).await;
    let identity = running.enrol(&running.code().reveal(), "edge").await.unwrap();
    let foreign = Folder::new();
    let key = rcgen::KeyPair::from_pem(&fs::read_to_string(identity.files().key).unwrap()).unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let forged =
        authority(&foreign).sign_device(&csr, identity.device(), DeviceKind::Edge, &[]).unwrap();
    fs::write(identity.files().certificate, forged).unwrap();
    let forger = DeviceIdentity::load(&running.folder.0.join("edge")).unwrap();
    assert!(running.who(&forger.http_client().unwrap()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_files_are_named() {
    let running = Running::start(&["127.0.0.1"], false).await;
    let identity = running.enrol(&running.code().reveal(), "edge").await.unwrap();
    let home = running.folder.0.join("edge");
    for file in ["key.pem", "certificate.pem", "authority.pem", "meta.json", "region-card-key"] {
        let path = home.join("identity").join(file);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, "-----torn").unwrap();
        match DeviceIdentity::load(&home) {
            Err(IdentityError::Damaged { path: named, .. }) => assert_eq!(named, path),
            other => unreachable!("{file}: {other:?}"),
        }
        fs::write(&path, whole).unwrap();
    }
    let other_key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    fs::write(identity.files().key, other_key).unwrap();
    assert!(matches!(DeviceIdentity::load(&home), Err(IdentityError::Damaged { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_and_mumbling_peers_hold_nobody_up() {
    let running = Running::start(&["127.0.0.1"], false).await;
    let mut idle = Vec::new();
    for _ in 0..50 {
        idle.push(TcpStream::connect(running.address).await.unwrap());
    }
    let mut mumbler = TcpStream::connect(running.address).await.unwrap();
    mumbler.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    timeout(DEADLINE, mumbler.read_to_end(&mut answer)).await.unwrap().ok();
    assert!(!answer.starts_with(b"HTTP"));
    // Far less than the ten seconds that an idle peer is given.
    let code = running.code().reveal();
    timeout(Duration::from_secs(5), running.enrol(&code, "edge")).await.unwrap().unwrap();
}
