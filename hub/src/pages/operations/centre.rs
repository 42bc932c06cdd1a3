//! A centre as it is this minute. The page and its updates are written by the same blocks of the
//! same template.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use futures::{Stream, stream};
use model::access::RefusalKind;
use model::care::board::NurseryView;
use model::care::day::{CareAlarm, CareEvent, CaregiverState};
use model::centre::Centre;
use model::id::{CentreId, PersonId, SpaceId};
use model::interval::Interval;
use model::permission::{Action, Target, may};
use model::site_event::{Happening, Proof, SiteEvent};
use model::terminal::TerminalState;
use tokio::sync::watch;
use tokio::time::timeout;
use twin::{DoorView, LockLevel, SpaceState, SpaceView, View};

use crate::hub::Hub;
use crate::live::LiveView;
use crate::pages::frame::{Frame, Part};
use crate::pages::nurseries::live::alarm_words;
use crate::pages::{html, words};
use crate::service::atlas::Atlas;
use crate::service::{Caller, Refused, allow, approvals, house, session};
use crate::web::Web;

/// How often the page is told that the line stands, and whoever watches is asked whether they still may:
/// what is taken from somebody is gone from their screen within five seconds.
const PING: Duration = Duration::from_secs(3);
/// A site that was not heard of for so long is shown as away.
const AWAY: TimeDelta = TimeDelta::minutes(2);
/// How many events are shown.
const EVENTS: usize = 12;

#[derive(Template)]
#[template(path = "operations/centre.html")]
struct Page {
    f: Frame,
    slug: String,
    name: String,
    zone: String,
    desk: Desk,
    now: Shown,
}

/// The ways to what else an operator decides here, with how much waits.
struct Desk {
    approvals: Option<usize>,
    closures: Option<usize>,
    quotas: bool,
    nursery: Option<String>,
}

/// The first part that changes: a sentence for those who listen.
#[derive(Template)]
#[template(path = "operations/centre.html", block = "summary")]
struct Summary<'a> {
    f: &'a Frame,
    now: &'a Shown,
}

/// The second part that changes: everything to look at.
#[derive(Template)]
#[template(path = "operations/centre.html", block = "live")]
struct Blocks<'a> {
    f: &'a Frame,
    now: &'a Shown,
}

/// What is shown of a centre.
struct Shown {
    online: bool,
    heard: Option<String>,
    inside: usize,
    free: usize,
    spaces: usize,
    open_doors: usize,
    in_care: usize,
    care_places: Option<u32>,
    nurseries: Vec<NurseryShown>,
    coming: usize,
    sheet: Sheet,
    doors: Vec<DoorShown>,
    zones: Vec<(String, Vec<SeatShown>)>,
    events: Vec<EventShown>,
}

/// Whether the site works from the newest sheet.
enum Sheet {
    None,
    Newest,
    Older,
}

/// A nursery as its operators see it: numbers, and no child's name.
struct NurseryShown {
    name: String,
    children: u32,
    staff: u32,
    need: u32,
    staffed: bool,
    short: bool,
    alarms: Vec<(String, usize)>,
}

struct DoorShown {
    state: &'static str,
    icon: &'static str,
    name: String,
    words: &'static str,
}

struct SeatShown {
    state: &'static str,
    label: String,
    words: &'static str,
    until: Option<String>,
    terminal: Option<(&'static str, &'static str)>,
}

struct EventShown {
    alert: bool,
    time: String,
    icon: &'static str,
    what: String,
    more: Option<String>,
}

/// `/operations/{slug}`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
) -> Result<Response, Refused> {
    let (atlas, centre) = find(&web, &caller, &slug).await?;
    let receiver = watch(&web.hub, centre.id).await?;
    let view = receiver.borrow().clone();
    let mut eye = Eye::new(web.hub.clone(), atlas, centre, &caller);
    let now = eye.look(&view).await?;
    let page = Page {
        slug: eye.centre.slug.to_string(),
        name: eye.f.get(&eye.centre.name).to_owned(),
        zone: eye.centre.time_zone.name().to_owned(),
        desk: desk(&web, &caller, &eye.centre, &eye.atlas).await?,
        now,
        f: eye.f,
    };
    Ok(html(StatusCode::OK, &page))
}

