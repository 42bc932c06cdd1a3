//! Real processes: ours and others', each with a log, none left behind.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::waiting::until;

/// One of our programs, from the folder that this test was built into.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let built = this.parent().and_then(Path::parent).unwrap().join(name);
    assert!(
        built.exists(),
        "{} is not built: run `cargo build --workspace --bins` first",
        built.display()
    );
    built
}

/// A program of the system; `make test` installs those that tests need.
///
/// # Panics
/// When it is not on the path nor in `/usr/sbin`.
#[must_use]
pub fn system_program(names: &[&str]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file())
        .unwrap_or_else(|| {
            panic!("{} is not installed: `make test` installs it", names.join(" or "))
        })
}

/// Runs a command that has to succeed, and answers what it printed.
///
/// # Panics
/// When it fails.
pub fn run(command: &mut Command) -> String {
    let done = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (said, complained) =
        (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{command:?} failed ({}): {said}\n{complained}", done.status);
    said.into_owned()
}

/// A running process; it is killed with its owner. When the test fails, the end of its log is printed.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; what it prints is added to the file `log`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Self {
        let out = File::options().create(true).append(true).open(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} did not start: {error}"));
        Self { name: name.to_owned(), child, log: log.to_owned() }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has printed.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Panics with its log when it has ended.
    pub fn assert_alive(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("{} has ended ({status}):\n{}", self.name, tail(&self.log()));
        }
    }

    /// Waits until it has printed `text`.
    pub async fn said(&mut self, text: &str) {
        let what = format!("{} to say {text:?}", self.name);
        until(&what, async || {
            self.assert_alive();
            self.log().contains(text).then_some(())
        })
        .await;
    }

    /// Waits until something takes connections at `address`.
    pub async fn listens(&mut self, address: SocketAddr) {
        let what = format!("{} to listen at {address}", self.name);
        until(&what, async || {
            self.assert_alive();
            TcpStream::connect(address).await.ok().map(drop)
        })
        .await;
    }

    /// Waits until a GET of `url` succeeds.
    pub async fn answers(&mut self, http: &reqwest::Client, url: &str) {
        let what = format!("{} to answer {url}", self.name);
        until(&what, async || {
            self.assert_alive();
            http.get(url).send().await.ok().filter(|answer| answer.status().is_success()).map(drop)
        })
        .await;
    }

    /// Asks it to stop, as a service manager does, and waits for its end.
    ///
    /// # Panics
    /// When it goes on for ten seconds.
    pub fn stop(mut self) -> ExitStatus {
        const PATIENCE: Duration = Duration::from_secs(10);
        run(Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.child.id())));
        let asked = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(asked.elapsed() < PATIENCE, "{} does not stop when asked", self.name);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it without warning, as a power cut does.
    pub fn kill(mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            eprintln!("--- the log of {} ends:\n{}", self.name, tail(&self.log()));
        }
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
