//! A fresh database with a small region in it, and short words for what the cases need.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, TimeZone, Utc, Weekday};
use model::booking::{Booking, BookingCode};
use model::care::terms::Terms;
use model::centre::{Centre, CentreKind, CentreSettings, Nursery, Space, SpaceKind};
use model::id::{
    BookingId, CentreId, ChildId, EmployerId, HouseholdId, MunicipalityId, NurseryId, PersonId,
    SpaceId,
};
use model::interval::Interval;
use model::language::{Language, LocalText};
use model::opening::{DayKind, OpeningHours, OpeningRules};
use model::people::{Grant, Person};
use sqlx::ConnectOptions as _;
use store::{BookResult, BookingOrder, Employer, EmployerKind, LiveClaims, SealedChild, Store};
use store_postgres::PostgresStore;
use store_sqlite::SqliteStore;
use tests::folder::Folder;
use tests::postgres::Postgres;
use tests::truth::Truth;
use uuid::Uuid;

/// A fresh database with a region in it.
pub struct Ground {
    pub store: Arc<dyn Store>,
    pub raw: Truth,
    pub town: MunicipalityId,
    pub employer: EmployerId,
    next: AtomicU64,
    _folder: Option<Folder>,
}

/// A region in a new SQLite file, in a folder that does not exist yet.
pub async fn on_sqlite() -> Ground {
    let folder = Folder::new("store");
    let url = format!("sqlite:{}", folder.join("deeper/hub.db").display());
    let store = SqliteStore::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
    let raw = Truth::open(&url).await;
    settle(Arc::new(store), raw, Some(folder)).await
}

/// A region in a new PostgreSQL database.
pub async fn on_postgres() -> Ground {
    let server = tokio::task::spawn_blocking(Postgres::shared).await.unwrap().unwrap();
    let url = server.create_database().await.unwrap();
    let store = PostgresStore::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
    let raw = Truth::open(&url).await;
    settle(Arc::new(store), raw, None).await
}

async fn settle(store: Arc<dyn Store>, raw: Truth, folder: Option<Folder>) -> Ground {
    let town = MunicipalityId(Uuid::from_u128(1));
    store.add_municipality(town, &LocalText::new("横浜市", "Yokohama")).await.unwrap();
    let employer = EmployerId(Uuid::from_u128(2));
    let name = LocalText::new("株式会社みなと", "Minato K.K.");
    let kind = EmployerKind::Company;
    store.add_employer(&Employer { id: employer, name, kind, approves: false }).await.unwrap();
    Ground { store, raw, town, employer, next: AtomicU64::new(3), _folder: folder }
}

