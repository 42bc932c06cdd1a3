//! The region's places as one thing to look into: centres, their spaces and nurseries.

use chrono::{DateTime, TimeDelta, Utc};
use model::centre::{Centre, Nursery, Space, SpaceKind};
use model::closure::Closure;
use model::id::{CentreId, ClosureId, EmployerId, MunicipalityId, SpaceId};
use model::language::LocalText;
use model::quota::Quota;
use model::waitlist::Class;
use store::Store;

/// Every place of the region.
#[derive(Clone, Debug, Default)]
pub struct Atlas {
    /// By slug.
    pub centres: Vec<Centre>,
    /// By centre and label.
    pub spaces: Vec<Space>,
    /// By id.
    pub nurseries: Vec<Nursery>,
    /// By id.
    pub municipalities: Vec<(MunicipalityId, LocalText)>,
    /// Those to come and those of now, by start.
    pub closures: Vec<Closure>,
    /// Those in force or to come.
    pub quotas: Vec<Quota>,
    /// The first to be served first.
    pub waitlist_classes: Vec<Class>,
    /// Whose admins approve what they pay for.
    pub approving: Vec<EmployerId>,
}

impl Atlas {
    /// Reads it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load(store: &dyn Store, now: DateTime<Utc>) -> store::Result<Self> {
        let employers = store.employers().await?.into_iter();
        Ok(Self {
            centres: store.centres().await?,
            spaces: store.spaces().await?,
            nurseries: store.nurseries().await?,
            municipalities: store.municipalities().await?,
            closures: store.closures(now).await?,
            // Days differ from zone to zone.
            quotas: store.quotas((now - TimeDelta::days(2)).date_naive()).await?,
            waitlist_classes: store.waitlist_classes().await?,
            approving: employers.filter(|one| one.approves).map(|one| one.id).collect(),
        })
    }

    /// A centre.
    #[must_use]
    pub fn centre(&self, id: CentreId) -> Option<&Centre> {
        self.centres.iter().find(|centre| centre.id == id)
    }

    /// A centre by its name in addresses, or its id.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Centre> {
        self.centres
            .iter()
            .find(|centre| centre.slug.as_str() == name || name.parse() == Ok(centre.id))
    }

    /// The desks of a centre: what is given to those who pick nothing.
    pub fn desks(&self, centre: CentreId) -> impl Iterator<Item = &Space> {
        self.spaces
            .iter()
            .filter(move |space| space.centre == centre && space.kind == SpaceKind::Desk)
    }

    /// A space.
    #[must_use]
    pub fn space(&self, id: SpaceId) -> Option<&Space> {
        self.spaces.iter().find(|space| space.id == id)
    }

    /// A closure of now or to come.
    #[must_use]
    pub fn closure(&self, id: ClosureId) -> Option<&Closure> {
        self.closures.iter().find(|closure| closure.id == id)
    }

    /// The nursery of a centre.
    #[must_use]
    pub fn nursery(&self, centre: CentreId) -> Option<&Nursery> {
        self.nurseries.iter().find(|nursery| nursery.centre == centre)
    }

    /// A municipality's name.
    #[must_use]
    pub fn municipality(&self, id: MunicipalityId) -> Option<&LocalText> {
        self.municipalities.iter().find(|(other, _)| *other == id).map(|(_, name)| name)
    }
}
