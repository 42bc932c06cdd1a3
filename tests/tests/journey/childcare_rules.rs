//! A town holds worked cases against a rule set before it counts, and tells a nursery's rooms and shifts, at the
//! command line.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use chrono::{Days, Utc};
use chrono_tz::Asia::Tokyo;
use tests::folder::Folder;
use tests::process::program;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../hub/rules/childcare");

/// Runs `kyoten-hub rules` where there is neither a database nor a data folder.
fn rules(folder: &Folder, arguments: &[&str]) -> (bool, String, String) {
    let told = hub(folder, &[&["rules"], arguments].concat());
    assert!(!folder.join("hub").exists(), "it needs no data");
    told
}

/// Runs `kyoten-hub`: whether it succeeded, what it printed, and why it failed.
fn hub(folder: &Folder, arguments: &[&str]) -> (bool, String, String) {
    let Output { status, stdout, stderr } = Command::new(program("kyoten-hub"))
        .args(arguments)
        .current_dir(folder.path())
        .env("KYOTEN_DATA_DIR", folder.join("hub"))
        .env("RUST_LOG", "error")
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.success(), text(stdout), text(stderr))
}

#[test]
fn the_shipped_cases_pass_and_a_wrong_one_is_printed() {
    let folder = Folder::new("rules");
    let cases = format!("{SHIPPED}/cases.tsv");
    let (good, said, _) = rules(&folder, &["check", &cases]);
    assert!(good && said == "44 cases, all as expected\n", "{said}");

    let wrong = std::fs::read_to_string(&cases).unwrap();
    let wrong =
        wrong.replace("jp-company-led\t1\t0\t0\t0\t0\t2", "jp-company-led\t1\t0\t0\t0\t0\t1");
    std::fs::write(folder.join("wrong.tsv"), wrong).unwrap();
    let (good, said, why) = rules(&folder, &["check", "wrong.tsv"]);
    assert!(!good);
    assert_eq!(said, "line 36, jp-company-led, 1 of age 0: plan_staff is 2, the table expects 1\n");
    assert_eq!(why, "kyoten-hub: 1 figures of 44 cases differ\n");
}

#[test]
fn a_town_checks_rules_of_its_own_before_they_count() {
    let folder = Folder::new("rules");
    let shipped = Path::new(SHIPPED).join("jp-art33-2024.toml");
    let own = std::fs::read_to_string(shipped).unwrap();
    let own = own.replace("jp-art33-2024", "our-town").replace("children = 6", "children = 4");
    std::fs::write(folder.join("own.toml"), own).unwrap();
    let cases = "rule_set,age1,plan_staff,live_mixed_room\nour-town,19,5,5\n";
    std::fs::write(folder.join("cases.csv"), cases).unwrap();
    let (good, said, why) = rules(&folder, &["check", "cases.csv", "--rules", "own.toml"]);
    assert!(good && said == "1 cases, all as expected\n", "{said}{why}");
    let (good, said, _) = rules(&folder, &["list", "--rules", "own.toml"]);
    assert!(good && said.contains("our-town"), "{said}");
    assert!(said.contains("jp-temporary-general   from 2024-04-01 (to be confirmed"), "{said}");

    for (arguments, want) in [
        (["check", "cases.csv", "--rules", "nowhere.toml"], "nowhere.toml: No such file"),
        (["check", "cases.csv", "--rules", "cases.csv"], "cases.csv: TOML parse error at line 1"),
        (["check", "nowhere.csv", "--rules", "own.toml"], "nowhere.csv: No such file"),
        (["check", "own.toml", "--rules", "own.toml"], "own.toml: line "),
    ] {
        let (good, said, why) = rules(&folder, &arguments);
        assert!(!good && said.is_empty(), "{said}");
        assert!(why.starts_with(&format!("kyoten-hub: {want}")), "{why}");
    }
    let (good, _, why) = rules(&folder, &["check", "cases.csv"]);
    assert!(!good);
    assert!(why.contains("line 2: there are no rules called 'our-town'; there are "), "{why}");
}

