//! Municipalities, centres and what stands in them.

use anyhow::{Context, Result};
use chrono::Weekday;
use chrono_tz::Asia::Tokyo;
use model::care::terms::Terms;
use model::centre::{Centre, CentreKind, CentreSettings, Nursery, Space, SpaceKind};
use model::day_sheet::DeviceKind;
use model::feature::{Feature, Features};
use model::id::{CentreId, DeviceId, MunicipalityId, NurseryId, SpaceId};
use model::language::LocalText;
use model::opening::{DayKind, OpeningHours, OpeningRules};
use model::sensor::{Measure, Sensor, SensorId, SensorPlace};

use super::ids::{Of, id, id_where, numbered};
use super::{doors, holidays};
use crate::hub::Hub;

/// Japanese and English.
type Text = (&'static str, &'static str);

struct MunicipalityRow {
    key: &'static str,
    name: Text,
}

const MUNICIPALITIES: &[MunicipalityRow] = &[
    MunicipalityRow { key: "yokohama", name: ("横浜市", "Yokohama City") },
    MunicipalityRow { key: "tsurugashima", name: ("鶴ヶ島市", "Tsurugashima City") },
    MunicipalityRow { key: "saitama", name: ("さいたま市", "Saitama City") },
    MunicipalityRow { key: "chiyoda", name: ("千代田区", "Chiyoda City") },
    MunicipalityRow { key: "iizuna", name: ("飯綱町", "Iizuna Town") },
];

struct CentreRow {
    slug: &'static str,
    name: Text,
    municipality: &'static str,
    kind: CentreKind,
    address: Text,
    position: (f64, f64),
    note: Text,
    hours: &'static [Hours],
    spaces: &'static [Spaces],
    nursery: Option<NurseryRow>,
    /// Whether the demo runs its site: then it has an entrance, a kiosk and terminals.
    runs: bool,
}

/// From one hour to another on some days.
struct Hours {
    days: &'static [DayKind],
    from: u32,
    to: u32,
}

pub(super) const WEEKDAYS: &[DayKind] = &[
    DayKind::Weekday(Weekday::Mon),
    DayKind::Weekday(Weekday::Tue),
    DayKind::Weekday(Weekday::Wed),
    DayKind::Weekday(Weekday::Thu),
    DayKind::Weekday(Weekday::Fri),
];
const SATURDAY: &[DayKind] = &[DayKind::Weekday(Weekday::Sat)];
pub(super) const EVERY_DAY: &[DayKind] = &[
    DayKind::Weekday(Weekday::Mon),
    DayKind::Weekday(Weekday::Tue),
    DayKind::Weekday(Weekday::Wed),
    DayKind::Weekday(Weekday::Thu),
    DayKind::Weekday(Weekday::Fri),
    DayKind::Weekday(Weekday::Sat),
    DayKind::Weekday(Weekday::Sun),
    DayKind::Holiday,
];

/// So many spaces of one kind: `A-01`, `A-02` and so on.
struct Spaces {
    kind: SpaceKind,
    /// In Japanese and English.
    zone: (&'static str, &'static str),
    letter: char,
    count: u32,
    /// How many of them, from the first, carry a thin-client terminal.
    terminals: u32,
}

const fn desks(count: u32, terminals: u32) -> Spaces {
    Spaces {
        kind: SpaceKind::Desk,
        zone: ("執務エリア", "Work area"),
        letter: 'A',
        count,
        terminals,
    }
}

const fn booths(count: u32) -> Spaces {
    Spaces {
        kind: SpaceKind::Booth,
        zone: ("ブースエリア", "Booths"),
        letter: 'B',
        count,
        terminals: 0,
    }
}

const fn rooms(count: u32) -> Spaces {
    Spaces {
        kind: SpaceKind::Room,
        zone: ("会議エリア", "Meeting rooms"),
        letter: 'R',
        count,
        terminals: 0,
    }
}