impl Ground {
    /// A number that was not given before.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// An id that was not given before, far from the others.
    pub fn id(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.number()) << 64)
    }

    /// A centre that never closes.
    pub async fn centre(&self) -> Centre {
        let id = self.id();
        let days = [
            Weekday::Mon,
            Weekday::Tue,
            Weekday::Wed,
            Weekday::Thu,
            Weekday::Fri,
            Weekday::Sat,
            Weekday::Sun,
        ];
        let hours = days
            .map(DayKind::Weekday)
            .into_iter()
            .chain([DayKind::Holiday])
            .map(|day| OpeningHours { day, opens: 0, closes: 1440 })
            .collect();
        let centre = Centre {
            id: CentreId(id),
            slug: format!("centre-{}", self.number()).parse().unwrap(),
            name: LocalText::new("拠点", "Centre"),
            municipality: self.town,
            kind: CentreKind::TeleworkCentre,
            address: LocalText::new("横浜市中区", "Naka, Yokohama"),
            position: (35.443_708, 139.638_026),
            source_note: LocalText::new("仮定", "assumed"),
            time_zone: chrono_tz::Asia::Tokyo,
            settings: CentreSettings::default(),
            settings_version: 1,
            opening: OpeningRules { hours, ..OpeningRules::default() },
        };
        self.store.add_centre(&centre).await.unwrap();
        centre
    }

    /// A space of a centre.
    pub async fn space(&self, centre: &Centre, kind: SpaceKind) -> SpaceId {
        let id = SpaceId(self.id());
        let space = Space {
            id,
            centre: centre.id,
            kind,
            label: format!("A-{:04}", self.number()),
            zone: LocalText::new("窓側", "By the window"),
            terminal: None,
            features: Default::default(),
            row: 0,
        };
        self.store.add_space(&space).await.unwrap();
        id
    }

    /// A centre with so many desks, by label.
    pub async fn centre_with_desks(&self, desks: usize) -> (Centre, Vec<SpaceId>) {
        let centre = self.centre().await;
        let mut spaces = Vec::new();
        for _ in 0..desks {
            spaces.push(self.space(&centre, SpaceKind::Desk).await);
        }
        (centre, spaces)
    }

    /// A nursery of a centre.
    pub async fn nursery(&self, centre: &Centre, places: u32) -> NurseryId {
        let id = NurseryId(self.id());
        let name = LocalText::new("保育室", "Nursery");
        let nursery = Nursery {
            id,
            centre: centre.id,
            name,
            places,
            walking_minutes: 3,
            staffing: None,
            terms: Terms::default(),
        };
        self.store.add_nursery(&nursery).await.unwrap();
        id
    }

    /// Somebody.
    pub async fn person(&self) -> PersonId {
        let id = PersonId(self.id());
        let person = Person {
            id,
            email: format!("person-{}@example.jp", self.number()),
            name: "山田 花子".to_owned(),
            language: Language::Ja,
            grants: vec![Grant::Worker { employer: Some(self.employer) }.into()],
        };
        self.store.add_person(&person, None).await.unwrap();
        id
    }

    /// The household that somebody answers in.
    pub async fn household(&self, guardian: PersonId) -> HouseholdId {
        if let Some(&known) = self.store.households_of(guardian).await.unwrap().first() {
            return known;
        }
        let id = HouseholdId(self.id());
        self.store.found_household(id, guardian, at(0, 0)).await.unwrap();
        id
    }

    /// A child of somebody's.
    pub async fn child(&self, guardian: PersonId) -> ChildId {
        let id = ChildId(self.id());
        let household = self.household(guardian).await;
        let child = SealedChild { id, household, sealed: vec![7; 40] };
        self.store.add_child(&child).await.unwrap();
        id
    }

    /// An order of one desk.
    pub fn order(&self, person: PersonId, centre: &Centre, slots: &[Interval]) -> BookingOrder {
        let made = (BookingId(self.id()), BookingCode::from_random(self.number()));
        BookingOrder {
            on_account_of: Some(self.employer),
            ..BookingOrder::of_desk(made, person, centre, slots.to_vec(), (1, 2), at(0, 0))
        }
    }

    /// Books what has to have room.
    pub async fn book(&self, order: &BookingOrder) -> Booking {
        match self.store.book(order).await.unwrap() {
            BookResult::Made(booking) => booking,
            other => panic!("not made: {other:?}"),
        }
    }

    /// The live claims of every centre.
    pub async fn claims_in(&self, window: &Interval) -> LiveClaims {
        let centres = self.store.centres().await.unwrap();
        let ids: Vec<CentreId> = centres.iter().map(|centre| centre.id).collect();
        self.store.claims_at(&ids, window).await.unwrap()
    }

    /// A second hub's store on the same database, where that may be.
    pub async fn another_hub(&self) -> Option<Arc<dyn Store>> {
        match &self.raw {
            Truth::Sqlite(_) => None,
            Truth::Postgres(pool) => {
                let url = pool.connect_options().to_url_lossy();
                Some(Arc::new(PostgresStore::open(url.as_str()).await.unwrap()))
            }
        }
    }

    /// How many pairs of live claims overlap that must not.
    pub async fn overlaps(&self) -> i64 {
        self.raw.overlaps().await
    }
}

/// The hour `hour` (in Tokyo) of the day `day` after Monday, 5 April 2027.
pub fn at(day: i64, hour: i64) -> DateTime<Utc> {
    let monday = Utc.with_ymd_and_hms(2027, 4, 4, 15, 0, 0).unwrap();
    monday + TimeDelta::days(day) + TimeDelta::hours(hour)
}

/// From hour to hour of a day.
pub fn slot(day: i64, from: i64, to: i64) -> Interval {
    Interval::new(at(day, from), at(day, to)).unwrap()
}
