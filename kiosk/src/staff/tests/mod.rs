#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod board;
mod day;
mod guardians;
mod handing;
mod house;
mod signing;
mod telling;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request as HttpRequest;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use model::care::board::*;
use model::care::day::{CareAlarm, CaregiverState};
use model::care::file::{CollectsAs, NotCollecting};
use model::care::intake::{Lack, Lacking};
use model::child::Contact;
use model::clock::ManualClock;
use model::id::*;
use model::interval::Interval;
use model::language::{Language, LocalText};
use tower::ServiceExt as _;
use uuid::Uuid;
use wire::nursery::*;
use wire::request::{Answer, Card, Request, Secret};

use super::router;
use super::screen::{IDLE, Staff};
use crate::pages::House;
use crate::site::{Silent, Site};

/// A site with one nursery. Whatever is not about signing in or looking is answered with `next`.
pub(super) struct Fake {
    pub next: Mutex<Result<StaffAnswer, Silent>>,
    pub board: Mutex<Result<StaffAnswer, Silent>>,
    pub sign_in: Mutex<Result<StaffAnswer, Silent>>,
    pub child: Mutex<Result<StaffAnswer, Silent>>,
    pub asked: Mutex<Vec<Request>>,
    /// What happens while the site is asked about a PIN.
    pub meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

#[async_trait]
impl Site for Fake {
    async fn ask(&self, request: &Request) -> Result<Answer, Silent> {
        let of = |answer: &Mutex<Result<StaffAnswer, Silent>>| answer.lock().unwrap().clone();
        let answer = match request {
            Request::StaffIn { .. } => {
                if let Some(happens) = self.meanwhile.lock().unwrap().take() {
                    happens();
                }
                of(&self.sign_in)
            }
            Request::Staff { wants: StaffAsk::Board, .. } => {
                return of(&self.board).map(Answer::Staff);
            }
            Request::Staff { wants: StaffAsk::Child { .. }, .. } => of(&self.child),
            Request::Staff { wants: StaffAsk::SignOut, .. } => Ok(StaffAnswer::Done),
            _ => of(&self.next),
        };
        self.asked.lock().unwrap().push(request.clone());
        answer.map(Answer::Staff)
    }
}

impl Fake {
    fn new() -> Arc<Self> {
        let (session, name) = (Secret("s3ss10n".to_owned()), "佐藤 みどり".to_owned());
        Arc::new(Self {
            next: Mutex::new(Ok(StaffAnswer::Done)),
            board: Mutex::new(Ok(StaffAnswer::Board(Box::new(board())))),
            sign_in: Mutex::new(Ok(StaffAnswer::SignedIn { session, name })),
            child: Mutex::new(Ok(StaffAnswer::Child(Box::new(seen())))),
            asked: Mutex::default(),
            meanwhile: Mutex::default(),
        })
    }

    fn says(&self, answer: StaffAnswer) {
        *self.next.lock().unwrap() = Ok(answer);
    }

    fn is_silent(&self) {
        *self.next.lock().unwrap() = Err(Silent("no line".to_owned()));
    }

    /// What was asked since this was asked last, without signing in and looking.
    fn wanted(&self) -> Vec<StaffAsk> {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        let wants = |request| match request {
            Request::Staff { wants: StaffAsk::Child { .. }, .. } => None,
            Request::Staff { wants, session } => {
                assert_eq!(session.0, "s3ss10n");
                Some(wants)
            }
            _ => None,
        };
        asked.into_iter().filter_map(wants).collect()
    }

