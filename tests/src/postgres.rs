//! A private PostgreSQL server: its own folder, a socket in it and no port, gone with its owner.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

/// A server that is running already may be named here, by a URL that may create databases.
const GIVEN: &str = "KYOTEN_TEST_POSTGRES";

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the server until its standard input ends, which it does however its owner ends; then stops
/// it and removes its folder.
const GUARD: &str = r#"
cd / || exit 1
"$1/postgres" -D "$2/data" -c listen_addresses= -c unix_socket_directories="$2" \
    -c max_connections=300 -c fsync=on -c synchronous_commit=on &
server=$!
read -r _
kill -INT "$server"
wait "$server"
rm -rf "$2"
"#;

/// A PostgreSQL server for tests.
pub struct Postgres {
    /// URL of the database `postgres`.
    admin: String,
    guard: Option<Child>,
}

impl Postgres {
    /// The server of this test process: the one named by `KYOTEN_TEST_POSTGRES`, or a private one
    /// that is started once.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Postgres>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| match std::env::var(GIVEN) {
            Ok(admin) => Ok(Self { admin, guard: None }),
            Err(_) => Self::start(),
        });
        shared.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))
    }

    /// Starts a private server in a new temporary folder, as `postgres` where we are root.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or its server does not start.
    pub fn start() -> Result<Self> {
        let programs = programs()?;
        let folder = std::env::temp_dir().join(format!("kyoten-pg-{}", Uuid::new_v4().simple()));
        let root = fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0);
        let owner: &[&str] = if root { &["-o", "postgres"] } else { &[] };
        run(Command::new("install").args(["-d", "-m", "700"]).args(owner).arg(&folder))?;
        let initdb =
            ["--auth=trust", "--username=kyoten", "--encoding=UTF8", "--no-locale", "--no-sync"];
        run(unprivileged(root, &programs.join("initdb"))
            .args(initdb)
            .arg("--pgdata")
            .arg(folder.join("data"))
            .current_dir("/"))?;
        let guard = guard(root, &programs, &folder)?;
        let socket = folder.display().to_string().replace('/', "%2F");
        let server = Self {
            admin: format!("postgres://kyoten@localhost/postgres?host={socket}"),
            guard: Some(guard),
        };
        server.wait_until_ready(&programs, &folder)?;
        Ok(server)
    }

    /// The URL of the database `name`, whether it exists or not.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        let (before, options) = match self.admin.split_once('?') {
            Some((before, options)) => (before, format!("?{options}")),
            None => (self.admin.as_str(), String::new()),
        };
        let server = before.rsplit_once('/').map_or(before, |(server, _)| server);
        format!("{server}/{name}{options}")
    }

    /// Makes an empty database with a name of its own and answers its URL.
    ///
    /// # Errors
    /// The server cannot be reached or refuses.
    pub async fn create_database(&self) -> Result<String> {
        let name = format!("kyoten_{}", Uuid::new_v4().simple());
        let mut admin = PgConnection::connect(&self.admin).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await?;
        admin.close().await?;
        Ok(self.url(&name))
    }

    /// Makes a database that is like the one at `url`, to which nobody is connected, and answers its URL.
    ///
    /// # Errors
    /// The server cannot be reached or refuses.
    pub async fn copy_database(&self, url: &str) -> Result<String> {
        let before = url.split_once('?').map_or(url, |(before, _)| before);
        let template = before.rsplit_once('/').map_or(before, |(_, name)| name);
        let name = format!("kyoten_{}", Uuid::new_v4().simple());
        let copy = format!("CREATE DATABASE {name} TEMPLATE {template}");
        let mut admin = PgConnection::connect(&self.admin).await?;
        sqlx::raw_sql(AssertSqlSafe(copy)).execute(&mut admin).await?;
        admin.close().await?;
        Ok(self.url(&name))
    }

    fn wait_until_ready(&self, programs: &Path, folder: &Path) -> Result<()> {
        let begun = Instant::now();
        loop {
            let ready = Command::new(programs.join("pg_isready"))
                .args(["--quiet", "--host"])
                .arg(folder)
                .status()?;
            if ready.success() {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                let log = fs::read_to_string(log_of(folder)).unwrap_or_default();
                bail!("PostgreSQL did not start within {PATIENCE:?}: {log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            guard.wait().ok();
        }
    }
}

/// A program of the newest PostgreSQL that is installed.
///
/// # Errors
/// There is none.
pub fn program(name: &str) -> Result<PathBuf> {
    let program = programs()?.join(name);
    if program.exists() {
        Ok(program)
    } else {
        bail!("{} is not installed: the package postgresql has it", program.display())
    }
}

/// The folder of the newest PostgreSQL's programs.
fn programs() -> Result<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = installed
        .filter(|version| version.path().join("bin/initdb").exists())
        .max_by_key(|version| version.file_name().to_string_lossy().parse::<u32>().ok());
    newest.map(|version| version.path().join("bin")).context(
        "PostgreSQL's server is not installed: `make test` does it, or the package postgresql",
    )
}

/// A command as the user `postgres` where we are root: the server does not run as root.
fn unprivileged(root: bool, program: &Path) -> Command {
    if root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn log_of(folder: &Path) -> PathBuf {
    folder.join("log")
}

fn guard(root: bool, programs: &Path, folder: &Path) -> Result<Child> {
    let mut log = fs::File::create(log_of(folder))?;
    writeln!(log, "private server for tests")?;
    // In a group of its own, so that a Ctrl-C at the tests does not reach it before its time.
    std::os::unix::process::CommandExt::process_group(
        unprivileged(root, Path::new("/bin/sh"))
            .args(["-c", GUARD, "guard"])
            .args([programs, folder])
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log),
        0,
    )
    .spawn()
    .context("the guard of the PostgreSQL server did not start")
}

fn run(command: &mut Command) -> Result<()> {
    let done = command.output().with_context(|| format!("{command:?} did not start"))?;
    if !done.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(())
}
