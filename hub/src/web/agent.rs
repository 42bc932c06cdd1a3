//! What browser somebody uses, in a few words, so that they know their own sessions apart.

use axum::http::{HeaderMap, header};

/// The browsers that say they are others as well stand before those.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
];

/// No name of a program is kept longer, in characters.
const LONGEST: usize = 40;

/// `Chrome、Linux`; for a program its own name; empty when it says nothing.
#[must_use]
pub fn name(headers: &HeaderMap) -> String {
    let said = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    name_of(said.unwrap_or_default())
}

fn name_of(said: &str) -> String {
    let first = |list: &[(&str, &'static str)]| {
        list.iter().find(|(mark, _)| said.contains(mark)).map(|(_, name)| *name)
    };
    match (first(BROWSERS), first(SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser}、{system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => {
            let program = said.split(['/', ' ', '(']).next().unwrap_or_default();
            let plain = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
            program.chars().filter(plain).take(LONGEST).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_what_people_call_it() {
        for (said, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
                "Chrome、Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
                "Edge、Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
                "Safari、iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0",
                "Firefox、Mac",
            ),
            ("python-requests/2.32.3", "python-requests"),
            ("curl/8.5.0", "curl"),
            ("", ""),
            ("<b>bold</b>", "bbold"),
        ] {
            assert_eq!(name_of(said), name, "{said}");
        }
        assert_eq!(name_of(&"x".repeat(9000)).len(), LONGEST);
    }
}