async fn desk(web: &Web, caller: &Caller, centre: &Centre, atlas: &Atlas) -> Result<Desk, Refused> {
    let here = Target::at(centre.id);
    let approvals = if may(&caller.actor, Action::ApproveBooking, &here) {
        Some(approvals::at_centre(&web.hub, caller, centre.id).await?.len())
    } else {
        None
    };
    let now = web.hub.now();
    let mut closures = atlas.closures.iter();
    let closures = may(&caller.actor, Action::ManageHouse, &here).then(|| {
        closures.by_ref().filter(|one| one.centre == centre.id && now < one.when.ends()).count()
    });
    let nursery = atlas.nursery(centre.id).map(|nursery| nursery.id.to_string());
    let nursery = nursery.filter(|_| may(&caller.actor, Action::ManageShifts, &here));
    Ok(Desk { approvals, closures, quotas: house::decides_for_all(caller), nursery })
}

/// `/operations/{slug}/live`: the page's blocks, now and whenever something happens. Ends with the
/// session, and when the hub stops.
pub async fn live(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
) -> Result<Response, Refused> {
    let (atlas, centre) = find(&web, &caller, &slug).await?;
    let receiver = watch(&web.hub, centre.id).await?;
    let eye = Eye::new(web.hub.clone(), atlas, centre, &caller);
    Ok(Sse::new(events(eye, receiver, caller)).into_response())
}

async fn find(web: &Web, caller: &Caller, slug: &str) -> Result<(Arc<Atlas>, Centre), Refused> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let centre = atlas.named(slug).ok_or(Refused::NotFound)?.clone();
    allow(caller, Action::SeeLiveCentre, &Target::at(centre.id))?;
    Ok((atlas, centre))
}

async fn watch(hub: &Hub, centre: CentreId) -> Result<watch::Receiver<Arc<LiveView>>, Refused> {
    hub.live.watch(hub, centre).await.map_err(|error| {
        tracing::error!(%error, "a centre cannot be watched");
        Refused::Inner("a centre cannot be watched")
    })
}

fn events(
    eye: Eye,
    receiver: watch::Receiver<Arc<LiveView>>,
    caller: Caller,
) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(
        (eye, receiver, caller, true),
        |(mut eye, mut receiver, caller, first)| async move {
            let changed = if first { Ok(Ok(())) } else { timeout(PING, receiver.changed()).await };
            eye.still_allowed(&caller).await?;
            let event = match changed {
                Ok(Ok(())) => {
                    let view = receiver.borrow_and_update().clone();
                    Event::default().event("block").data(eye.blocks(&view).await?)
                }
                Ok(Err(_closed)) => return None,
                Err(_quiet) => Event::default().event("ping").data(""),
            };
            Some((Ok(event), (eye, receiver, caller, false)))
        },
    )
}

/// Turns a mirror's view into what is shown; remembers the names it has looked up.
struct Eye {
    hub: Hub,
    atlas: Arc<Atlas>,
    centre: Centre,
    f: Frame,
    names: BTreeMap<PersonId, String>,
}

impl Eye {
    /// None once the session has ended or the right to look was taken back.
    async fn still_allowed(&self, caller: &Caller) -> Option<()> {
        let now = session::again(&self.hub, caller).await.ok()??;
        may(&now.actor, Action::SeeLiveCentre, &Target::at(self.centre.id)).then_some(())
    }

    fn new(hub: Hub, atlas: Arc<Atlas>, centre: Centre, caller: &Caller) -> Self {
        Self { hub, atlas, centre, f: Frame::new(caller, Part::Operations), names: BTreeMap::new() }
    }

    /// The blocks as HTML, or nothing when they cannot be made: then the stream ends and the page
    /// says that it is not live.
    async fn blocks(&mut self, view: &LiveView) -> Option<String> {
        let now = self
            .look(view)
            .await
            .inspect_err(|error| tracing::error!(%error, "a live page stopped"))
            .ok()?;
        let summary = Summary { f: &self.f, now: &now }.render().ok()?;
        let blocks = Blocks { f: &self.f, now: &now }.render().ok()?;
        Some(format!("{summary}{blocks}").replace('\r', ""))
    }

