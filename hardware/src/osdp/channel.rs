use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::termios::{self, ControlModes, OptionalActions, QueueSelector};

/// Bytes that go and come over one line. Neither call may ever wait.
pub trait ByteChannel: Send {
    /// Takes what has come, if anything has.
    ///
    /// # Errors
    /// `WouldBlock` while nothing has come; anything else, and 0 bytes, mean that the channel is lost.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// Sends bytes, and answers how many were taken.
    ///
    /// # Errors
    /// When the channel is full or lost.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
}

/// Opens a channel, again each time that it was lost.
pub type OpenChannel = Box<dyn FnMut() -> io::Result<Box<dyn ByteChannel>> + Send>;

/// A serial port, such as an RS-485 adapter, or a pseudo-terminal. Eight bits, no parity, one stop bit.
#[derive(Debug)]
pub struct SerialPort(File);

impl SerialPort {
    /// Opens a port for this program alone.
    ///
    /// # Errors
    /// When it is not there, is no serial port, is in use, or cannot run at `baud`.
    pub fn open(path: &Path, baud: u32) -> io::Result<Self> {
        // Without NONBLOCK opening would wait for a modem's carrier.
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let port = rustix::fs::open(path, flags, Mode::empty())?;
        let mut settings = termios::tcgetattr(&port)?;
        settings.make_raw();
        settings.control_modes -=
            ControlModes::CSTOPB | ControlModes::PARENB | ControlModes::CRTSCTS;
        settings.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD | ControlModes::CS8;
        settings.set_speed(baud)?;
        termios::tcsetattr(&port, OptionalActions::Now, &settings)?;
        termios::ioctl_tiocexcl(&port)?;
        termios::tcflush(&port, QueueSelector::IOFlush)?;
        Ok(Self(File::from(port)))
    }

    /// What opens this port each time that it was lost, such as when an adapter is plugged in again.
    #[must_use]
    pub fn opener(path: PathBuf, baud: u32) -> OpenChannel {
        Box::new(move || Ok(Box::new(Self::open(&path, baud)?)))
    }
}

impl Drop for SerialPort {
    fn drop(&mut self) {
        // A pseudo-terminal stays this program's alone for as long as its other end is open; then only root could open
        // it again. What cannot be given back is gone.
        termios::ioctl_tiocnxcl(&self.0).ok();
    }
}

impl ByteChannel for SerialPort {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
}
