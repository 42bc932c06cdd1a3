//! What stands around every page: title bar, way in and out, language.

use model::language::{Language, LocalText};
use model::people::Grant;
use model::permission::Action;

use crate::service::Caller;
use crate::web::assets::{ASSETS, Assets, ICONS};

/// The part of the site a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Search and its results.
    Search,
    /// Bookings.
    Bookings,
    /// Children.
    Children,
    /// Centres run by the caller.
    Operations,
    /// Nurseries that the caller works in.
    Nursery,
    /// Reports of the caller's municipality.
    Reports,
    /// The record of who did what.
    Audit,
    /// An employer kept by the caller.
    Employer,
    /// People and their roles.
    People,
    /// The account.
    Account,
    /// None of them.
    Elsewhere,
}

/// One way in the title bar.
pub struct Way {
    /// Where to.
    pub href: String,
    /// Its icon.
    pub icon: &'static str,
    /// Its words.
    pub name: &'static str,
    /// Whether the page is there.
    pub here: bool,
}

/// The frame of one page for one caller.
pub struct Frame {
    language: Language,
    /// Who is signed in.
    pub name: Option<String>,
    /// What every form carries.
    pub csrf: String,
    /// What every script and style tag carries.
    pub nonce: String,
    /// The ways in the title bar.
    pub ways: Vec<Way>,
    /// This page in the other language.
    pub other_language: String,
    /// Where a sign-in leads back to.
    pub here: String,
    /// The files of the pages.
    pub assets: &'static Assets,
    /// The icons.
    pub icons: &'static str,
}

impl Frame {
    /// The frame for `caller` on a page of `part`.
    #[must_use]
    pub fn new(caller: &Caller, part: Part) -> Self {
        Self {
            language: caller.language,
            name: caller.person.as_ref().map(|person| person.name.clone()),
            csrf: caller.csrf.clone(),
            nonce: caller.nonce.clone(),
            ways: ways(caller, part),
            other_language: with_language(&caller.here, other(caller.language)),
            here: encode(&caller.here),
            assets: &ASSETS,
            icons: ICONS,
        }
    }

    /// The words for the page's language.
    #[must_use]
    pub fn say<'a>(&self, ja: &'a str, en: &'a str) -> &'a str {
        match self.language {
            Language::Ja => ja,
            Language::En => en,
        }
    }

    /// The form of `text` for the page's language.
    #[must_use]
    pub fn get<'a>(&self, text: &'a LocalText) -> &'a str {
        text.get(self.language)
    }

    /// The page's language, as HTML names it.
    #[must_use]
    pub fn tag(&self) -> &'static str {
        self.language.tag()
    }

    /// The page's language.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// Whether the page is in Japanese.
    #[must_use]
    pub fn ja(&self) -> bool {
        self.language == Language::Ja
    }
}

fn ways(caller: &Caller, part: Part) -> Vec<Way> {
    let language = caller.language;
    let mut ways = Vec::new();
    let mut add = |href: String, icon, ja, en, of| {
        let name = if language == Language::Ja { ja } else { en };
        ways.push(Way { href, icon, name, here: of == part });
    };
    // What waits for a second factor is shown too: its page says so and leads on.
    let given = || caller.grants().iter().chain(&caller.withheld);
    let runs = given().any(|grant| matches!(grant, Grant::Operator { .. }));
    if runs {
        add("/operations".into(), "desk", "館内", "Live", Part::Operations);
    }
    if given().any(|grant| matches!(grant, Grant::NurseryStaff { .. })) {
        add("/nurseries".into(), "child", "保育室", "Nursery", Part::Nursery);
    }
    for grant in given() {
        if let Grant::MunicipalAdmin { municipality } = grant {
            add(format!("/reports/{municipality}"), "chart", "利用報告", "Report", Part::Reports);
        }
    }
    let reads = |grant: &Grant| matches!(grant, Grant::Operator { .. } | Grant::SystemAdmin);
    if caller.grants().iter().any(reads) {
        add("/audit".into(), "info", "記録", "Record", Part::Audit);
    }
    for grant in given() {
        if let Grant::EmployerAdmin { employer } = grant {
            let href = format!("/employers/{employer}");
            add(href, "people", "企業の管理", "Employer", Part::Employer);
        }
    }
    if given().any(|grant| *grant == Grant::SystemAdmin) {
        add("/people".into(), "people", "人と役割", "People", Part::People);
    }
    let books = caller.may_own(Action::BookDesk);
    if caller.person.is_none() || books {
        add("/".into(), "search", "さがす", "Search", Part::Search);
    }
    if books {
        add("/bookings".into(), "calendar", "予約", "Bookings", Part::Bookings);
    }
    if caller.may_own(Action::KeepChildren) {
        add("/children".into(), "child", "子ども", "Children", Part::Children);
    }
    if caller.may_own(Action::KeepAccount) {
        add("/account".into(), "user", "設定", "Account", Part::Account);
    }
    ways
}

fn other(language: Language) -> Language {
    match language {
        Language::Ja => Language::En,
        Language::En => Language::Ja,
    }
}

fn with_language(here: &str, language: Language) -> String {
    let (path, query) = here.split_once('?').unwrap_or((here, ""));
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
    let pairs: Vec<String> =
        kept.map(str::to_owned).chain([format!("lang={}", language.tag())]).collect();
    format!("{path}?{}", pairs.join("&"))
}

/// `text` as a value in an address.
#[must_use]
pub fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_language_keeps_the_question() {
        assert_eq!(
            with_language("/search?desks=1&lang=ja", Language::En),
            "/search?desks=1&lang=en"
        );
        assert_eq!(with_language("/", Language::En), "/?lang=en");
        assert_eq!(encode("/search?a=1&b=席"), "/search%3Fa%3D1%26b%3D%E5%B8%AD");
    }
}
