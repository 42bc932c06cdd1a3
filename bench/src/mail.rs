//! A mail server that takes everything and keeps nothing but count: the hub sends as it does for real,
//! and what a server does with mails is not measured with it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The server; it ends with the process.
pub struct Mails {
    /// Its address, as `KYOTEN_SMTP_URL` has it.
    pub url: String,
    taken: Arc<AtomicUsize>,
}

impl Mails {
    /// Starts it on this machine.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("smtp://{}", listener.local_addr()?);
        let taken = Arc::new(AtomicUsize::default());
        let count = taken.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, count.clone()));
            }
        });
        Ok(Self { url, taken })
    }

    /// How many it has taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

/// As much of RFC 5321 as a sender needs that makes no mistakes.
async fn converse(stream: TcpStream, taken: Arc<AtomicUsize>) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    writing.write_all(b"220 bench\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let answer: &[u8] = match line.get(..4).map(str::to_ascii_uppercase).as_deref() {
            Some("DATA") => {
                writing.write_all(b"354 go on\r\n").await?;
                while lines.next_line().await?.is_some_and(|line| line != ".") {}
                taken.fetch_add(1, Ordering::Relaxed);
                b"250 taken\r\n"
            }
            Some("QUIT") => b"221 bye\r\n",
            _ => b"250 bench\r\n",
        };
        writing.write_all(answer).await?;
    }
    Ok(())
}
