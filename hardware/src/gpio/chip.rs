//! Lines of the kernel's GPIO character devices, such as `/dev/gpiochip0`.

use std::io;
use std::path::Path;

use gpiocdev::Request;
use gpiocdev::line::{Bias, Value};

use super::{InputLine, OutputLine};

/// The name under which the kernel lists who holds a line.
const CONSUMER: &str = "kyoten-edge";

/// Takes a line to drive it, from this level on.
///
/// # Errors
/// When the chip or line is not there, or another program holds it.
pub fn output(chip: &Path, line: u32, high: bool) -> io::Result<Box<dyn OutputLine>> {
    let request = Request::builder()
        .on_chip(chip)
        .with_consumer(CONSUMER)
        .with_line(line)
        .as_output(if high { Value::Active } else { Value::Inactive })
        .request()
        .map_err(io::Error::other)?;
    Ok(Box::new(Held(request)))
}

/// Takes a line to read it; `pull_up` switches the chip's own resistor on, for contacts to ground.
///
/// # Errors
/// As with [`output`].
pub fn input(chip: &Path, line: u32, pull_up: bool) -> io::Result<Box<dyn InputLine>> {
    let mut builder = Request::builder();
    builder.on_chip(chip).with_consumer(CONSUMER).with_line(line).as_input();
    if pull_up {
        builder.with_bias(Bias::PullUp);
    }
    Ok(Box::new(Held(builder.request().map_err(io::Error::other)?)))
}

struct Held(Request);

impl Held {
    fn read(&self) -> io::Result<bool> {
        Ok(self.0.lone_value().map_err(io::Error::other)? == Value::Active)
    }
}

impl OutputLine for Held {
    fn drive(&mut self, high: bool) -> io::Result<()> {
        let value = if high { Value::Active } else { Value::Inactive };
        self.0.set_lone_value(value).map_err(io::Error::other)
    }

    fn is_high(&self) -> io::Result<bool> {
        self.read()
    }
}

impl InputLine for Held {
    fn is_high(&self) -> io::Result<bool> {
        self.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_chip_is_refused() {
        for chip in ["/nowhere/gpiochip0", "/dev/null"] {
            assert!(output(Path::new(chip), 1, false).is_err());
            assert!(input(Path::new(chip), 1, true).is_err());
        }
    }
}
