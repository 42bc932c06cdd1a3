#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::sync::atomic::{AtomicU32, Ordering};

use ring::rand::SystemRandom;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::card::{IdentifierError, PkocError};
use crate::sim::{PkocConduct, VirtualCard, VirtualKey};

const IDM: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
const DEADLINE: Duration = Duration::from_secs(5);

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("kyoten-reader-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn settings(name: &str, folder: &Path) -> SimReaderSettings {
    SimReaderSettings::new(name, folder, Arc::new(SystemRandom::new()))
}

async fn reader(folder: &Folder) -> SimReader {
    let mut slow = settings("kiosk-1", &folder.0);
    slow.patience = Duration::from_millis(100);
    let mut reader = SimReader::start(slow).await.unwrap();
    assert_eq!(next(&mut reader).await, CardEvent::Available);
    reader
}

async fn next(reader: &mut SimReader) -> CardEvent {
    timeout(DEADLINE, reader.next_event()).await.unwrap().unwrap()
}

async fn connect(folder: &Folder) -> UnixStream {
    UnixStream::connect(socket_path(&folder.0, "kiosk-1")).await.unwrap()
}

/// Puts a good card on the reader for as long as it takes to be read, and expects it to be.
async fn tap_works(reader: &mut SimReader, folder: &Folder) {
    let card = VirtualCard::new(&IDM).unwrap();
    let mut reads = card.times_read();
    let leave = async {
        reads.wait_for(|times| *times == 1).await.unwrap();
    };
    card.present(connect(folder).await, leave).await.unwrap();
    let CardEvent::Presented(read) = next(reader).await else { unreachable!("not read") };
    assert_eq!(read.identifier().unwrap().expose(), IDM);
    assert_eq!(next(reader).await, CardEvent::Removed);
}

async fn refused(reader: &mut SimReader) -> CardError {
    let CardEvent::Unreadable { reason } = next(reader).await else { unreachable!("accepted") };
    assert_eq!(next(reader).await, CardEvent::Removed);
    reason
}