struct NurseryRow {
    name: Text,
    places: u32,
    walking_minutes: u32,
}

const CENTRES: &[CentreRow] = &[
    CentreRow {
        slug: "yokohama",
        name: ("横浜テレワークセンター", "Yokohama Telework Centre"),
        municipality: "yokohama",
        kind: CentreKind::TeleworkCentre,
        address: ("神奈川県横浜市西区（所在地は仮定）", "Nishi-ku, Yokohama (place assumed)"),
        position: (35.4660, 139.6223),
        note: (
            "席数6は国土交通省のテレワークセンター実証実験（2007年度）による。\
             所在地、24時間の開館、保育室の定員は仮定。",
            "The 6 seats are those of the land ministry's telework centre pilot (FY2007). \
             Place, opening around the clock and nursery places are assumed.",
        ),
        hours: &[Hours { days: EVERY_DAY, from: 0, to: 24 }],
        spaces: &[desks(6, 6)],
        nursery: Some(NurseryRow {
            name: ("横浜センター保育室", "Yokohama Centre Nursery"),
            places: 6,
            walking_minutes: 0,
        }),
        runs: true,
    },
    CentreRow {
        slug: "tsurugashima",
        name: ("鶴ヶ島テレワークセンター", "Tsurugashima Telework Centre"),
        municipality: "tsurugashima",
        kind: CentreKind::TeleworkCentre,
        address: ("埼玉県鶴ヶ島市（所在地は仮定）", "Tsurugashima, Saitama (place assumed)"),
        position: (35.9345, 139.3930),
        note: (
            "国土交通省のテレワークセンター実証実験（2007年度）の会場の一つ。\
             所在地、席数、開館時間、保育室の定員は仮定。",
            "One of the places of the land ministry's telework centre pilot (FY2007). \
             Place, seats, opening hours and nursery places are assumed.",
        ),
        hours: &[
            Hours { days: WEEKDAYS, from: 8, to: 21 },
            Hours { days: SATURDAY, from: 9, to: 18 },
        ],
        spaces: &[desks(4, 4), booths(2)],
        nursery: Some(NurseryRow {
            name: ("鶴ヶ島センター一時預かり室", "Tsurugashima Centre Day Care"),
            places: 4,
            walking_minutes: 3,
        }),
        runs: true,
    },
    CentreRow {
        slug: "azamino",
        name: ("あざみ野テレワークセンター", "Azamino Telework Centre"),
        municipality: "yokohama",
        kind: CentreKind::TeleworkCentre,
        address: (
            "神奈川県横浜市青葉区あざみ野（所在地は仮定）",
            "Azamino, Aoba-ku, Yokohama (place assumed)",
        ),
        position: (35.5686, 139.5534),
        note: (
            "国土交通省のテレワークセンター実証実験（2008年）の会場の一つ。\
             所在地、席数、開館時間、利用実績は仮定。",
            "One of the places of the land ministry's telework centre pilot (2008). \
             Place, seats, opening hours and past visits are assumed.",
        ),
        hours: &[Hours { days: EVERY_DAY, from: 8, to: 21 }],
        spaces: &[desks(8, 0), booths(2)],
        nursery: None,
        runs: false,
    },
    CentreRow {
        slug: "saitama-satellite",
        name: ("さいたまサテライトオフィス", "Saitama Satellite Office"),
        municipality: "saitama",
        kind: CentreKind::SatelliteOffice,
        address: ("埼玉県さいたま市（所在地は仮定）", "Saitama City (place assumed)"),
        position: (35.8937, 139.6335),
        note: (
            "法務省のサテライトオフィス勤務の試行（2007年2月、さいたま市内の法務省所管官署、\
             本省職員1名、週1日。アクションプラン2007による）にちなむ。\
             所在地、席数、開館時間、利用実績は仮定。",
            "After the Ministry of Justice's satellite office trial (February 2007, an office of the \
             ministry in Saitama City, one member of staff, one day a week; action plan 2007). \
             Place, seats, opening hours and past visits are assumed.",
        ),
        hours: &[Hours { days: WEEKDAYS, from: 8, to: 20 }],
        spaces: &[desks(4, 0)],
        nursery: None,
        runs: false,
    },
    CentreRow {
        slug: "tokyo-satellite",
        name: ("東京サテライトオフィス", "Tokyo Satellite Office"),
        municipality: "chiyoda",
        kind: CentreKind::SatelliteOffice,
        address: ("東京都千代田区霞が関（所在地は仮定）", "Kasumigaseki, Tokyo (place assumed)"),
        position: (35.6737, 139.7527),
        note: (
            "人事院本院に置かれたサテライトオフィスの試行（アクションプラン2007による）にちなむ。\
             所在地、席数、開館時間、利用実績は仮定。",
            "After the trial satellite office in the National Personnel Authority's head office \
             (action plan 2007). Place, seats, opening hours and past visits are assumed.",
        ),
        hours: &[Hours { days: WEEKDAYS, from: 8, to: 20 }],
        spaces: &[desks(4, 0), rooms(1)],
        nursery: None,
        runs: false,
    },
    CentreRow {
        slug: "iizuna",
        name: (
            "いいづな高原テレワークセンター（架空）",
            "Iizuna Highland Telework Centre (fictional)",
        ),
        municipality: "iizuna",
        kind: CentreKind::RuralCentre,
        address: (
            "長野県上水内郡飯綱町（架空の施設）",
            "Iizuna, Kamiminochi, Nagano (a fictional house)",
        ),
        position: (36.7546, 138.2353),
        note: (
            "農村での長期滞在の例として置いた架空の施設。すべて仮定であり、実在の施設ではない。",
            "A fictional house, an example of long stays in the country. All of it is assumed.",
        ),
        hours: &[Hours { days: EVERY_DAY, from: 7, to: 22 }],
        spaces: &[desks(10, 0), rooms(1)],
        nursery: None,
        runs: false,
    },
];

