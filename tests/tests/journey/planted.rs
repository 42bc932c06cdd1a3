//! What is personal is planted through the real programs, and then looked for, byte by byte,
//! wherever they leave anything behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::http::{Person, email};
use tests::region::Database;
use tests::site::{Bus, Site};

use crate::bookings::newer_sheet;

const ALLERGY: &str = "落花生アレルギー七十四号";
const NOTE: &str = "てんかんの薬を毎朝";
const TELEPHONE: &str = "090-5550-0137";
const GRANDMOTHER: &str = "080-5550-0246";

#[tokio::test]
async fn on_sqlite_over_the_embedded_site_bus() {
    nothing_personal_is_left_about(Database::Sqlite, Bus::Embedded).await;
}

#[tokio::test]
async fn on_postgresql_over_mosquitto() {
    nothing_personal_is_left_about(Database::Postgres, Bus::Mosquitto).await;
}

async fn nothing_personal_is_left_about(database: Database, bus: Bus) {
    let site = Site::start(database, bus, None).await;
    newer_sheet(&site, None).await;
    plant(&site).await;

    let card = site.card("sato");
    let bytes: Vec<u8> = (0..card.len() / 2)
        .map(|n| u8::from_str_radix(&card[2 * n..2 * n + 2], 16).unwrap())
        .collect();
    let mut planted: Vec<(&str, Vec<u8>)> = [ALLERGY, NOTE, TELEPHONE, GRANDMOTHER]
        .into_iter()
        .map(|text| (text, text.as_bytes().to_vec()))
        .collect();
    planted.push(("the card's identifier", bytes));
    planted.push(("the card's identifier as a text", card.into_bytes()));

    let mut files = Vec::new();
    let folder = site.region.folder();
    // The simulated readers are not ours: the cards that are tapped there are the world outside.
    collect(folder.path(), &site.region.readers(), &mut files);
    if database == Database::Postgres {
        let dump = folder.join("dump.sql");
        dump_to(&site.region.database_url, &dump);
        files.push(dump);
        let given = std::env::var_os("KYOTEN_TEST_POSTGRES").is_some();
        if !given {
            collect(&server_folder(&site.region.database_url), Path::new("/nowhere"), &mut files);
        }
    }
    assert!(files.len() > 10, "{files:?}");
    let found = |what: &[u8]| -> Vec<String> {
        let forms = forms(what);
        let in_file = |file: &PathBuf| {
            let bytes = fs::read(file).unwrap_or_default();
            forms.iter().any(|form| holds(&bytes, form))
        };
        files.iter().filter(|file| in_file(file)).map(|file| file.display().to_string()).collect()
    };
    for (name, what) in &planted {
        assert_eq!(found(what), Vec::<String>::new(), "{name} lies about");
    }

    // The search finds what is there to be found: an address stands in the database as it is, and
    // each form of a text in a file.
    assert!(!found(email("ito").as_bytes()).is_empty(), "an address is looked for in vain");
    for (n, form) in forms(ALLERGY.as_bytes()).into_iter().enumerate() {
        let file = folder.join(&format!("control-{n}"));
        fs::write(&file, [b"before ".as_slice(), &form, b" after"].concat()).unwrap();
        let bytes = fs::read(&file).unwrap();
        assert!(forms_in(&bytes, ALLERGY.as_bytes()), "form {n} is looked for in vain");
    }
}

/// Keeps health and telephone numbers, looks at them, takes a copy of them, asks about them in the
/// record, taps the card, and sends what must be refused.
async fn plant(site: &Site) {
    let url = &site.region.url;
    let ito = Person::sign_in(url, "ito").await;
    let kids = ito.text("/children").await;
    let (_, rest) = kids.split_once("href=\"/children/").unwrap();
    let child = format!("/children/{}", rest.split('"').next().unwrap());
    let health = [
        ("allergies", ALLERGY),
        ("notes", NOTE),
        ("contact-name-1", "祖母"),
        ("contact-telephone-1", GRANDMOTHER),
    ];
    let status = ito.post_form(&format!("{child}/health"), &health).await;
    assert!(status.is_redirection(), "{status}");
    let status = ito.post_form("/account/telephone", &[("telephone", TELEPHONE)]).await;
    assert!(status.is_redirection(), "{status}");
    let page = ito.text(&child).await;
    assert!(page.contains(ALLERGY) && page.contains(GRANDMOTHER));
    assert!(ito.text("/account").await.contains(TELEPHONE));
    assert!(ito.post_form("/account/export", &[]).await.is_success());

    // Others' hands on it, and what cannot be taken, must not reach a log either.
    let takahashi = Person::sign_in(url, "takahashi").await;
    let refused = takahashi.post_form(&format!("{child}/health"), &health).await;
    assert_eq!(refused.as_u16(), 404);
    let long = ALLERGY.repeat(200);
    let refused = ito.post_form(&format!("{child}/health"), &[("allergies", &long)]).await;
    assert_eq!(refused.as_u16(), 422);
    let asked = format!("{child}?done={TELEPHONE}");
    assert!(ito.get(&asked).await.status().is_success());

    site.tap("sato");
    site.kiosk_shows("どうぞお入りください").await;
    let centre = site.centre().await;
    site.event("the check-in", centre.id, |it| {
        matches!(it, model::site_event::Happening::CheckedIn { .. })
    })
    .await;
}

/// A text as it may lie about: as it is, in hexadecimal of both cases, and in base64 at each of the
/// three alignments, without the digits that its neighbours share.
fn forms(what: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = what.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![what.to_vec(), hex.clone().into_bytes(), hex.to_uppercase().into_bytes()];
    for before in 0..3 {
        for alphabet in [STANDARD, URL_SAFE] {
            let bytes = [vec![0; before], what.to_vec()].concat();
            let whole = bytes.len() * 8 / 6;
            let first = (before * 8).div_ceil(6);
            forms.push(base64(&bytes, alphabet)[first..whole].to_vec());
        }
    }
    forms
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> Vec<u8> {
    let mut digits = Vec::new();
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 6 {
            bits -= 6;
            digits.push(alphabet[usize::try_from((held >> bits) & 63).unwrap()]);
        }
    }
    digits
}

fn forms_in(bytes: &[u8], what: &[u8]) -> bool {
    forms(what).iter().any(|form| holds(bytes, form))
}

fn holds(bytes: &[u8], form: &[u8]) -> bool {
    let Some(&first) = form.first() else { return false };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        if rest[at..].starts_with(form) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

fn collect(folder: &Path, except: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if path == except {
            continue;
        }
        if kind.is_dir() {
            collect(&path, except, files);
        } else if kind.is_file() {
            files.push(path);
        }
    }
}

/// The private server's folder: its socket is in it.
fn server_folder(url: &str) -> PathBuf {
    let host = url.split_once("host=").unwrap().1.split('&').next().unwrap();
    PathBuf::from(host.replace("%2F", "/"))
}

fn dump_to(url: &str, file: &Path) {
    let programs = fs::read_dir("/usr/lib/postgresql").unwrap().flatten();
    let newest = programs
        .max_by_key(|version| version.file_name().to_string_lossy().parse::<u32>().ok())
        .unwrap();
    let dump = Command::new(newest.path().join("bin/pg_dump"))
        .arg(format!("--file={}", file.display()))
        .arg(url)
        .status()
        .unwrap();
    assert!(dump.success());
}
