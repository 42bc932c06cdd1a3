//! A property of a foreign device, as a door's driver holds it.

use async_trait::async_trait;
use hardware::homie::{Heard, LineError, PropertyLine};
use model::permission::Action;
use model::sensor::SensorId;
use wire::homie::{Datatype, Property};

use super::Things;

pub(super) struct BusLine {
    pub(super) things: Things,
    pub(super) id: SensorId,
}

impl BusLine {
    /// Asks the property, if its device is there and describes it.
    fn ask<T>(
        &self,
        ask: impl FnOnce(&Property, Option<&super::Raw>) -> Result<T, LineError>,
    ) -> Result<T, LineError> {
        let (things, id) = (&self.things, &self.id);
        if !*things.inner.bus.connected().borrow()
            || !things.inner.registry.may(&id.device, Action::RunThing)
        {
            return Err(LineError::NotThere);
        }
        let state = things.state();
        let thing = state.things.get(&id.device).filter(|thing| thing.ready);
        let thing = thing.ok_or(LineError::NotThere)?;
        let description = thing.description.as_ref().ok_or(LineError::NotDescribed)?;
        let property = description.property(&id.node, &id.property);
        let value = thing.values.get(&(id.node.clone(), id.property.clone()));
        ask(property.ok_or(LineError::NotDescribed)?, value)
    }
}

#[async_trait]
impl PropertyLine for BusLine {
    fn heard(&self) -> Result<Heard, LineError> {
        self.ask(|property, raw| {
            let raw = raw.ok_or(LineError::Nothing)?;
            property.value(&raw.text).map_err(|_| LineError::Nothing)?;
            Ok(Heard { value: raw.text.clone(), turn: raw.turn })
        })
    }

    async fn other_than(&self, last: &Result<Heard, LineError>) -> Result<Heard, LineError> {
        let mut changes = self.things.inner.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let now = self.heard();
            if now != *last {
                return now;
            }
            if changes.changed().await.is_err() {
                // The site is ending.
                std::future::pending::<()>().await;
            }
        }
    }

    fn takes(&self, any_of: &[&str]) -> Result<String, LineError> {
        self.ask(|property, _| {
            if !property.settable {
                return Err(LineError::NotSettable);
            }
            if !matches!(property.datatype, Datatype::Enum | Datatype::Boolean) {
                return Err(LineError::NoSuchValue);
            }
            let known = any_of.iter().find(|word| property.value(word).is_ok());
            known.map(|word| (*word).to_owned()).ok_or(LineError::NoSuchValue)
        })
    }

    fn set(&self, value: &str) -> Result<(), LineError> {
        let SensorId { device, node, property } = &self.id;
        let sent = self.things.inner.bus.try_set(device, node, property, value);
        sent.map_err(|error| {
            tracing::warn!(id = %self.id, %error, "a foreign device could not be told");
            LineError::NotSent
        })
    }
}