    async fn look(&mut self, live: &LiveView) -> Result<Shown, Refused> {
        self.learn_names(&live.view).await?;
        let now = self.hub.now();
        let zone = self.centre.time_zone;
        let (in_care, coming) = self.plan(now).await?;
        let View { spaces, doors, people_inside, recent, .. } = &live.view;
        let with = |state| spaces.iter().filter(|space| space.state == state).count();
        let mut zones: Vec<(String, Vec<SeatShown>)> = Vec::new();
        for space in spaces {
            let seat = self.seat(space, zone);
            let name = space.zone.get(self.f.language());
            match zones.iter_mut().find(|(zone, _)| zone == name) {
                Some((_, seats)) => seats.push(seat),
                None => zones.push((name.to_owned(), vec![seat])),
            }
        }
        let heard = live.site.heard_at;
        Ok(Shown {
            online: heard.is_some_and(|heard| now < heard + AWAY),
            heard: heard.map(|heard| words::clock_seconds(heard, zone)),
            inside: *people_inside,
            free: with(SpaceState::Free),
            spaces: spaces.len(),
            open_doors: doors.iter().filter(|door| door.state.open == Some(true)).count(),
            in_care,
            care_places: self.atlas.nursery(self.centre.id).map(|nursery| nursery.places),
            nurseries: live.view.nurseries.iter().map(|one| self.nursery(one)).collect(),
            coming,
            sheet: match (live.site.sheet_in_force, live.newest_sheet) {
                (None, _) => Sheet::None,
                (Some(at_site), Some(newest)) if at_site < newest => Sheet::Older,
                _ => Sheet::Newest,
            },
            doors: doors.iter().map(|door| self.door(door)).collect(),
            zones,
            events: recent
                .iter()
                .take(EVENTS)
                .map(|event| self.event(event, &live.view, zone))
                .collect(),
        })
    }

    /// Care places booked for this minute, and desk claims that begin in the next four hours.
    async fn plan(&self, now: DateTime<Utc>) -> Result<(usize, usize), Refused> {
        let Ok(window) = Interval::new(now, now + TimeDelta::hours(4)) else { return Ok((0, 0)) };
        let bookings = self.hub.store.bookings_at(self.centre.id, &window).await?;
        let care = bookings.iter().flat_map(|booking| &booking.care);
        let desks = bookings.iter().flat_map(|booking| &booking.desks);
        Ok((
            care.filter(|claim| claim.released_at.is_none() && claim.when.contains(now)).count(),
            desks
                .filter(|claim| claim.released_at.is_none() && window.contains(claim.when.starts()))
                .filter(|claim| now < claim.when.starts())
                .count(),
        ))
    }

    fn nursery(&self, view: &NurseryView) -> NurseryShown {
        let known = self.atlas.nurseries.iter().find(|one| one.id == view.nursery);
        let mut alarms: Vec<(String, usize)> = Vec::new();
        for one in &view.alarms {
            let words = alarm_words(&self.f, &one.alarm, None, self.centre.time_zone);
            match alarms.iter_mut().find(|(told, _)| *told == words) {
                Some((_, times)) => *times += 1,
                None => alarms.push((words, 1)),
            }
        }
        NurseryShown {
            name: known.map(|known| self.f.get(&known.name).to_owned()).unwrap_or_default(),
            children: view.now.children,
            staff: view.now.staff,
            need: view.now.need,
            staffed: view.staffed,
            short: view.is_short(),
            alarms,
        }
    }

    async fn learn_names(&mut self, view: &View) -> Result<(), Refused> {
        for event in view.recent.iter().take(EVENTS) {
            let (Happening::CheckedIn { person, .. } | Happening::CheckedOut { person, .. }) =
                event.what
            else {
                continue;
            };
            if !self.names.contains_key(&person)
                && let Some(found) = self.hub.store.person(person).await?
            {
                self.names.insert(person, found.name);
            }
        }
        Ok(())
    }

