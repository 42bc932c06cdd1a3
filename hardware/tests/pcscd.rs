//! The PC/SC driver and the virtual card against a real pcscd with a virtual reader (vpcd).
//!
//! The PC/SC library reads the daemon's socket from the environment once for the whole process, so
//! each test starts this test program again as a child that has the variable set.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap fails the test")]

use std::future::{Future, pending};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hardware::card::{CardError, CardEvent, CardReader, IdentifierError};
use hardware::pcsc_reader::{PcscReader, PcscSettings};
use hardware::sim::{PromptTcp, VirtualCard};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const CHILD: &str = "KYOTEN_TEST_PCSC_FOLDER";
const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
const DEADLINE: Duration = Duration::from_secs(20);
const IDM: [u8; 8] = [0x01, 0x2E, 0x44, 0xA7, 0xA5, 0x18, 0x9C, 0x21];

#[test]
fn a_tap_with_the_program_is_read() {
    with_pcscd("a_tap_with_the_program_is_read", async |mut pcscd| {
        let mut reader = pcscd.reader().await;
        for round in 0..2 {
            let port = pcscd.port.to_string();
            let card = ["vpcd", "--port", &port, "--card", "012e44a7a5189c21", "--hold-ms", "1500"];
            let mut program =
                Command::new(env!("CARGO_BIN_EXE_kyoten-card")).args(card).spawn().unwrap();
            let CardEvent::Presented(read) = next(&mut reader).await else {
                panic!("round {round}: not read")
            };
            assert_eq!(read.identifier.expose(), IDM);
            assert_eq!(next(&mut reader).await, CardEvent::Removed);
            assert!(program.wait().unwrap().success());
        }
        pcscd.kill();
    });
}

#[test]
fn identifiers_that_recognise_nobody_are_refused() {
    with_pcscd("identifiers_that_recognise_nobody_are_refused", async |pcscd| {
        let mut reader = pcscd.reader().await;
        for (identifier, reason) in [
            (&[8, 1, 2, 3][..], IdentifierError::RandomUid),
            (&[7; 12], IdentifierError::Length(12)),
        ] {
            let visit = pcscd.lay_down(identifier);
            let unreadable = CardEvent::Unreadable { reason: reason.into() };
            assert_eq!(next(&mut reader).await, unreadable);
            visit.abort();
            assert_eq!(next(&mut reader).await, CardEvent::Removed);
        }
    });
}

#[test]
fn a_torn_and_a_garbled_card_give_a_reason_and_the_next_is_read() {
    with_pcscd("a_torn_and_a_garbled_card_give_a_reason_and_the_next_is_read", async |pcscd| {
        let mut reader = pcscd.reader().await;

        tokio::spawn(hostile(pcscd.port, Trick::Tear));
        assert_eq!(unreadable(&mut reader).await, CardError::Torn);
        assert_eq!(next(&mut reader).await, CardEvent::Removed);

        let garbling = tokio::spawn(hostile(pcscd.port, Trick::Garble));
        assert_eq!(unreadable(&mut reader).await, CardError::Garbled(1));
        garbling.abort();
        assert_eq!(next(&mut reader).await, CardEvent::Removed);

        read_once(&pcscd, &mut reader).await;
    });
}

#[test]
fn a_hung_card_is_abandoned_in_time() {
    with_pcscd("a_hung_card_is_abandoned_in_time", async |pcscd| {
        let mut reader = pcscd.reader().await;
        let hanging = tokio::spawn(hostile(pcscd.port, Trick::Hang));
        let begun = Instant::now();
        let reason = unreadable(&mut reader).await;
        assert!(matches!(reason, CardError::NoAnswer(_)), "{reason:?}");
        assert!(begun.elapsed() < Duration::from_secs(6), "took {:?}", begun.elapsed());
        hanging.abort();
        assert_eq!(next(&mut reader).await, CardEvent::Removed);
        read_once(&pcscd, &mut reader).await;
    });
}

#[test]
fn pcscd_may_die_and_come_back() {
    with_pcscd("pcscd_may_die_and_come_back", async |mut pcscd| {
        let mut reader = pcscd.reader().await;
        let visit = pcscd.lay_down(&IDM);
        assert!(matches!(next(&mut reader).await, CardEvent::Presented(_)));
        pcscd.kill();
        assert!(matches!(next(&mut reader).await, CardEvent::Unavailable { .. }));
        visit.abort();
        pcscd.start();
        loop {
            match next(&mut reader).await {
                CardEvent::Available => break,
                CardEvent::Unavailable { .. } => {}
                other => panic!("before the reader is back: {other:?}"),
            }
        }
        read_once(&pcscd, &mut reader).await;
    });
}

#[test]
fn a_reader_that_is_not_there_is_said_with_those_that_are() {
    with_pcscd("a_reader_that_is_not_there_is_said_with_those_that_are", async |_pcscd| {
        let mut reader = PcscReader::start(PcscSettings::new("Nonesuch")).unwrap();
        loop {
            let CardEvent::Unavailable { reason } = next(&mut reader).await else {
                panic!("available?")
            };
            if reason.contains("Kyoten test") {
                break;
            }
        }
    });
}

