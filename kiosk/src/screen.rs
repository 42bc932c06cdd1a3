//! What the lobby screen shows, and for how long.

use std::time::Duration;

use model::id::TicketId;
use model::language::Language;
use tokio::sync::watch;
use wire::nursery::AtDoor;
use wire::request::{Answer, HouseAlarm};

/// How long an answer stays when nobody touches anything.
pub const SHOWN: Duration = Duration::from_secs(12);
/// How long a question waits, and the children that somebody brings; it can be asked to wait again.
pub const ASKED: Duration = Duration::from_secs(30);

/// How long a code to register a card stays; it can be asked to stay longer.
pub const OFFERED: Duration = Duration::from_secs(180);
/// How long it is known whose children are brought while nobody types: a little longer than their page stays.
pub const BROUGHT: Duration = Duration::from_secs(100);

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
    /// What everybody in the house has to know.
    pub alarm: Option<HouseAlarm>,
    /// Whose children are at the door, while their answer or the form for one of them is shown.
    pub door: Option<Door>,
    serial: u64,
}

/// Somebody's children at the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// The children.
    pub care: AtDoor,
    /// The language of whoever brings them.
    pub language: Language,
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
            alarm: None,
            door: None,
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
        let door = door_of(&shown);
        let time = match shown {
            Shown::Answer(Answer::AskLeaving { .. } | Answer::Refused { offer: Some(_), .. }) => {
                ASKED
            }
            Shown::Answer(Answer::CardOffered { .. }) => OFFERED,
            _ if door.is_some() => ASKED,
            _ => SHOWN,
        };
        self.put(Some(shown), door, time);
    }

    /// Clears the screen for the form of a child of theirs, if they still stand there.
    #[must_use]
    pub fn bring(&self, ticket: TicketId) -> Option<Door> {
        let door = self.0.borrow().door.clone().filter(|door| door.care.ticket == ticket)?;
        self.put(None, Some(door.clone()), BROUGHT);
        Some(door)
    }

    fn put(&self, answer: Option<Shown>, door: Option<Door>, time: Duration) {
        let mut serial = 0;
        self.0.send_modify(|view| {
            view.answer = answer;
            view.door = door;
            view.serial += 1;
            serial = view.serial;
        });
        let screen = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            screen.0.send_if_modified(|view| {
                let still_there =
                    view.serial == serial && (view.answer.is_some() || view.door.is_some());
                if still_there {
                    (view.answer, view.door) = (None, None);
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
            (view.answer, view.door) = (None, None);
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

    /// Notes what everybody in the house has to know.
    pub fn set_alarm(&self, alarm: Option<HouseAlarm>) {
        self.0.send_if_modified(|view| std::mem::replace(&mut view.alarm, alarm) != alarm);
    }

    /// Notes whether cards can be read.
    pub fn set_reader(&self, works: bool) {
        self.0.send_if_modified(|view| std::mem::replace(&mut view.reader, works) != works);
    }
}

fn door_of(shown: &Shown) -> Option<Door> {
    let Shown::Answer(answer) = shown else { return None };
    let (care, language) = match answer {
        Answer::Welcome { care: Some(care), language, .. }
        | Answer::LetIn { care, language, .. }
        | Answer::DroppedOff { care: Some(care), language, .. }
        | Answer::NotTaken { care: Some(care), language, .. } => (care, language),
        _ => return None,
    };
    Some(Door { care: care.clone(), language: *language })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use uuid::Uuid;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_goes_by_itself_and_a_newer_one_keeps_its_own_time() {
        let screen = Screen::new(Language::Ja);
        let mut view = screen.follow();
        screen.show(Shown::Silence);
        tokio::time::sleep(SHOWN / 2).await;
        let goodbye = Answer::Goodbye { minutes: 5, language: Language::Ja, in_care: 0 };
        screen.show(Shown::Answer(goodbye));
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

    fn let_in(ticket: TicketId) -> Shown {
        let care = AtDoor { ticket, children: Vec::new() };
        Shown::Answer(Answer::LetIn { door_open: true, language: Language::En, care })
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_brings_children_has_longer_and_their_form_longer_still() {
        let (screen, ticket) = (Screen::new(Language::Ja), TicketId(Uuid::from_u128(1)));
        screen.show(let_in(ticket));
        tokio::time::sleep(ASKED - SHOWN / 2).await;
        assert!(screen.bring(TicketId(Uuid::from_u128(2))).is_none(), "another's children");
        assert_eq!(screen.bring(ticket).unwrap().language, Language::En);
        assert_eq!(screen.follow().borrow().answer, None);
        for _ in 0..3 {
            tokio::time::sleep(BROUGHT * 3 / 4).await;
            assert!(screen.bring(ticket).is_some(), "each key gives the whole time again");
        }
        tokio::time::sleep(BROUGHT + SHOWN).await;
        assert!(screen.bring(ticket).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_person_s_answer_ends_the_form_before() {
        let (screen, ticket) = (Screen::new(Language::Ja), TicketId(Uuid::from_u128(1)));
        for end in
            [|screen: &Screen| screen.show(Shown::Silence), |screen: &Screen| screen.dismiss()]
        {
            screen.show(let_in(ticket));
            assert!(screen.bring(ticket).is_some());
            end(&screen);
            assert!(screen.bring(ticket).is_none());
        }
    }
}
