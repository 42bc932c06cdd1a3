//! Ids that are the same in every demo, and that a reader can tell apart:
//! `00000003-0000-4000-8000-000000000001` is the first space.

use uuid::Uuid;

/// What an id is of; its number stands in the id's first group.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Municipality = 1,
    Centre = 2,
    Space = 3,
    Nursery = 4,
    Employer = 5,
    Person = 6,
    Child = 7,
    Booking = 8,
    Visit = 9,
    Credential = 10,
    Household = 11,
    Consent = 12,
}

/// The `number`th id of its kind; a booking leaves two digits for the claims that follow it.
pub(super) fn id(of: Of, number: u32) -> Uuid {
    const VERSION_4: u128 = 0x4000 << 64 | 0x8000 << 48;
    let place = match of {
        Of::Booking => u128::from(number) << 8,
        _ => u128::from(number),
    };
    Uuid::from_u128((of as u128) << 96 | VERSION_4 | place)
}

/// Rows with their numbers, from 1.
pub(super) fn numbered<T>(rows: &[T]) -> impl Iterator<Item = (u32, &T)> {
    (1..).zip(rows)
}

/// The id of the row that `is` true of; the number 0, which no row has, where there is none.
pub(super) fn id_where<T>(of: Of, rows: &[T], is: impl Fn(&T) -> bool) -> Uuid {
    id(of, numbered(rows).find(|(_, row)| is(row)).map_or(0, |(number, _)| number))
}
