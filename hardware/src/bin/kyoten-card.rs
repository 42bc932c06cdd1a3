//! A virtual card: taps a simulated reader, or lies on a virtual reader of a real pcscd. Holds codes in
//! front of a simulated scanner, too.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use hardware::sim::{CardNames, LinkError, PromptTcp, ScanError, VirtualCard, scan, socket_path};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

#[derive(Parser)]
#[command(name = "kyoten-card", version, about = "A virtual card, and codes, for Kyoten's readers")]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Tap a simulated reader
    Tap {
        /// The reader's name
        #[arg(long)]
        reader: String,
        #[command(flatten)]
        card: Card,
        /// How long to hold the card there after it was read, in milliseconds
        #[arg(long, default_value_t = 400)]
        hold_ms: u64,
    },
    /// Hold a code in front of a simulated scanner
    Scan {
        /// The reader's name, which is its scanner's too
        #[arg(long)]
        reader: String,
        /// What the code says
        #[arg(long)]
        text: String,
        #[command(flatten)]
        folder: Folder,
    },
    /// Lie on a virtual reader (vpcd) of a pcscd on this machine
    Vpcd {
        /// The port vpcd listens on
        #[arg(long, default_value_t = 38000)]
        port: u16,
        #[command(flatten)]
        card: Card,
        /// How long to stay, in milliseconds; until Ctrl-C when left out
        #[arg(long)]
        hold_ms: Option<u64>,
    },
}

#[derive(Args)]
struct Card {
    /// A name from cards.toml in the readers' folder, or an identifier in hex
    #[arg(long)]
    card: String,
    #[command(flatten)]
    folder: Folder,
}

#[derive(Args)]
struct Folder {
    /// The readers' folder [default: $KYOTEN_DATA_DIR/readers, or ./data/readers]
    #[arg(long, env = "KYOTEN_READER_DIR")]
    dir: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Cli::parse().what {
        What::Tap { reader, card, hold_ms } => tap(&reader, &card, hold_ms).await,
        What::Scan { reader, text, folder } => hold_up(&reader, &text, &folder.path()).await,
        What::Vpcd { port, card, hold_ms } => vpcd(port, &card, hold_ms).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Returned from main it would come with a backtrace where those are switched on.
            eprintln!("kyoten-card: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn tap(reader: &str, card: &Card, hold_ms: u64) -> Result<()> {
    /// A reader that is busy with another card gets to this one within this time.
    const PATIENCE: Duration = Duration::from_secs(5);

    let virtual_card = card.load()?;
    let folder = card.folder.path();
    let socket = socket_path(&folder, reader);
    let Ok(stream) = UnixStream::connect(&socket).await else {
        bail!(
            "no reader called {reader} runs in {}: {}",
            folder.display(),
            readers_in(&folder, ".sock")
        );
    };
    let mut reads = virtual_card.times_read();
    let leave = async {
        if timeout(PATIENCE, reads.wait_for(|times| *times > 0)).await.is_ok() {
            sleep(Duration::from_millis(hold_ms)).await;
        }
    };
    let ended = virtual_card.present(stream, leave).await;
    if *virtual_card.times_read().borrow() == 0 {
        bail!(
            "reader {reader} did not read the card: see whether it is plugged in, then tap again"
        );
    }
    match ended {
        // Having been read, the card may well be pushed off by the next one.
        Ok(()) | Err(LinkError::HungUp) => {
            println!("tapped card {} on reader {reader}", card.card);
            Ok(())
        }
        Err(error) => Err(error).context(format!("reader {reader} went wrong")),
    }
}

async fn hold_up(reader: &str, text: &str, folder: &Path) -> Result<()> {
    match scan(folder, reader, text).await {
        Ok(()) => {
            println!("scanned a code of {} letters on reader {reader}", text.chars().count());
            Ok(())
        }
        Err(ScanError::NoScanner(_)) => {
            let others = readers_in(folder, ".scanner");
            bail!("no scanner called {reader} runs in {}: {others}", folder.display())
        }
        Err(error) => Err(error.into()),
    }
}

async fn vpcd(port: u16, card: &Card, hold_ms: Option<u64>) -> Result<()> {
    let virtual_card = card.load()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = PromptTcp::connect(address).await.with_context(|| {
        format!("no virtual reader listens on port {port}: start pcscd with a vpcd entry for it")
    })?;
    println!("card {} lies on the virtual reader at port {port}", card.card);
    let leave = async {
        match hold_ms {
            Some(hold_ms) => sleep(Duration::from_millis(hold_ms)).await,
            // Without a handler there is nothing to wait for: stay until killed.
            None if tokio::signal::ctrl_c().await.is_err() => std::future::pending().await,
            None => {}
        }
    };
    virtual_card
        .present(stream, leave)
        .await
        .with_context(|| format!("the virtual reader at port {port} ended the visit"))?;
    let times = *virtual_card.times_read().borrow();
    println!("card {} was taken away, read {times} times", card.card);
    Ok(())
}

impl Card {
    fn load(&self) -> Result<VirtualCard> {
        let identifier = CardNames::read(&self.folder.path())?.identifier(&self.card)?;
        Ok(VirtualCard::new(&identifier)?)
    }
}

impl Folder {
    fn path(&self) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| {
            let data = std::env::var_os("KYOTEN_DATA_DIR");
            data.map_or_else(|| PathBuf::from("data"), PathBuf::from).join("readers")
        })
    }
}

/// Whose sockets, told by their ending, are in the folder.
fn readers_in(folder: &Path, ending: &str) -> String {
    let sockets = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = sockets
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_suffix(ending).map(str::to_owned)
        })
        .collect();
    if names.is_empty() {
        return "there are no readers; start the demo, or give its folder with --dir".to_owned();
    }
    names.sort();
    format!("choose one of {}", names.join(", "))
}
