//! What is asked of children: at a kiosk by whoever brings them, at the staff screen by whoever looks after them.

use model::care::day::{BadCheck, HealthCheck, NotDone, NotSignedIn, NotTakenIn};
use model::id::{ChildId, DeviceId, PersonId, TicketId};
use model::site_order::SiteOrder;
use twin::{CareAnswer, CareFact, Fact, PinOf, Shown};
use wire::nursery::{Claim, StaffAnswer, StaffAsk};
use wire::request::{Answer, Card, Secret};

use super::{Desk, Unanswered};
use crate::nursery::{brought, told};

impl Desk {
    /// Somebody at a kiosk brings a child.
    pub(super) async fn drop_off(
        &self,
        kiosk: &DeviceId,
        ticket: TicketId,
        child: ChildId,
        check: HealthCheck,
    ) -> Result<Answer, Unanswered> {
        check.check().map_err(|bad| {
            Unanswered::NotUnderstood(match bad {
                BadCheck::Temperature => "no child is so warm or so cold",
                BadCheck::Remarks => "the remarks are too long",
            })
        })?;
        let Some(known) = self.nurseries.ticket(ticket, kiosk) else {
            return Err(Unanswered::NotUnderstood("the time was up: touch the card again"));
        };
        let (person, language) = (known.person, known.language);
        let answer = match self.nurseries.drop_off(child, Some(person), None, check) {
            Ok(fact) => self.care(fact).await?,
            Err(why) => CareAnswer::NotTaken { why, opens: None },
        };
        let children = self.centre.look(move |twin, at| twin.children_of(at.now, person)).await?;
        let care = self.nurseries.at_door(kiosk, person, language, &children);
        Ok(brought(child, answer, care, language))
    }

    /// Somebody of the staff signs in.
    pub(super) async fn staff_in(
        &self,
        screen: &DeviceId,
        card: &Card,
        pin: Secret,
    ) -> Result<Answer, Unanswered> {
        let card = self.read(card)?.map(|read| read.card);
        let owner = match card {
            Some(card) => self.centre.look(move |twin, _| twin.owner(&card)).await?,
            None => None,
        };
        let pin_right = match owner {
            Some(owner) => self.pin_fits(PinOf::Person(owner), pin).await?,
            None => false,
        };
        let reader = screen.clone();
        let answer = match self.care(CareFact::SignIn { reader, card, pin_right }).await? {
            CareAnswer::SignedIn(staff) => {
                let session = self.nurseries.sessions.open(screen, staff);
                let none = Unanswered::NotUnderstood("this site has no random numbers");
                let (session, name) = (session.ok_or(none)?, self.nurseries.staff_name(staff));
                StaffAnswer::SignedIn { session, name }
            }
            other => told(other),
        };
        Ok(Answer::Staff(answer))
    }

