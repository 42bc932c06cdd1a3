//! Where mails go: to a mail server, or as files into a folder where nobody has named one.

use std::fmt;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp;
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use model::id::NoticeId;
use tokio::time::timeout;
use webauthn_rs::prelude::Url;

use super::patience::Failure;

/// So long one answer of the server is waited for.
const ANSWER: Duration = Duration::from_secs(45);
/// So long a whole mail may take.
const WHOLE: Duration = Duration::from_secs(100);

/// Sends mails for the hub.
pub struct PostOffice {
    /// Whom mails are from.
    pub from: Mailbox,
    way: Way,
}

enum Way {
    Server(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

/// Why a mail was not sent; says nothing of whom it was for.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    /// The server took the connection and not the mail.
    #[error("the mail server answered {code}")]
    Answered {
        /// The reply code of SMTP.
        code: u16,
        /// Whether it will take it another time.
        how: Failure,
    },
    /// There was no answer.
    #[error("the mail server cannot be reached, or broke off ({0})")]
    NoAnswer(&'static str),
    /// The folder takes no file.
    #[error("the mail cannot be written into the folder: {0}")]
    Folder(#[source] io::Error),
}

impl NotSent {
    /// Whether it is worth trying for long.
    #[must_use]
    pub fn how(&self) -> Failure {
        match self {
            Self::Answered { how, .. } => *how,
            Self::NoAnswer(_) | Self::Folder(_) => Failure::ForNow,
        }
    }
}

impl PostOffice {
    /// Sends through `server`, or writes into `folder` where there is none; the server is greeted
    /// as `name`.
    ///
    /// # Errors
    /// [`BadSmtpUrl`] when the address names no server.
    pub fn new(
        server: Option<&SmtpUrl>,
        folder: &Path,
        from: Mailbox,
        name: &str,
    ) -> Result<Self, BadSmtpUrl> {
        let way = match server {
            None => Way::Folder(folder.to_owned()),
            Some(SmtpUrl(url)) => {
                let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
                    .map_err(|_| BadSmtpUrl)?
                    .hello_name(ClientId::Domain(name.to_owned()))
                    .timeout(Some(ANSWER));
                Way::Server(builder.build())
            }
        };
        Ok(Self { from, way })
    }

    /// Sends one mail.
    ///
    /// # Errors
    /// [`NotSent`].
    pub async fn send(&self, id: NoticeId, mail: Message) -> Result<(), NotSent> {
        match &self.way {
            Way::Server(server) => match timeout(WHOLE, server.send(mail)).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(reason(&error)),
                Err(_) => Err(NotSent::NoAnswer("it took too long")),
            },
            Way::Folder(folder) => {
                let (folder, text) = (folder.clone(), mail.formatted());
                let written = tokio::task::spawn_blocking(move || write(&folder, id, &text));
                let failed = |error| NotSent::Folder(io::Error::other(error));
                written.await.map_err(failed)?.map_err(NotSent::Folder)
            }
        }
    }
}

/// What went wrong, without the server's own words: they repeat addresses.
fn reason(error: &smtp::Error) -> NotSent {
    match error.status() {
        Some(code) => NotSent::Answered {
            code: code.into(),
            how: if error.is_permanent() { Failure::Refused } else { Failure::ForNow },
        },
        None if error.is_tls() => NotSent::NoAnswer("TLS failed"),
        None if error.is_timeout() => NotSent::NoAnswer("it took too long"),
        None => NotSent::NoAnswer("the connection failed"),
    }
}

/// Writes a mail as a file of its own, whole or not at all; the same notice again is the same file.
fn write(folder: &Path, id: NoticeId, text: &[u8]) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let half = folder.join(format!(".{id}"));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(half, folder.join(format!("{id}.eml")))
}

/// The address of a mail server, maybe with a password: `smtps://user:password@host`,
/// `smtp://user:password@host?tls=required` (STARTTLS), or `smtp://host`.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl(String);

/// A text that names no mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a mail server is smtps://user:password@host, smtp://user:password@host?tls=required or \
     smtp://host; without TLS a password goes to this machine alone"
)]
pub struct BadSmtpUrl;

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpUrl(..)")
    }
}

