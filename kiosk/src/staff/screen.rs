//! The staff screen itself: who is signed in at it, what it was told last, and what it asks the site.

use std::sync::Arc;
use std::time::Duration;

use hardware::card::CardReader;
use hardware::scan::CodeScanner;
use model::care::day::{BadNote, NotTakenIn};
use model::id::{ChildId, DeviceId};
use model::language::Language;
use model::site_order::OrderAnswer;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use wire::bus::StateChange;
use wire::nursery::{Board, ChildSeen, Claim, NotDone, NotSignedIn, StaffAnswer, StaffAsk};
use wire::request::{Answer, Card, HouseAlarm, Request, Secret};

use super::hand_over::HandOver;
use crate::reading::{Reading, reading};
use crate::site::{self, Site};

/// A card waits so long for its PIN, and is then forgotten.
pub const CARD_HELD: Duration = Duration::from_secs(60);
/// Without a touch for so long whoever is signed in is signed out, where nothing else is said.
pub const IDLE: Duration = Duration::from_secs(600);
/// How often the nurseries are asked how they stand.
pub const LOOKS: Duration = Duration::from_millis(400);

/// Everything that the pages are drawn from.
#[derive(Clone)]
pub struct View {
    /// The language of the screen.
    pub language: Language,
    /// Whether the site can be reached.
    pub site: bool,
    /// Whether cards can be read.
    pub reader: bool,
    /// What everybody in the house has to know.
    pub alarm: Option<HouseAlarm>,
    /// Who stands there.
    pub stage: Stage,
    /// Counts what takes the place of what was shown before; a board that changes does not.
    pub turn: u64,
}

/// Who stands at the screen.
#[derive(Clone)]
pub enum Stage {
    /// Nobody who is known.
    Out(Option<Out>),
    /// Somebody whose card waits for its PIN.
    Card {
        /// Their card.
        card: Card,
        /// Since when it waits.
        since: Instant,
        /// What is wrong with the PIN that was typed.
        problem: Option<BadPin>,
    },
    /// Somebody of the staff.
    In(Box<Signed>),
}

/// Why nobody is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Out {
    /// The site says so.
    Site(NotSignedIn),
    /// The card gave nothing usable.
    Unreadable,
    /// The card waited for too long.
    CardForgotten,
}

/// What is wrong with a PIN that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPin {
    /// It is none.
    Shape,
    /// The site says that it is wrong.
    Wrong,
    /// The site did not answer.
    Silent,
}

/// Somebody of the staff who is signed in.
#[derive(Clone)]
pub struct Signed {
    /// Their name.
    pub name: String,
    /// How their nurseries stood when the site answered last.
    pub board: Option<Arc<Board>>,
    /// Whether the site has not answered since.
    pub silent: bool,
    /// What became of what they did last, where it was not done.
    pub told: Option<Told>,
    /// The child that is looked at.
    pub seen: Option<Arc<ChildSeen>>,
    /// The hand-over that is open.
    pub hand_over: Option<HandOver>,
    pub(super) session: Secret,
    touched: Instant,
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nobody is signed in any more.
    Out,
    /// The site did not answer.
    Silent,
    /// The site did not do it.
    NotDone(NotDone),
    /// The child was not taken.
    NotTaken(NotTakenIn, Option<chrono::DateTime<chrono::Utc>>),
    /// The site did not do what was ordered.
    NotOrdered(OrderAnswer),
    /// The note says too little or too much.
    BadNote(BadNote),
    /// What was sent is nothing that this page has.
    Odd,
}

/// The staff screen: one screen, one signed-in person, one site.
#[derive(Clone)]
pub struct Staff {
    view: watch::Sender<View>,
    site: Arc<dyn Site>,
    idle: Duration,
}

impl Staff {
    /// A screen at which nobody is signed in.
    #[must_use]
    pub fn new(language: Language, site: Arc<dyn Site>, idle: Duration) -> Self {
        let stage = Stage::Out(None);
        let view = View { language, site: false, reader: false, alarm: None, stage, turn: 0 };
        Self { view: watch::Sender::new(view), site, idle }
    }

