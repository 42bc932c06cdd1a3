//! A hub with the demo's data, and its database beneath, for looking and for damage.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use hub::config::Config;
use hub::hub::Hub;
use hub::serve;
use model::clock::ManualClock;
use ring::rand::SystemRandom;
use tests::folder::Folder;
use tests::postgres::Postgres;
use tests::truth::Truth;

/// Wednesday, nine in the morning in Japan.
pub const NOW: &str = "2026-11-25T00:00:00Z";

/// A hub and what is beneath it.
pub struct Ground {
    pub hub: Hub,
    pub clock: Arc<ManualClock>,
    pub config: Config,
    raw: Truth,
    _folder: Folder,
}

pub async fn on_sqlite() -> Ground {
    let folder = Folder::new("record");
    let url = format!("sqlite:{}", folder.join("hub.db").display());
    settle(folder, url).await
}

pub async fn on_postgres() -> Ground {
    let server = tokio::task::spawn_blocking(Postgres::shared).await.unwrap().unwrap();
    let url = server.create_database().await.unwrap();
    settle(Folder::new("record"), url).await
}

async fn settle(folder: Folder, url: String) -> Ground {
    let data = folder.join("data").display().to_string();
    let config = Config::read(None, |key| match key {
        "KYOTEN_DATA_DIR" => Some(data.clone()),
        "DATABASE_URL" => Some(url.clone()),
        _ => None,
    })
    .unwrap();
    let clock = Arc::new(ManualClock::at(NOW.parse::<DateTime<Utc>>().unwrap()));
    let hub = serve::open(&config, clock.clone(), Arc::new(SystemRandom::new())).await.unwrap();
    hub::seed::demo(&hub, None).await.unwrap();
    let raw = Truth::open(&url).await;
    Ground { hub, clock, config, raw, _folder: folder }
}

impl Ground {
    /// Runs SQL that both databases understand.
    pub async fn run(&self, sql: &str) -> Result<u64, sqlx::Error> {
        self.raw.run(sql).await
    }

    /// A number.
    pub async fn count(&self, sql: &str) -> i64 {
        self.raw.count(sql).await
    }

    pub fn is_sqlite(&self) -> bool {
        self.raw.is_sqlite()
    }

    /// Takes the net away, as whoever has the database can.
    pub async fn without_triggers(&self) {
        if self.is_sqlite() {
            self.run("DROP TRIGGER audit_entries_stay").await.unwrap();
            self.run("DROP TRIGGER audit_entries_stay_as_they_are").await.unwrap();
        } else {
            self.run("ALTER TABLE audit_entries DISABLE TRIGGER USER").await.unwrap();
        }
    }

    /// Bytes as they stand in SQL.
    pub fn bytes(&self, hex: &str) -> String {
        if self.is_sqlite() { format!("x'{hex}'") } else { format!("decode('{hex}', 'hex')") }
    }
}
