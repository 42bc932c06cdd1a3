//! The wire between a virtual card and its reader: messages of a big-endian u16 length and that
//! many bytes. A message of one byte is a control; any other from the reader is a command APDU.

use std::io;
use std::net::SocketAddr;
use std::os::linux::net::TcpStreamExt;
use std::pin::Pin;
use std::task::{Context, Poll};

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

pub(super) const POWER_OFF: u8 = 0;
pub(super) const POWER_ON: u8 = 1;
pub(super) const RESET: u8 = 2;
pub(super) const ASK_ATR: u8 = 4;

/// Why a message did not come through.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The other side hung up inside a message, or where one was due.
    #[error("the other side hung up")]
    HungUp,
    /// The other side announced a longer message than this side takes.
    #[error("the other side announced a message of {0} bytes, which is too long")]
    Oversize(usize),
    /// A message that does not fit the length field.
    #[error("a message of {0} bytes cannot be sent")]
    Unsendable(usize),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(io::Error),
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
        match error.kind() {
            UnexpectedEof | ConnectionReset | BrokenPipe => Self::HungUp,
            _ => Self::Io(error),
        }
    }
}

/// Reads one message of at most `longest` bytes.
pub(super) async fn receive<S: AsyncRead + Unpin>(
    stream: &mut S,
    longest: usize,
) -> Result<Vec<u8>, LinkError> {
    let length = usize::from(stream.read_u16().await?);
    if length > longest {
        return Err(LinkError::Oversize(length));
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

/// Writes one message.
pub(super) async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    message: &[u8],
) -> Result<(), LinkError> {
    let length = u16::try_from(message.len()).map_err(|_| LinkError::Unsendable(message.len()))?;
    let mut frame = Vec::with_capacity(2 + message.len());
    frame.extend(length.to_be_bytes());
    frame.extend(message);
    stream.write_all(&frame).await?;
    stream.flush().await?;
    Ok(())
}

/// A TCP connection to vpcd that acknowledges at once.
///
/// vpcd sends the length and the bytes apart, so the second part waits for the acknowledgement of
/// the first; delayed acknowledgement would cost 40 ms a message. Linux forgets the option as it
/// goes, hence it is set at every read.
pub struct PromptTcp {
    stream: tokio::net::TcpStream,
    /// The same socket; the standard library's handle is the one that has the option.
    acks: std::net::TcpStream,
}

impl PromptTcp {
    /// Connects to `address`.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = tokio::net::TcpStream::connect(address).await?.into_std()?;
        stream.set_nodelay(true)?;
        let acks = stream.try_clone()?;
        Ok(Self { stream: tokio::net::TcpStream::from_std(stream)?, acks })
    }
}

impl AsyncRead for PromptTcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.acks.set_quickack(true)?;
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.acks.set_quickack(true)?;
        polled
    }
}

impl AsyncWrite for PromptTcp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
