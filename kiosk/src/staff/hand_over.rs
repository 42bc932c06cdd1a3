//! A hand-over: what whoever collects a child shows, and what the site says to it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use model::care::day::NotHandedOver;
use model::id::ChildId;
use tokio::time::Instant;
use wire::nursery::{Claim, NotDone, StaffAnswer, StaffAsk};

use super::screen::{Staff, Stage, Told};

/// What somebody has shown is kept so long while a guardian is telephoned.
pub const CLAIM_HELD: Duration = Duration::from_secs(120);

/// A hand-over that is open.
#[derive(Clone)]
pub struct HandOver {
    /// Of whom.
    pub child: ChildId,
    /// How far it is.
    pub step: Step,
    since: Instant,
}

/// How far a hand-over is.
#[derive(Clone)]
pub enum Step {
    /// Whoever collects has to show something.
    Waiting(Option<Hint>),
    /// The site is asked.
    Asking,
    /// They may, and the staff confirm that it is them.
    Confirm {
        /// Who.
        person: MayCollect,
        /// What they have shown.
        claim: Claim,
    },
    /// A guardian has to be telephoned first.
    TelephoneFirst {
        /// Since when nothing newer was heard.
        since: DateTime<Utc>,
        /// Whom the staff have confirmed it to be.
        person: MayCollect,
        /// What they have shown.
        claim: Claim,
    },
    /// The site did not answer: whether it was done is not known.
    Unanswered {
        /// What they have shown.
        claim: Claim,
        /// How far the staff had confirmed it.
        word: Word,
    },
    /// They do not get the child.
    Refused(NotHandedOver),
    /// Nobody gets it now.
    NotDone(NotDone),
    /// The child was handed over.
    Done(MayCollect),
}

/// Whoever may collect a child.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MayCollect {
    /// Their name.
    pub name: String,
    /// What they are to the child; empty for a guardian.
    pub relation: String,
    /// Since when nothing newer was heard, where a guardian has to be telephoned first.
    pub telephone_since: Option<DateTime<Utc>>,
}

/// What the staff say with what was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// Whom they have confirmed it to be; nobody before.
    confirmed: Option<MayCollect>,
    telephoned: bool,
}

/// Why something has to be shown once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The card gave nothing usable.
    Unreadable,
    /// Too much time went by while a guardian was telephoned.
    TooLong,
}

impl Step {
    /// Whether a card, a code or a PIN counts now.
    fn listens(&self) -> bool {
        matches!(self, Self::Waiting(_) | Self::Refused(_) | Self::NotDone(_))
    }
}

impl Staff {
    /// Opens the hand-over of this child, or goes on with it where it is open.
    pub fn open_hand_over(&self, child: ChildId) {
        if self.hand_over_of(child) {
            return;
        }
        self.turn(|view| {
            if let Stage::In(signed) = &mut view.stage {
                signed.hand_over =
                    Some(HandOver { child, step: Step::Waiting(None), since: Instant::now() });
            }
        });
    }

    /// Begins once more with what whoever collects shows; not while the site is asked.
    pub fn once_more(&self, child: ChildId) {
        let again = |open: &HandOver| open.child == child && !matches!(open.step, Step::Asking);
        self.change(again, || Step::Waiting(None));
    }

    /// Tells the site what whoever collects the child has shown, where a hand-over is open that waits for it.
    pub async fn claim(&self, claim: Claim) {
        let child = self.begin(|open| open.step.listens().then_some(open.child));
        if let Some(child) = child {
            self.hand_over(child, claim, Word::default()).await;
        }
    }

    /// Repeats what was shown: once the staff have confirmed who it is, once a guardian was telephoned, or where the
    /// site had not answered.
    pub async fn repeat_claim(&self, child: ChildId) {
        let kept = self.begin(|open| match &open.step {
            _ if open.child != child => None,
            Step::Confirm { person, claim } => {
                let telephoned = person.telephone_since.is_some();
                let confirmed = Some(person.clone());
                Some((claim.clone(), Word { confirmed, telephoned }))
            }
            Step::TelephoneFirst { claim, person, .. } => {
                let confirmed = Some(person.clone());
                Some((claim.clone(), Word { confirmed, telephoned: true }))
            }
            Step::Unanswered { claim, word } => Some((claim.clone(), word.clone())),
            _ => None,
        });
        if let Some((claim, word)) = kept {
            self.hand_over(child, claim, word).await;
        }
    }

    /// Whether the hand-over of this child is open.
    #[must_use]
    pub fn hand_over_of(&self, child: ChildId) -> bool {
        self.read(|signed| signed.hand_over.as_ref().is_some_and(|open| open.child == child))
            == Some(true)
    }

    pub(super) fn claim_unreadable(&self) {
        self.change(|open| open.step.listens(), || Step::Waiting(Some(Hint::Unreadable)));
    }

    /// Forgets what was shown where too much time went by.
    pub(super) fn forget_claim(&self, now: Instant) {
        let late = |open: &HandOver| {
            let held = matches!(
                open.step,
                Step::Confirm { .. } | Step::TelephoneFirst { .. } | Step::Unanswered { .. }
            );
            held && now.duration_since(open.since) >= CLAIM_HELD
        };
        self.change(late, || Step::Waiting(Some(Hint::TooLong)));
    }

    async fn hand_over(&self, child: ChildId, claim: Claim, word: Word) {
        let (confirmed, telephoned) = (word.confirmed.is_some(), word.telephoned);
        let wants = StaffAsk::HandOver { child, claim: claim.clone(), confirmed, telephoned };
        let step = match (self.ask(wants).await, word.confirmed.clone()) {
            (Err(Told::Out), _) => return,
            (Ok(StaffAnswer::Done), Some(person)) => {
                self.tell(None);
                Step::Done(person)
            }
            (Ok(StaffAnswer::MayCollect { name, relation, telephone_since, .. }), None) => {
                Step::Confirm { person: MayCollect { name, relation, telephone_since }, claim }
            }
            (Ok(StaffAnswer::TelephoneFirst { since }), person) => {
                Step::TelephoneFirst { since, person: person.unwrap_or_default(), claim }
            }
            (Ok(StaffAnswer::NotHandedOver { why }), _) => Step::Refused(why),
            (Ok(StaffAnswer::NotDone { why }), _) => Step::NotDone(why),
            _ => Step::Unanswered { claim, word },
        };
        let asked = |open: &HandOver| open.child == child && matches!(open.step, Step::Asking);
        self.change(asked, || step);
    }

    /// Asks the site from here on, if `take` finds what; nobody else does at the same time.
    fn begin<T>(&self, take: impl FnOnce(&HandOver) -> Option<T>) -> Option<T> {
        let mut taken = None;
        let found = |open: &HandOver| {
            taken = take(open);
            taken.is_some()
        };
        self.change(found, || Step::Asking);
        taken
    }

    fn change(&self, when: impl FnOnce(&HandOver) -> bool, to: impl FnOnce() -> Step) {
        self.turn_if(|view| {
            let Stage::In(signed) = &mut view.stage else { return false };
            let Some(open) = signed.hand_over.as_mut() else { return false };
            let changes = when(open);
            if changes {
                (open.step, open.since) = (to(), Instant::now());
            }
            changes
        });
    }
}