/// Writes municipalities, holidays, centres and everything in them.
pub(super) async fn add(hub: &Hub) -> Result<()> {
    for (number, row) in numbered(MUNICIPALITIES) {
        let id = MunicipalityId(id(Of::Municipality, number));
        hub.store.add_municipality(id, &text(row.name)).await?;
    }
    hub.store.add_holidays(&holidays::all()?).await?;
    for (number, row) in numbered(CENTRES) {
        let centre = centre(number, row)?;
        hub.store.add_centre(&centre).await?;
        for space in spaces(number, row)? {
            hub.store.add_space(&space).await?;
        }
        if let Some(nursery) = nursery(number, row) {
            hub.store.add_nursery(&nursery).await?;
        }
        for (device, kind) in devices(number, row)? {
            hub.store.add_device(centre.id, &device, kind).await?;
        }
        if row.runs {
            for door in doors::of(
                row.slug,
                row.nursery.as_ref().is_some_and(|one| one.walking_minutes == 0),
            )? {
                hub.store.add_door(centre.id, &door).await?;
            }
        }
        if let Some(sensors) = sensors(number, row)? {
            hub.store.set_sensors(centre.id, &sensors).await?;
        }
    }
    Ok(())
}

/// The id of the centre with this slug.
pub(super) fn centre_id(slug: &str) -> CentreId {
    CentreId(id_where(Of::Centre, CENTRES, |row| row.slug == slug))
}

/// The id of the nursery at the centre with this slug.
pub(super) fn nursery_id(slug: &str) -> NurseryId {
    NurseryId(id_where(Of::Nursery, CENTRES, |row| row.slug == slug))
}

/// The name of the centre with this slug.
pub(super) fn centre_name(slug: &str) -> LocalText {
    name_in(CENTRES.iter().map(|row| (row.slug, row.name)), slug)
}