/// Runs `story` beside a private pcscd, in a child process that knows its socket.
fn with_pcscd<Story, Told>(name: &str, story: Story)
where
    Story: FnOnce(Pcscd) -> Told,
    Told: Future<Output = ()>,
{
    if let Some(folder) = std::env::var_os(CHILD) {
        let pcscd = Pcscd::new(PathBuf::from(folder));
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            timeout(Duration::from_secs(90), story(pcscd)).await.unwrap();
        });
        reads_have_ended();
        return;
    }
    let folder = Folder(std::env::temp_dir().join(format!("kyoten-{}-{name}", std::process::id())));
    std::fs::create_dir_all(&folder.0).unwrap();
    let told = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, &folder.0)
        .env("PCSCLITE_CSOCK_NAME", folder.0.join("p.sock"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&told.stdout);
    let log = std::fs::read_to_string(folder.0.join("pcscd.log")).unwrap_or_default();
    assert!(
        told.status.success() && said.contains("1 passed"),
        "{said}\n{}\npcscd said:\n{log}",
        String::from_utf8_lossy(&told.stderr)
    );
}

/// Waits for the reads that were abandoned: with pcscd gone they end, and the client library must not be unloaded under
/// them.
fn reads_have_ended() {
    let until = Instant::now() + Duration::from_secs(30);
    let reading = || {
        let threads = std::fs::read_dir("/proc/self/task").unwrap();
        let mut names = threads
            .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok());
        names.any(|name| name.starts_with("pcsc-"))
    };
    while reading() {
        assert!(Instant::now() < until, "a read hangs although pcscd is gone");
        std::thread::sleep(Duration::from_millis(5));
    }
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Pcscd {
    folder: PathBuf,
    port: u16,
    daemon: Child,
}

impl Pcscd {
    fn new(folder: PathBuf) -> Self {
        assert!(
            Path::new(DRIVER).exists(),
            "this test needs pcscd and vsmartcard-vpcd: `make test` installs them"
        );
        let port = free_port_pair();
        let conf = folder.join("conf");
        std::fs::create_dir_all(&conf).unwrap();
        let entry = format!(
            "FRIENDLYNAME \"Kyoten test\"\nDEVICENAME /dev/null:{port}\n\
             LIBPATH {DRIVER}\nCHANNELID {port}\n"
        );
        std::fs::write(conf.join("vpcd"), entry).unwrap();
        let daemon = spawn(&folder);
        Self { folder, port, daemon }
    }

    fn start(&mut self) {
        self.daemon = spawn(&self.folder);
    }

    fn kill(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }

    /// A reader that has said that it is available.
    async fn reader(&self) -> PcscReader {
        let mut reader = PcscReader::start(PcscSettings::new("Kyoten test")).unwrap();
        while next(&mut reader).await != CardEvent::Available {}
        reader
    }

    fn lay_down(&self, identifier: &[u8]) -> tokio::task::JoinHandle<()> {
        let card = VirtualCard::new(identifier).unwrap();
        let port = self.port;
        tokio::spawn(async move {
            let stream = PromptTcp::connect(address(port)).await.unwrap();
            let _ = card.present(stream, pending()).await;
        })
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(folder: &Path) -> Child {
    let log = std::fs::File::create(folder.join("pcscd.log")).unwrap();
    let _ = std::fs::remove_file(folder.join("p.sock"));
    Command::new("systemd-socket-activate")
        .arg("-l")
        .arg(folder.join("p.sock"))
        .args(["pcscd", "-f", "-c"])
        .arg(folder.join("conf"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| {
            panic!("pcscd did not start ({error}): `make test` installs what it needs")
        })
}

/// A vpcd entry listens on its port and on the next.
fn free_port_pair() -> u16 {
    loop {
        let first = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        let Some(next) = port.checked_add(1) else { continue };
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, next)).is_ok() {
            return port;
        }
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

async fn next(reader: &mut PcscReader) -> CardEvent {
    timeout(DEADLINE, reader.next_event()).await.unwrap().unwrap()
}

async fn unreadable(reader: &mut PcscReader) -> CardError {
    match next(reader).await {
        CardEvent::Unreadable { reason } => reason,
        other => panic!("not refused: {other:?}"),
    }
}

async fn read_once(pcscd: &Pcscd, reader: &mut PcscReader) {
    let visit = pcscd.lay_down(&IDM);
    match next(reader).await {
        CardEvent::Presented(read) => assert_eq!(read.identifier.expose(), IDM),
        other => panic!("not read: {other:?}"),
    }
    visit.abort();
    assert_eq!(next(reader).await, CardEvent::Removed);
}

/// What a hostile card does when it is asked for its identifier.
#[derive(Clone, Copy)]
enum Trick {
    Tear,
    Garble,
    Hang,
}

async fn hostile(port: u16, trick: Trick) {
    const ATR: [u8; 5] = [0x3B, 0x80, 0x80, 0x01, 0x01];
    let mut stream = TcpStream::connect(address(port)).await.unwrap();
    loop {
        let Ok(length) = stream.read_u16().await else { return };
        let mut message = vec![0; usize::from(length)];
        if stream.read_exact(&mut message).await.is_err() {
            return;
        }
        match (message.as_slice(), trick) {
            ([4], _) => {
                stream.write_all(&[0, 5]).await.unwrap();
                stream.write_all(&ATR).await.unwrap();
            }
            ([_], _) => {}
            (_, Trick::Tear) => return,
            (_, Trick::Garble) => stream.write_all(&[0, 1, 0x90]).await.unwrap(),
            (_, Trick::Hang) => pending().await,
        }
    }
}
