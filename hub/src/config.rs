//! The hub's settings: one TOML file, and every key also by environment, which wins.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use lettre::message::Mailbox;
use serde::Deserialize;
use webauthn_rs::prelude::Url;

use crate::notices::post::SmtpUrl;
use crate::web::limits::LimitSettings;
use crate::web::proxies::{ForwardedBy, Network, Proxies};

/// Where the hub keeps things and listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The folder of keys, authority and, by default, the database (`KYOTEN_DATA_DIR`).
    pub data_dir: PathBuf,
    /// `sqlite:…` or `postgres://…` (`DATABASE_URL`).
    pub database_url: String,
    /// Where pages and API are served (`KYOTEN_LISTEN`).
    pub listen: SocketAddr,
    /// Where sites call (`KYOTEN_UPLINK_LISTEN`).
    pub uplink_listen: SocketAddr,
    /// The names and addresses that sites call the hub by (`KYOTEN_UPLINK_NAMES`, with commas).
    pub uplink_names: Vec<String>,
    /// Whether browsers may send cookies over HTTPS only (`KYOTEN_SECURE_COOKIES`).
    pub secure_cookies: bool,
    /// The proxies that say whom they speak for (`KYOTEN_TRUSTED_PROXIES`, with commas, such as
    /// `10.0.0.0/8`), and in which header (`KYOTEN_FORWARDED_HEADER`: `x-forwarded-for` or
    /// `forwarded`).
    pub proxies: Proxies,
    /// How much one person or address may ask in a minute, 0 for as much as they like
    /// (`KYOTEN_REQUESTS_PER_MINUTE`, `KYOTEN_WRITES_PER_MINUTE`, `KYOTEN_GUESSES_PER_MINUTE`).
    pub limits: LimitSettings,
    /// The address that people's browsers show (`KYOTEN_PUBLIC_URL`): passkeys are bound to its name.
    pub public_url: Url,
    /// A list of passwords that were stolen somewhere, none of which is taken (`KYOTEN_BREACH_LIST`):
    /// SHA-1 in upper-case hexadecimal, one a line in rising order, as `HASH` or `HASH:COUNT`.
    pub breach_list: Option<PathBuf>,
    /// The mail server (`KYOTEN_SMTP_URL`); without one, mails are files in the folder `mail`.
    pub smtp: Option<SmtpUrl>,
    /// Whom mails are from (`KYOTEN_MAIL_FROM`), such as `拠点 <kyoten@kyoten.example>`.
    pub mail_from: Mailbox,
    /// How many days a card key lives on beside a newer one (`KYOTEN_CARD_KEY_DAYS`): a card that is
    /// not tapped in that time ends.
    pub card_key_days: u16,
}

/// Why there are no settings. Each reads as one sentence.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the settings in {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file is no settings file.
    #[error("the settings in {path} are wrong in line {line}: {why}")]
    Toml {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A value is not of its kind.
    #[error("{key} cannot be '{value}': it is {wanted}")]
    Value {
        /// Which setting.
        key: &'static str,
        /// What it was set to.
        value: String,
        /// What it takes.
        wanted: &'static str,
    },
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data_dir: Option<PathBuf>,
    database_url: Option<String>,
    listen: Option<String>,
    uplink_listen: Option<String>,
    uplink_names: Option<Vec<String>>,
    secure_cookies: Option<bool>,
    trusted_proxies: Option<Vec<String>>,
    forwarded_header: Option<String>,
    requests_per_minute: Option<u32>,
    writes_per_minute: Option<u32>,
    guesses_per_minute: Option<u32>,
    public_url: Option<String>,
    breach_list: Option<PathBuf>,
    smtp_url: Option<String>,
    mail_from: Option<String>,
    card_key_days: Option<u16>,
}

