//! A notice as the mail that is sent.

use lettre::Message;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use model::booking::Booking;
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
    let calendar = booking.and_then(|booking| {
        let (method, stretches) = told_to_calendars(notice, booking)?;
        let text = calendar::invitation(&scribe, booking, &stretches, method, &reader.email, now)?;
        Some((method, text))
    });
    let mail = match calendar {
        None => builder.singlepart(text),
        Some((method, calendar)) => builder.multipart(with_calendar(text, method, calendar)?),
    };
    mail.map(|mail| Mail::Ready(Box::new(mail))).map_err(|_| NotWritten::Form)
}

/// What a notice means for a calendar, and for which of the booking's stretches.
fn told_to_calendars(
    notice: &DueNotice,
    booking: &Booking,
) -> Option<(Method, Vec<calendar::Stretch>)> {
    let method = match notice.kind {
        NoticeKind::Made | NoticeKind::Changed | NoticeKind::Moved | NoticeKind::Approved => {
            Method::Request
        }
        NoticeKind::Held => Method::RequestTentative,
        NoticeKind::Cancelled
        | NoticeKind::Released
        | NoticeKind::HoldLapsed
        | NoticeKind::Declined => Method::Cancel,
        NoticeKind::Late
        | NoticeKind::Waitlisted
        | NoticeKind::ApprovalAsked
        | NoticeKind::Closure => return None,
    };
    let mut stretches = calendar::stretches(booking);
    stretches.retain(|stretch| match (method, notice.kind) {
        (Method::Cancel, NoticeKind::Released) => {
            stretch.released_at.is_some() && stretch.released_at == notice.body.released_at
        }
        (Method::Cancel, _) => stretch.released_at.is_some(),
        _ => stretch.released_at.is_none(),
    });
    Some((method, stretches))
}

/// The calendar twice, as mail programs expect it: as another form of the text, which those that
/// keep a calendar take up, and as a file for the others.
fn with_calendar(
    text: SinglePart,
    method: Method,
    calendar: String,
) -> Result<MultiPart, NotWritten> {
    let word = match method {
        Method::Request | Method::RequestTentative => "REQUEST",
        Method::Cancel => "CANCEL",
    };
    let kind = |text: &str| ContentType::parse(text).map_err(|_| NotWritten::Form);
    let inner = kind(&format!("text/calendar; charset=utf-8; method={word}"))?;
    let file = kind("application/ics; name=\"kyoten.ics\"")?;
    let as_form = SinglePart::builder().header(inner).body(calendar.clone());
    let as_file = Attachment::new("kyoten.ics".to_owned()).body(calendar, file);
    let forms = MultiPart::alternative().singlepart(text).singlepart(as_form);
    Ok(MultiPart::mixed().multipart(forms).singlepart(as_file))
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
