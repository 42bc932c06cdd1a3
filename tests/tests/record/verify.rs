//! What `verify-audit` says of a record that somebody touched by hand.

use hub::service::audit::chain::{extend, link};
use hub::service::audit::verify::{Fault, verify};
use hub::service::audit::witness::wire_head;
use hub::service::audit::{Entry, record_as};
use model::audit::{AuditAction, AuditActor};
use store::Head;

use crate::ground::Ground;

/// Records ten things more, and answers the last place.
async fn ten_more(ground: &Ground) -> u64 {
    for n in 0..10 {
        ground.clock.advance(chrono::TimeDelta::seconds(1));
        let entry = Entry::new(AuditAction::AuditRead).note("number", n.to_string());
        record_as(&ground.hub, AuditActor::Hub, entry).await.unwrap();
    }
    extend(&ground.hub).await.unwrap().place
}

async fn verdict(ground: &Ground) -> Result<u64, Fault> {
    let testimony = ground.hub.witness.testimony(&ground.hub.keys.sheet).unwrap();
    let files = vec![("the witness file".to_owned(), testimony)];
    verify(&ground.hub, files).await.unwrap().map(|whole| whole.last)
}

async fn witness(ground: &Ground) {
    let head = extend(&ground.hub).await.unwrap();
    ground.hub.witness.note(&ground.hub.keys.sheet, &head, ground.hub.now()).unwrap();
}

pub async fn a_record_that_nobody_touched_is_whole(ground: Ground) {
    assert!(verdict(&ground).await.is_ok());
    let last = ten_more(&ground).await;
    witness(&ground).await;
    witness(&ground).await;
    assert_eq!(verdict(&ground).await, Ok(last));
    let unplaced = "SELECT COUNT(*) FROM audit_entries WHERE place IS NULL";
    assert_eq!(ground.count(unplaced).await, 0);
    let more = ten_more(&ground).await;
    assert_eq!((more, verdict(&ground).await), (last + 10, Ok(last + 10)));
    witness(&ground).await;
    let lines = std::fs::read_to_string(ground.config.data_dir.join("audit-heads")).unwrap();
    assert_eq!(lines.lines().count(), 2);

    // A line that a crash left half written is no line, and the next one begins anew.
    let path = ground.config.data_dir.join("audit-heads");
    std::fs::write(&path, format!("{lines}{}", &lines[..40])).unwrap();
    ten_more(&ground).await;
    witness(&ground).await;
    assert!(verdict(&ground).await.is_ok());
    let lines = std::fs::read_to_string(&path).unwrap();
    assert_eq!(lines.lines().count(), 3);

    std::fs::write(&path, lines.replacen('1', "2", 1)).unwrap();
    assert!(matches!(verdict(&ground).await, Err(Fault::Doubtful { line: 1, .. })));
}