impl Config {
    /// Reads `file`, if any, then the environment through `variable`, then the defaults.
    ///
    /// # Errors
    /// When the file cannot be read, holds a key that is none, or a value is not of its kind.
    pub fn read(
        file: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let file = file.map_or_else(|| Ok(File::default()), read_file)?;
        let data_dir = variable("KYOTEN_DATA_DIR")
            .map(PathBuf::from)
            .or(file.data_dir)
            .unwrap_or_else(|| PathBuf::from("./data/hub"));
        let database_url = variable("DATABASE_URL")
            .or(file.database_url)
            .unwrap_or_else(|| format!("sqlite:{}", data_dir.join("hub.sqlite").display()));
        let listen = address(
            "KYOTEN_LISTEN",
            variable("KYOTEN_LISTEN").or(file.listen),
            SocketAddr::from(([127, 0, 0, 1], 8080)),
        )?;
        let uplink_listen = address(
            "KYOTEN_UPLINK_LISTEN",
            variable("KYOTEN_UPLINK_LISTEN").or(file.uplink_listen),
            SocketAddr::from(([127, 0, 0, 1], 8443)),
        )?;
        let uplink_names = variable("KYOTEN_UPLINK_NAMES")
            .map(|names| names_in(&names))
            .or(file.uplink_names)
            .unwrap_or_else(|| names_in("localhost,127.0.0.1"));
        if uplink_names.is_empty() {
            return Err(ConfigError::Value {
                key: "KYOTEN_UPLINK_NAMES",
                value: String::new(),
                wanted: "one name or address at least",
            });
        }
        let secure_cookies = variable("KYOTEN_SECURE_COOKIES")
            .map(|text| yes_or_no("KYOTEN_SECURE_COOKIES", text))
            .transpose()?
            .or(file.secure_cookies)
            .unwrap_or(true);
        let proxies = Proxies {
            trusted: variable("KYOTEN_TRUSTED_PROXIES")
                .map(|list| names_in(&list))
                .or(file.trusted_proxies)
                .unwrap_or_default()
                .into_iter()
                .map(network)
                .collect::<Result<_, _>>()?,
            by: variable("KYOTEN_FORWARDED_HEADER")
                .or(file.forwarded_header)
                .map_or(Ok(ForwardedBy::default()), forwarded_by)?,
        };
        let limit = |key, file: Option<u32>, otherwise| {
            let set = variable(key).map(|text| number(key, text)).transpose()?;
            Ok(set.or(file).unwrap_or(otherwise))
        };
        let sane = LimitSettings::SANE;
        let limits = LimitSettings {
            requests: limit("KYOTEN_REQUESTS_PER_MINUTE", file.requests_per_minute, sane.requests)?,
            writes: limit("KYOTEN_WRITES_PER_MINUTE", file.writes_per_minute, sane.writes)?,
            guesses: limit("KYOTEN_GUESSES_PER_MINUTE", file.guesses_per_minute, sane.guesses)?,
        };
        let public_url = public_url(
            variable("KYOTEN_PUBLIC_URL")
                .or(file.public_url)
                .unwrap_or_else(|| format!("http://localhost:{}", listen.port())),
        )?;
        let breach_list = variable("KYOTEN_BREACH_LIST").map(PathBuf::from).or(file.breach_list);
        let smtp = variable("KYOTEN_SMTP_URL").or(file.smtp_url).map(|text| smtp(&text));
        let smtp = smtp.transpose()?;
        let mail_from = mail_from(
            variable("KYOTEN_MAIL_FROM").or(file.mail_from),
            smtp.is_some(),
            public_url.domain().unwrap_or("localhost"),
        )?;
        let card_key_days = variable("KYOTEN_CARD_KEY_DAYS")
            .map(|text| days("KYOTEN_CARD_KEY_DAYS", text))
            .transpose()?
            .or(file.card_key_days)
            .unwrap_or(180);
        Ok(Self {
            data_dir,
            database_url,
            listen,
            uplink_listen,
            uplink_names,
            secure_cookies,
            proxies,
            limits,
            public_url,
            breach_list,
            smtp,
            mail_from,
            card_key_days,
        })
    }
}

/// The names in a list with commas.
#[must_use]
pub fn names_in(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn read_file(path: &Path) -> Result<File, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        ConfigError::Toml {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            why: error.message().replace('\n', " "),
        }
    })
}

