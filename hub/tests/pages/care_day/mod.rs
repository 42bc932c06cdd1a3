//! A child's day in care, as its guardians, its nursery and its centre's operators see it.

use axum::http::{Method, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use hub::service::{children, vault};
use model::care::day::{
    CareEvent, CaregiverState, Claimed, HealthCheck, NotHandedOver, NotTakenIn, NoteBody, NoteKind,
    Sealed,
};
use model::care::file::{CollectsAs, NotCollecting};
use model::centre::Centre;
use model::door::{Side, Zone};
use model::id::{BookingId, ChildId, NurseryId, PersonId, ShiftId, VisitId};
use model::site_event::{Happening, Proof, SiteEvent};
use serde::Serialize;
use serde_json::json;
use store::{EventBatch, EventsTaken, KeyOwner};

use crate::support::{Browser, World, first_piece};

/// A child of the demo with care in Yokohama, and what the site there has told of it.
struct Day {
    world: World,
    centre: Centre,
    nursery: NurseryId,
    child: ChildId,
    booking: BookingId,
    parent: PersonId,
    staff: PersonId,
    told: u64,
}

impl Day {
    async fn new() -> (Self, Browser) {
        let world = World::new().await;
        let mut browser = world.signed_in("takahashi").await;
        let me = browser.get("/api/v1/me").await.json();
        let child: ChildId = me["children"][0]["id"].as_str().unwrap().parse().unwrap();
        let csrf = me["csrf_token"].as_str().unwrap().to_owned();
        let order = json!({
            "centre": "yokohama", "children": [child],
            "slots": [{"starts_at": "2026-12-04T01:00:00Z", "ends_at": "2026-12-04T05:00:00Z"}],
        });
        let headers = [("x-csrf-token", csrf.as_str())];
        let made = browser.api(Method::POST, "/api/v1/bookings", &headers, order).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        let booking = made.json()["id"].as_str().unwrap().parse().unwrap();
        let store = &world.hub.store;
        let centres = store.centres().await.unwrap();
        let centre = centres.into_iter().find(|one| one.slug.as_str() == "yokohama").unwrap();
        let nurseries = store.nurseries().await.unwrap();
        let nursery = nurseries.iter().find(|one| one.centre == centre.id).unwrap().id;
        let told = store.site_status(centre.id).await.unwrap().reached;
        let (parent, staff) = (world.person("takahashi").await, world.person("hoshino").await);
        let day = Self { centre, nursery, child, booking, parent, staff, told, world };
        // Sessions last for some hours; the day of the care is some days away.
        let ahead = at("12:00") - day.world.hub.now();
        day.world.clock.advance(ahead);
        let browser = day.world.signed_in("takahashi").await;
        (day, browser)
    }

    async fn seal<T: Serialize>(&self, value: &T) -> Sealed {
        let hub = &self.world.hub;
        let own = vault::key_for(hub, KeyOwner::Child(self.child)).await.unwrap();
        children::note_key(&own).seal(self.child, value, hub.random.as_ref()).unwrap()
    }

    async fn note(&self, kind: NoteKind, body: NoteBody) -> CareEvent {
        let body = Some(self.seal(&body).await);
        CareEvent::Noted { child: self.child, kind, body, staff: self.staff }
    }

    async fn tell(&mut self, events: Vec<(&str, CareEvent)>) {
        let care = events.into_iter().map(|(clock, care)| (clock, Happening::Care(care)));
        self.happened(care.collect()).await;
    }

    async fn happened(&mut self, events: Vec<(&str, Happening)>) {
        let now = self.world.hub.now();
        let events: Vec<SiteEvent> =
            events.into_iter().map(|(clock, what)| SiteEvent { at: at(clock), what }).collect();
        let many = u64::try_from(events.len()).unwrap();
        let batch = EventBatch {
            centre: self.centre.clone(),
            edge: "yokohama-edge".parse().unwrap(),
            first: self.told + 1,
            events,
            told_until: now,
            at: now,
            spare: Vec::new(),
        };
        self.told += many;
        let taken = self.world.hub.store.take_events(&batch).await.unwrap();
        assert_eq!(taken, EventsTaken::Reached(self.told));
    }

    async fn brought(&self) -> CareEvent {
        let check = HealthCheck {
            temperature: Some(366),
            unwell: false,
            remarks: "夜中に一度起きました".to_owned(),
        };
        CareEvent::DroppedOff {
            child: self.child,
            nursery: self.nursery,
            booking: self.booking,
            room: None,
            until: at("14:00"),
            brought_by: Some(self.parent),
            staff: None,
            check: self.seal(&check).await,
        }
    }
}

/// By the clock of the centre on the day of the care.
fn at(clock: &str) -> DateTime<Utc> {
    format!("2026-12-04T{clock}:00+09:00").parse().unwrap()
}

fn text(text: &str) -> NoteBody {
    NoteBody { text: text.to_owned(), ..NoteBody::default() }
}

fn has(html: &str, all: &[&str]) {
    for words in all {
        assert!(html.contains(words), "{words} is not in {html}");
    }
}

fn has_not(html: &str, all: &[&str]) {
    for words in all {
        assert!(!html.contains(words), "{words} is in {html}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guardians_read_the_day_and_staff_their_own_notes_too() {
    let (mut day, mut parent) = Day::new().await;
    let meal = NoteBody { eaten: Some(8), ..text("カレーをおかわり") };
    let refused = CareEvent::HandOverRefused {
        child: day.child,
        why: NotHandedOver::NotCollecting(NotCollecting::Stranger),
        who: None,
        staff: day.staff,
    };
    let slip = CareEvent::HandOverRefused {
        child: day.child,
        why: NotHandedOver::WrongPin,
        who: None,
        staff: day.staff,
    };
    let put_right = CareEvent::PutRight {
        child: day.child,
        why: Some(day.seal(&text("引き渡しの記録を忘れました")).await),
        staff: day.staff,
    };
    let collected = CareEvent::HandedOver {
        child: day.child,
        to: CollectsAs::Guardian(day.parent),
        by: Claimed::Pin,
        staff: day.staff,
        telephoned: false,
    };
    let not_taken = CareEvent::DropOffRefused {
        child: day.child,
        why: NotTakenIn::StaffLookFirst,
        check: Sealed("torn".to_owned()),
        staff: None,
    };
    let events = vec![
        ("09:50", not_taken),
        ("09:55", day.brought().await),
        ("10:00", CareEvent::Received { child: day.child, staff: day.staff }),
        ("10:10", CareEvent::LookedAt { child: day.child, staff: day.staff }),
        ("10:30", day.note(NoteKind::Meal, meal).await),
        ("10:40", day.note(NoteKind::Note, text("泣きやすいので注意")).await),
        ("10:50", day.note(NoteKind::ToGuardians, text("よく笑いました")).await),
        ("11:30", refused),
        ("11:35", slip),
        ("11:40", collected),
        ("11:45", put_right),
    ];
    day.tell(events).await;
    let page = format!("/children/{}", day.child);
    let hers = parent.get(&page).await.body;
    let both = [
        "先に保育者が様子を見ることになりました",
        "書かれた内容を開けません",
        "登園しました（高橋 彩さん）",
        "36.6℃",
        "夜中に一度起きました",
        "8割食べました",
        "カレーをおかわり",
        "よく笑いました",
        "お迎えをお断りしました：登録のない人",
        "本人確認ができませんでした：暗証番号の間違い",
        "お迎えが済みました（高橋 彩さん）",
        "在室の記録を直しました",
        "引き渡しの記録を忘れました",
    ];
    has(&hers, &both);
    has(&hers, &["きょうのようす"]);
    has_not(&hers, &["泣きやすい", "職員のメモ", "記入：", "星野"]);
    let order = ["登園しました", "8割食べました", "お迎えが済みました"];
    assert!(order.map(|words| hers.find(words).unwrap()).is_sorted(), "the newest is last");

    // A copy of their data says the same.
    let csrf = parent.get("/account/export").await.csrf();
    let copy = parent.post("/account/export", &[("csrf", csrf.as_str())]).await.json();
    let diary = copy["children"][0]["diary"].as_array().unwrap();
    assert_eq!(diary.len(), 9, "{diary:?}");
    assert_eq!(
        (&diary[1]["what"], &diary[1]["check"]["temperature"]),
        (&json!("dropped_off"), &json!(366))
    );
    assert_eq!((&diary[3]["kind"], &diary[3]["written"]["eaten"]), (&json!("meal"), &json!(8)));
    has_not(&copy.to_string(), &["泣きやすい", "c2Vh"]);

    let mut staff = day.world.signed_in("hoshino").await;
    let theirs = staff.get(&format!("{page}?nursery={}", day.nursery)).await.body;
    has(&theirs, &both);
    has(&theirs, &["泣きやすいので注意", "職員だけに見えます", "記入：星野 あかり"]);

    // Another day has its own, and one that cannot be read is today.
    let before = parent.get(&format!("{page}?day=2026-12-03")).await.body;
    has(&before, &["12月3日（木）のようす", "保育の記録はありません"]);
    has(&before, &["?day=2026-12-04"]);
    for odd in ["2026-12-05", "9999-99-99", "%3Cb%3E"] {
        has(&parent.get(&format!("{page}?day={odd}")).await.body, &["きょうのようす"]);
    }
    // Others' children are not there.
    let mut other = day.world.signed_in("ito").await;
    assert_eq!(other.get(&page).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn serious_incidents_are_listed_until_they_are_reported() {
    let (mut day, mut parent) = Day::new().await;
    let serious = NoteBody { serious: true, ..text("階段から落ちて骨折") };
    let events = vec![
        ("09:55", day.brought().await),
        ("10:30", day.note(NoteKind::Incident, text("すりむいた")).await),
        ("11:00", day.note(NoteKind::Incident, serious).await),
    ];
    day.tell(events).await;
    let page = format!("/nurseries/{}", day.nursery);
    let mut staff = day.world.signed_in("hoshino").await;
    let shown = staff.get(&page).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    has(
        &shown.body,
        &[
            "報告する事故",
            "階段から落ちて骨折",
            "12月5日（土）まで",
            "1月4日（月）まで",
            "name=\"report\" value=\"first\"",
        ],
    );
    has_not(&shown.body, &["すりむいた", "期限を過ぎています", "name=\"report\" value=\"second\""]);
    // Its guardians read it in the diary, whatever is reported.
    let hers = parent.get(&format!("/children/{}", day.child)).await.body;
    has(&hers, &["すりむいた", "階段から落ちて骨折", "自治体に報告する事故です"]);

    day.world.clock.advance(TimeDelta::days(2));
    let mut staff = day.world.signed_in("hoshino").await;
    let late = staff.get(&page).await;
    has(&late.body, &["期限を過ぎています"]);
    let (incident, csrf) = (day.told.to_string(), late.csrf());
    let form = |report: &'static str| {
        [("csrf", csrf.as_str()), ("incident", incident.as_str()), ("report", report)]
    };
    let path = format!("{page}/incidents");
    for (report, status) in [
        ("third", StatusCode::BAD_REQUEST),
        // Not before the first; who presses twice has reported once.
        ("second", StatusCode::SEE_OTHER),
        ("first", StatusCode::SEE_OTHER),
        ("first", StatusCode::SEE_OTHER),
    ] {
        let answer = staff.post(&path, &form(report)).await;
        assert_eq!(answer.status, status, "{report}: {}", answer.body);
    }
    let odd = [("csrf", csrf.as_str()), ("incident", "-1"), ("report", "first")];
    assert_eq!(staff.post(&path, &odd).await.status, StatusCode::BAD_REQUEST);
    let after = staff.get(&page).await.body;
    has(&after, &["12月6日（日）に報告済み", "name=\"report\" value=\"second\""]);
    has_not(&after, &["期限を過ぎています"]);
    assert_eq!(staff.post(&path, &form("second")).await.status, StatusCode::SEE_OTHER);
    has_not(&staff.get(&page).await.body, &["name=\"report\""]);

    // Each mark stands once in the record that the guardians read.
    let mut parent = day.world.signed_in("takahashi").await;
    let record = parent.get("/account/audit").await.body;
    assert_eq!(record.matches("事故報告の記録").count(), 2, "{record}");
    // Guardians do not mark, nor do others.
    let csrf = parent.get("/account").await.csrf();
    let form = [("csrf", csrf.as_str()), ("incident", incident.as_str()), ("report", "first")];
    assert!(parent.post(&path, &form).await.status.is_client_error());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nursery_is_watched_and_the_look_is_recorded_once() {
    let (mut day, mut parent) = Day::new().await;
    let brought = day.brought().await;
    day.tell(vec![("09:55", brought)]).await;
    let page = format!("/nurseries/{}", day.nursery);
    let mut staff = day.world.signed_in("hoshino").await;
    let looks = async |parent: &mut Browser| {
        let record = parent.get("/account/audit").await.body;
        record.matches("保育室の一日の表を見た").count()
    };
    let before = looks(&mut parent).await;
    let shown = staff.get(&page).await.body;
    has(&shown, &["id=\"nursery-live\"", "いまの保育室", "data-live=\"/nurseries/"]);
    let opened = looks(&mut parent).await;
    assert!(opened > before);
    let (_, live) = shown.split_once("data-live=\"").unwrap();
    let live = live.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
    let piece = first_piece(&staff, &live).await;
    has(&piece, &["event: block", "id=\"nursery-live\""]);
    assert_eq!(looks(&mut parent).await, opened, "the stream is the same look");
    // Another day has no now.
    has_not(&staff.get(&format!("{page}?day=2026-12-05")).await.body, &["nursery-live"]);
    for odd in ["", "?seen=x", "?seen=AAAA"] {
        has(&first_piece(&staff, &format!("{page}/live{odd}")).await, &["event: block"]);
    }
    let nowhere = format!("/nurseries/{}/live", day.world.hub.new_id().unwrap());
    assert_eq!(staff.get(&nowhere).await.status, StatusCode::NOT_FOUND);
    assert_eq!(parent.get(&format!("{page}/live")).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recalled_booking_says_that_it_is_not_charged() {
    let (mut day, mut parent) = Day::new().await;
    let why = day.seal(&text("38.2度")).await;
    let recalled =
        CareEvent::Recalled { child: day.child, booking: day.booking, why, staff: day.staff };
    let events = vec![("09:55", day.brought().await), ("11:15", recalled)];
    day.tell(events).await;
    let booking = parent.get(&format!("/api/v1/bookings/{}", day.booking)).await.json();
    assert_eq!(booking["care"][0]["refunded_at"], "2026-12-04T02:15:00Z");
    assert_eq!(booking["desks"][0]["refunded_at"], "2026-12-04T02:15:00Z");
    let page = parent.get(&format!("/bookings/{}", day.booking)).await.body;
    has(&page, &["11:15からあとの料金はかかりません（体調不良のお迎え）"]);
    // Why is not for the operators of the centre.
    let mut operator = day.world.signed_in("kobayashi").await;
    let theirs = operator.get(&format!("/bookings/{}", day.booking)).await.body;
    has(&theirs, &["11:15からあとの料金はかかりません"]);
    has_not(&theirs, &["体調不良"]);
    // While the child is there, nobody gives its booking up.
    let kept = ["お子さまをお預かりしています", "お迎えのあとで取り消せます"];
    let path = format!("/bookings/{}/cancel", day.booking);
    let csrf = parent.get(&path).await.csrf();
    let answer = parent.post(&path, &[("csrf", csrf.as_str())]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    has(&answer.body, &kept);
    has_not(&answer.body, &["いま席を利用中です"]);
    let hers = parent.get(&format!("/children/{}", day.child)).await.body;
    has(&hers, &["体調不良のため、お迎えをお願いしました", "38.2度"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_was_booked_after_the_page_was_opened_is_looked_at_then() {
    let (mut day, mut parent) = Day::new().await;
    let store = day.world.hub.store.clone();
    let now = day.world.hub.now();
    store.cancel(day.booking, &day.centre, now, &[]).await.unwrap().unwrap();
    let page = format!("/nurseries/{}", day.nursery);
    let mut staff = day.world.signed_in("hoshino").await;
    let shown = staff.get(&page).await.body;
    let (_, live) = shown.split_once("data-live=\"").unwrap();
    let live = live.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
    let me = parent.get("/api/v1/me").await.json();
    let csrf = me["csrf_token"].as_str().unwrap().to_owned();
    let order = json!({
        "centre": "yokohama", "children": [day.child],
        "slots": [{"starts_at": "2026-12-04T03:15:00Z", "ends_at": "2026-12-04T05:00:00Z"}],
    });
    let headers = [("x-csrf-token", csrf.as_str())];
    let made = parent.api(Method::POST, "/api/v1/bookings", &headers, order).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    day.booking = made.json()["id"].as_str().unwrap().parse().unwrap();
    let brought = day.brought().await;
    day.tell(vec![("12:00", brought)]).await;
    let looks = async |parent: &mut Browser| {
        let record = parent.get("/account/audit").await.body;
        record.matches("保育室の一日の表を見た").count()
    };
    let before = looks(&mut parent).await;
    let piece = first_piece(&staff, &live).await;
    has(&piece, &[&format!("/children/{}", day.child)]);
    assert_eq!(looks(&mut parent).await, before + 1, "its name was not on the page before");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_read_who_is_in_with_a_number_of_children_and_no_name() {
    let (mut day, mut parent) = Day::new().await;
    let children = parent.get("/api/v1/me").await.json()["children"].clone();
    let name = children[0]["name"].as_str().unwrap().to_owned();
    let bookings = day.world.hub.store.bookings_of(day.parent, at("09:00")).await.unwrap();
    let booking = bookings.into_iter().find(|one| one.id == day.booking).unwrap();
    let visit = VisitId(uuid::Uuid::from_u128(0x51));
    let checked_in = Happening::CheckedIn {
        visit,
        person: day.parent,
        booking: day.booking,
        space: booking.desks[0].space,
        by: Proof::Code,
    };
    day.happened(vec![("09:50", checked_in)]).await;
    day.tell(vec![("09:55", day.brought().await)]).await;

    let path = "/operations/yokohama/muster";
    let mut operator = day.world.signed_in("kobayashi").await;
    let page = operator.get(path).await.body;
    has(
        &page,
        &["高橋 彩", "9:50 入館", "うち保護者が館内にいる子ども 1人", "集合場所で必ず数えて"],
    );
    has_not(&page, &[&name]);
    let ends = format!("/operations/yokohama/order?order=end_visit&amp;visit={visit}");
    has(&page, &[&ends]);
    let asked = operator.get(&ends.replace("&amp;", "&")).await.body;
    has(&asked, &["この利用を終えますか", "高橋 彩", "そのままお預かりします"]);
    has(
        &page,
        &["利用者 <strong>1人</strong>、子ども <strong>1人</strong>、保育者 <strong>0人</strong>"],
    );
    has_not(&page, &["カードで入った職員"]);

    // Whoever works there is no guest, and may be one of the caregivers: nothing is counted twice.
    let here = CareEvent::Caregiver {
        nursery: day.nursery,
        shift: ShiftId(uuid::Uuid::from_u128(0x52)),
        state: CaregiverState::Here,
        staff: day.staff,
    };
    let through = Happening::LetThrough {
        door: "yokohama-entrance".parse().unwrap(),
        reader: "yokohama-entrance-reader".parse().unwrap(),
        zone: Zone::House,
        side: Side::Outside,
        person: Some(day.staff),
        credential: None,
        twice: false,
    };
    day.happened(vec![("11:58", through), ("11:59", Happening::Care(here))]).await;
    let page = operator.get(path).await.body;
    has(
        &page,
        &[
            "利用者 <strong>1人</strong>、子ども <strong>1人</strong>、保育者 <strong>1人</strong>、",
            "カードで入った職員 <strong>1人</strong>",
            "二重に数えないよう",
            "11:58 扉から入室",
        ],
    );
    let guests = page.split("id=\"people-h\"").nth(1).unwrap().split("</table>").next().unwrap();
    has(guests, &["高橋 彩"]);
    has_not(guests, &["星野"]);
    has(&page, &["星野"]);

    operator.language = "en";
    let page = operator.get(&format!("{path}?lang=en")).await.body;
    has(&page, &["Who is in", "Count heads", "1 of them with a guardian in the house"]);
    has(&page, &["caregivers <strong>1</strong>, staff by card <strong>1</strong>"]);
    has_not(&page, &[&name]);

    // Who looks after the children reads their names elsewhere, and runs no house.
    let mut staff = day.world.signed_in("hoshino").await;
    assert_eq!(staff.get(path).await.status, StatusCode::FORBIDDEN);
    assert_eq!(parent.get(path).await.status, StatusCode::FORBIDDEN);
}
