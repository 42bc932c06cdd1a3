//! Vouchers at the site: read with the keys that its sheets are trusted by.

use std::sync::{PoisonError, RwLock};

use model::voucher::Voucher;
use wire::voucher::{VoucherRefused, open};

/// The public keys that vouchers may be signed with.
pub struct Vouchers {
    enrolled: Vec<String>,
    /// The key that the sheet in force announces.
    next: RwLock<Option<String>>,
}

impl Vouchers {
    /// With the keys of the enrolment, base64.
    #[must_use]
    pub fn new(enrolled: Vec<String>) -> Self {
        Self { enrolled, next: RwLock::default() }
    }

    /// Trusts the key that the sheet in force announces too. It is kept with the sheet, so that it
    /// is known after a restart without the hub.
    pub fn use_sheet(&self, next_key: Option<String>) {
        *self.next.write().unwrap_or_else(PoisonError::into_inner) = next_key;
    }

    /// The public keys that the hub may sign with now, base64.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let next = self.next.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.enrolled.iter().cloned().chain(next).collect()
    }

    /// Reads what a scanner gave.
    ///
    /// # Errors
    /// [`VoucherRefused`] when it is no whole voucher of this region.
    pub fn read(&self, text: &str) -> Result<Voucher, VoucherRefused> {
        open(text, &self.keys())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::{DateTime, TimeDelta, Utc};
    use model::booking::BookingCode;
    use model::day_sheet::SheetDesk;
    use model::id::{BookingId, CentreId, PersonId, SpaceId};
    use model::interval::Interval;
    use model::language::Language;
    use ring::rand::SystemRandom;
    use uuid::Uuid;
    use wire::sheet::SheetKey;
    use wire::voucher::seal;

    use super::*;

    fn key() -> SheetKey {
        SheetKey::from_pkcs8(&SheetKey::generate(&SystemRandom::new()).unwrap()).unwrap()
    }

    #[test]
    fn the_next_key_counts_as_soon_as_a_sheet_announces_it() {
        let now: DateTime<Utc> = "2026-11-24T00:00:00Z".parse().unwrap();
        let id = Uuid::from_u128(1);
        let voucher = Voucher {
            booking: BookingId(id),
            centre: CentreId(id),
            person: PersonId(id),
            language: Language::Ja,
            version: 1,
            issued_at: now,
            code: BookingCode::from_random(1),
            children: 0,
            desks: vec![SheetDesk {
                space: SpaceId(id),
                when: Interval::new(now, now + TimeDelta::hours(1)).unwrap(),
            }],
        };
        let (today, next) = (key(), key());
        let vouchers = Vouchers::new(vec![today.public()]);
        let signed_next = seal(&voucher, &next).unwrap();
        assert_eq!(vouchers.read(&signed_next), Err(VoucherRefused::UnknownKey));
        vouchers.use_sheet(Some(next.public()));
        assert!(vouchers.read(&signed_next).is_ok());
        assert!(vouchers.read(&seal(&voucher, &today).unwrap()).is_ok());
        vouchers.use_sheet(None);
        assert_eq!(vouchers.read(&signed_next), Err(VoucherRefused::UnknownKey));
    }
}
