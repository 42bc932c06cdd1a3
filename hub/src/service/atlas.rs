//! The region's places as one thing to look into: centres, their spaces and nurseries.

use model::centre::{Centre, Nursery, Space, SpaceKind};
use model::id::{CentreId, MunicipalityId, SpaceId};
use model::language::LocalText;
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
}

impl Atlas {
    /// Reads it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load(store: &dyn Store) -> store::Result<Self> {
        Ok(Self {
            centres: store.centres().await?,
            spaces: store.spaces().await?,
            nurseries: store.nurseries().await?,
            municipalities: store.municipalities().await?,
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
