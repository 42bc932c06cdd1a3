//! A real OpenID provider: the npm package `oidc-provider`, run by node.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::folder::Folder;
use crate::ports::free_address;
use crate::process::{Process, run, system_program};

/// The provider; it ends with its owner.
pub struct Provider {
    /// Its address.
    pub issuer: String,
    _process: Process,
    _folder: Folder,
}

impl Provider {
    /// What it knows the hub by.
    pub const CLIENT: &'static str = "kyoten";
    /// The client's secret.
    pub const SECRET: &'static str = "a secret for tests";

    /// Starts it for a hub at `hub`.
    ///
    /// # Panics
    /// When node is not installed or the provider does not start.
    pub async fn start(hub: &str) -> Self {
        let folder = Folder::new("oidc");
        let address = free_address();
        let mut command = Command::new(system_program(&["node", "nodejs"]));
        command
            .arg(installed().join("server.js"))
            .arg(address.port().to_string())
            .arg(format!("{hub}/sign-in/organisation/back"));
        let mut process = Process::start("oidc-provider", &mut command, &folder.join("oidc.log"));
        process.said("the provider is ready").await;
        let issuer = format!("http://127.0.0.1:{}", address.port());
        Self { issuer, _process: process, _folder: folder }
    }
}

/// The package with what it needs, installed once into the target folder as its lock file says.
fn installed() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let this = std::env::current_exe().unwrap();
        let place = this.ancestors().nth(3).unwrap().join("oidc");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("oidc");
        std::fs::create_dir_all(&place).unwrap();
        let lock = "package-lock.json";
        let same = std::fs::read(source.join(lock)).ok() == std::fs::read(place.join(lock)).ok();
        for file in ["package.json", lock, "server.js"] {
            std::fs::copy(source.join(file), place.join(file)).unwrap();
        }
        if !same || !place.join("node_modules/oidc-provider").exists() {
            let npm = system_program(&["npm"]);
            let quiet = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
            run(Command::new(npm).args(quiet).current_dir(&place));
        }
        place
    })
}
