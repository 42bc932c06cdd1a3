//! The hub as a real process, on either database, with the demo's data.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use reqwest::Client;
use store::Store;
use tokio::sync::OnceCell;

use crate::folder::{Folder, copy};
use crate::http::client;
use crate::ports::free_address;
use crate::postgres::Postgres;
use crate::process::{Process, program, run};

/// Which database the hub keeps things in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite,
    /// A database of its own on a private server.
    Postgres,
}

/// What every region begins with.
struct Seeded {
    folder: Folder,
    database_url: String,
    /// Takes the folder away once this process has ended and its input with it: what is kept for all tests is never
    /// dropped.
    _sweeps: Child,
}

/// The demo's data, made once for each database: to hash everybody's password takes seconds.
async fn seeded(database: Database) -> &'static Seeded {
    static SQLITE: OnceCell<Seeded> = OnceCell::const_new();
    static POSTGRES: OnceCell<Seeded> = OnceCell::const_new();
    let made = match database {
        Database::Sqlite => &SQLITE,
        Database::Postgres => &POSTGRES,
    };
    let make = async || {
        let folder = Folder::new("seeded");
        let database_url = match database {
            Database::Sqlite => at(&folder),
            Database::Postgres => Postgres::shared().unwrap().create_database().await.unwrap(),
        };
        run(Command::new(program("kyoten-hub"))
            .env("KYOTEN_DATA_DIR", folder.join("hub"))
            .env("DATABASE_URL", &database_url)
            .args(["seed", "demo", "--readers"])
            .arg(folder.join("readers")));
        let sweeps = Command::new("sh")
            .args(["-c", "read -r _; rm -rf \"$1\"", "sweep"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn();
        Seeded { folder, database_url, _sweeps: sweeps.unwrap() }
    };
    made.get_or_init(make).await
}

fn at(folder: &Folder) -> String {
    format!("sqlite:{}", folder.join("hub/hub.sqlite").display())
}

/// The hub; it ends with its owner.
pub struct Region {
    /// Where its pages are, `http://127.0.0.1:<port>`.
    pub url: String,
    /// What it keeps, looked at beside it.
    pub store: Arc<dyn Store>,
    /// The address of its database.
    pub database_url: String,
    /// For pages that nobody signs in to.
    pub http: Client,
    /// What its environment sets beside what every test's does; counts at the next start.
    pub settings: Vec<(String, String)>,
    listen: SocketAddr,
    uplink: SocketAddr,
    hub: Option<Process>,
    folder: Folder,
}

impl Region {
    /// Seeds a new hub and starts it.
    ///
    /// # Panics
    /// When it is not up in time.
    pub async fn start(database: Database) -> Self {
        Self::start_with(database, &[]).await
    }

    /// The same with settings of its own in the environment.
    ///
    /// # Panics
    /// When it is not up in time.
    pub async fn start_with(database: Database, settings: &[(&str, &str)]) -> Self {
        let folder = Folder::new("region");
        let seeded = seeded(database).await;
        copy(seeded.folder.path(), folder.path()).unwrap();
        let database_url = match database {
            Database::Sqlite => at(&folder),
            Database::Postgres => {
                Postgres::shared().unwrap().copy_database(&seeded.database_url).await.unwrap()
            }
        };
        let store = hub::serve::open_store(&database_url).await.unwrap();
        let (listen, uplink) = (free_address(), free_address());
        let mut region = Self {
            url: format!("http://{listen}"),
            store,
            database_url,
            http: client(),
            settings: settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            listen,
            uplink,
            hub: None,
            folder,
        };
        region.start_hub().await;
        region
    }

    /// Starts the hub where it was before, on its old data.
    pub async fn start_hub(&mut self) {
        let mut hub =
            Process::start("kyoten-hub", self.command().arg("serve"), &self.folder.join("hub.log"));
        // It, and not somebody else's who was quicker to take the port.
        hub.said(&format!("kyoten-hub ready: {} ", self.url)).await;
        hub.answers(&self.http, &format!("{}/readyz", self.url)).await;
        self.hub = Some(hub);
    }

    /// Starts a second hub on the same data, at an address of its own; answers that address.
    pub async fn another_hub(&self) -> (String, Process) {
        let (listen, uplink) = (free_address(), free_address());
        let mut command = self.command();
        command
            .env("KYOTEN_LISTEN", listen.to_string())
            .env("KYOTEN_UPLINK_LISTEN", uplink.to_string())
            .arg("serve");
        let log = self.folder.join("another-hub.log");
        let mut hub = Process::start("another kyoten-hub", &mut command, &log);
        let url = format!("http://{listen}");
        hub.answers(&self.http, &format!("{url}/readyz")).await;
        (url, hub)
    }

    /// Stops the hub as a service manager does.
    pub fn stop_hub(&mut self) {
        self.hub.take().unwrap().stop();
    }

    /// Ends the hub without warning.
    pub fn kill_hub(&mut self) {
        self.hub.take().unwrap().kill();
    }

    /// Where sites find it.
    #[must_use]
    pub fn uplink_url(&self) -> String {
        format!("https://localhost:{}", self.uplink.port())
    }

    /// A new one-time code for a device.
    #[must_use]
    pub fn enrolment_code(&self, device: &str) -> String {
        run(self.command().args(["enrol", "--device", device])).trim().to_owned()
    }

    /// Runs a command of the hub's that has to succeed, and answers what it printed.
    #[must_use]
    pub fn hub(&self, arguments: &[&str]) -> String {
        run(self.command().args(arguments))
    }

    /// The folder of simulated readers, where the demo's cards are named.
    #[must_use]
    pub fn readers(&self) -> PathBuf {
        self.folder.join("readers")
    }

    /// Everybody's folder: each process has one of its name in it.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program("kyoten-hub"));
        command
            .env("KYOTEN_DATA_DIR", self.folder.join("hub"))
            .env("DATABASE_URL", &self.database_url)
            .env("KYOTEN_LISTEN", self.listen.to_string())
            .env("KYOTEN_SECURE_COOKIES", "false")
            // Programs ask faster than people.
            .env("KYOTEN_REQUESTS_PER_MINUTE", "0")
            .env("KYOTEN_WRITES_PER_MINUTE", "0")
            .env("KYOTEN_UPLINK_LISTEN", self.uplink.to_string())
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }
}
