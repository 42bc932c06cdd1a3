//! Which crate may lean on what: the table of ARCHITECTURE.md, read off the manifests.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What each crate may import from the workspace.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wire", &["model"]),
    ("hardware", &["model"]),
    ("twin", &["model"]),
    ("store", &["model"]),
    ("store-sqlite", &["model", "store"]),
    ("store-postgres", &["model", "store"]),
    ("hub", &["model", "twin", "wire", "store", "store-sqlite", "store-postgres"]),
    ("edge-store", &["model", "wire"]),
    ("edge-agent", &["model", "twin", "wire", "hardware", "edge-store"]),
    ("kiosk", &["wire", "hardware", "model"]),
    ("seat-agent", &["wire", "hardware", "model"]),
];

/// These may import everything.
const FREE: &[&str] = &["tests", "bench"];

/// Libraries that stay in one place.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["store", "store-sqlite", "store-postgres", "edge-store", "tests"]),
    ("bevy_ecs", &["twin"]),
    ("pcsc", &["hardware"]),
    ("libosdp", &["hardware"]),
    ("gpiocdev", &["hardware"]),
    ("mqtt5", &["edge-agent"]),
    ("rumqttc", &["wire", "edge-agent", "kiosk", "seat-agent", "tests"]),
    // Only tests read our own devices with another's reader.
    ("homie5", &["wire", "edge-agent"]),
    ("jsonschema", &["wire", "edge-agent"]),
    ("lettre", &["hub"]),
    ("icalendar", &["hub", "tests"]),
    ("axum", &["hub", "kiosk", "seat-agent", "tests"]),
];

/// What the rules may be written with: nothing that reads, writes, waits or rolls dice.
const MODEL_USES: &[&str] = &[
    "chrono",
    "chrono-tz",
    "rrule",
    "serde",
    "serde_json",
    "thiserror",
    "unicode-normalization",
    "uuid",
];

#[test]
fn crates_import_only_what_the_table_allows() {
    let workspace = workspace();
    let may: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    for (name, krate) in &workspace {
        if FREE.contains(&name.as_str()) {
            continue;
        }
        let allowed = may.get(name.as_str());
        assert!(
            allowed.is_some(),
            "{name} is a new crate: give it a row in ARCHITECTURE.md and here"
        );
        for import in krate.uses.iter().filter(|import| workspace.contains_key(*import)) {
            assert!(allowed.unwrap().contains(&import.as_str()), "{name} may not import {import}");
        }
    }
    for (name, _) in MAY_IMPORT {
        assert!(workspace.contains_key(*name), "there is no crate {name} any more");
    }
}

#[test]
fn libraries_stay_in_their_place() {
    for (name, krate) in &workspace() {
        for (library, homes) in ONLY_IN {
            assert!(
                !krate.uses.contains(*library) || homes.contains(&name.as_str()),
                "{name} may not use {library}: it belongs in {homes:?}"
            );
        }
        if name == "model" {
            for library in &krate.runs_with {
                assert!(MODEL_USES.contains(&library.as_str()), "model may not use {library}");
            }
        }
    }
}

#[test]
fn only_the_clock_asks_what_time_it_is() {
    let root = root();
    let mut asking = BTreeSet::new();
    for krate in workspace().values() {
        sources(&krate.folder.join("src"), &mut |file, text| {
            if ["Utc::now(", "Local::now("].iter().any(|call| text.contains(call)) {
                asking.insert(file.strip_prefix(&root).unwrap().to_owned());
            }
        });
    }
    assert_eq!(
        asking,
        BTreeSet::from([PathBuf::from("model/src/clock.rs")]),
        "take a Clock instead"
    );
}

#[test]
fn only_programs_the_seed_and_the_tests_know_anyhow() {
    let root = root();
    for (name, krate) in workspace().iter().filter(|(name, _)| !FREE.contains(&name.as_str())) {
        sources(&krate.folder.join("src"), &mut |file, text| {
            let file = file.strip_prefix(&root).unwrap();
            let may = file.starts_with("hub/src/seed")
                || file.components().any(|part| part.as_os_str() == "bin");
            assert!(
                may || !text.contains("anyhow"),
                "{name}: {} is a library: give it an error of its own",
                file.display()
            );
        });
    }
}

