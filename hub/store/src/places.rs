//! Municipalities, centres, and what stands in them.

use async_trait::async_trait;
use model::centre::{Centre, Door, Holiday, Nursery, Space};
use model::door::DoorPlan;
use model::id::{CentreId, DeviceId, MunicipalityId};
use model::language::LocalText;
use model::sensor::Sensor;

use crate::Result;

/// Municipalities, centres, and what stands in them.
#[async_trait]
pub trait Places {
    /// Adds a municipality.
    async fn add_municipality(&self, id: MunicipalityId, name: &LocalText) -> Result<()>;
    /// Every municipality, by id.
    async fn municipalities(&self) -> Result<Vec<(MunicipalityId, LocalText)>>;
    /// Adds national holidays; those already there are left.
    async fn add_holidays(&self, holidays: &[Holiday]) -> Result<()>;
    /// Adds a centre with its settings and opening hours (its holidays are those of the table).
    async fn add_centre(&self, centre: &Centre) -> Result<()>;
    /// Every centre by slug, holidays filled in.
    async fn centres(&self) -> Result<Vec<Centre>>;
    /// Adds a space.
    async fn add_space(&self, space: &Space) -> Result<()>;
    /// The spaces of every centre, by centre and label.
    async fn spaces(&self) -> Result<Vec<Space>>;
    /// Adds a nursery.
    async fn add_nursery(&self, nursery: &Nursery) -> Result<()>;
    /// Every nursery, by id.
    async fn nurseries(&self) -> Result<Vec<Nursery>>;
    /// Adds a door.
    async fn add_door(&self, centre: CentreId, door: &Door) -> Result<()>;
    /// A centre's doors, by device.
    async fn doors(&self, centre: CentreId) -> Result<Vec<Door>>;
    /// Gives doors of a centre these plans, all or, where one of them is none of its doors, none: false then.
    async fn set_door_plans(
        &self,
        centre: CentreId,
        plans: &[(DeviceId, DoorPlan)],
    ) -> Result<bool>;
    /// Gives a centre these sensors in the place of those it had; its site has a new sheet.
    async fn set_sensors(&self, centre: CentreId, sensors: &[Sensor]) -> Result<()>;
    /// A centre's sensors, as they were given.
    async fn sensors(&self, centre: CentreId) -> Result<Vec<Sensor>>;
}