#[tokio::test]
async fn a_tap_is_read_and_the_socket_is_private() {
    let folder = Folder::new();
    let mut reader = reader(&folder).await;
    let mode = std::fs::metadata(socket_path(&folder.0, "kiosk-1")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    tap_works(&mut reader, &folder).await;
}

#[tokio::test]
async fn hostile_cards_get_a_reason_and_the_next_card_is_read() {
    let folder = Folder::new();
    let mut reader = reader(&folder).await;

    let hanging = connect(&folder).await;
    assert_eq!(refused(&mut reader).await, CardError::NoAnswer(Duration::from_millis(100)));
    drop(hanging);

    drop(connect(&folder).await);
    assert_eq!(refused(&mut reader).await, CardError::Torn);

    let mut oversize = connect(&folder).await;
    oversize.write_all(&[0xFF; 4000]).await.unwrap();
    assert_eq!(refused(&mut reader).await, CardError::Oversize(0xFFFF));

    let mut garbled = connect(&folder).await;
    garbled.write_all(&[0, 0, 0, 1, 0x90]).await.unwrap();
    assert_eq!(refused(&mut reader).await, CardError::Garbled(1));

    let mut half = connect(&folder).await;
    half.write_all(&[0, 3, 0x3B]).await.unwrap();
    drop(half);
    assert_eq!(refused(&mut reader).await, CardError::Torn);

    let mut refusing = connect(&folder).await;
    refusing.write_all(&[0, 1, 0x3B, 0, 2, 0x6A, 0x82, 0, 2, 0x6A, 0x82]).await.unwrap();
    assert_eq!(refused(&mut reader).await, CardError::Refused(0x6A82));

    tap_works(&mut reader, &folder).await;
}

#[tokio::test]
async fn a_card_with_a_random_uid_is_refused() {
    let folder = Folder::new();
    let mut reader = reader(&folder).await;
    let card = VirtualCard::new(&[8, 1, 2, 3]).unwrap();
    let stream = connect(&folder).await;
    let (ended, reason) =
        tokio::join!(card.present(stream, std::future::pending()), refused(&mut reader));
    assert!(matches!(ended, Err(LinkError::HungUp)));
    assert_eq!(reason, IdentifierError::RandomUid.into());
}

#[tokio::test]
async fn a_key_is_read_and_a_card_that_cannot_prove_it_is_refused() {
    let folder = Folder::new();
    let mut reader = reader(&folder).await;
    let key = || VirtualKey::make(Arc::new(SystemRandom::new())).unwrap();
    let owner = key();
    let public = owner.public();
    let card = VirtualCard::new(&[4, 1, 2, 3, 4, 5, 6]).unwrap();
    let card = card.with_pkoc(PkocConduct::Proves(owner));
    let stream = connect(&folder).await;
    let visit = tokio::spawn(async move { card.present(stream, std::future::pending()).await });
    let CardEvent::Presented(read) = next(&mut reader).await else { unreachable!("not read") };
    assert_eq!((read.level(), read.key().unwrap().expose()), (3, &public));
    assert_eq!(read.identifier().unwrap().expose(), [4, 1, 2, 3, 4, 5, 6]);
    visit.abort();
    assert_eq!(next(&mut reader).await, CardEvent::Removed);

    let copy = VirtualCard::new(&[4, 1, 2, 3, 4, 5, 6]).unwrap();
    let copy = copy.with_pkoc(PkocConduct::Copies(public, key()));
    let stream = connect(&folder).await;
    let (_, reason) =
        tokio::join!(copy.present(stream, std::future::pending()), refused(&mut reader));
    assert_eq!(reason, PkocError::WrongSignature.into());
}

#[tokio::test]
async fn a_card_left_behind_is_pushed_off_by_the_next() {
    let folder = Folder::new();
    let mut reader = reader(&folder).await;
    let left = connect(&folder).await;
    let lying = tokio::spawn(async move {
        VirtualCard::new(&IDM).unwrap().present(left, std::future::pending()).await
    });
    assert!(matches!(next(&mut reader).await, CardEvent::Presented(_)));
    let card = VirtualCard::new(&[9; 8]).unwrap();
    let stream = connect(&folder).await;
    let second = tokio::spawn(async move { card.present(stream, std::future::pending()).await });
    assert_eq!(next(&mut reader).await, CardEvent::Removed);
    let CardEvent::Presented(read) = next(&mut reader).await else { unreachable!("not read") };
    assert_eq!(read.identifier().unwrap().expose(), [9; 8]);
    assert!(matches!(lying.await.unwrap(), Err(LinkError::HungUp)));
    second.abort();
}

#[tokio::test]
async fn a_card_that_talks_unasked_is_put_away() {
    let folder = Folder::new();
    let mut reader = reader(&folder).await;
    let mut card = connect(&folder).await;
    let answers =
        [&[0, 1, 0x3B, 0, 2, 0x6A, 0x82, 0, 10][..], &IDM, &[0x90, 0], &[0xAA; 512]].concat();
    card.write_all(&answers).await.unwrap();
    assert!(matches!(next(&mut reader).await, CardEvent::Presented(_)));
    assert_eq!(next(&mut reader).await, CardEvent::Removed);
    tap_works(&mut reader, &folder).await;
}

#[tokio::test]
async fn an_unplugged_reader_says_so_and_forgets_what_was_held_to_it() {
    let folder = Folder::new();
    let mut reader = reader(&folder).await;
    reader.set_plugged(false);
    assert!(matches!(next(&mut reader).await, CardEvent::Unavailable { .. }));
    let card = VirtualCard::new(&IDM).unwrap();
    let ended = card.present(connect(&folder).await, std::future::pending()).await;
    assert!(matches!(ended, Err(LinkError::HungUp)));
    reader.set_plugged(true);
    assert_eq!(next(&mut reader).await, CardEvent::Available);
    tap_works(&mut reader, &folder).await;
}

#[tokio::test]
async fn a_reader_is_run_once_and_replaces_what_a_crash_left() {
    let folder = Folder::new();
    let first = reader(&folder).await;
    let again = SimReader::start(settings("kiosk-1", &folder.0)).await;
    assert!(matches!(again.err(), Some(SimReaderError::Taken(_))));
    drop(first);
    let leftover = UnixListener::bind(socket_path(&folder.0, "kiosk-1")).unwrap();
    drop(leftover);
    let mut reader = reader(&folder).await;
    tap_works(&mut reader, &folder).await;
}

#[tokio::test]
async fn a_name_cannot_lead_out_of_the_folder() {
    let folder = Folder::new();
    for name in ["", "../kiosk", "a/b", "a b"] {
        let started = SimReader::start(settings(name, &folder.0)).await;
        assert!(matches!(started.err(), Some(SimReaderError::Name(_))), "{name}");
    }
}
