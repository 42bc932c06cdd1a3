//! The PC/SC driver and the virtual card against a real pcscd with a virtual reader (vpcd).
//!
//! The PC/SC library reads the daemon's socket from the environment once for the whole process, so
//! each test starts this test program again as a child that has the variable set.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap fails the test")]

use std::future::{Future, pending};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hardware::card::pin::{Pin, PinError, PinRight};
use hardware::card::{CardError, CardEvent, CardRead, CardReader, IdentifierError, PkocError};
use hardware::pcsc_reader::{PcscReader, PcscSettings, check_pin};
use hardware::sim::{OTHER_CURVE, PkocConduct, PromptTcp, VirtualCard, VirtualJpki, VirtualKey};
use ring::rand::SystemRandom;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

const CHILD: &str = "KYOTEN_TEST_PCSC_FOLDER";
const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
const DEADLINE: Duration = Duration::from_secs(20);
const UID: [u8; 7] = [0x04, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0xF6];
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
            assert_eq!(read.identifier().unwrap().expose(), IDM);
            assert_eq!(next(&mut reader).await, CardEvent::Removed);
            assert!(program.wait().unwrap().success());
        }
        pcscd.kill();
    });
}

#[test]
fn fault_15_identifiers_that_recognise_nobody_are_refused() {
    with_pcscd("fault_15_identifiers_that_recognise_nobody_are_refused", async |pcscd| {
        let mut reader = pcscd.reader().await;
        for (identifier, reason) in [
            (&[8, 1, 2, 3][..], IdentifierError::RandomUid),
            (&[7; 12], IdentifierError::Length(12)),
        ] {
            let visit = pcscd.lay_down(identifier);
            let unreadable = CardEvent::Unreadable { reason: reason.into() };
            assert_eq!(next(&mut reader).await, unreadable);
            taken_away(visit, &mut reader).await;
        }
    });
}

#[test]
fn fault_13_a_torn_and_a_garbled_card_give_a_reason_and_the_next_is_read() {
    with_pcscd(
        "fault_13_a_torn_and_a_garbled_card_give_a_reason_and_the_next_is_read",
        async |pcscd| {
            let mut reader = pcscd.reader().await;

            tokio::spawn(hostile(pcscd.port, Trick::Tear));
            assert_eq!(unreadable(&mut reader).await, CardError::Torn);
            assert_eq!(next(&mut reader).await, CardEvent::Removed);

            let garbling = tokio::spawn(hostile(pcscd.port, Trick::Garble));
            assert_eq!(unreadable(&mut reader).await, CardError::Garbled(1));
            taken_away(garbling, &mut reader).await;

            read_once(&pcscd, &mut reader).await;
        },
    );
}

#[test]
fn fault_13_a_hung_card_is_abandoned_in_time() {
    with_pcscd("fault_13_a_hung_card_is_abandoned_in_time", async |pcscd| {
        let mut reader = pcscd.reader().await;
        let hanging = tokio::spawn(hostile(pcscd.port, Trick::Hang));
        abandoned_in_time(&mut reader).await;
        taken_away(hanging, &mut reader).await;
        read_once(&pcscd, &mut reader).await;
    });
}

#[test]
fn fault_13_pcscd_may_die_and_come_back() {
    with_pcscd("fault_13_pcscd_may_die_and_come_back", async |mut pcscd| {
        let mut reader = pcscd.reader().await;
        let visit = pcscd.lay_down(&IDM);
        assert!(matches!(next(&mut reader).await, CardEvent::Presented(_)));
        pcscd.kill();
        assert!(matches!(next(&mut reader).await, CardEvent::Unavailable { .. }));
        visit.abort();
        pcscd.start();
        back(&mut reader).await;
        read_once(&pcscd, &mut reader).await;
    });
}

#[test]
fn fault_13_a_reader_taken_out_of_pcscd_is_missed_and_reads_on_once_it_is_back() {
    with_pcscd(
        "fault_13_a_reader_taken_out_of_pcscd_is_missed_and_reads_on_once_it_is_back",
        async |mut pcscd| {
            let mut reader = pcscd.reader().await;
            read_once(&pcscd, &mut reader).await;
            pcscd.take_out("vpcd");
            pcscd.restart();
            missed(&mut reader, "no reader is connected").await;
            pcscd.put_in("vpcd", "Kyoten test", pcscd.port, DRIVER);
            pcscd.restart();
            back(&mut reader).await;
            read_once(&pcscd, &mut reader).await;
        },
    );
}

