//! A virtual card: taps a simulated reader, or lies on a virtual reader of a real pcscd. Holds codes in
//! front of a simulated scanner, and plays a whole OSDP reader, too.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use hardware::osdp::{ChannelKey, SerialPort};
use hardware::sim::{
    CardNames, LinkError, PkocConduct, PromptTcp, ScanError, SimOsdpReader, SimOsdpSettings,
    VirtualCard, VirtualKey, scan, socket_path,
};
use ring::rand::{SecureRandom, SystemRandom};
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
    /// Be an OSDP reader on a serial line or pseudo-terminal, and read a card there
    Osdp {
        /// The line's device, such as /dev/ttyUSB1 or a pseudo-terminal of socat
        #[arg(long)]
        line: PathBuf,
        /// The reader's address on the line, 0 to 126
        #[arg(long, default_value_t = 0)]
        address: u8,
        /// Its key file. While there is none the reader is in install mode, and keeps the key that it is
        /// given there
        #[arg(long)]
        key: PathBuf,
        /// Bits a second
        #[arg(long, default_value_t = 9_600)]
        baud: u32,
        #[command(flatten)]
        card: Card,
        /// How long to stay after the card was read, in milliseconds; until Ctrl-C when left out
        #[arg(long)]
        hold_ms: Option<u64>,
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
    /// Make the private key of a card with PKOC
    Key {
        /// The file for it; without one it is printed
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

#[derive(Args)]
struct Card {
    /// A name from cards.toml in the readers' folder, or an identifier in hex
    #[arg(long)]
    card: String,
    /// A file with the card's private key (PKOC), which goes before the one in cards.toml
    #[arg(long)]
    key: Option<PathBuf>,
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
        What::Osdp { line, address, key, baud, card, hold_ms } => {
            osdp(OsdpLine { line, address, key, baud }, &card, hold_ms).await
        }
        What::Vpcd { port, card, hold_ms } => vpcd(port, &card, hold_ms).await,
        What::Key { out } => make_key(out.as_deref()),
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

struct OsdpLine {
    line: PathBuf,
    address: u8,
    key: PathBuf,
    baud: u32,
}

async fn osdp(on: OsdpLine, card: &Card, hold_ms: Option<u64>) -> Result<()> {
    let identifier = CardNames::read(&card.folder.path())?.identifier(&card.card)?;
    let OsdpLine { line, address, key: file, baud } = on;
    let key = if file.exists() { Some(ChannelKey::read(&file)?) } else { None };
    let installs = key.is_none();
    let port = SerialPort::open(&line, baud)
        .with_context(|| format!("{} cannot be used", line.display()))?;
    let settings = SimOsdpSettings { address, key, timed_outputs: true, shows: true };
    let reader = SimOsdpReader::start(Box::new(port), settings)?;
    let mut state = reader.state();
    if installs {
        println!("reader {address} is in install mode: give it a key now");
        let given = state.wait_for(|reader| reader.new_key.is_some()).await?.new_key.clone();
        given.context("no key was given")?.write_new(&file)?;
        println!("reader {address} has a key now, in {}", file.display());
    }
    println!("reader {address} waits for its panel on {}", line.display());
    state.wait_for(|reader| reader.secure).await?;
    // What a reader tells right after it came onto the line does not count.
    sleep(Duration::from_millis(1_500)).await;
    reader.present(&identifier)?;
    println!("card {} was held to reader {address}", card.card);
    let told = tokio::spawn(async move {
        let mut last = state.borrow_and_update().clone();
        while state.changed().await.is_ok() {
            let now = state.borrow_and_update().clone();
            if now.light != last.light {
                println!("the light shows {:?}", now.light);
            }
            if now.outputs != last.outputs {
                println!("the outputs are {:?}", now.outputs);
            }
            last = now;
        }
    });
    match hold_ms {
        Some(hold_ms) => sleep(Duration::from_millis(hold_ms)).await,
        None => tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")?,
    }
    told.abort();
    Ok(())
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

fn make_key(out: Option<&Path>) -> Result<()> {
    let key = VirtualKey::make(rng())?;
    let Some(file) = out else {
        print!("{}", key.expose_pem());
        return Ok(());
    };
    // Never over a key that is somebody's card.
    let mut made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .with_context(|| format!("{} cannot be made", file.display()))?;
    made.write_all(key.expose_pem().as_bytes())
        .with_context(|| format!("{} cannot be written", file.display()))?;
    println!("made the private key of a card: {}", file.display());
    Ok(())
}

fn rng() -> Arc<dyn SecureRandom + Send + Sync> {
    Arc::new(SystemRandom::new())
}

impl Card {
    fn load(&self) -> Result<VirtualCard> {
        let names = CardNames::read(&self.folder.path())?;
        let card = VirtualCard::new(&names.identifier(&self.card)?)?;
        let key = match &self.key {
            None => names.key(&self.card, rng())?,
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("{} cannot be read", file.display()))?;
                let key = VirtualKey::read(&text, rng());
                Some(key.with_context(|| file.display().to_string())?)
            }
        };
        Ok(match key {
            Some(key) => card.with_pkoc(PkocConduct::Proves(key)),
            None => card,
        })
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