#[test]
fn a_nursery_is_told_its_terms() {
    let folder = Folder::new("terms");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let (good, said, why) = hub(&folder, &["schemes", "list"]);
    assert!(
        good && said.contains("jp-open-to-all         from 2026-04-01  Open-to-all"),
        "{said}{why}"
    );
    assert!(said.contains("jp-temporary           from 2024-04-01 (to be confirmed"), "{said}");
    assert!(!folder.join("hub").exists(), "it needs no data");
    let (good, _, why) = hub(&folder, &["seed", "demo"]);
    assert!(good, "{why}");
    let shipped = Path::new(SHIPPED).join("../schemes/edogawa-temporary.toml");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    write("again.toml", &shipped);
    write("own.toml", &shipped.replace("edogawa-temporary", "our-town"));
    write("odd.toml", &shipped.replace("most = 10", "most = \"ten\""));
    write("terms.toml", "schemes = [\"our-town\"]\nhandover = { before = 10, after = 10 }\n");
    write("long.toml", "handover = { before = 90, after = 10 }\n");
    write("early.toml", "handover = { before = 20, after = 10 }\n");
    let terms = |file: &str| hub(&folder, &["nursery", "--centre", "yokohama", "terms", file]);
    for ((good, said, why), want) in [
        (
            terms("terms.toml"),
            "there is no scheme called 'our-town'; keep it first with `schemes add`",
        ),
        (terms("long.toml"), "a hand-over takes at most 60 minutes before and after"),
        (terms("early.toml"), "a hand-over cannot begin 30 minutes before"),
        (terms("nowhere.toml"), "nowhere.toml: No such file"),
        (hub(&folder, &["schemes", "add", "odd.toml"]), "odd.toml: TOML parse error at line"),
        (
            hub(&folder, &["schemes", "add", "again.toml"]),
            "a scheme called 'edogawa-temporary' is kept already",
        ),
    ] {
        assert!(!good && said.is_empty() && why.contains(want), "{said}{why}");
    }
    let (good, said, why) = hub(&folder, &["schemes", "add", "own.toml"]);
    assert!(good && said == "our-town is kept; it holds from 2024-04-01\n", "{said}{why}");
    let (good, said, why) = terms("terms.toml");
    assert!(good && said.ends_with("offers our-town from now on\n"), "{said}{why}");
}

const ROOMS: &str = r#"
rule_sets = ["our-town"]
admits = "live"

[[room]]
name = { ja = "ひよこ組", en = "Chicks" }
hundredths_m2 = 6000
from_years = 0
"#;

/// Shifts from midnight to midnight, for two weeks from today on, of so many caregivers.
fn shifts(caregivers: usize) -> String {
    let today = Utc::now().with_timezone(&Tokyo).date_naive();
    let mut table = "日付,氏名,資格,開始,終了,休憩\n".to_owned();
    for day in 0..14 {
        for caregiver in 0..caregivers {
            let day = today + Days::new(day);
            writeln!(table, "{day},保育者{caregiver},nursery-teacher,0:00,24:00,").unwrap();
        }
    }
    table
}

#[test]
fn a_nursery_is_told_its_rooms_and_shifts() {
    let folder = Folder::new("nursery");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let (good, _, why) = hub(&folder, &["seed", "demo"]);
    assert!(good, "{why}");
    let nursery = |arguments: &[&str]| {
        hub(&folder, &[&["nursery", "--centre", "yokohama"], arguments].concat())
    };
    write("rooms.toml", ROOMS);
    write("two.csv", &shifts(2));
    write("one.csv", &shifts(1));
    let refused = |arguments: &[&str], want: &str| {
        let (good, said, why) = nursery(arguments);
        assert!(!good && said.is_empty(), "{said}");
        assert_eq!(why.trim_end(), format!("kyoten-hub: {want}"));
    };
    refused(
        &["staffing", "rooms.toml"],
        "rooms.toml: there are no rules called 'our-town'; keep them first with `rules add`",
    );
    refused(&["shifts", "two.csv"], "say first how the nursery is staffed");
    let shipped = std::fs::read_to_string(Path::new(SHIPPED).join("jp-art33-2024.toml")).unwrap();
    write("jp-art33-2024.toml", &shipped);
    write("own.toml", &shipped.replace("jp-art33-2024", "our-town"));
    let (good, _, why) = hub(&folder, &["rules", "add", "jp-art33-2024.toml"]);
    assert!(
        !good && why.contains("are kept already, and are never changed: give these another name"),
        "{why}"
    );
    let (good, said, why) = hub(&folder, &["rules", "add", "own.toml"]);
    assert!(good && said == "our-town is kept; it holds from 2024-04-01\n", "{said}{why}");
    let (good, said, why) = nursery(&["staffing", "rooms.toml"]);
    assert!(good && said.ends_with("goes by our-town from now on; 1 rooms\n"), "{said}{why}");

    let (good, said, why) = nursery(&["shifts", "two.csv"]);
    assert!(good && said == "28 shifts stand; 0 bookings cannot be kept\n", "{said}{why}");
    let (good, tried, why) = nursery(&["shifts", "one.csv", "--only-try"]);
    assert!(good && tried.starts_with("14 shifts would stand; "), "{tried}{why}");
    assert!(tried.contains("1 more caregiver needed"), "{tried}");
    let (_, again, _) = nursery(&["shifts", "one.csv", "--only-try"]);
    assert_eq!(again, tried, "nothing had changed");
    let (good, done, why) = nursery(&["shifts", "one.csv"]);
    assert!(good && done == tried.replace("would stand", "stand"), "{done}{why}");

    write("odd.csv", &shifts(1).replace("24:00", "24:01"));
    let (good, _, why) = nursery(&["shifts", "odd.csv"]);
    assert!(!good && why.contains("line 2, column 終了: '24:01' is not a later time"), "{why}");
    let (good, _, why) = hub(&folder, &["nursery", "--centre", "nowhere", "shifts", "one.csv"]);
    assert!(!good && why.contains("there is no centre 'nowhere'"), "{why}");
}