impl FromStr for SmtpUrl {
    type Err = BadSmtpUrl;
    fn from_str(text: &str) -> Result<Self, BadSmtpUrl> {
        let url = Url::parse(text).map_err(|_| BadSmtpUrl)?;
        let mut options = url.query_pairs();
        let tls = match (url.scheme(), options.next(), options.next()) {
            ("smtps", None, None) => Tls::Always,
            ("smtp", None, None) => Tls::MaybeNot,
            ("smtp", Some((key, value)), None) if key == "tls" => match value.as_ref() {
                "required" => Tls::Always,
                "opportunistic" => Tls::MaybeNot,
                _ => return Err(BadSmtpUrl),
            },
            _ => return Err(BadSmtpUrl),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(BadSmtpUrl)?;
        let with_password = match (url.username(), url.password()) {
            ("", None) => false,
            (user, Some(password)) if !user.is_empty() && !password.is_empty() => true,
            _ => return Err(BadSmtpUrl),
        };
        let seen = with_password && tls == Tls::MaybeNot && !is_this_machine(host);
        if seen || url.fragment().is_some() || !matches!(url.path(), "" | "/") {
            return Err(BadSmtpUrl);
        }
        AsyncSmtpTransport::<Tokio1Executor>::from_url(text).map_err(|_| BadSmtpUrl)?;
        Ok(Self(text.to_owned()))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tls {
    Always,
    MaybeNot,
}

fn is_this_machine(host: &str) -> bool {
    let address: Result<std::net::IpAddr, _> =
        host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn a_password_does_not_travel_in_the_open_and_does_not_print() {
        for good in [
            "smtp://mail.example",
            "smtp://127.0.0.1:2525",
            "smtp://mail.example:587?tls=required",
            "smtp://mail.example?tls=opportunistic",
            "smtps://kyoten:s%40cret@mail.example",
            "smtp://kyoten:secret@mail.example:587?tls=required",
            "smtp://kyoten:secret@localhost:2525",
            "smtp://kyoten:secret@[::1]:2525",
        ] {
            let url: SmtpUrl = good.parse().unwrap_or_else(|_| unreachable!("{good}"));
            assert_eq!(format!("{url:?}"), "SmtpUrl(..)");
        }
        for bad in [
            "",
            "mail.example",
            "http://mail.example",
            "smtp://",
            "smtp://kyoten:secret@mail.example",
            "smtp://kyoten:secret@mail.example?tls=opportunistic",
            "smtp://kyoten:secret@127.0.0.1.example",
            "smtp://kyoten@mail.example?tls=required",
            "smtp://mail.example?tls=maybe",
            "smtp://mail.example?tls=required&tls=opportunistic",
            "smtps://mail.example/inbox",
            "smtps://mail.example#a",
        ] {
            assert_eq!(bad.parse::<SmtpUrl>(), Err(BadSmtpUrl), "{bad}");
        }
    }

    #[tokio::test]
    async fn without_a_server_a_mail_is_a_file_that_only_we_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = std::env::temp_dir().join(format!("kyoten-post-{}", uuid::Uuid::new_v4()));
        let from: Mailbox = "Kyoten <kyoten@localhost>".parse().unwrap();
        let office = PostOffice::new(None, &folder, from.clone(), "localhost").unwrap();
        let id = NoticeId(uuid::Uuid::from_u128(7));
        let mail = || {
            let to = "a@example.jp".parse().unwrap();
            Message::builder().from(from.clone()).to(to).subject("件名").body("本文".to_owned())
        };
        for _ in 0..2 {
            office.send(id, mail().unwrap()).await.unwrap();
        }
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), 1, "the same notice is the same file");
        assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_dir_all(&folder).unwrap();
        std::fs::write(&folder, "not a folder").unwrap();
        let failed = office.send(id, mail().unwrap()).await.unwrap_err();
        assert_eq!(failed.how(), Failure::ForNow, "{failed}");
        std::fs::remove_file(&folder).unwrap();
    }
}
