//! `kyoten-card tap`, as people run it, on a simulated reader.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use hardware::card::{CardEvent, CardReader, ReaderModels};
use hardware::readers::{Mounting, ReaderChoice};
use hardware::scan::CodeScanner;
use hardware::sim::{SimReader, SimReaderSettings, SimScanner};
use ring::rand::SystemRandom;
use tokio::process::Command;
use tokio::time::timeout;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("kyoten-{name}-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn settings(name: &str, folder: &Path) -> SimReaderSettings {
    SimReaderSettings::new(name, folder, Arc::new(SystemRandom::new()))
}

async fn tap(folder: &Path, reader: &str, card: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kyoten-card"))
        .args(["tap", "--reader", reader, "--card", card, "--hold-ms", "50"])
        .env("KYOTEN_READER_DIR", folder)
        .env("RUST_BACKTRACE", "1")
        .output()
        .await
        .unwrap()
}

async fn next(reader: &mut dyn CardReader) -> CardEvent {
    timeout(Duration::from_secs(10), reader.next_event()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_card_taps_by_its_name() {
    let folder = Folder::new("tap");
    let mut reader = SimReader::start(settings("kiosk-1", &folder.0)).await.unwrap();
    std::fs::write(folder.0.join("cards.toml"), "'佐藤' = '012e44a7a5189c21'").unwrap();
    assert_eq!(next(&mut reader).await, CardEvent::Available);

    let tapped = tap(&folder.0, "kiosk-1", "佐藤").await;
    assert_eq!(String::from_utf8_lossy(&tapped.stdout), "tapped card 佐藤 on reader kiosk-1\n");
    assert!(matches!(next(&mut reader).await, CardEvent::Presented(_)));
    assert_eq!(next(&mut reader).await, CardEvent::Removed);
}

#[tokio::test]
async fn a_model_in_the_table_is_read_as_the_table_says() {
    let folder = Folder::new("models");
    std::fs::create_dir_all(&folder.0).unwrap();
    let table = folder.0.join("models.toml");
    let rows = "[[model]]\nname_contains = 'turned'\n[[model.answer]]\nlength = 8\nreversed = true";
    std::fs::write(&table, rows).unwrap();
    let models = ReaderModels::read(Some(&table)).unwrap();
    let rng: Arc<dyn ring::rand::SecureRandom + Send + Sync> = Arc::new(SystemRandom::new());
    let mounting =
        Mounting { site: "y", device: "kiosk-1", folder: &folder.0, models: &models, rng: &rng };
    for (name, sent) in [("plain", "012e44a7a5189c21"), ("turned", "219c18a5a7442e01")] {
        let choice: ReaderChoice = format!("sim:{name}").parse().unwrap();
        let mut reader = choice.start(mounting).await.unwrap();
        assert_eq!(next(reader.as_mut()).await, CardEvent::Available);
        assert!(tap(&folder.0, name, sent).await.status.success());
        let CardEvent::Presented(read) = next(reader.as_mut()).await else {
            unreachable!("{name}")
        };
        let identifier = [0x01, 0x2E, 0x44, 0xA7, 0xA5, 0x18, 0x9C, 0x21];
        assert_eq!(read.identifier().unwrap().expose(), identifier, "{name}");
    }
}

#[tokio::test]
async fn mistakes_are_answered_with_what_would_work() {
    let folder = Folder::new("mistakes");
    let reader = SimReader::start(settings("kiosk-1", &folder.0)).await.unwrap();
    std::fs::write(folder.0.join("cards.toml"), "sato = '012e44a7a5189c21'").unwrap();
    for (at, card, hint) in
        [("kiosk-9", "sato", "choose one of kiosk-1"), ("kiosk-1", "suzuki", "sato")]
    {
        let tapped = tap(&folder.0, at, card).await;
        let said = String::from_utf8_lossy(&tapped.stderr);
        assert!(!tapped.status.success() && said.contains(hint), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    std::fs::write(folder.0.join("cards.toml"), "sato 3").unwrap();
    let tapped = tap(&folder.0, "kiosk-1", "sato").await;
    assert!(String::from_utf8_lossy(&tapped.stderr).contains("must hold lines like"));
    drop(reader);
}

#[tokio::test]
async fn a_code_is_scanned_and_a_missing_scanner_is_named() {
    let folder = Folder::new("scan");
    let mut scanner = SimScanner::start("kiosk-1", &folder.0).await.unwrap();
    let _reader = SimReader::start(settings("kiosk-2", &folder.0)).await.unwrap();
    let scan = async |reader: &str, text: &str| {
        Command::new(env!("CARGO_BIN_EXE_kyoten-card"))
            .args(["scan", "--reader", reader, "--text", text])
            .env("KYOTEN_READER_DIR", &folder.0)
            .output()
            .await
            .unwrap()
    };
    let scanned = scan("kiosk-1", "KY1ABC").await;
    let said = String::from_utf8_lossy(&scanned.stdout).into_owned();
    assert_eq!(said, "scanned a code of 6 letters on reader kiosk-1\n", "not the code itself");
    let read = timeout(Duration::from_secs(10), scanner.next_text()).await.unwrap().unwrap();
    assert_eq!(read.expose(), "KY1ABC");
    for (reader, text, hint) in [
        ("kiosk-9", "KY1ABC", "choose one of kiosk-1"),
        ("kiosk-1", "", "1 to 4296 bytes"),
        ("kiosk-1", &"A".repeat(4297), "1 to 4296 bytes"),
    ] {
        let refused = scan(reader, text).await;
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(hint), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[tokio::test]
async fn a_key_is_made_once_and_taps() {
    let folder = Folder::new("key");
    let mut reader = SimReader::start(settings("kiosk-1", &folder.0)).await.unwrap();
    assert_eq!(next(&mut reader).await, CardEvent::Available);
    let file = folder.0.join("card.pem");
    let make = || {
        let arguments = ["key", "--out", file.to_str().unwrap()].map(str::to_owned);
        Command::new(env!("CARGO_BIN_EXE_kyoten-card")).args(arguments).output()
    };
    assert!(make().await.unwrap().status.success());
    let made = std::fs::read(&file).unwrap();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = make().await.unwrap();
    assert!(!again.status.success() && std::fs::read(&file).unwrap() == made, "not over another");

    let tap = async |key: &Path| {
        Command::new(env!("CARGO_BIN_EXE_kyoten-card"))
            .args(["tap", "--reader", "kiosk-1", "--card", "04a1b2c3d4e5f6", "--hold-ms", "50"])
            .args(["--key", key.to_str().unwrap()])
            .env("KYOTEN_READER_DIR", &folder.0)
            .output()
            .await
            .unwrap()
    };
    assert!(tap(&file).await.status.success());
    let CardEvent::Presented(read) = next(&mut reader).await else { unreachable!("not read") };
    assert_eq!(read.level(), 3);
    std::fs::write(&file, "no key").unwrap();
    for (key, hint) in [(&file, "kyoten-card key"), (&folder.0.join("none"), "cannot be read")] {
        let refused = tap(key).await;
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(hint), "{said}");
    }
}