fn address(
    key: &'static str,
    text: Option<String>,
    otherwise: SocketAddr,
) -> Result<SocketAddr, ConfigError> {
    text.map_or(Ok(otherwise), |value| {
        value.parse().map_err(|_| ConfigError::Value {
            key,
            value,
            wanted: "an address and port, such as 127.0.0.1:8080",
        })
    })
}

/// Scheme, name and port; browsers bind passkeys to a name, so an address will not do.
fn public_url(value: String) -> Result<Url, ConfigError> {
    let url = Url::parse(&value).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.domain().is_some()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
    });
    url.ok_or(ConfigError::Value {
        key: "KYOTEN_PUBLIC_URL",
        value,
        wanted: "scheme, name and port alone, such as https://kyoten.example",
    })
}

/// The address may hold a password, so it is not repeated.
fn smtp(text: &str) -> Result<SmtpUrl, ConfigError> {
    text.parse().map_err(|_| ConfigError::Value {
        key: "KYOTEN_SMTP_URL",
        value: "(not shown here)".to_owned(),
        wanted: "smtps://user:password@host, smtp://user:password@host?tls=required or smtp://host; \
                 a password needs TLS, except to this machine itself",
    })
}

/// Nobody guesses an address for mails that leave this machine.
fn mail_from(text: Option<String>, leaves: bool, name: &str) -> Result<Mailbox, ConfigError> {
    let value = match text {
        Some(text) => text,
        None if leaves => String::new(),
        None => format!("Kyoten <kyoten@{name}>"),
    };
    value.parse().map_err(|_| ConfigError::Value {
        key: "KYOTEN_MAIL_FROM",
        value,
        wanted: "the address that mails are from, such as Kyoten <kyoten@kyoten.example>",
    })
}

fn network(value: String) -> Result<Network, ConfigError> {
    value.parse().map_err(|_| ConfigError::Value {
        key: "KYOTEN_TRUSTED_PROXIES",
        value,
        wanted: "networks with commas, such as 10.0.0.0/8,192.0.2.7",
    })
}

fn forwarded_by(value: String) -> Result<ForwardedBy, ConfigError> {
    match value.to_ascii_lowercase().as_str() {
        "x-forwarded-for" => Ok(ForwardedBy::XForwardedFor),
        "forwarded" => Ok(ForwardedBy::Forwarded),
        _ => Err(ConfigError::Value {
            key: "KYOTEN_FORWARDED_HEADER",
            value,
            wanted: "x-forwarded-for or forwarded",
        }),
    }
}

fn number(key: &'static str, value: String) -> Result<u32, ConfigError> {
    value.parse().map_err(|_| ConfigError::Value { key, value, wanted: "a number, 0 for no limit" })
}

fn days(key: &'static str, value: String) -> Result<u16, ConfigError> {
    value.parse().map_err(|_| ConfigError::Value {
        key,
        value,
        wanted: "a number of days, such as 180",
    })
}

