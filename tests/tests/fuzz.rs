//! The API's own document, tried on the API by a fuzzer, signed in as each role: no failure of the
//! hub's, and no answer that the document does not tell of.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::path::PathBuf;
use std::process::{Command, Output};

use chrono::{TimeDelta, Utc};
use model::id::SessionId;
use model::sign_in::{Means, Stage};
use store::Session;
use tests::http::email;
use tests::region::{Database, Region};
use uuid::Uuid;

/// Who calls: nobody, and one of each role.
const CALLERS: [Option<&str>; 9] = [
    None,
    Some("sato"),
    Some("takahashi"),
    Some("ogawa"),
    Some("sasaki"),
    Some("kobayashi"),
    Some("hoshino"),
    Some("yoshida"),
    Some("fujita"),
];
/// So long each of them tries, in seconds.
const SECONDS: &str = "14";
/// What is held against an answer. That a role may not do something is no fault, so nothing is asked
/// about which requests succeed.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";
/// Tried by nobody alone: it would end the session that the others go on with.
const SIGNS_OUT: &str = "sign_out";

#[tokio::test(flavor = "multi_thread")]
async fn the_api_keeps_to_its_document_whoever_asks_and_whatever() {
    let region = Region::start(Database::Sqlite).await;
    let mut wrong = Vec::new();
    for caller in CALLERS {
        let session = match caller {
            Some(name) => Some(session(&region, name).await),
            None => None,
        };
        // One seed that stays, so that what was found once is tried again, and one of this run.
        let seeds = ["1".to_owned(), (Uuid::new_v4().as_u128() % 1_000_000).to_string()];
        let seed = &seeds[usize::from(caller.is_none() || caller == Some("takahashi"))];
        let told = fuzz(&region, session.as_ref(), seed);
        let who = caller.unwrap_or("nobody");
        let text = String::from_utf8_lossy(&told.stdout);
        let count = text.lines().find(|line| line.contains("generated")).unwrap_or_default();
        eprintln!("{who}, seed {seed}: {}", count.trim());
        if !told.status.success() {
            let errors = String::from_utf8_lossy(&told.stderr);
            wrong.push(format!("{who}, seed {seed}:\n{text}\n{errors}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A session with everything shown; how one gets there is tried elsewhere.
async fn session(region: &Region, name: &str) -> (String, String) {
    let person = region.store.sign_in_record(&email(name)).await.unwrap().unwrap().person;
    let (token, csrf) = (Uuid::new_v4().simple().to_string(), "c".repeat(43));
    let now = Utc::now();
    let session = Session {
        id: SessionId(Uuid::new_v4()),
        token: hub::service::secret::sha256(token.as_bytes()),
        person,
        csrf: csrf.clone(),
        stage: Stage::Two,
        means: Means::Password,
        agent: "fuzzer".to_owned(),
        started_at: now,
        proved_at: now,
        ends_at: now + TimeDelta::hours(1),
    };
    region.store.start_session(&session).await.unwrap();
    (token, csrf)
}

fn fuzz(region: &Region, session: Option<&(String, String)>, seed: &str) -> Output {
    let tool = tool();
    let mut command = Command::new(&tool);
    command
        .arg("run")
        .arg(format!("{}/api/openapi.json", region.url))
        .args(["--phases", "examples,coverage,fuzzing", "--checks", CHECKS, "--seed", seed])
        .args(["--max-time", SECONDS, "--continue-on-failure", "--suppress-health-check", "all"])
        .args(["--warnings", "off", "--no-color"])
        .current_dir(region.folder().path());
    if let Some((token, csrf)) = session {
        command
            .arg("-H")
            .arg(format!("Cookie: kyoten_session={token}"))
            .arg("-H")
            .arg(format!("X-CSRF-Token: {csrf}"))
            .args(["--exclude-operation-id", SIGNS_OUT]);
    }
    command.output().unwrap_or_else(|error| {
        panic!("{} cannot run ({error}); scripts/setup test installs it", tool.display())
    })
}

/// Where `scripts/setup test` puts it: in the folder that this program was built in.
fn tool() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.ancestors().nth(3).unwrap().join("tools/python/bin/st")
}
