//! Who is in the house, as somebody of a nursery's staff may read it.

use model::id::PersonId;
use model::muster::Muster;
use wire::nursery::{StaffIn, StaffMuster};

use super::Nurseries;

impl Nurseries {
    /// What somebody of the staff may read of it: children, caregivers and colleagues of the nurseries that they
    /// work in by name, the others by number. Nothing where they work in none.
    #[must_use]
    pub fn muster(&self, staff: PersonId, mut muster: Muster) -> Option<StaffMuster> {
        let sheet = self.known()?;
        let theirs = &sheet.care.staff(staff)?.nurseries;
        let (children, caregivers) = (muster.children.len(), muster.caregivers.len());
        muster.children.retain(|child| theirs.contains(&child.nursery));
        muster.caregivers.retain(|one| theirs.contains(&one.nursery));
        let (by_card, people): (Vec<_>, Vec<_>) =
            muster.people.into_iter().partition(|one| one.on_staff);
        muster.people = people;
        let by_card = by_card.into_iter().map(|one| {
            let known = sheet.care.staff(one.person);
            let colleague = known.filter(|known| {
                one.person == staff || known.nurseries.iter().any(|id| theirs.contains(id))
            });
            let name = colleague.map(|known| known.name.clone()).unwrap_or_default();
            StaffIn { name, last: one.last }
        });
        let by_card = by_card.collect();
        let named = theirs.iter().filter_map(|id| {
            let known = sheet.care.nursery(*id)?;
            Some((*id, known.nursery.name.clone()))
        });
        let elsewhere = children - muster.children.len();
        let caregivers_elsewhere = caregivers - muster.caregivers.len();
        let nurseries = named.collect();
        Some(StaffMuster { nurseries, elsewhere, caregivers_elsewhere, by_card, muster })
    }

    /// Whether somebody of the staff works here by the sheet in force.
    #[must_use]
    pub fn works_here(&self, staff: PersonId) -> bool {
        self.known().is_some_and(|sheet| sheet.care.staff(staff).is_some())
    }
}
