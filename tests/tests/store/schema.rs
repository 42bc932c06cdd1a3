//! Both databases have the same migrations, tables and columns.

use std::collections::BTreeSet;
use std::path::Path;

use tests::truth::Truth;

use crate::ground::{on_postgres, on_sqlite};

#[test]
fn both_folders_have_the_same_file_names() {
    let names = |folder: &str| -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(folder);
        let files = std::fs::read_dir(folder).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
    assert!(!names("sqlite").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_and_postgres_have_the_same_tables_and_columns() {
    let (sqlite, postgres) = (on_sqlite().await, on_postgres().await);
    let (Truth::Sqlite(one), Truth::Postgres(other)) = (&sqlite.raw, &postgres.raw) else {
        panic!("each on its own");
    };
    let in_sqlite: Vec<(String, String)> = sqlx::query_as(
        "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\'",
    )
    .fetch_all(one)
    .await
    .unwrap();
    let in_postgres: Vec<(String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'",
    )
    .fetch_all(other)
    .await
    .unwrap();
    let in_sqlite: BTreeSet<_> = in_sqlite.into_iter().collect();
    let in_postgres: BTreeSet<_> = in_postgres.into_iter().collect();
    assert_eq!(in_sqlite, in_postgres);
    assert!(in_sqlite.len() > 100);
}
