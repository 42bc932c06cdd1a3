//! Server-sent events, as far as the hub uses them.

/// The longest line, in bytes; a longer one is left out.
const LONGEST: usize = 64 * 1024;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub name: String,
    pub data: String,
}

/// Puts events together from pieces of a stream.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    line: Vec<u8>,
    event: Event,
}

impl Decoder {
    /// The events that this piece completes.
    pub fn take(&mut self, piece: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in piece {
            if byte != b'\n' {
                if self.line.len() < LONGEST {
                    self.line.push(byte);
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line));
            if line.is_empty() {
                let event = std::mem::take(&mut self.event);
                if !event.data.is_empty() {
                    events.push(event);
                }
            } else if let Some((field, value)) = line.split_once(':') {
                let value = value.strip_prefix(' ').unwrap_or(value);
                match field {
                    "event" => value.clone_into(&mut self.event.name),
                    "data" if self.event.data.len() + value.len() <= LONGEST => {
                        if !self.event.data.is_empty() {
                            self.event.data.push('\n');
                        }
                        self.event.data.push_str(value);
                    }
                    _ => {}
                }
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_put_together_wherever_the_stream_is_cut() {
        let text = ": here\n\nevent: told\r\ndata: {\"a\":1}\r\n\r\nid: 7\ndata:x\ndata: y\n\nevent: lost\n";
        for cut in 0..text.len() {
            let mut decoder = Decoder::default();
            let (front, back) = text.as_bytes().split_at(cut);
            let mut events = decoder.take(front);
            events.extend(decoder.take(back));
            let told = Event { name: "told".into(), data: "{\"a\":1}".into() };
            let plain = Event { name: String::new(), data: "x\ny".into() };
            assert_eq!(events, [told, plain], "cut at {cut}");
        }
    }
}