    fn seat(&self, space: &SpaceView, zone: Tz) -> SeatShown {
        let f = &self.f;
        let until = space.until.map(|until| words::clock(until, zone));
        let (state, said) = match space.state {
            SpaceState::Free => ("free", f.say("空き", "Free")),
            SpaceState::Reserved => ("reserved", f.say("予約あり", "Reserved")),
            SpaceState::Occupied => ("occupied", f.say("利用中", "In use")),
            SpaceState::Away => ("away", f.say("外出中", "Out, back soon")),
            SpaceState::Broken => ("broken", f.say("端末故障", "Out of order")),
        };
        let terminal = space.terminal.as_ref().map(|(_, state)| match state {
            TerminalState::Lost => ("terminal-broken", f.say("端末 応答なし", "Terminal silent")),
            TerminalState::Idle => ("terminal", f.say("端末 待機", "Terminal ready")),
            TerminalState::Assigned => ("terminal-on", f.say("端末 割当", "Terminal in use")),
            TerminalState::Wiped => ("terminal-wiped", f.say("端末 消去済み", "Terminal wiped")),
            TerminalState::Broken => ("terminal-broken", f.say("端末 故障", "Terminal broken")),
        });
        SeatShown {
            state,
            label: space.label.clone(),
            words: said,
            until: until
                .map(|until| if f.ja() { format!("〜{until}") } else { format!("until {until}") }),
            terminal,
        }
    }

    fn door(&self, door: &DoorView) -> DoorShown {
        let f = &self.f;
        let known = &door.state;
        let (state, icon, said) = match (known.fault, known.open, known.lock) {
            (true, ..) => ("forced", "warn", f.say("錠が動きません", "lock fault")),
            (_, Some(true), Some(LockLevel::Locked)) => {
                ("forced", "warn", f.say("施錠中に開いています", "open while locked"))
            }
            (_, Some(true), _) => ("open", "door-open", f.say("開いています", "open")),
            (_, _, Some(LockLevel::Unlocked)) => {
                ("unlocked", "unlock", f.say("解錠中", "unlocked"))
            }
            (_, _, Some(LockLevel::Locked)) => ("locked", "lock", f.say("施錠", "locked")),
            (_, _, None) => ("unknown", "question", f.say("状態不明", "not heard of")),
        };
        DoorShown { state, icon, name: f.get(&door.name).to_owned(), words: said }
    }

