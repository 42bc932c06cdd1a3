//! A notice as the mail that is sent.

use chrono::{DateTime, Utc};
use lettre::Message;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use model::booking::{Booking, BookingStatus};
use model::notice::NoticeKind;
use model::people::Person;
use store::DueNotice;

use super::calendar::{self, Method, Scribe};
use super::letter::{self, Occasion};
use crate::hub::Hub;
use crate::service::atlas::Atlas;

/// What a notice became.
#[derive(Debug)]
pub enum Mail {
    /// This is to be sent.
    Ready(Box<Message>),
    /// There is nobody, nothing or no time left to tell of.
    Needless,
    /// The reader's address is none that mail could reach.
    NoAddress,
}

/// Why a notice could not be written; says nothing of whom it was for.
#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    /// The words.
    #[error("the words of a notice could not be put together: {0}")]
    Words(#[from] askama::Error),
    /// The form.
    #[error("a notice could not be put into the form of a mail")]
    Form,
}

/// Writes the mail of a notice.
///
/// # Errors
/// [`NotWritten`].
pub fn write(
    hub: &Hub,
    atlas: &Atlas,
    notice: &DueNotice,
    reader: &Person,
    booking: Option<&Booking>,
    guest: &str,
) -> Result<Mail, NotWritten> {
    let Ok(address) = reader.email.parse() else { return Ok(Mail::NoAddress) };
    let occasion = Occasion {
        kind: notice.kind,
        body: &notice.body,
        booking,
        reader: &reader.name,
        guest,
        language: reader.language,
        atlas,
        public_url: &hub.public_url,
    };
    let Some(letter) = letter::write(&occasion)? else { return Ok(Mail::Needless) };
    let now = hub.now();
    let host = hub.public_url.domain().unwrap_or("localhost");
    let builder = Message::builder()
        .from(hub.post.from.clone())
        .to(Mailbox::new(None, address))
        .subject(letter.subject)
        .date(now.into())
        // Two mails of one notice can be told for the same.
        .message_id(Some(format!("<{}@{host}>", notice.id)))
        .header(Generated);
    let text = SinglePart::plain(letter.text);
    let scribe = Scribe {
        atlas,
        language: reader.language,
        organizer: &hub.post.from,
        public_url: &hub.public_url,
    };
    let calendars: Vec<(Method, String)> = booking
        .map(|booking| told_to_calendars(notice, booking, now))
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(method, stretches)| {
            let booking = booking?;
            let to = &reader.email;
            let text = calendar::invitation(&scribe, booking, &stretches, method, to, now)?;
            Some((method, text))
        })
        .collect();
    let mail = if calendars.is_empty() {
        builder.singlepart(text)
    } else {
        builder.multipart(with_calendars(text, calendars)?)
    };
    mail.map(|mail| Mail::Ready(Box::new(mail))).map_err(|_| NotWritten::Form)
}

/// What a notice means for a calendar, and for which of the booking's stretches. What the booking has
/// dropped is taken out with every mail: whoever missed one has no ghosts after the next.
fn told_to_calendars(
    notice: &DueNotice,
    booking: &Booking,
    now: DateTime<Utc>,
) -> Vec<(Method, Vec<calendar::Stretch>)> {
    let method = match notice.kind {
        NoticeKind::Made | NoticeKind::Changed | NoticeKind::Moved | NoticeKind::Approved => {
            match booking.status {
                BookingStatus::Held | BookingStatus::Asked => Method::RequestTentative,
                _ => Method::Request,
            }
        }
        NoticeKind::Held => Method::RequestTentative,
        NoticeKind::Cancelled
        | NoticeKind::Released
        | NoticeKind::HoldLapsed
        | NoticeKind::Declined => Method::Cancel,
        NoticeKind::Late
        | NoticeKind::Waitlisted
        | NoticeKind::ApprovalAsked
        | NoticeKind::Closure
        | NoticeKind::Recalled
        | NoticeKind::CollectSoon
        | NoticeKind::CollectLate => return Vec::new(),
    };
    let mut stretches = calendar::stretches(booking);
    stretches.retain(|stretch| match (method, notice.kind) {
        (Method::Cancel, NoticeKind::Released) => {
            stretch.released_at.is_some() && stretch.released_at == notice.body.released_at
        }
        (Method::Cancel, _) => stretch.released_at.is_some(),
        _ => stretch.released_at.is_none(),
    });
    let dropped = calendar::dropped(booking, now);
    if method == Method::Cancel {
        stretches.extend(dropped);
        return vec![(method, stretches)];
    }
    vec![(method, stretches), (Method::Cancel, dropped)]
}

/// The first calendar twice, as mail programs expect it: as another form of the text, which those that
/// keep a calendar take up, and as a file for the others. A calendar says one thing only (RFC 5546,
/// 3.2): what it takes out beside is a file of its own.
fn with_calendars(
    text: SinglePart,
    calendars: Vec<(Method, String)>,
) -> Result<MultiPart, NotWritten> {
    let mut parts = MultiPart::mixed().build();
    let mut text = Some(text);
    for (method, calendar) in calendars {
        let (word, name) = match method {
            Method::Request | Method::RequestTentative => ("REQUEST", "kyoten.ics"),
            Method::Cancel => ("CANCEL", "kyoten-cancelled.ics"),
        };
        let kind = |text: &str| ContentType::parse(text).map_err(|_| NotWritten::Form);
        match text.take() {
            Some(text) => {
                let inner = kind(&format!("text/calendar; charset=utf-8; method={word}"))?;
                let as_form = SinglePart::builder().header(inner).body(calendar.clone());
                let forms = MultiPart::alternative().singlepart(text).singlepart(as_form);
                let file = kind(&format!("application/ics; name=\"{name}\""))?;
                let as_file = Attachment::new(name.to_owned()).body(calendar, file);
                parts = parts.multipart(forms).singlepart(as_file);
            }
            None => {
                let file =
                    kind(&format!("text/calendar; charset=utf-8; method={word}; name=\"{name}\""))?;
                parts = parts.singlepart(Attachment::new(name.to_owned()).body(calendar, file));
            }
        }
    }
    Ok(parts)
}

/// `Auto-Submitted` (RFC 3834): no machine answers it, and no absent reader's mailbox does.
#[derive(Clone)]
struct Generated;

impl Header for Generated {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