    /// How often the child was looked at.
    fn looks(&self) -> usize {
        let asked = self.asked.lock().unwrap();
        let look = |request: &&Request| {
            matches!(request, Request::Staff { wants: StaffAsk::Child { .. }, .. })
        };
        asked.iter().filter(look).count()
    }
}

pub(super) fn house() -> House {
    House {
        name: LocalText::new("横浜テレワークセンター", "Yokohama Telework Centre"),
        zone: chrono_tz::Asia::Tokyo,
        scanner: true,
        clock: Arc::new(ManualClock::at(at("01:00"))),
        telephone: Some("045-000-0000".to_owned()),
    }
}

/// A screen at which nobody is signed in.
fn screen() -> (Router, Staff, Arc<Fake>) {
    let fake = Fake::new();
    let staff = Staff::new(Language::Ja, fake.clone(), IDLE);
    staff.set_site(true);
    staff.set_reader(true);
    (router(staff.clone(), house()), staff, fake)
}

/// A screen at which somebody is signed in.
pub(super) async fn signed_in() -> (Router, Staff, Arc<Fake>) {
    let (router, staff, fake) = screen();
    staff.on_card(card("04a1")).await;
    staff.sign_in("2468").await;
    fake.asked.lock().unwrap().clear();
    (router, staff, fake)
}

fn card(identifier: &str) -> Card {
    Card::Identifier { identifier: Secret(identifier.to_owned()) }
}

pub(super) fn at(time: &str) -> DateTime<Utc> {
    format!("2026-11-24T{time}:00Z").parse().unwrap()
}

pub(super) fn child(n: u128) -> ChildId {
    ChildId(Uuid::from_u128(n))
}

pub(super) fn shift(n: u128) -> ShiftId {
    ShiftId(Uuid::from_u128(100 + n))
}

fn room(n: u128) -> RoomId {
    RoomId(Uuid::from_u128(200 + n))
}

fn mother() -> CollectsAs {
    CollectsAs::Guardian(PersonId(Uuid::from_u128(301)))
}

fn between(from: &str, until: &str) -> Interval {
    Interval::new(at(from), at(until)).unwrap()
}

pub(super) fn board() -> Board {
    let nursery = NurseryId(Uuid::from_u128(50));
    let in_care = |received, asleep| ChildState::InCare {
        since: at("00:05"),
        received,
        asleep,
        recalled: None,
    };
    let states = [
        in_care(false, None),
        in_care(true, Some((at("00:40"), at("00:50")))),
        in_care(true, None),
        ChildState::Expected,
        ChildState::Expected,
        ChildState::Collected { at: at("00:55") },
    ];
    let names = ["山田 はな", "鈴木 そら", "高橋 りく", "田中 ゆい", "伊藤 あお", "渡辺 めい"];
    let years = [2, 0, 3, 1, 4, 2];
    let count = |children, staff, need| Count { children, staff, need };
    let quarter = |minute: i64, count, short| Quarter {
        from: at("01:15") + chrono::TimeDelta::minutes(minute),
        count,
        short,
    };
    let alarm = |alarm, ask| AlarmView { alarm, since: at("00:58"), ask };
    let short_soon = CareAlarm::ShortSoon {
        nursery,
        what: Lacking::LiveStaff,
        from: at("03:00"),
        until: at("03:45"),
        have: 1,
        need: 2,
    };
    let caregiver = |n, state| CaregiverView {
        shift: shift(n),
        when: between("00:00", "08:00"),
        breaks: vec![between("03:00", "03:45")],
        state,
    };
    let view = NurseryView {
        nursery,
        staffed: true,
        now: count(3, 2, 2),
        lacks: Vec::new(),
        quarters: vec![
            quarter(0, count(3, 2, 2), false),
            quarter(15, count(3, 2, 2), false),
            quarter(30, count(4, 2, 2), false),
            quarter(45, count(5, 1, 2), true),
            quarter(60, count(5, 1, 2), true),
            quarter(75, count(5, 3, 2), false),
        ],
        rooms: vec![
            RoomCount { room: room(1), by_age: vec![(0, 1), (2, 1)] },
            RoomCount { room: room(2), by_age: vec![(3, 1)] },
        ],
        children: states
            .iter()
            .enumerate()
            .map(|(n, state)| ChildView {
                child: child(n as u128 + 1),
                booking: BookingId(Uuid::from_u128(400)),
                when: between(if n == 3 { "02:00" } else { "01:30" }, "08:00"),
                room: Some(room(if years[n] < 3 { 1 } else { 2 })),
                state: *state,
            })
            .collect(),
        caregivers: vec![
            caregiver(1, Some((CaregiverState::Here, at("00:00")))),
            caregiver(2, Some((CaregiverState::OnBreak, at("00:45")))),
            caregiver(3, None),
            caregiver(4, Some((CaregiverState::Gone, at("00:30")))),
        ],
        alarms: vec![
            alarm(short_soon, vec![shift(3), shift(4)]),
            alarm(CareAlarm::NapCheck { child: child(2) }, Vec::new()),
            alarm(CareAlarm::GuardianOut { child: child(3) }, Vec::new()),
        ],
    };
    let children = names
        .iter()
        .enumerate()
        .map(|(n, name)| BoardChild {
            child: child(n as u128 + 1),
            name: (*name).to_owned(),
            years: years[n],
            allergies: match n {
                0 => Some("卵・乳".to_owned()),
                2 => None,
                _ => Some(String::new()),
            },
            look_by: (n == 1).then(|| at("00:55")),
        })
        .collect();
    let named = |n, name: &str| (shift(n), name.to_owned(), "保育士".to_owned());
    Board {
        at: at("01:00"),
        fresh: at("00:59"),
        telephone_first: false,
        staff: "佐藤 みどり".to_owned(),
        nurseries: vec![NurseryBoard {
            name: LocalText::new("さくら保育室", "Sakura Nursery"),
            view,
            rooms: vec![
                (room(1), LocalText::new("ひよこ組", "Chicks")),
                (room(2), LocalText::new("うさぎ組", "Rabbits")),
            ],
            children,
            caregivers: vec![
                named(1, "佐藤 みどり"),
                named(2, "中村 けい"),
                named(3, "小林 なお"),
                named(4, "加藤 ゆう"),
            ],
        }],
    }
}

pub(super) fn seen() -> ChildSeen {
    let collector =
        |who, name: &str, relation: &str, telephone: Option<&str>, has_pin, not| SeenCollector {
            who,
            name: name.to_owned(),
            relation: relation.to_owned(),
            telephone: telephone.map(str::to_owned),
            has_pin,
            not,
        };
    let named = |n| CollectsAs::Named(CollectorId(Uuid::from_u128(n)));
    ChildSeen {
        child: child(1),
        name: "山田 はな".to_owned(),
        born: "2024-05-02".parse().unwrap(),
        allergies: "卵・乳（少しでも）".to_owned(),
        notes: "眠る前に抱っこをせがみます。".to_owned(),
        doctor: "港こどもクリニック 045-111-1111".to_owned(),
        contacts: vec![Contact {
            name: "山田 花子".to_owned(),
            relation: "母".to_owned(),
            telephone: "090-1111-2222".to_owned(),
        }],
        health_given: true,
        collectors: vec![
            collector(mother(), "山田 花子", "", Some("090-1111-2222"), true, None),
            collector(named(302), "山田 正", "祖父", Some("090-3333-4444"), true, None),
            collector(named(303), "山田 健", "おじ", None, false, Some(NotCollecting::Over)),
        ],
        barred: vec!["山田 太郎".to_owned()],
    }
}

fn page(rest: &str) -> String {
    format!("/child/{}{rest}", child(1))
}

fn change(fake: &Fake, change: impl FnOnce(&mut Board)) {
    let mut board = board();
    change(&mut board);
    *fake.board.lock().unwrap() = Ok(StaffAnswer::Board(Box::new(board)));
}

async fn get(router: &Router, path: &str) -> (StatusCode, String) {
    send(router, HttpRequest::get(path).body(Body::empty()).unwrap()).await
}

async fn post(router: &Router, path: &str, form: &str) -> (StatusCode, String) {
    let request =
        HttpRequest::post(path).header("content-type", "application/x-www-form-urlencoded");
    send(router, request.body(Body::from(form.to_owned())).unwrap()).await
}

async fn send(router: &Router, request: HttpRequest) -> (StatusCode, String) {
    let response: Response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// The page at `path`, and what follows it by itself.
async fn open(router: &Router, path: &str) -> (String, axum::body::BodyDataStream) {
    let page = get(router, path).await.1;
    let live = page.split("data-live=\"").nth(1).unwrap().split('"').next().unwrap();
    let live = live.replace("&#38;", "&").replace("&amp;", "&");
    let request = HttpRequest::get(live).body(Body::empty()).unwrap();
    (page, router.clone().oneshot(request).await.unwrap().into_body().into_data_stream())
}

/// The next block that follows within two seconds.
async fn next_block(stream: &mut axum::body::BodyDataStream) -> Option<String> {
    let block = async {
        loop {
            let text = String::from_utf8(stream.next().await?.unwrap().to_vec()).unwrap();
            // What everybody in the house has to know comes by itself, and is no answer to anything.
            if text.contains("event: block") && text.contains("id=\"screen\"") {
                return Some(text);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(2), block).await.ok()?
}