#[test]
fn fault_13_a_reader_that_comes_later_is_used_beside_the_first() {
    with_pcscd("fault_13_a_reader_that_comes_later_is_used_beside_the_first", async |mut pcscd| {
        let mut first = pcscd.reader().await;
        let mut later = PcscReader::start(settings("Kyoten later")).unwrap();
        missed(&mut later, "connected are Kyoten test 00 00").await;
        let port = free_port_pair();
        // The driver keeps its readers by their slots alone: two that share it would be one.
        let driver = pcscd.folder.join("later.so");
        std::fs::copy(DRIVER, &driver).unwrap();
        pcscd.put_in("later", "Kyoten later", port, driver.to_str().unwrap());
        pcscd.restart();
        back(&mut later).await;
        missed(&mut first, "").await;
        back(&mut first).await;
        let visit = lay_at(port, pkoc(PkocConduct::Proves(key())));
        assert_eq!(read(&mut later).await.level(), 3);
        taken_away(visit, &mut later).await;
        read_once(&pcscd, &mut first).await;
        pcscd.take_out("later");
        pcscd.restart();
        missed(&mut later, "connected are Kyoten test 00 00").await;
        back(&mut first).await;
        read_once(&pcscd, &mut first).await;
    });
}

#[test]
fn fault_13_a_reader_pulled_out_while_pcscd_runs_reads_on_once_it_is_back() {
    with_pcscd(
        "fault_13_a_reader_pulled_out_while_pcscd_runs_reads_on_once_it_is_back",
        async |pcscd| {
            let cable = pcscd.cable();
            let mut reader = pcscd.reader().await;
            read_once(&pcscd, &mut reader).await;
            cable.pull();
            missed(&mut reader, "is gone: plug it in again").await;
            let (worked, begun) = (watched_for(), Instant::now());
            assert!(timeout(Duration::from_secs(2), reader.next_event()).await.is_err());
            let (worked, watched) = (watched_for() - worked, begun.elapsed());
            assert!(
                worked < watched / 10,
                "looked for it without a rest: {worked:?} of {watched:?}"
            );
            cable.plug();
            back(&mut reader).await;
            read_once(&pcscd, &mut reader).await;

            // With a card on it, which nobody taps when it is back.
            let visit = pcscd.lay_down(&IDM);
            assert_eq!(read(&mut reader).await.level(), 1);
            cable.pull();
            missed(&mut reader, "is gone: plug it in again").await;
            cable.plug();
            back(&mut reader).await;
            assert_eq!(unreadable(&mut reader).await, CardError::AlreadyThere);
            taken_away(visit, &mut reader).await;
        },
    );
}

#[test]
fn a_reader_that_is_not_there_is_said_with_those_that_are() {
    with_pcscd("a_reader_that_is_not_there_is_said_with_those_that_are", async |_pcscd| {
        let mut reader = PcscReader::start(settings("Nonesuch")).unwrap();
        loop {
            let CardEvent::Unavailable { reason, .. } = next(&mut reader).await else {
                panic!("available?")
            };
            if reason.contains("Kyoten test") {
                break;
            }
        }
    });
}

#[test]
fn a_card_with_a_key_is_read_at_level_3() {
    with_pcscd("a_card_with_a_key_is_read_at_level_3", async |pcscd| {
        let mut reader = pcscd.reader().await;
        let key = key();
        let public = key.public();
        let visit = pcscd.lay(pkoc(PkocConduct::Proves(key)));
        let read = read(&mut reader).await;
        assert_eq!((read.level(), read.key().unwrap().expose()), (3, &public));
        assert_eq!(read.identifier().unwrap().expose(), UID);
        taken_away(visit, &mut reader).await;
        read_once(&pcscd, &mut reader).await;
    });
}