/// What serves an address without saying what it asks the table of rights.
const UNDECLARED: &[&str] = &[".route(", ".route_service(", ".nest_service(", "fallback_service("];

#[test]
fn the_hub_serves_nothing_without_a_right() {
    let hub = root().join("hub/src");
    let mut serving = BTreeSet::new();
    sources(&hub, &mut |file, text| {
        if UNDECLARED.iter().any(|call| text.contains(call)) {
            serving.insert(file.strip_prefix(&hub).unwrap().to_owned());
        }
    });
    assert_eq!(
        serving,
        BTreeSet::from([PathBuf::from("routes.rs")]),
        "take routes::Routes instead"
    );
}

#[test]
fn no_test_lies_where_none_is_run() {
    for krate in workspace().values() {
        for target in &krate.targets {
            // Some programs share their folder with the library.
            let source = Path::new(&target.source);
            let whole = source.ends_with("lib.rs").then(|| source.parent().unwrap());
            let mut look = |file: &Path, text: &str| {
                if !target.is_tested {
                    let tests = ["#[test]", "#[tokio::test", "proptest!"];
                    let found = tests.iter().find(|test| text.contains(*test));
                    assert_eq!(found, None, "{}: its target has `test = false`", file.display());
                }
                assert!(
                    target.is_doc_tested || !has_doc_test(text),
                    "{}: examples are not run; mark the block as text, or make it a test",
                    file.display()
                );
            };
            match whole {
                Some(folder) => sources(folder, &mut look),
                None => look(source, &std::fs::read_to_string(source).unwrap()),
            }
        }
    }
}

/// Whether a doc comment has a block that would be compiled as an example.
fn has_doc_test(text: &str) -> bool {
    let docs = text.lines().map(str::trim_start).filter_map(|line| {
        line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).map(str::trim)
    });
    let fences = docs.filter_map(|line| line.strip_prefix("```"));
    let mut opening = true;
    fences.into_iter().any(|language| {
        let opens = opening;
        opening = !opening;
        opens && !["text", "toml", "json", "sql"].contains(&language)
    })
}

#[test]
fn examples_in_doc_comments_are_told_from_text() {
    let doc =
        |fence: &str| format!("/// Says.\n/// ```{fence}\n/// let x = 1;\n/// ```\nfn f() {{}}");
    for (fence, is_test) in [("", true), ("rust", true), ("should_panic", true), ("text", false)] {
        assert_eq!(has_doc_test(&doc(fence)), is_test, "{fence}");
    }
    assert!(has_doc_test(&(doc("text") + &doc(""))), "the second block");
}

/// A library or program of a crate.
struct Target {
    source: String,
    is_tested: bool,
    is_doc_tested: bool,
}

struct Crate {
    folder: PathBuf,
    targets: Vec<Target>,
    /// Every dependency, of tests and build scripts too.
    uses: BTreeSet<String>,
    /// The dependencies of the crate itself.
    runs_with: BTreeSet<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn workspace() -> BTreeMap<String, Crate> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let told = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = told["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap();
            let folder =
                PathBuf::from(text(&package["manifest_path"])).parent().unwrap().to_owned();
            let targets = package["targets"].as_array().unwrap().iter();
            let is = |target: &Value, kind: &str| {
                target["kind"].as_array().unwrap().iter().any(|one| one == kind)
            };
            let krate = Crate {
                folder,
                targets: targets
                    .filter(|target| is(target, "lib") || is(target, "bin"))
                    .map(|target| Target {
                        source: text(&target["src_path"]),
                        is_tested: target["test"].as_bool().unwrap(),
                        is_doc_tested: target["doctest"].as_bool().unwrap() && is(target, "lib"),
                    })
                    .collect(),
                uses: dependencies.iter().map(|dependency| text(&dependency["name"])).collect(),
                runs_with: dependencies
                    .iter()
                    .filter(|dependency| dependency["kind"].is_null())
                    .map(|dependency| text(&dependency["name"]))
                    .collect(),
            };
            (text(&package["name"]), krate)
        })
        .collect()
}

/// Shows every Rust file below `folder` to `look`.
fn sources(folder: &Path, look: &mut impl FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, look);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            look(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}