    /// What is shown now, and every change after it.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<View> {
        self.view.subscribe()
    }

    /// What is shown now.
    #[must_use]
    pub fn now(&self) -> View {
        self.view.borrow().clone()
    }

    /// Reads cards until the reader stops for good.
    pub async fn read_cards(&self, mut reader: Box<dyn CardReader>) {
        while let Some(event) = reader.next_event().await {
            match reading(event) {
                Reading::Works(works) => self.set_reader(works),
                Reading::Nothing => {}
                Reading::Card(card) => self.on_card(card).await,
            }
        }
        self.set_reader(false);
        tracing::error!(reader = reader.name(), "the reader has stopped; restart the screen");
    }

    /// Takes what a scanner reads until it stops for good.
    pub async fn read_codes(&self, mut scanner: Box<dyn CodeScanner>) {
        while let Some(text) = scanner.next_text().await {
            self.on_code(text.expose()).await;
        }
        tracing::error!(scanner = scanner.name(), "the scanner has stopped; restart the screen");
    }

    /// Keeps the screen told whether the site can be reached.
    pub async fn follow_line(
        &self,
        edge: &DeviceId,
        connected: watch::Receiver<bool>,
        states: mpsc::Receiver<StateChange>,
    ) {
        site::follow_line(edge, connected, states, |reached| self.set_site(reached)).await;
    }

    /// Asks how the nurseries stand while somebody is signed in, and forgets what has waited for too long. For good.
    pub async fn keep(&self) {
        let looking = async {
            let mut ticks = interval(LOOKS);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                self.look().await;
            }
        };
        // Beside the asking: a site that answers late must not keep anybody signed in.
        let forgetting = async {
            let mut ticks = interval(Duration::from_secs(1));
            loop {
                ticks.tick().await;
                self.forget();
            }
        };
        tokio::join!(looking, forgetting);
    }

    /// A card is whose sign in, or the claim of whoever collects the child whose hand-over is open.
    pub async fn on_card(&self, card: Card) {
        let signed_in = matches!(self.view.borrow().stage, Stage::In(_));
        if signed_in {
            self.touch();
            return match card {
                Card::Unreadable => self.claim_unreadable(),
                card => self.claim(Claim::Card { card }).await,
            };
        }
        self.turn(|view| {
            view.stage = match card {
                Card::Unreadable => Stage::Out(Some(Out::Unreadable)),
                card => Stage::Card { card, since: Instant::now(), problem: None },
            };
        });
    }

    /// A code that was scanned is the claim of whoever collects the child whose hand-over is open, and nothing
    /// otherwise.
    pub async fn on_code(&self, text: &str) {
        self.touch();
        self.claim(Claim::Voucher { text: Secret(text.to_owned()) }).await;
    }

    /// Signs in whose card waits.
    pub async fn sign_in(&self, pin: &str) {
        let Stage::Card { card, .. } = self.now().stage else { return };
        if !(4..=8).contains(&pin.len()) {
            return self.bad_pin(&card, BadPin::Shape);
        }
        let request = Request::StaffIn { card: card.clone(), pin: Secret(pin.to_owned()) };
        match self.site.ask(&request).await {
            Ok(Answer::Staff(StaffAnswer::SignedIn { session, name })) => {
                let signed = Stage::In(Box::new(Signed {
                    name,
                    board: None,
                    silent: false,
                    told: None,
                    seen: None,
                    hand_over: None,
                    session: session.clone(),
                    touched: Instant::now(),
                }));
                // Whoever it was may have gone while the site was asked.
                if self.turn_card(&card, |stage| *stage = signed) {
                    self.look().await;
                } else {
                    self.end(session).await;
                }
            }
            Ok(Answer::Staff(StaffAnswer::SignedOut { why: NotSignedIn::WrongPin })) => {
                self.bad_pin(&card, BadPin::Wrong);
            }
            Ok(Answer::Staff(StaffAnswer::SignedOut { why })) => {
                self.turn_card(&card, |stage| *stage = Stage::Out(Some(Out::Site(why))));
            }
            other => {
                log(&other);
                self.bad_pin(&card, BadPin::Silent);
            }
        }
    }

    /// Forgets a card that waits for its PIN.
    pub fn drop_card(&self) {
        if matches!(self.view.borrow().stage, Stage::Card { .. }) {
            self.turn(|view| view.stage = Stage::Out(None));
        }
    }

    /// Signs out: here at once, at the site as soon as it hears of it.
    pub async fn sign_out(&self) {
        if let Some(session) = self.session() {
            self.turn(|view| view.stage = Stage::Out(None));
            self.end(session).await;
        }
    }

    /// Somebody touched the screen.
    pub fn touch(&self) {
        self.signed(|signed| signed.touched = Instant::now());
    }

    /// What the site answers whoever is signed in.
    ///
    /// # Errors
    /// [`Told::Out`] where nobody is, [`Told::Silent`] where there was no answer.
    pub async fn ask(&self, wants: StaffAsk) -> Result<StaffAnswer, Told> {
        let session = self.session().ok_or(Told::Out)?;
        match self.site.ask(&Request::Staff { session: session.clone(), wants }).await {
            Ok(Answer::Staff(StaffAnswer::SignedOut { why })) => {
                if self.session() == Some(session) {
                    self.turn(|view| view.stage = Stage::Out(Some(Out::Site(why))));
                }
                Err(Told::Out)
            }
            Ok(Answer::Staff(answer)) => Ok(answer),
            other => {
                log(&other);
                Err(Told::Silent)
            }
        }
    }

    /// Has the site do something; the board shows it at once.
    ///
    /// # Errors
    /// [`Told`] says why it was not done.
    pub async fn act(&self, wants: StaffAsk) -> Result<(), Told> {
        match self.ask(wants).await? {
            StaffAnswer::Done => {
                self.tell(None);
                self.look().await;
                Ok(())
            }
            StaffAnswer::NotDone { why } => Err(Told::NotDone(why)),
            StaffAnswer::NotTaken { why, opens } => Err(Told::NotTaken(why, opens)),
            StaffAnswer::Ordered { answer: OrderAnswer::Done } => {
                self.tell(None);
                Ok(())
            }
            StaffAnswer::Ordered { answer } => Err(Told::NotOrdered(answer)),
            _ => {
                tracing::error!("the site answered something else than was asked");
                Err(Told::Silent)
            }
        }
    }

    /// Looks at a child; the one that is looked at already is not asked for again where `again` is not set.
    ///
    /// # Errors
    /// [`Told`] says why nothing is to be seen.
    pub async fn see(&self, child: ChildId, again: bool) -> Result<Arc<ChildSeen>, Told> {
        let known = self.read(|signed| signed.seen.clone()).flatten();
        if let Some(seen) = known.filter(|seen| !again && seen.child == child) {
            return Ok(seen);
        }
        match self.ask(StaffAsk::Child { child }).await? {
            StaffAnswer::Child(seen) if seen.child == child => {
                let seen: Arc<ChildSeen> = Arc::from(seen);
                self.signed(|signed| (signed.seen, signed.told) = (Some(seen.clone()), None));
                Ok(seen)
            }
            StaffAnswer::NotDone { why } => Err(Told::NotDone(why)),
            _ => Err(Told::Silent),
        }
    }

    /// Whether this child is the one that is looked at.
    #[must_use]
    pub fn sees(&self, child: ChildId) -> bool {
        self.read(|signed| signed.seen.as_ref().is_some_and(|seen| seen.child == child))
            == Some(true)
    }

    /// Keeps for the next page what became of the last thing that was done.
    pub fn tell(&self, told: Option<Told>) {
        self.signed(|signed| signed.told = told);
    }

    /// Puts away the child that was looked at and the hand-over that was open.
    pub fn put_away(&self) {
        self.signed(|signed| (signed.seen, signed.hand_over) = (None, None));
    }

    /// Puts away the hand-over that was open.
    pub fn close_hand_over(&self) {
        self.signed(|signed| signed.hand_over = None);
    }

    /// Changes the language of the screen.
    pub fn set_language(&self, language: Language) {
        self.turn(|view| view.language = language);
    }

    /// Notes whether the site can be reached.
    pub fn set_site(&self, reached: bool) {
        self.view.send_if_modified(|view| std::mem::replace(&mut view.site, reached) != reached);
    }

    /// Notes what everybody in the house has to know.
    pub fn set_alarm(&self, alarm: Option<HouseAlarm>) {
        self.view.send_if_modified(|view| std::mem::replace(&mut view.alarm, alarm) != alarm);
    }

    /// Keeps the screen told what everybody in the house has to know. For good.
    pub async fn follow_house(&self) {
        site::follow_house(&*self.site, |alarm| self.set_alarm(alarm)).await;
    }

    /// Notes whether cards can be read.
    pub fn set_reader(&self, works: bool) {
        self.view.send_if_modified(|view| std::mem::replace(&mut view.reader, works) != works);
    }

    /// Changes what is shown for something else.
    pub(super) fn turn(&self, change: impl FnOnce(&mut View)) {
        self.view.send_modify(|view| {
            change(view);
            view.turn += 1;
        });
    }

    /// The same where there is something to change.
    pub(super) fn turn_if(&self, change: impl FnOnce(&mut View) -> bool) {
        self.view.send_if_modified(|view| {
            let changed = change(view);
            view.turn += u64::from(changed);
            changed
        });
    }

    /// Reads something of whoever is signed in.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Signed) -> T) -> Option<T> {
        match &self.view.borrow().stage {
            Stage::In(signed) => Some(read(signed)),
            _ => None,
        }
    }

    /// Changes something of whoever is signed in, without a word to the pages that follow.
    fn signed(&self, change: impl FnOnce(&mut Signed)) {
        self.view.send_if_modified(|view| {
            if let Stage::In(signed) = &mut view.stage {
                change(signed);
            }
            false
        });
    }

    fn session(&self) -> Option<Secret> {
        self.read(|signed| signed.session.clone())
    }

    fn bad_pin(&self, card: &Card, bad: BadPin) {
        self.turn_card(card, |stage| {
            if let Stage::Card { problem, .. } = stage {
                *problem = Some(bad);
            }
        });
    }

    /// Changes who stands at the screen, if it is still whose card this is.
    fn turn_card(&self, card: &Card, change: impl FnOnce(&mut Stage)) -> bool {
        let mut still_there = false;
        self.turn_if(|view| {
            still_there = matches!(&view.stage, Stage::Card { card: waits, .. } if waits == card);
            if still_there {
                change(&mut view.stage);
            }
            still_there
        });
        still_there
    }

    /// Ends a session at the site.
    async fn end(&self, session: Secret) {
        let wants = StaffAsk::SignOut;
        if let Err(silent) = self.site.ask(&Request::Staff { session, wants }).await {
            tracing::warn!("the site has not heard of the signing out: {}", silent.0);
        }
    }

    /// Asks how the nurseries stand, if somebody is signed in.
    async fn look(&self) {
        let Some(session) = self.session() else { return };
        let answer = self.ask(StaffAsk::Board).await;
        self.view.send_if_modified(|view| {
            let Stage::In(signed) = &mut view.stage else { return false };
            if signed.session != session {
                return false;
            }
            match answer {
                Ok(StaffAnswer::Board(board)) => {
                    signed.silent = false;
                    signed.board = Some(Arc::from(board));
                }
                _ => signed.silent = true,
            }
            true
        });
    }

    fn forget(&self) {
        let now = Instant::now();
        let over = |since: Instant, most: Duration| now.duration_since(since) >= most;
        let view = self.now();
        match view.stage {
            Stage::Card { since, .. } if over(since, CARD_HELD) => {
                self.turn(|view| view.stage = Stage::Out(Some(Out::CardForgotten)));
            }
            Stage::In(signed) if over(signed.touched, self.idle) => {
                let staff = self.clone();
                // The screen is empty at once; the site may take its time to hear of it.
                self.turn(|view| view.stage = Stage::Out(Some(Out::Site(NotSignedIn::Over))));
                tokio::spawn(async move { staff.end(signed.session).await });
            }
            Stage::In(_) => self.forget_claim(now),
            _ => {}
        }
    }
}

fn log(answer: &Result<Answer, site::Silent>) {
    match answer {
        Ok(Answer::NotUnderstood { reason }) => {
            tracing::error!("the site did not understand this screen: {reason}");
        }
        Ok(_) => tracing::error!("the site answered something else than was asked"),
        Err(silent) => tracing::warn!("no answer from the site: {}", silent.0),
    }
}