#[test]
fn fault_15_a_card_that_cannot_prove_its_key_is_refused() {
    with_pcscd("fault_15_a_card_that_cannot_prove_its_key_is_refused", async |pcscd| {
        let mut reader = pcscd.reader().await;
        let owner = key();
        let public = owner.public();
        let signature = owner.sign(&[7; 16]).unwrap();
        let recorded = |public: &[u8]| [&[0x5A, 65], public, &[0x9E, 64], &signature].concat();
        for (conduct, reason) in [
            (PkocConduct::Copies(public, key()), PkocError::WrongSignature),
            (PkocConduct::Repeats(recorded(&public)), PkocError::WrongSignature),
            (PkocConduct::Repeats(recorded(&OTHER_CURVE)), PkocError::NotOnCurve),
            (PkocConduct::Repeats(Vec::new()), PkocError::NoKey),
            (PkocConduct::Version2, PkocError::Version2),
        ] {
            let visit = pcscd.lay(pkoc(conduct));
            assert_eq!(unreadable(&mut reader).await, reason.into());
            taken_away(visit, &mut reader).await;
        }
    });
}

#[test]
fn fault_15_a_copy_of_the_identifier_of_a_card_with_a_key_is_read_at_level_1() {
    with_pcscd(
        "fault_15_a_copy_of_the_identifier_of_a_card_with_a_key_is_read_at_level_1",
        async |pcscd| {
            let mut reader = pcscd.reader().await;
            let mut seen = Vec::new();
            let copy = VirtualCard::new(&UID).unwrap();
            for card in [pkoc(PkocConduct::Proves(key())), copy] {
                let visit = pcscd.lay(card);
                seen.push(read(&mut reader).await);
                taken_away(visit, &mut reader).await;
            }
            assert_eq!(seen[0].identifier(), seen[1].identifier());
            assert_eq!((seen[0].level(), seen[1].level()), (3, 1));
        },
    );
}

#[test]
fn fault_13_a_card_that_hangs_or_leaves_while_it_proves_its_key_is_refused() {
    with_pcscd(
        "fault_13_a_card_that_hangs_or_leaves_while_it_proves_its_key_is_refused",
        async |pcscd| {
            let mut reader = pcscd.reader().await;
            tokio::spawn(hostile(pcscd.port, Trick::TearProof));
            assert_eq!(unreadable(&mut reader).await, CardError::Torn);
            assert_eq!(next(&mut reader).await, CardEvent::Removed);
            let hanging = tokio::spawn(hostile(pcscd.port, Trick::HangProof));
            abandoned_in_time(&mut reader).await;
            taken_away(hanging, &mut reader).await;
            read_once(&pcscd, &mut reader).await;
        },
    );
}

#[test]
fn fault_13_a_hung_card_on_one_reader_holds_up_no_other() {
    with_pcscd("fault_13_a_hung_card_on_one_reader_holds_up_no_other", async |pcscd| {
        let mut readers = Vec::new();
        for slot in ["00 00", "00 01"] {
            let mut reader = PcscReader::start(settings(&format!("Kyoten test {slot}"))).unwrap();
            while next(&mut reader).await != CardEvent::Available {}
            readers.push(reader);
        }
        let [first, second] = readers.as_mut_slice() else { unreachable!("two readers") };
        let hanging = tokio::spawn(hostile(pcscd.port, Trick::HangProof));
        let visit = lay_at(pcscd.port + 1, pkoc(PkocConduct::Proves(key())));
        let begun = Instant::now();
        assert_eq!(read(second).await.level(), 3);
        assert!(begun.elapsed() < Duration::from_secs(2), "took {:?}", begun.elapsed());
        assert!(matches!(unreadable(first).await, CardError::NoAnswer(_)));
        taken_away(visit, second).await;
        taken_away(hanging, first).await;
        let both = [(pcscd.port, UID), (pcscd.port + 1, [4, 9, 9, 9, 9, 9, 9])]
            .map(|(port, uid)| lay_at(port, VirtualCard::new(&uid).unwrap()));
        let (one, other) = tokio::join!(read(first), read(second));
        assert_eq!(one.identifier().unwrap().expose(), UID);
        assert_eq!(other.identifier().unwrap().expose(), [4, 9, 9, 9, 9, 9, 9]);
        both.iter().for_each(tokio::task::JoinHandle::abort);
    });
}