    fn event(&self, event: &SiteEvent, view: &View, zone: Tz) -> EventShown {
        let f = &self.f;
        let desk = |id: &SpaceId| {
            let label =
                view.spaces.iter().find(|space| space.space == *id).map(|space| &space.label);
            label
                .map_or_else(|| "?".to_owned(), |label| format!("{}{label}", f.say("席 ", "desk ")))
        };
        let door = |device: &model::id::DeviceId| {
            let known = view.doors.iter().find(|door| door.state.door == *device);
            known.map_or_else(|| device.to_string(), |door| f.get(&door.name).to_owned())
        };
        let name =
            |id: &PersonId| self.names.get(id).map(|name| format!("{name}{}", f.say("さん", "")));
        let both = |subject: String, ja: &str, en: &str| format!("{subject}{}", f.say(ja, en));
        let (icon, what, more) = match &event.what {
            Happening::Started => (
                "refresh",
                f.say("センターの装置が起動しました", "The site's edge started").to_owned(),
                None,
            ),
            Happening::SheetInForce { version } => (
                "calendar",
                f.say("新しい予定表が届きました", "A new day sheet is in force").to_owned(),
                Some(format!("{}{version}{}", f.say("第", "No. "), f.say("版", ""))),
            ),
            Happening::CheckedIn { person, space, by, .. } => {
                let by = match by {
                    Proof::Card { .. } => f.say("カード", "card"),
                    Proof::Code => f.say("予約番号", "booking code"),
                    Proof::Voucher { .. } => f.say("QRコード", "QR code"),
                };
                let who = name(person).unwrap_or_default();
                (
                    "in",
                    format!("{} {}", f.say("入館", "Came in:"), desk(space)),
                    Some(format!("{who}{}{by}{}", f.say("（", " ("), f.say("）", ")"))),
                )
            }
            Happening::CheckedOut { person, space, .. } => {
                ("out", format!("{} {}", f.say("退館", "Left:"), desk(space)), name(person))
            }
            Happening::SteppedOut { .. } => (
                "out",
                f.say("外出しました", "Stepped out").to_owned(),
                Some(f.say("席はそのままです", "The desk stays theirs").to_owned()),
            ),
            Happening::CameBack { .. } => {
                ("in", f.say("外出から戻りました", "Came back").to_owned(), None)
            }
            Happening::Refused { why, .. } => (
                "cross",
                f.say("入れませんでした", "Turned away").to_owned(),
                Some(refusal(f, *why).to_owned()),
            ),
            Happening::NoShow { space, .. } => (
                "calendar",
                both(desk(space), "を開放", " given free"),
                Some(f.say("入館がありませんでした", "Nobody came").to_owned()),
            ),
            Happening::Care(care) => {
                let (icon, what) = care_words(f, care);
                (icon, what.to_owned(), None)
            }
            Happening::DoorUnlocked { door: device, .. } => {
                ("unlock", both(door(device), "を解錠", " unlocked"), None)
            }
            Happening::DoorLocked { door: device } => {
                ("lock", both(door(device), "を施錠", " locked"), None)
            }
            Happening::LockFault { door: device } => (
                "warn",
                both(door(device), "の錠が動きません", ": the lock does not move"),
                Some(
                    f.say("まず現地の人に声をかけてください", "Ask somebody on site to look")
                        .to_owned(),
                ),
            ),
            Happening::DoorOpened { door: device } => {
                ("door-open", both(door(device), "が開きました", " opened"), None)
            }
            Happening::DoorClosed { door: device } => {
                ("check", both(door(device), "が閉まりました", " closed"), None)
            }
            Happening::Terminal { terminal, state } => {
                let desk_of = view.spaces.iter().find(|space| {
                    space.terminal.as_ref().is_some_and(|(device, _)| device == terminal)
                });
                let subject =
                    desk_of.map_or_else(|| terminal.to_string(), |space| desk(&space.space));
                match state {
                    TerminalState::Lost => (
                        "offline",
                        both(subject, "の端末が応答しません", ": terminal silent"),
                        None,
                    ),
                    TerminalState::Idle => {
                        ("terminal", both(subject, "の端末が待機中", ": terminal ready"), None)
                    }
                    TerminalState::Assigned => {
                        ("terminal-on", both(subject, "の端末を割当", ": terminal in use"), None)
                    }
                    TerminalState::Wiped => {
                        ("terminal-wiped", both(subject, "の端末を消去", ": terminal wiped"), None)
                    }
                    TerminalState::Broken => (
                        "terminal-broken",
                        both(subject, "の端末が故障", ": terminal out of order"),
                        Some(f.say("この席には案内しません", "Nobody is sent there").to_owned()),
                    ),
                }
            }
        };
        let alert = matches!(
            event.what,
            Happening::LockFault { .. } | Happening::Terminal { state: TerminalState::Broken, .. }
        );
        EventShown { alert, time: words::clock_seconds(event.at, zone), icon, what, more }
    }
}

