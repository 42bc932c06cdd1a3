//! Counts of wrong PINs, as the site's file keeps them.

use std::time::Duration;

use edge_store::{EdgeStore, StoreError};
use model::id::{CollectorId, PersonId};
use twin::{PinCount, PinOf, TriesOf, Twin};

/// A count as it is kept.
pub(crate) fn written(count: &PinCount) -> (String, u32) {
    let whose = match &count.of {
        TriesOf::Pin(PinOf::Booking(code)) => format!("booking {code}"),
        TriesOf::Pin(PinOf::Person(PersonId(id))) => format!("person {id}"),
        TriesOf::Pin(PinOf::Collector(CollectorId(id))) => format!("collector {id}"),
        TriesOf::Reader(reader) => format!("reader {reader}"),
    };
    (whose, count.wrong)
}

/// Has the centre go on from the counts that were kept.
pub(crate) async fn restore(store: &EdgeStore, twin: &mut Twin) -> Result<(), StoreError> {
    let kept = store.pin_tries().await?;
    let counts: Vec<PinCount> = kept.iter().filter_map(read).collect();
    if counts.len() < kept.len() {
        tracing::error!("some counts of wrong PINs in the site's file cannot be read");
    }
    // The centre's steady time begins when it does, a moment after this.
    twin.restore_pins(&counts, Duration::ZERO);
    Ok(())
}

fn read((whose, wrong): &(String, u32)) -> Option<PinCount> {
    let (kind, who) = whose.split_once(' ')?;
    let of = match kind {
        "booking" => TriesOf::Pin(PinOf::Booking(who.parse().ok()?)),
        "person" => TriesOf::Pin(PinOf::Person(PersonId(who.parse().ok()?))),
        "collector" => TriesOf::Pin(PinOf::Collector(CollectorId(who.parse().ok()?))),
        "reader" => TriesOf::Reader(who.parse().ok()?),
        _ => return None,
    };
    Some(PinCount { of, wrong: *wrong })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use model::booking::BookingCode;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_count_is_read_back_as_it_was_written() {
        for of in [
            TriesOf::Pin(PinOf::Booking(BookingCode::from_random(7))),
            TriesOf::Pin(PinOf::Person(PersonId(Uuid::from_u128(8)))),
            TriesOf::Pin(PinOf::Collector(CollectorId(Uuid::from_u128(9)))),
            TriesOf::Reader("y-kiosk-1".parse().unwrap()),
        ] {
            let count = PinCount { of, wrong: 2 };
            assert_eq!(read(&written(&count)), Some(count));
        }
        for torn in ["", "booking", "booking x y", "person 7", "door 1", "reader A/B"] {
            assert_eq!(read(&(torn.to_owned(), 2)), None, "{torn}");
        }
    }
}