#[test]
fn fault_16_a_my_number_cards_pin_is_never_risked() {
    with_pcscd("fault_16_a_my_number_cards_pin_is_never_risked", async |pcscd| {
        let mut reader = pcscd.reader().await;
        let counting = VirtualJpki::new("1234", 3);
        let card = VirtualCard::new(&[1, 2, 3, 4]).unwrap().with_jpki(counting.clone());
        let visit = pcscd.lay(card);
        assert_eq!(unreadable(&mut reader).await, IdentifierError::TypeB.into(), "no identifier");
        let check = async |typed: &str| {
            let pin = Pin::new(Zeroizing::new(typed.to_owned()))?;
            let patience = Duration::from_secs(5);
            tokio::task::spawn_blocking(move || check_pin("Kyoten test", pin, patience))
                .await
                .unwrap()
        };
        assert_eq!(check("123").await, Err(PinError::NotFourDigits));
        assert_eq!(counting.pins_sent(), 0);
        assert_eq!(check("1234").await, Ok(PinRight { tries_before: 3 }));
        assert_eq!(check("9999").await, Err(PinError::Wrong { left: 2 }));
        assert_eq!(check("1234").await, Ok(PinRight { tries_before: 2 }));
        assert_eq!((counting.left(), counting.pins_sent()), (3, 3));
        assert_eq!(check("9999").await, Err(PinError::Wrong { left: 2 }));
        assert_eq!(check("9998").await, Err(PinError::Wrong { left: 1 }));
        for typed in ["9997", "1234"] {
            assert_eq!(check(typed).await, Err(PinError::TooFewTries { left: 1 }));
        }
        assert_eq!((counting.left(), counting.pins_sent()), (1, 5), "the last try is not ours");
        taken_away(visit, &mut reader).await;

        let garbling = VirtualJpki::new("1234", 3);
        garbling.garble();
        let card = VirtualCard::new(&[1, 2, 3, 4]).unwrap().with_jpki(garbling.clone());
        let visit = pcscd.lay(card);
        assert_eq!(unreadable(&mut reader).await, IdentifierError::TypeB.into());
        let failed = check("1234").await;
        assert!(matches!(failed, Err(PinError::Card { sent: true, .. })), "{failed:?}");
        assert_eq!(garbling.pins_sent(), 1, "it is not sent again");
        taken_away(visit, &mut reader).await;

        let visit = pcscd.lay(VirtualCard::new(&UID).unwrap());
        assert_eq!(read(&mut reader).await.level(), 1);
        assert_eq!(check("1234").await, Err(PinError::NoJpki(0x6D00)));
        visit.abort();
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
        std::fs::create_dir_all(folder.join("conf")).unwrap();
        put_in(&folder, "vpcd", "Kyoten test", port, DRIVER);
        let daemon = spawn(&folder);
        Self { folder, port, daemon }
    }

    /// Enters a reader into pcscd's configuration, which it reads when it starts: with the first who asks it anything.
    fn put_in(&self, entry: &str, reader: &str, port: u16, driver: &str) {
        put_in(&self.folder, entry, reader, port, driver);
    }

    fn take_out(&self, entry: &str) {
        std::fs::remove_file(self.folder.join("conf").join(entry)).unwrap();
    }

    /// Puts something that can be pulled between pcscd, which has not started yet, and its reader.
    fn cable(&self) -> Cable {
        let (driver, pulled) = (self.folder.join("cable.so"), self.folder.join("pulled"));
        let done = Command::new("cc")
            .args(["-shared", "-fPIC", "-Wall", "-Werror"])
            .arg(format!("-DREAL=\"{DRIVER}\""))
            .arg(format!("-DPULLED=\"{}\"", pulled.display()))
            .arg("-o")
            .arg(&driver)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cable.c"))
            .arg("-ldl")
            .status()
            .unwrap();
        assert!(done.success(), "the driver that can be pulled is not built");
        self.put_in("vpcd", "Kyoten test", self.port, driver.to_str().unwrap());
        Cable { pulled }
    }

    fn start(&mut self) {
        self.daemon = spawn(&self.folder);
    }

    fn kill(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }

    fn restart(&mut self) {
        self.kill();
        self.start();
    }

    /// A reader that has said that it is available.
    async fn reader(&self) -> PcscReader {
        let mut reader = PcscReader::start(settings("Kyoten test")).unwrap();
        while next(&mut reader).await != CardEvent::Available {}
        reader
    }

    fn lay_down(&self, identifier: &[u8]) -> tokio::task::JoinHandle<()> {
        self.lay(VirtualCard::new(identifier).unwrap())
    }

    fn lay(&self, card: VirtualCard) -> tokio::task::JoinHandle<()> {
        lay_at(self.port, card)
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Between pcscd and its reader: while it is pulled, the driver says that there is no such device.
struct Cable {
    pulled: PathBuf,
}

impl Cable {
    fn pull(&self) {
        std::fs::write(&self.pulled, "").unwrap();
    }

    fn plug(&self) {
        std::fs::remove_file(&self.pulled).unwrap();
    }
}

fn put_in(folder: &Path, entry: &str, reader: &str, port: u16, driver: &str) {
    let text = format!(
        "FRIENDLYNAME \"{reader}\"\nDEVICENAME /dev/null:{port}\nLIBPATH {driver}\nCHANNELID {port}\n"
    );
    std::fs::write(folder.join("conf").join(entry), text).unwrap();
}

fn lay_at(port: u16, card: VirtualCard) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let stream = PromptTcp::connect(address(port)).await.unwrap();
        let _ = card.present(stream, pending()).await;
    })
}