/// What happened in a nursery, for those who are told a number and not a name.
fn care_words(f: &Frame, care: &CareEvent) -> (&'static str, &'static str) {
    let (icon, ja, en) = match care {
        CareEvent::LetIn { .. } => ("in", "送り迎えの人が入りました", "Let in to bring or collect"),
        CareEvent::DroppedOff { .. } => ("child", "お子さまの登園", "A child was brought"),
        CareEvent::Received { .. } => ("check", "保育室で引き受け", "A child was taken over"),
        CareEvent::DropOffRefused { .. } => {
            ("cross", "登園を受けませんでした", "A child was not taken")
        }
        CareEvent::HandedOver { .. } => ("child", "お迎えが済みました", "A child was collected"),
        CareEvent::HandOverRefused { .. } => {
            ("cross", "お迎えを断りました", "A hand-over was refused")
        }
        CareEvent::Caregiver { state: CaregiverState::Here, .. } => {
            ("in", "保育者が入りました", "A caregiver is with the children")
        }
        CareEvent::Caregiver { state: CaregiverState::OnBreak, .. } => {
            ("out", "保育者が休憩に入りました", "A caregiver is on a break")
        }
        CareEvent::Caregiver { state: CaregiverState::Gone, .. } => {
            ("out", "保育者が退勤しました", "A caregiver has gone home")
        }
        CareEvent::Noted { .. } | CareEvent::LookedAt { .. } => {
            ("child", "保育の記録", "Something was noted in the nursery")
        }
        CareEvent::PutRight { .. } => {
            ("check", "在室の記録を直しました", "The record of a child in care was put right")
        }
        CareEvent::Moved { .. } => ("child", "お子さまが部屋を移りました", "A child changed rooms"),
        CareEvent::Recalled { .. } => {
            ("warn", "体調不良でお迎えを頼みました", "Guardians are asked to collect an ill child")
        }
        CareEvent::WentOut { .. } => (
            "warn",
            "お子さまを預けた人が外に出ました",
            "Somebody went out while their children are in care",
        ),
        CareEvent::AlarmRaised { alarm: CareAlarm::Short { .. } } => {
            ("warn", "保育室：いま足りません", "Nursery: too few right now")
        }
        CareEvent::AlarmRaised { alarm: CareAlarm::ShortSoon { .. } } => {
            ("warn", "保育室：まもなく足りません", "Nursery: too few soon")
        }
        CareEvent::AlarmRaised { alarm: CareAlarm::Waiting { .. } } => {
            ("warn", "保育室：引き受け待ち", "Nursery: a child waits to be taken over")
        }
        CareEvent::AlarmRaised { .. } => {
            ("warn", "保育室からのお知らせ", "The nursery has an alarm")
        }
        CareEvent::AlarmOver { .. } => {
            ("check", "保育室：解消しました", "Nursery: an alarm is over")
        }
        CareEvent::SignedIn { let_in: true, .. } => {
            ("in", "保育室の画面にサインイン", "Signed in at the nursery's screen")
        }
        CareEvent::SignedIn { let_in: false, .. } => (
            "cross",
            "保育室の画面でサインインできませんでした",
            "A sign-in at the nursery's screen failed",
        ),
    };
    (icon, f.say(ja, en))
}

fn refusal(f: &Frame, why: RefusalKind) -> &'static str {
    match why {
        RefusalKind::UnknownCard => f.say("登録のないカード", "Unknown card"),
        RefusalKind::BlockedCard => f.say("止められたカード", "Blocked card"),
        RefusalKind::ExpiredCard => f.say("期限の切れたカード", "Expired card"),
        RefusalKind::UnreadableCard => f.say("読み取れないカード", "Unreadable card"),
        RefusalKind::NoBooking => f.say("予約が見つかりません", "No booking"),
        RefusalKind::Released => f.say("席を空けたあとでした", "The desk was given free before"),
        RefusalKind::LeftForGood => f.say("お帰りのあとでした", "Had left for good"),
        RefusalKind::TooEarly => f.say("まだ早すぎます", "Too early"),
        RefusalKind::WrongCode => f.say("予約番号か暗証番号が違います", "Wrong code or PIN"),
        RefusalKind::CodePaused => {
            f.say("番号の間違いが続いたため休止中", "Paused after wrong PINs")
        }
        RefusalKind::UnreadableVoucher => f.say("読み取れないQRコード", "Unreadable QR code"),
        RefusalKind::OtherCentre => f.say("ほかのセンターの予約", "Booking of another centre"),
        RefusalKind::VoidVoucher => f.say("使えなくなった予約", "Booking no longer valid"),
        RefusalKind::NoUsableSpace => f.say("使える席がありません", "No desk can be used"),
        RefusalKind::SheetExpired => {
            f.say("予定表の期限が切れています", "The day sheet has expired")
        }
        RefusalKind::ClockUnset => f.say("現場の時計が合っていません", "The site's clock is unset"),
    }
}