/// Each kind of damage in a hub of its own would be slow: the chain's rows are put back after each.
pub async fn fault_21_damage_by_hand_is_named(ground: Ground) {
    let last = ten_more(&ground).await;
    witness(&ground).await;
    ground.without_triggers().await;
    ground.run("CREATE TABLE kept AS SELECT * FROM audit_entries").await.unwrap();
    ground.run("CREATE TABLE kept_chain AS SELECT * FROM audit_chain").await.unwrap();
    let (a, b) = (last - 6, last - 3);
    let changed = ground.bytes("00");
    let seen = |from: u64, by: &str| Fault::Cut { from, seen: last, by: by.to_owned() };
    let swap_content = format!(
        "UPDATE audit_entries SET
             id = (SELECT k.id FROM kept k WHERE k.place = {a} + {b} - audit_entries.place),
             at = (SELECT k.at FROM kept k WHERE k.place = {a} + {b} - audit_entries.place),
             sealed = (SELECT k.sealed FROM kept k WHERE k.place = {a} + {b} - audit_entries.place)
         WHERE place IN ({a}, {b})"
    );
    // The ids are primary keys: out of the way first.
    let swap_rows = format!(
        "UPDATE audit_entries SET place = 1000000 WHERE place = {a};
         UPDATE audit_entries SET place = {a} WHERE place = {b};
         UPDATE audit_entries SET place = {b} WHERE place = 1000000"
    );
    let cut = format!("DELETE FROM audit_entries WHERE place > {b}");
    let head_too = format!(
        "{cut}; UPDATE audit_chain SET place = {b},
             hash = (SELECT hash FROM audit_entries WHERE place = {b})"
    );
    let cases = [
        (
            format!("UPDATE audit_entries SET sealed = {changed} WHERE place = {a}"),
            Fault::Changed(a),
        ),
        (
            format!("UPDATE audit_entries SET action = 'signed_out' WHERE place = {a}"),
            Fault::Changed(a),
        ),
        (
            format!("UPDATE audit_entries SET at = '2026-11-24T00:00:00+00:00' WHERE place = {b}"),
            Fault::Changed(b),
        ),
        (format!("DELETE FROM audit_entries WHERE place = {a}"), Fault::Missing(a)),
        ("DELETE FROM audit_entries WHERE place = 1".to_owned(), Fault::Missing(1)),
        (swap_rows, Fault::Swapped(a, b)),
        (
            if ground.is_sqlite() {
                // SQLite checks primary keys row by row.
                format!(
                    "DELETE FROM audit_entries WHERE place IN ({a}, {b});
                     INSERT INTO audit_entries (id, place, hash, at, action, centre_id, subject_key,
                         actor_key, seal_key, sealed)
                     SELECT k.id, o.place, o.hash, k.at, k.action, k.centre_id, k.subject_key,
                         k.actor_key, k.seal_key, k.sealed
                     FROM kept k, kept o
                     WHERE k.place IN ({a}, {b}) AND o.place = {a} + {b} - k.place"
                )
            } else {
                format!(
                    "ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_pkey; {swap_content}"
                )
            },
            Fault::Swapped(a, b),
        ),
        (cut.clone(), seen(b + 1, "the witness file")),
        (head_too.clone(), seen(b + 1, "the witness file")),
        (format!("UPDATE audit_chain SET place = {b}"), Fault::Beyond(b + 1)),
        (
            format!(
                "DELETE FROM audit_entries WHERE place <= {a};
                 UPDATE audit_chain SET base_place = {a},
                     base_hash = (SELECT hash FROM kept WHERE place = {a})"
            ),
            Fault::BadBase(a),
        ),
    ];
    for (damage, fault) in cases {
        ground.run(&damage).await.unwrap_or_else(|error| panic!("{damage}: {error}"));
        assert_eq!(verdict(&ground).await, Err(fault), "{damage}");
        let back = "DELETE FROM audit_entries; INSERT INTO audit_entries SELECT * FROM kept;
             DELETE FROM audit_chain; INSERT INTO audit_chain SELECT * FROM kept_chain";
        ground.run(back).await.unwrap();
        assert_eq!(verdict(&ground).await, Ok(last), "put back after {damage}");
    }

    // Without the witness file, a site that has seen the end is enough; and with neither, nobody
    // can know.
    ground.run(&head_too).await.unwrap();
    std::fs::remove_file(ground.config.data_dir.join("audit-heads")).unwrap();
    assert_eq!(verdict(&ground).await, Ok(b));
    let centre = ground.hub.store.centres().await.unwrap().remove(0);
    let hash = [7; 32];
    let head = Head { place: last, hash };
    ground.hub.store.note_site_head(centre.id, &head, ground.hub.now()).await.unwrap();
    assert_eq!(verdict(&ground).await, Err(seen(b + 1, &format!("site {}", centre.slug))));
}

pub async fn a_chain_written_anew_is_named(ground: Ground) {
    let last = ten_more(&ground).await;
    witness(&ground).await;
    ground.without_triggers().await;
    // Somebody who knows how the hashes are made changes one entry and mends all that follow.
    let changed = ground.bytes("0102");
    let at = last - 4;
    ground
        .run(&format!("UPDATE audit_entries SET sealed = {changed} WHERE place = {at}"))
        .await
        .unwrap();
    let chained = ground.hub.store.audit_after(at - 2, 100).await.unwrap();
    let mut head = chained[0].head;
    for entry in &chained[1..] {
        head = Head { place: entry.head.place, hash: link(&head, &entry.entry) };
        let hash = ground.bytes(&hex(&head.hash));
        let sql = format!("UPDATE audit_entries SET hash = {hash} WHERE place = {}", head.place);
        ground.run(&sql).await.unwrap();
    }
    let hash = ground.bytes(&hex(&head.hash));
    ground.run(&format!("UPDATE audit_chain SET hash = {hash}")).await.unwrap();
    let by = "the witness file".to_owned();
    assert_eq!(verdict(&ground).await, Err(Fault::Rewritten { place: last, by }));
}

pub async fn entries_say_nothing_in_the_clear(ground: Ground) {
    let person = ground.hub.store.people_like("sato@", 1).await.unwrap().remove(0);
    let entry = Entry::new(AuditAction::CardBlocked).about(person.id).note("label", "社員証");
    record_as(&ground.hub, AuditActor::Person(person.id), entry).await.unwrap();
    let head = extend(&ground.hub).await.unwrap();
    let kept = ground.hub.store.audit_after(head.place - 1, 1).await.unwrap().remove(0).entry;
    for plain in ["社員証".as_bytes(), person.name.as_bytes(), person.id.to_string().as_bytes()]
    {
        assert!(!kept.sealed.windows(plain.len()).any(|window| window == plain));
    }
    assert_eq!(kept.action, "card_blocked");
    assert_eq!(kept.subject, kept.actor);
    assert_ne!(kept.subject.map(|key| key.0), Some(person.id.0));
    assert_eq!(wire_head(&Head::default()), None);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