/// A card that hangs is given up, and a reason is told.
async fn abandoned_in_time(reader: &mut PcscReader) {
    let begun = Instant::now();
    let reason = unreadable(reader).await;
    assert!(matches!(reason, CardError::NoAnswer(_)), "{reason:?}");
    assert!(begun.elapsed() < Duration::from_secs(6), "took {:?}", begun.elapsed());
}

/// Waits until the reader cannot be used, for a reason with this in it.
async fn missed(reader: &mut PcscReader, why: &str) {
    loop {
        match next(reader).await {
            CardEvent::Unavailable { reason, .. } if reason.contains(why) => break,
            CardEvent::Unavailable { .. } => {}
            other => panic!("before the reader is missed: {other:?}"),
        }
    }
}

/// Waits until a reader that was missed can be used again.
async fn back(reader: &mut PcscReader) {
    loop {
        match next(reader).await {
            CardEvent::Available => break,
            CardEvent::Unavailable { .. } => {}
            other => panic!("before the reader is back: {other:?}"),
        }
    }
}

/// How long the one watcher of this process has had a processor.
fn watched_for() -> Duration {
    /// Clock ticks a second, as Linux counts them for programs.
    const TICKS: u64 = 100;

    let thread = std::fs::read_dir("/proc/self/task").unwrap().find_map(|thread| {
        let folder = thread.unwrap().path();
        let name = std::fs::read_to_string(folder.join("comm")).ok()?;
        (name.trim() == "pcsc-watcher").then_some(folder)
    });
    let stat = std::fs::read_to_string(thread.unwrap().join("stat")).unwrap();
    // After the name, which may have anything in it; then user and system time are the 12th and 13th.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2).map(|text| text.parse::<u64>().unwrap());
    Duration::from_millis(ticks.sum::<u64>() * 1_000 / TICKS)
}

async fn taken_away(visit: tokio::task::JoinHandle<()>, reader: &mut PcscReader) {
    visit.abort();
    assert_eq!(next(reader).await, CardEvent::Removed);
}

fn settings(name: &str) -> PcscSettings {
    PcscSettings::new(name, Arc::new(SystemRandom::new()))
}

fn key() -> VirtualKey {
    VirtualKey::make(Arc::new(SystemRandom::new())).unwrap()
}

fn pkoc(conduct: PkocConduct) -> VirtualCard {
    VirtualCard::new(&UID).unwrap().with_pkoc(conduct)
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

async fn read(reader: &mut PcscReader) -> CardRead {
    match next(reader).await {
        CardEvent::Presented(read) => read,
        other => panic!("not read: {other:?}"),
    }
}

async fn read_once(pcscd: &Pcscd, reader: &mut PcscReader) {
    let visit = pcscd.lay_down(&IDM);
    match next(reader).await {
        CardEvent::Presented(read) => assert_eq!(read.identifier().unwrap().expose(), IDM),
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
    /// Leaves, or falls silent, once it has chosen the PKOC application.
    TearProof,
    HangProof,
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
            ([0x00, 0xA4, ..], Trick::TearProof | Trick::HangProof) => {
                stream.write_all(&[0, 6, 0x5C, 2, 1, 0, 0x90, 0]).await.unwrap();
            }
            (_, Trick::Tear | Trick::TearProof) => return,
            (_, Trick::Garble) => stream.write_all(&[0, 1, 0x90]).await.unwrap(),
            (_, Trick::Hang | Trick::HangProof) => pending().await,
        }
    }
}