fn yes_or_no(key: &'static str, value: String) -> Result<bool, ConfigError> {
    match value.as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(ConfigError::Value { key, value, wanted: "true or false" }),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    fn with_file(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Config, String> {
        let path =
            std::env::temp_dir().join(format!("kyoten-config-{}.toml", uuid::Uuid::new_v4()));
        fs::write(&path, text).unwrap();
        let config = Config::read(Some(&path), variable);
        fs::remove_file(&path).unwrap();
        config.map_err(|error| error.to_string().replace(&path.display().to_string(), "FILE"))
    }

    #[test]
    fn nothing_set_is_a_hub_for_this_machine() {
        let config = Config::read(None, nothing).unwrap();
        assert_eq!(config.database_url, "sqlite:./data/hub/hub.sqlite");
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.uplink_listen.to_string(), "127.0.0.1:8443");
        assert_eq!(config.uplink_names, ["localhost", "127.0.0.1"]);
        assert!(config.secure_cookies);
        assert_eq!(config.card_key_days, 180);
        assert_eq!(config.public_url.as_str(), "http://localhost:8080/");
        assert_eq!(config.breach_list, None);
        assert_eq!(config.smtp, None);
        assert_eq!(config.mail_from.email.to_string(), "kyoten@localhost");
        assert_eq!(config.proxies, Proxies::default());
        assert_eq!(config.limits, LimitSettings::SANE);
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let text = "data_dir = '/a'\nlisten = '0.0.0.0:80'\nuplink_names = ['hub.example']\n";
        let config = with_file(text, nothing).unwrap();
        assert_eq!(config.database_url, "sqlite:/a/hub.sqlite");
        assert!(config.secure_cookies);
        let environment = |key: &str| {
            let value = match key {
                "KYOTEN_DATA_DIR" => "/b",
                "KYOTEN_UPLINK_NAMES" => "one, two",
                "KYOTEN_SECURE_COOKIES" => "false",
                "KYOTEN_TRUSTED_PROXIES" => "10.0.0.0/8, ::1",
                "KYOTEN_WRITES_PER_MINUTE" => "0",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let config = with_file(text, environment).unwrap();
        assert_eq!(config.data_dir, Path::new("/b"));
        assert_eq!(config.uplink_names, ["one", "two"]);
        assert!(!config.secure_cookies);
        assert_eq!(config.proxies.trusted.len(), 2);
        assert_eq!(config.limits, LimitSettings { writes: 0, ..LimitSettings::SANE });
    }

    #[test]
    fn a_mistake_is_said_in_one_sentence() {
        let wrong = with_file("data_dir = 'a'\ndata_dri = 'b'\n", nothing).unwrap_err();
        assert!(
            wrong.starts_with("the settings in FILE are wrong in line 2: unknown field"),
            "{wrong}"
        );
        assert!(!wrong.contains('\n'), "{wrong}");
        let wrong = with_file("listen = 'here'", nothing).unwrap_err();
        assert_eq!(
            wrong,
            "KYOTEN_LISTEN cannot be 'here': it is an address and port, such as 127.0.0.1:8080"
        );
        assert!(with_file("listen = ", nothing).is_err());
        let wrong = with_file("trusted_proxies = ['the proxy']", nothing).unwrap_err();
        assert!(wrong.starts_with("KYOTEN_TRUSTED_PROXIES cannot be 'the proxy'"), "{wrong}");
        assert!(with_file("forwarded_header = 'via'", nothing).is_err());
        assert!(with_file("writes_per_minute = -1", nothing).is_err());
        assert!(with_file("uplink_names = []", nothing).is_err());
        for url in ["kyoten", "ftp://kyoten.example", "http://127.0.0.1:8080", "https://a.b/c"] {
            let wrong = with_file(&format!("public_url = '{url}'"), nothing).unwrap_err();
            assert!(wrong.starts_with("KYOTEN_PUBLIC_URL cannot be"), "{wrong}");
        }
        assert!(Config::read(Some(Path::new("/no/such/file")), nothing).is_err());
    }

    #[test]
    fn mails_that_leave_need_a_server_and_a_sender() {
        let from = "mail_from = '拠点 <kyoten@kyoten.example>'\n";
        let config = with_file(&format!("{from}smtp_url = 'smtp://127.0.0.1:2525'"), nothing);
        let config = config.unwrap();
        assert!(config.smtp.is_some());
        assert_eq!(config.mail_from.name.as_deref(), Some("拠点"));
        let wrong = with_file("smtp_url = 'smtp://127.0.0.1:2525'", nothing).unwrap_err();
        assert!(wrong.starts_with("KYOTEN_MAIL_FROM cannot be ''"), "{wrong}");
        let open = format!("{from}smtp_url = 'smtp://kyoten:hunter2@mail.example'");
        let wrong = with_file(&open, nothing).unwrap_err();
        assert!(wrong.starts_with("KYOTEN_SMTP_URL cannot be") && !wrong.contains("hunter2"));
        for from in ["kyoten", "a@b.example, c@d.example", "a@b.example\\r\\nBcc: c@d.example"] {
            assert!(with_file(&format!("mail_from = \"{from}\""), nothing).is_err(), "{from}");
        }
    }
}
