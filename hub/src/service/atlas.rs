//! The region's places as one thing to look into: centres, their spaces and nurseries.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use foldhash::fast::RandomState;
use model::care::rule_set::RuleSet;
use model::care::scheme::Scheme;
use model::centre::{Centre, Nursery, Space, SpaceKind};
use model::closure::Closure;
use model::feature::Features;
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
    /// By centre and, within it, by label.
    pub spaces: Vec<Space>,
    /// By id.
    pub nurseries: Vec<Nursery>,
    /// By name.
    pub rule_sets: Vec<RuleSet>,
    /// By name.
    pub schemes: Vec<Scheme>,
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
    /// What the store says of all this: another number, other places.
    pub revision: i64,
    by_centre: HashMap<CentreId, Here, RandomState>,
    by_space: HashMap<SpaceId, usize, RandomState>,
}

/// Where a centre's things are.
#[derive(Clone, Debug, Default)]
struct Here {
    centre: usize,
    spaces: Range<usize>,
    by_kind: HashMap<SpaceKind, Offered, RandomState>,
    nursery: Option<usize>,
    /// By start.
    closures: Vec<usize>,
}

/// A centre's spaces of one kind.
#[derive(Clone, Debug, Default)]
struct Offered {
    /// By id.
    spaces: Vec<SpaceId>,
    /// What each of them offers.
    features: Vec<Features>,
}

/// How old an atlas gets: of closures and quotas it holds those that had not ended when it was read.
const AGE: TimeDelta = TimeDelta::minutes(10);

/// The atlas that was read last, for as long as nothing has changed.
#[derive(Debug, Default)]
pub struct Shelf(Mutex<Option<(DateTime<Utc>, Arc<Atlas>)>>);

impl Shelf {
    /// The places as they are now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn atlas(&self, store: &dyn Store, now: DateTime<Utc>) -> store::Result<Arc<Atlas>> {
        let revision = store.places_revision().await?;
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, atlas)) = kept
            && atlas.revision == revision
            && (now - at).abs() < AGE
        {
            return Ok(atlas);
        }
        let atlas = Arc::new(Atlas::load(store, now).await?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, atlas.clone()));
        Ok(atlas)
    }
}

impl Atlas {
    /// Reads it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load(store: &dyn Store, now: DateTime<Utc>) -> store::Result<Self> {
        // First: what changes while the rest is read shows as a newer one.
        let revision = store.places_revision().await?;
        let employers = store.employers().await?.into_iter();
        let atlas = Self {
            centres: store.centres().await?,
            spaces: store.spaces().await?,
            nurseries: store.nurseries().await?,
            rule_sets: store.rule_sets().await?,
            schemes: store.schemes().await?,
            municipalities: store.municipalities().await?,
            closures: store.closures(now).await?,
            // Days differ from zone to zone.
            quotas: store.quotas((now - TimeDelta::days(2)).date_naive()).await?,
            waitlist_classes: store.waitlist_classes().await?,
            approving: employers.filter(|one| one.approves).map(|one| one.id).collect(),
            revision,
            ..Self::default()
        };
        Ok(atlas.indexed())
    }

    #[cfg(test)]
    pub(crate) fn of(centres: Vec<Centre>, nurseries: Vec<Nursery>) -> Self {
        Self { centres, nurseries, ..Self::default() }.indexed()
    }

    fn indexed(mut self) -> Self {
        // Stable: within a centre they stay by label.
        self.spaces.sort_by_key(|space| space.centre);
        for (place, centre) in self.centres.iter().enumerate() {
            self.by_centre.insert(centre.id, Here { centre: place, ..Here::default() });
        }
        for (place, space) in self.spaces.iter().enumerate() {
            self.by_space.insert(space.id, place);
            let Some(here) = self.by_centre.get_mut(&space.centre) else { continue };
            let first = if here.spaces.is_empty() { place } else { here.spaces.start };
            here.spaces = first..place + 1;
            here.by_kind.entry(space.kind).or_default().spaces.push(space.id);
        }
        for offered in self.by_centre.values_mut().flat_map(|here| here.by_kind.values_mut()) {
            offered.spaces.sort_unstable();
            let spaces = offered.spaces.iter();
            let features = spaces.map(|space| self.spaces[self.by_space[space]].features);
            offered.features = features.collect();
        }
        for (place, nursery) in self.nurseries.iter().enumerate() {
            if let Some(here) = self.by_centre.get_mut(&nursery.centre) {
                here.nursery.get_or_insert(place);
            }
        }
        for (place, closure) in self.closures.iter().enumerate() {
            if let Some(here) = self.by_centre.get_mut(&closure.centre) {
                here.closures.push(place);
            }
        }
        self
    }

    /// A centre.
    #[must_use]
    pub fn centre(&self, id: CentreId) -> Option<&Centre> {
        self.centres.get(self.by_centre.get(&id)?.centre)
    }

    /// A centre by its name in addresses, or its id.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Centre> {
        self.centres
            .iter()
            .find(|centre| centre.slug.as_str() == name || name.parse() == Ok(centre.id))
    }

    /// The desks of a centre, by label: what is given to those who pick nothing.
    pub fn desks(&self, centre: CentreId) -> impl Iterator<Item = &Space> {
        self.spaces_of(centre).iter().filter(|space| space.kind == SpaceKind::Desk)
    }

    /// The spaces of one kind by id, and what each of them offers.
    #[must_use]
    pub fn of_kind(&self, centre: CentreId, kind: SpaceKind) -> (&[SpaceId], &[Features]) {
        let here = self.by_centre.get(&centre).and_then(|here| here.by_kind.get(&kind));
        here.map_or((&[], &[]), |offered| (&offered.spaces, &offered.features))
    }

    /// The closures of a centre and of its spaces, of now or to come, by start.
    pub fn closures_of(&self, centre: CentreId) -> impl Iterator<Item = &Closure> + Clone {
        let here = self.by_centre.get(&centre).map_or(&[][..], |here| &here.closures);
        here.iter().map(|place| &self.closures[*place])
    }

    /// The spaces of a centre, by label.
    #[must_use]
    pub fn spaces_of(&self, centre: CentreId) -> &[Space] {
        let here = self.by_centre.get(&centre);
        here.and_then(|here| self.spaces.get(here.spaces.clone())).unwrap_or_default()
    }

    /// A space.
    #[must_use]
    pub fn space(&self, id: SpaceId) -> Option<&Space> {
        self.spaces.get(*self.by_space.get(&id)?)
    }

    /// A closure of now or to come.
    #[must_use]
    pub fn closure(&self, id: ClosureId) -> Option<&Closure> {
        self.closures.iter().find(|closure| closure.id == id)
    }

    /// The nursery of a centre.
    #[must_use]
    pub fn nursery(&self, centre: CentreId) -> Option<&Nursery> {
        self.nurseries.get(self.by_centre.get(&centre)?.nursery?)
    }

    /// A municipality's name.
    #[must_use]
    pub fn municipality(&self, id: MunicipalityId) -> Option<&LocalText> {
        self.municipalities.iter().find(|(other, _)| *other == id).map(|(_, name)| name)
    }
}