/// The id of a municipality.
pub(super) fn municipality_id(key: &str) -> MunicipalityId {
    MunicipalityId(id_where(Of::Municipality, MUNICIPALITIES, |row| row.key == key))
}

/// The name of a municipality.
pub(super) fn municipality_name(key: &str) -> LocalText {
    name_in(MUNICIPALITIES.iter().map(|row| (row.key, row.name)), key)
}

fn name_in(mut names: impl Iterator<Item = (&'static str, Text)>, key: &str) -> LocalText {
    text(names.find(|(this, _)| *this == key).map_or(("", ""), |(_, name)| name))
}

fn text((ja, en): Text) -> LocalText {
    LocalText::new(ja, en)
}

fn centre(number: u32, row: &CentreRow) -> Result<Centre> {
    let hours = row.hours.iter().flat_map(|hours| {
        let Hours { days, from, to } = hours;
        days.iter().map(move |&day| OpeningHours { day, opens: from * 60, closes: to * 60 })
    });
    Ok(Centre {
        id: CentreId(id(Of::Centre, number)),
        slug: row.slug.parse()?,
        name: text(row.name),
        municipality: municipality_id(row.municipality),
        kind: row.kind,
        address: text(row.address),
        position: row.position,
        source_note: text(row.note),
        time_zone: Tokyo,
        // Where the demo runs the site, whoever comes without a booking finds a desk.
        settings: CentreSettings {
            walk_in_desks: u32::from(row.runs),
            ..CentreSettings::default()
        },
        settings_version: 1,
        opening: OpeningRules {
            hours: hours.collect(),
            holidays: holidays::all()?.into_iter().map(|holiday| holiday.date).collect(),
        },
    })
}

fn spaces(centre: u32, row: &CentreRow) -> Result<Vec<Space>> {
    let slug = row.slug;
    let places = row
        .spaces
        .iter()
        .enumerate()
        .flat_map(|(row, group)| (1..=group.count).map(move |nth| (row, group, nth)));
    (1_u32..)
        .zip(places)
        .map(|(number, (row, group, nth))| {
            let terminal = (nth <= group.terminals).then(|| seat(slug, nth)).transpose()?;
            Ok(Space {
                id: SpaceId(id(Of::Space, centre << 8 | number)),
                centre: CentreId(id(Of::Centre, centre)),
                kind: group.kind,
                label: format!("{}-{nth:02}", group.letter),
                zone: LocalText::new(group.zone.0, group.zone.1),
                features: features(group.kind, nth, terminal.is_some()),
                row: u32::try_from(row).unwrap_or_default(),
                terminal,
            })
        })
        .collect()
}

/// What a space offers; assumed, as nobody has told.
fn features(kind: SpaceKind, nth: u32, terminal: bool) -> Features {
    let mut features = Features::NONE;
    if terminal {
        features.insert(Feature::ThinClient);
    }
    if kind == SpaceKind::Desk {
        match nth % 4 {
            1 => features.insert(Feature::Wheelchair),
            2 => features.insert(Feature::Monitor),
            3 => features.insert(Feature::Standing),
            _ => features.insert(Feature::Quiet),
        }
    }
    features
}

fn nursery(centre: u32, row: &CentreRow) -> Option<Nursery> {
    let nursery = row.nursery.as_ref()?;
    Some(Nursery {
        id: NurseryId(id(Of::Nursery, centre)),
        centre: CentreId(id(Of::Centre, centre)),
        name: text(nursery.name),
        places: nursery.places,
        walking_minutes: nursery.walking_minutes,
        terms: Terms::default(),
        staffing: None,
    })
}

/// Where a nursery is in the building the demo plays a sensor of the air, among the first spaces.
fn sensors(centre: u32, row: &CentreRow) -> Result<Option<Vec<Sensor>>> {
    if !has_air(row) {
        return Ok(None);
    }
    let first = spaces(centre, row)?.into_iter().next().context("no space for a sensor")?;
    let (air, place) = (device(row.slug, "air-1")?, SensorPlace::Zone { zone: first.zone });
    let sensor = |property: &str, measures| -> Result<Sensor> {
        let property = property.parse()?;
        let id = SensorId { device: air.clone(), node: "air".parse()?, property };
        Ok(Sensor { id, measures, place: place.clone(), limit: None })
    };
    Ok(Some(vec![
        sensor("co2", Measure::Co2)?,
        sensor("temperature", Measure::Temperature)?,
        sensor("humidity", Measure::Humidity)?,
        sensor("noise", Measure::Noise)?,
        sensor("motion", Measure::Motion)?,
    ]))
}

fn has_air(row: &CentreRow) -> bool {
    row.runs && row.nursery.is_some()
}

/// Every centre has an edge, so that its past can be told by one; the rest stands where it runs.
fn devices(centre: u32, row: &CentreRow) -> Result<Vec<(DeviceId, DeviceKind)>> {
    let mut devices = vec![(edge(row.slug)?, DeviceKind::Edge)];
    if row.runs {
        devices.push((device(row.slug, "kiosk-1")?, DeviceKind::Kiosk));
        if row.nursery.is_some() {
            devices.push((device(row.slug, "staff-1")?, DeviceKind::Staff));
        }
        if has_air(row) {
            devices.push((device(row.slug, "air-1")?, DeviceKind::Thing));
        }
    }
    let seats = spaces(centre, row)?.into_iter().filter_map(|space| space.terminal);
    devices.extend(seats.map(|device| (device, DeviceKind::Seat)));
    Ok(devices)
}

/// The edge of a centre.
pub(super) fn edge(slug: &str) -> Result<DeviceId> {
    device(slug, "edge")
}

fn seat(slug: &str, number: u32) -> Result<DeviceId> {
    device(slug, &format!("seat-{number:02}"))
}

pub(super) fn device(slug: &str, what: &str) -> Result<DeviceId> {
    format!("{slug}-{what}").parse().with_context(|| format!("no device id: {slug}-{what}"))
}

/// The centres as the store gives them back.
#[cfg(test)]
pub(super) fn centres() -> Result<Vec<Centre>> {
    numbered(CENTRES).map(|(number, row)| centre(number, row)).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn the_region_is_as_the_demo_needs_it() {
        assert!(CENTRES.len() >= 6);
        assert_eq!(CENTRES.iter().filter(|row| row.nursery.is_some()).count(), 2);
        for (number, row) in numbered(CENTRES) {
            let centre = centre(number, row).unwrap();
            assert_eq!(centre.id, centre_id(row.slug));
            assert!(!municipality_name(row.municipality).ja.is_empty(), "{}", row.municipality);
            assert!(row.note.0.contains("仮定") && row.note.1.contains("assumed"));
        }
        let seats: Vec<_> = spaces(1, &CENTRES[0])
            .unwrap()
            .into_iter()
            .map(|space| (space.label, space.terminal.unwrap().to_string()))
            .collect();
        assert_eq!(seats.len(), 6);
        assert_eq!(seats[0], ("A-01".to_owned(), "yokohama-seat-01".to_owned()));
        assert_eq!(seats[5], ("A-06".to_owned(), "yokohama-seat-06".to_owned()));
        let devices = devices(1, &CENTRES[0]).unwrap();
        let screen = devices.iter().find(|(device, _)| device.as_str() == "yokohama-staff-1");
        assert_eq!(screen.map(|(_, kind)| *kind), Some(DeviceKind::Staff));
    }

    #[test]
    fn yokohama_never_closes() {
        let opening = centres().unwrap().remove(0).opening;
        for holiday in holidays::all().unwrap() {
            assert_eq!(opening.on(holiday.date, Tokyo)[0].length().num_hours(), 24);
        }
    }
}
