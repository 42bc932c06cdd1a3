use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use thiserror::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::reader::{SimReaderError, listen, plain_name};
use crate::scan::{CodeScanner, LONGEST_TEXT, ScannedText};

/// How long a text may take to arrive, and its beep to be heard.
const PATIENCE: Duration = Duration::from_secs(2);
/// A text that waits longer for its consumer is dropped: a scan that acts later surprises everybody.
const FRESH: Duration = Duration::from_secs(3);
/// What a scanner answers once it has read a text.
const BEEP: &[u8] = b"beep";

/// A code scanner that `kyoten-card scan` finds as a socket in the readers' folder, beside the
/// reader of the same name.
pub struct SimScanner {
    name: String,
    socket: PathBuf,
    texts: mpsc::Receiver<(Instant, ScannedText)>,
    task: JoinHandle<()>,
}

/// Why a text was not scanned.
#[derive(Debug, Error)]
pub enum ScanError {
    /// No code holds such a text.
    #[error("a code holds 1 to {LONGEST_TEXT} bytes of text; this text has {0}")]
    Length(usize),
    /// Nobody listens there.
    #[error("no scanner called {0} runs there")]
    NoScanner(String),
    /// It listens and does not read.
    #[error("scanner {0} did not read the text: see whether its kiosk runs, then scan again")]
    NotRead(String),
}

impl SimScanner {
    /// Opens the scanner's socket, for this user only.
    ///
    /// # Errors
    /// As `SimReader::start`.
    pub async fn start(name: &str, folder: &Path) -> Result<Self, SimReaderError> {
        let name = plain_name(name)?;
        let socket = scanner_socket(folder, &name);
        let listener = listen(folder, &socket, &name).await?;
        let (sender, texts) = mpsc::channel(1);
        let task = tokio::spawn(take_texts(listener, sender));
        Ok(Self { name, socket, texts, task })
    }
}

/// Holds a text in front of the simulated scanner `name`, and waits for its beep.
///
/// # Errors
/// [`ScanError`] when there is no such scanner, or it does not read.
pub async fn scan(folder: &Path, name: &str, text: &str) -> Result<(), ScanError> {
    if !(1..=LONGEST_TEXT).contains(&text.len()) {
        return Err(ScanError::Length(text.len()));
    }
    let Ok(mut scanner) = UnixStream::connect(scanner_socket(folder, name)).await else {
        return Err(ScanError::NoScanner(name.to_owned()));
    };
    let shown = async {
        scanner.write_all(text.as_bytes()).await?;
        scanner.shutdown().await?;
        let mut answer = Vec::new();
        (&mut scanner).take(16).read_to_end(&mut answer).await?;
        io::Result::Ok(answer)
    };
    match timeout(PATIENCE * 2, shown).await {
        Ok(Ok(answer)) if answer == BEEP => Ok(()),
        _ => Err(ScanError::NotRead(name.to_owned())),
    }
}

impl Drop for SimScanner {
    fn drop(&mut self) {
        self.task.abort();
        // A socket that stays behind is harmless: the next start replaces it.
        let _ = std::fs::remove_file(&self.socket);
    }
}

#[async_trait]
impl CodeScanner for SimScanner {
    fn name(&self) -> &str {
        &self.name
    }

    async fn next_text(&mut self) -> Option<ScannedText> {
        loop {
            let (read, text) = self.texts.recv().await?;
            if read.elapsed() <= FRESH {
                return Some(text);
            }
        }
    }
}

/// Not `.sock`: it is no card reader's.
fn scanner_socket(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.scanner"))
}

async fn take_texts(listener: UnixListener, texts: mpsc::Sender<(Instant, ScannedText)>) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            // Running out of file handles, for one, passes.
            tokio::time::sleep(Duration::from_millis(500)).await;
            continue;
        };
        let Ok(Some(text)) = timeout(PATIENCE, whole_text(&mut stream)).await else { continue };
        let waiting = texts.send((Instant::now(), ScannedText::new(text)));
        match timeout(PATIENCE, waiting).await {
            Ok(Ok(())) => drop(timeout(PATIENCE, stream.write_all(BEEP)).await),
            Ok(Err(_)) => return,
            Err(_) => {}
        }
    }
}

/// What comes until the other side has ended, if it is the text of a code.
async fn whole_text(stream: &mut UnixStream) -> Option<String> {
    let most = u64::try_from(LONGEST_TEXT).ok()? + 1;
    let mut bytes = Vec::new();
    stream.take(most).read_to_end(&mut bytes).await.ok()?;
    let text = String::from_utf8(bytes).ok()?;
    (1..=LONGEST_TEXT).contains(&text.len()).then_some(text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn folder(name: &str) -> Folder {
        Folder(std::env::temp_dir().join(format!("kyoten-scan-{name}-{}", std::process::id())))
    }

    #[tokio::test]
    async fn a_text_that_was_shown_is_handed_over_and_does_not_print() {
        let folder = folder("good");
        let mut scanner = SimScanner::start("kiosk-1", &folder.0).await.unwrap();
        scan(&folder.0, "kiosk-1", "KY1ABC").await.unwrap();
        let text = scanner.next_text().await.unwrap();
        assert_eq!(text.expose(), "KY1ABC");
        assert_eq!(format!("{text:?}"), "ScannedText(..)");
        assert!(matches!(
            SimScanner::start("kiosk-1", &folder.0).await,
            Err(SimReaderError::Taken(_))
        ));
        assert!(matches!(
            SimScanner::start("../kiosk", &folder.0).await,
            Err(SimReaderError::Name(_))
        ));
    }

    #[tokio::test]
    async fn whoever_sends_rubbish_does_not_stop_the_scanner() {
        let folder = folder("rubbish");
        let mut scanner = SimScanner::start("kiosk-1", &folder.0).await.unwrap();
        for rubbish in [&[][..], &[0xff, 0xfe], &[b'x'; LONGEST_TEXT + 1]] {
            let mut stream =
                UnixStream::connect(scanner_socket(&folder.0, "kiosk-1")).await.unwrap();
            // The scanner may have hung up on what is too long.
            drop(stream.write_all(rubbish).await);
            drop(stream.shutdown().await);
            let mut answer = Vec::new();
            drop(stream.read_to_end(&mut answer).await);
            assert!(answer.is_empty());
        }
        scan(&folder.0, "kiosk-1", "good").await.unwrap();
        assert_eq!(scanner.next_text().await.unwrap().expose(), "good");
        let told = scan(&folder.0, "kiosk-1", "").await.unwrap_err();
        assert!(matches!(told, ScanError::Length(0)));
        let told = scan(&folder.0, "kiosk-2", "text").await.unwrap_err();
        assert!(matches!(told, ScanError::NoScanner(_)));
    }
}