    /// Somebody of the staff who has signed in asks.
    pub(super) async fn staff(
        &self,
        screen: &DeviceId,
        session: Secret,
        wants: StaffAsk,
    ) -> Result<StaffAnswer, Unanswered> {
        let over = StaffAnswer::SignedOut { why: NotSignedIn::Over };
        let Some(known) = self.nurseries.sessions.of(screen, &session) else { return Ok(over) };
        let staff = known.staff;
        let fact = match wants {
            StaffAsk::SignOut => {
                self.nurseries.sessions.end(&session);
                return Ok(over);
            }
            // Whoever works here no more on the sheet in force has no board, and is signed out.
            StaffAsk::Board => return Ok(self.board(staff).await?.unwrap_or(over)),
            StaffAsk::Child { child } => return self.child(child, staff).await,
            StaffAsk::Muster => return Ok(self.muster(staff).await?.unwrap_or(over)),
            StaffAsk::Lockdown { .. } | StaffAsk::Evacuate { .. }
                if !self.nurseries.works_here(staff) =>
            {
                return Ok(over);
            }
            StaffAsk::Lockdown { on } => {
                return self.order_of(staff, SiteOrder::Lockdown { on }).await;
            }
            StaffAsk::Evacuate { on } => {
                return self.order_of(staff, SiteOrder::Evacuate { on }).await;
            }
            StaffAsk::DropOff { child, check } => {
                if check.check().is_err() {
                    return Ok(StaffAnswer::NotDone { why: NotDone::BadNote });
                }
                match self.nurseries.drop_off(child, None, Some(staff), check) {
                    Ok(fact) => fact,
                    Err(why) => return Ok(not_taken(why)),
                }
            }
            StaffAsk::Receive { child } => CareFact::Receive { child, staff },
            StaffAsk::HandOver { child, claim, confirmed, telephoned } => {
                let shown = self.shown(claim).await?;
                let fact = CareFact::HandOver { child, shown, staff, confirmed, telephoned };
                return Ok(self.nurseries.with_name(child, told(self.care(fact).await?)));
            }
            StaffAsk::Caregiver { shift, state } => CareFact::Caregiver { shift, state, staff },
            StaffAsk::Note { child, kind, body } => {
                match self.nurseries.note(child, kind, body, staff) {
                    Ok(fact) => fact,
                    Err(why) => return Ok(StaffAnswer::NotDone { why }),
                }
            }
            StaffAsk::Move { child, room } => CareFact::Move { child, room, staff },
            StaffAsk::PutRight { child, why } => {
                match self.nurseries.put_right(child, why, staff) {
                    Ok(fact) => fact,
                    Err(why) => return Ok(StaffAnswer::NotDone { why }),
                }
            }
            StaffAsk::Recall { child, why } => match self.nurseries.recall(child, why, staff) {
                Ok(fact) => fact,
                Err(why) => return Ok(StaffAnswer::NotDone { why }),
            },
        };
        Ok(told(self.care(fact).await?))
    }

    async fn board(&self, staff: PersonId) -> Result<Option<StaffAnswer>, Unanswered> {
        let look =
            self.centre.look(|twin, at| (twin.nurseries(at.now), at.now, twin.freshness(at.now)));
        let (nurseries, now, freshness) = look.await?;
        let board = self.nurseries.board(staff, nurseries, now, freshness);
        Ok(board.map(|board| StaffAnswer::Board(Box::new(board))))
    }

    /// The look is an event, and on disk before anything is told.
    async fn child(&self, child: ChildId, staff: PersonId) -> Result<StaffAnswer, Unanswered> {
        match self.care(CareFact::Look { child, staff }).await? {
            CareAnswer::Done => {
                let now = self.centre.look(|_, at| at.now).await?;
                let seen = self.nurseries.child(child, now);
                let erased = StaffAnswer::NotDone { why: NotDone::NotTheirs };
                Ok(seen.map_or(erased, |seen| StaffAnswer::Child(Box::new(seen))))
            }
            other => Ok(told(other)),
        }
    }

    async fn shown(&self, claim: Claim) -> Result<Shown, Unanswered> {
        Ok(match claim {
            Claim::Card { card } => Shown::Card(self.read(&card)?.map(|read| read.card)),
            Claim::Pin { who, pin } => {
                let right = self.pin_fits(twin::pin_of(who), pin).await?;
                Shown::Pin { who, right }
            }
            Claim::Voucher { text } => {
                Shown::Voucher(self.vouchers.read(&text.0).ok().map(Box::new))
            }
            Claim::Nothing => Shown::Nothing,
        })
    }

    /// Tells the centre; what it answers is on disk.
    async fn care(&self, fact: CareFact) -> Result<CareAnswer, Unanswered> {
        let decided = self.centre.decide(Fact::Care(fact)).await?;
        match self.act(decided).await? {
            (twin::Answer::Care(answer), _) => Ok(answer),
            _ => Err(Unanswered::NotUnderstood("this site has no answer to that")),
        }
    }
}

fn not_taken(why: NotTakenIn) -> StaffAnswer {
    StaffAnswer::NotTaken { why, opens: None }
}
