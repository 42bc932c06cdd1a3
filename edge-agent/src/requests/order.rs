//! Orders, from whoever may give them to the doors and terminals that carry them out.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use model::id::{OrderId, PersonId};
use model::site_order::{HouseState, OrderAnswer, Ordered, OrderedFrom, SiteOrder};
use twin::{Effect, Fact};
use wire::nursery::StaffAnswer;
use wire::request::HouseAlarm;

use super::{Desk, Unanswered};
use crate::centre::{Decided, Stopped};
use crate::random;

impl Desk {
    /// Has an order decided. What is answered is still to be awaited: doors move meanwhile, and the
    /// next order need not wait for them.
    ///
    /// # Errors
    /// When the site has stopped.
    pub(crate) async fn order(
        self: Arc<Self>,
        order: Ordered,
    ) -> Result<BoxFuture<'static, Result<OrderAnswer, Stopped>>, Stopped> {
        let opens = matches!(order.what, SiteOrder::Unlock { .. });
        let decided = self.centre.decide(Fact::Order(order)).await?;
        Ok(async move { self.carried_out(opens, decided).await }.boxed())
    }

    /// What everybody in the house has to know now.
    pub(super) async fn house_alarm(&self) -> Result<Option<HouseAlarm>, Stopped> {
        let house = self.centre.look(|twin, at| twin.view(at.now).house).await?;
        Ok(match house {
            HouseState { fire: Some(_), .. } => Some(HouseAlarm::Fire),
            HouseState { evacuation: Some(_), .. } => Some(HouseAlarm::Evacuation),
            HouseState { lockdown: Some(_), .. } => Some(HouseAlarm::Lockdown),
            _ => None,
        })
    }

    /// Somebody of the staff orders something, and is answered at once.
    pub(super) async fn order_of(
        &self,
        by: PersonId,
        what: SiteOrder,
    ) -> Result<StaffAnswer, Unanswered> {
        let id = random::uuid(&*self.rng)
            .map(OrderId)
            .map_err(|_| Unanswered::NotUnderstood("this site has no random numbers"))?;
        let order = Ordered { id, what, by, from: OrderedFrom::StaffScreen };
        let decided = self.centre.decide(Fact::Order(order)).await?;
        let answer = self.carried_out(false, decided).await?;
        Ok(StaffAnswer::Ordered { answer })
    }

    /// Who is in the house. Children and caregivers are named to whoever works in their nursery.
    pub(super) async fn muster(&self, staff: PersonId) -> Result<Option<StaffAnswer>, Unanswered> {
        let muster = self.centre.look(|twin, at| twin.muster(at.now)).await?;
        let muster = self.nurseries.muster(staff, muster);
        Ok(muster.map(|muster| StaffAnswer::Muster(Box::new(muster))))
    }

    /// Carries out what an order led to. An unlocking is done once the lock reads back as open.
    async fn carried_out(&self, opens: bool, decided: Decided) -> Result<OrderAnswer, Stopped> {
        let opens = opens && decided.effects.iter().any(|one| matches!(one, Effect::Unlock { .. }));
        let said = decided.answer.clone();
        let (answer, door_open) = match self.act(decided).await {
            Ok(done) => done,
            Err(Unanswered::Stopped | Unanswered::TooLate) => return Err(Stopped),
            // It was decided and carried out; the disk will have it.
            Err(Unanswered::NotKept { door_open }) => match said {
                Some(answer) => (answer, door_open),
                None => return Err(Stopped),
            },
            Err(Unanswered::NotUnderstood(reason)) => {
                tracing::error!(reason, "an order has no answer");
                return Err(Stopped);
            }
        };
        match answer {
            twin::Answer::Ordered(OrderAnswer::Done) if opens && !door_open => {
                Ok(OrderAnswer::LockFault)
            }
            twin::Answer::Ordered(answer) => Ok(answer),
            other => {
                tracing::error!(?other, "the centre answered something else than was ordered");
                Err(Stopped)
            }
        }
    }
}
