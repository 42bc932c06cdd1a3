//! What the lobby screen shows, and for how long.

use std::time::Duration;

use model::id::TicketId;
use model::language::Language;
use tokio::sync::watch;
use wire::request::Answer;

/// How long an answer stays when nobody touches anything.
pub const SHOWN: Duration = Duration::from_secs(12);
/// How long the question about leaving waits; it can be asked to wait again.
pub const ASKED: Duration = Duration::from_secs(30);

/// How long a code to register a card stays; it can be asked to stay longer.
pub const OFFERED: Duration = Duration::from_secs(180);

/// Everything that the page is drawn from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The answer to the last card or code, while it is shown.
    pub answer: Option<Shown>,
    /// The language of the screen while nobody in particular stands there.
    pub language: Language,
    /// Whether the site can be reached.
    pub site: bool,
    /// Whether cards can be read.
    pub reader: bool,
    serial: u64,
}

/// What is shown to the person in front of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The site's answer.
    Answer(Answer),
    /// The site did not answer.
    Silence,
}

/// The screen itself: one view, which pages follow.
#[derive(Clone, Debug)]
pub struct Screen(watch::Sender<View>);

impl Screen {
    /// A screen that waits for the site and the reader.
    #[must_use]
    pub fn new(language: Language) -> Self {
        Self(watch::Sender::new(View {
            answer: None,
            language,
            site: false,
            reader: false,
            serial: 0,
        }))
    }

    /// What is shown now, and every change after it.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<View> {
        self.0.subscribe()
    }

    /// Shows `shown` for its time, then the idle screen.
    pub fn show(&self, shown: Shown) {
        let time = match shown {
            Shown::Answer(Answer::AskLeaving { .. }) => ASKED,
            Shown::Answer(Answer::CardOffered { .. }) => OFFERED,
            _ => SHOWN,
        };
        let mut serial = 0;
        self.0.send_modify(|view| {
            view.answer = Some(shown);
            view.serial += 1;
            serial = view.serial;
        });
        let screen = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            screen.0.send_if_modified(|view| {
                let still_there = view.serial == serial && view.answer.is_some();
                if still_there {
                    view.answer = None;
                }
                still_there
            });
        });
    }

    /// Whether the code for this ticket's card is shown.
    #[must_use]
    pub fn offers(&self, ticket: TicketId) -> bool {
        matches!(
            &self.0.borrow().answer,
            Some(Shown::Answer(Answer::CardOffered { ticket: shown, .. })) if *shown == ticket
        )
    }

    /// Back to the idle screen.
    pub fn dismiss(&self) {
        self.0.send_modify(|view| {
            view.answer = None;
            view.serial += 1;
        });
    }

    /// Gives what is shown its full time again.
    pub fn wait_longer(&self) {
        let shown = self.0.borrow().answer.clone();
        if let Some(shown) = shown {
            self.show(shown);
        }
    }

    /// Changes the language of the idle screen.
    pub fn set_language(&self, language: Language) {
        self.0.send_modify(|view| view.language = language);
    }

    /// Notes whether the site can be reached.
    pub fn set_site(&self, reached: bool) {
        self.0.send_if_modified(|view| std::mem::replace(&mut view.site, reached) != reached);
    }

    /// Notes whether cards can be read.
    pub fn set_reader(&self, works: bool) {
        self.0.send_if_modified(|view| std::mem::replace(&mut view.reader, works) != works);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_goes_by_itself_and_a_newer_one_keeps_its_own_time() {
        let screen = Screen::new(Language::Ja);
        let mut view = screen.follow();
        screen.show(Shown::Silence);
        tokio::time::sleep(SHOWN / 2).await;
        screen.show(Shown::Answer(Answer::Goodbye { minutes: 5, language: Language::Ja }));
        tokio::time::sleep(SHOWN * 3 / 4).await;
        assert!(view.borrow_and_update().answer.is_some());
        view.changed().await.unwrap();
        assert_eq!(view.borrow_and_update().answer, None);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_needs_longer_gets_it() {
        let screen = Screen::new(Language::Ja);
        screen.show(Shown::Silence);
        tokio::time::sleep(SHOWN * 3 / 4).await;
        screen.wait_longer();
        tokio::time::sleep(SHOWN * 3 / 4).await;
        assert!(screen.follow().borrow().answer.is_some());
    }
}
