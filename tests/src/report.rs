//! The page on which operators read what a site did on its own.

/// Whether it says that there were so many of something.
#[must_use]
pub fn says(page: &str, what: &str, times: usize) -> bool {
    page.contains(&format!("<dt>{what}</dt><dd class=\"num\">{times}</dd>"))
}

/// The first item of a list that has `text` in it.
#[must_use]
pub fn item_of<'a>(page: &'a str, text: &str) -> Option<&'a str> {
    page.split("<li class=\"list__item").skip(1).find(|item| item.contains(text))
}
