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
use model::care::board::NurseryView;
use model::centre::Centre;
use model::id::{CentreId, PersonId};
use model::interval::Interval;
use model::permission::{Action, Target, may};
use model::site_order::{InForce, OrderedFrom};
use model::terminal::TerminalState;
use store::SILENT;
use tokio::sync::watch;
use tokio::time::timeout;
use twin::{SpaceState, SpaceView, View};

use super::happenings::{self, HappeningShown, Listener};
use super::orders::{self, OrderShown, OrdersShown};
use super::{air, doors, find_for, record};
use crate::hub::Hub;
use crate::live::LiveView;
use crate::pages::frame::{Frame, Part};
use crate::pages::nurseries::live::alarm_words;
use crate::pages::{html, words};
use crate::service::atlas::Atlas;
use crate::service::{Caller, Refused, approvals, house, session};
use crate::web::Web;

/// How often the page is told that the line stands, and whoever watches is asked whether they still may:
/// what is taken from somebody is gone from their screen within five seconds.
const PING: Duration = Duration::from_secs(3);
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
    /// Makes a second click on the page's buttons harmless.
    key: String,
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
    slug: &'a str,
    key: &'a str,
    now: &'a Shown,
}

/// What is shown of a centre.
#[derive(PartialEq, Eq)]
struct Shown {
    online: bool,
    heard: Option<String>,
    /// Times that the site was on its own and nobody has read of yet.
    reports: u32,
    /// Desks that two have, for somebody to solve.
    conflicts: usize,
    inside: usize,
    free: usize,
    spaces: usize,
    open_doors: usize,
    in_care: usize,
    care_places: Option<u32>,
    nurseries: Vec<NurseryShown>,
    air: Vec<air::PlaceShown>,
    hints: Vec<String>,
    coming: usize,
    sheet: Sheet,
    over: Vec<OverShown>,
    alarms: Vec<record::AlarmShown>,
    settings: Option<SettingsShown>,
    doors: Vec<doors::DoorShown>,
    zones: Vec<(String, Vec<SeatShown>)>,
    orders: Option<OrdersShown>,
    events: Vec<HappeningShown>,
}

impl Shown {
    /// The newest order that was not done.
    fn failed(&self) -> Option<&OrderShown> {
        self.orders.as_ref()?.last.iter().find(|order| order.failed())
    }
}

/// Whether the site works from the newest sheet.
#[derive(PartialEq, Eq)]
enum Sheet {
    None,
    Newest,
    Older,
}

/// A nursery as its operators see it: numbers, and no child's name.
#[derive(PartialEq, Eq)]
struct NurseryShown {
    name: String,
    children: u32,
    staff: u32,
    need: u32,
    staffed: bool,
    short: bool,
    alarms: Vec<(String, usize)>,
}

/// What stands above all doors: fire, evacuation, lockdown.
#[derive(PartialEq, Eq)]
struct OverShown {
    danger: bool,
    words: &'static str,
    means: &'static str,
    since: String,
    by: Option<String>,
}

/// The newest settings sent to the edge.
#[derive(PartialEq, Eq)]
struct SettingsShown {
    version: u64,
    state: SettingsState,
}

#[derive(PartialEq, Eq)]
enum SettingsState {
    Waiting,
    InForce,
    RolledBack(String),
}

#[derive(PartialEq, Eq)]
struct SeatShown {
    state: &'static str,
    label: String,
    words: &'static str,
    until: Option<String>,
    terminal: Option<(&'static str, &'static str)>,
}

/// `/operations/{slug}`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
) -> Result<Response, Refused> {
    let (atlas, centre) = find_for(&web, &caller, &slug, Action::SeeLiveCentre).await?;
    let receiver = watch(&web.hub, centre.id).await?;
    let view = receiver.borrow().clone();
    let mut eye = Eye::new(web.hub.clone(), atlas, centre, &caller);
    let now = eye.look(&view).await?;
    let page = Page {
        slug: eye.centre.slug.to_string(),
        name: eye.f.get(&eye.centre.name).to_owned(),
        zone: eye.centre.time_zone.name().to_owned(),
        desk: desk(&web, &caller, &eye.centre, &eye.atlas).await?,
        key: web.hub.new_id()?.to_string(),
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
    let (atlas, centre) = find_for(&web, &caller, &slug, Action::SeeLiveCentre).await?;
    let receiver = watch(&web.hub, centre.id).await?;
    let eye = Eye::new(web.hub.clone(), atlas, centre, &caller);
    Ok(Sse::new(events(eye, receiver, caller)).into_response())
}

pub(super) async fn watch(
    hub: &Hub,
    centre: CentreId,
) -> Result<watch::Receiver<Arc<LiveView>>, Refused> {
    Ok(hub.live.watch(hub, centre).await?)
}

fn events(
    eye: Eye,
    receiver: watch::Receiver<Arc<LiveView>>,
    caller: Caller,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let sent: Option<Shown> = None;
    stream::unfold(
        (eye, receiver, caller, sent),
        |(mut eye, mut receiver, caller, sent)| async move {
            if sent.is_some() && matches!(timeout(PING, receiver.changed()).await, Ok(Err(_))) {
                return None;
            }
            eye.still_allowed(&caller).await?;
            // That a site is away, and that nobody has come, shows with the time alone.
            let view = receiver.borrow_and_update().clone();
            let now = eye
                .look(&view)
                .await
                .inspect_err(|error| tracing::error!(%error, "a live page stopped"))
                .ok()?;
            let event = if sent.as_ref() == Some(&now) {
                Event::default().event("ping").data("")
            } else {
                Event::default().event("block").data(eye.blocks(&now)?)
            };
            Some((Ok(event), (eye, receiver, caller, Some(now))))
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
    may_order: bool,
}

impl Eye {
    /// None once the session has ended or the right to look was taken back.
    async fn still_allowed(&self, caller: &Caller) -> Option<()> {
        let now = session::again(&self.hub, caller).await.ok()??;
        may(&now.actor, Action::SeeLiveCentre, &Target::at(self.centre.id)).then_some(())
    }

    fn new(hub: Hub, atlas: Arc<Atlas>, centre: Centre, caller: &Caller) -> Self {
        let may_order = may(&caller.actor, Action::OrderSite, &Target::at(centre.id));
        let f = Frame::new(caller, Part::Operations);
        Self { hub, atlas, centre, f, names: BTreeMap::new(), may_order }
    }

    /// The blocks as HTML, or nothing when they cannot be made: then the stream ends and the page
    /// says that it is not live.
    fn blocks(&self, now: &Shown) -> Option<String> {
        let summary = Summary { f: &self.f, now }.render().ok()?;
        let (slug, key) = (self.centre.slug.as_str(), self.hub.new_id().ok()?.to_string());
        let blocks = Blocks { f: &self.f, slug, key: &key, now }.render().ok()?;
        Some(format!("{summary}{blocks}").replace('\r', ""))
    }

    async fn look(&mut self, live: &LiveView) -> Result<Shown, Refused> {
        self.learn_names(live).await?;
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
        let online = heard.is_some_and(|heard| now < heard + SILENT);
        let (f, names) = (&self.f, &self.names);
        let listener = Listener { f, view: &live.view, names, zone };
        // A site that is away cannot say that somebody was seen meanwhile.
        let hints = live.view.hints.iter().filter(|_| online);
        let reports = self.hub.store.unread_absences(self.centre.id).await?;
        let conflicts = self.hub.store.open_conflicts(self.centre.id, now).await?.len();
        Ok(Shown {
            online,
            reports,
            conflicts,
            air: air::places(&self.f, &live.view, zone),
            hints: hints.map(|hint| air::hint_words(&self.f, hint, zone)).collect(),
            heard: heard.map(|heard| words::moment(self.f.language(), heard, now, zone)),
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
            over: self.over(&live.view, now),
            alarms: record::alarms(&self.f, &self.hub, &self.centre, now).await?,
            settings: self.settings().await?,
            doors: doors::shown(&self.f, &live.view),
            zones,
            orders: self.may_order.then(|| orders::shown(f, live, names, zone)),
            events: recent.iter().take(EVENTS).map(|event| listener.told(event)).collect(),
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

    async fn settings(&self) -> Result<Option<SettingsShown>, Refused> {
        let newest = self.hub.store.edge_config(self.centre.id).await?;
        Ok(newest.map(|newest| SettingsShown {
            version: newest.version,
            state: match (newest.rolled_back, newest.in_force_at) {
                (Some((_, why)), _) => {
                    SettingsState::RolledBack(record::edges_words(&self.f, &why))
                }
                (None, Some(_)) => SettingsState::InForce,
                (None, None) => SettingsState::Waiting,
            },
        }))
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

    async fn learn_names(&mut self, live: &LiveView) -> Result<(), Refused> {
        let view = &live.view;
        let told = view.recent.iter().take(EVENTS).filter_map(happenings::person_in);
        let over = view.house.lockdown.iter().chain(&view.house.evacuation).map(|order| order.by);
        let orders = live.orders.iter().map(|(order, _)| order.by);
        for person in told.chain(over).chain(orders) {
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

    fn over(&self, view: &View, now: DateTime<Utc>) -> Vec<OverShown> {
        let (f, zone) = (&self.f, self.centre.time_zone);
        let since = |at| words::moment(f.language(), at, now, zone);
        let by = |order: &InForce| {
            let from = match order.from {
                OrderedFrom::Hub => f.say("この画面から", "from the hub"),
                OrderedFrom::StaffScreen => f.say("館内の画面から", "at the site's screen"),
            };
            let name = self.names.get(&order.by).map(String::as_str).unwrap_or_default();
            Some(format!("{name} {from}").trim().to_owned())
        };
        let fire = view.house.fire.map(|at| OverShown {
            danger: true,
            words: f.say("火災信号：すべての扉を開放中", "Fire: every door is released"),
            means: f.say(
                "信号が止まると、その前の状態に戻ります。",
                "When the panel's signal ends, what was before returns.",
            ),
            since: since(at),
            by: None,
        });
        let evacuation = view.house.evacuation.as_ref().map(|order| OverShown {
            danger: true,
            words: f.say("避難指示中：すべての扉を開放中", "Evacuation: every door is open"),
            means: f.say("解除されるまで開いたままです。", "They stay open until it is lifted."),
            since: since(order.since),
            by: by(order),
        });
        let lockdown = view.house.lockdown.as_ref().map(|order| OverShown {
            danger: false,
            words: f.say("閉鎖中：だれも入れません", "Lockdown: nobody is let in"),
            means: f.say(
                "出口はボタンか取っ手で開きます。解除すると、その前の状態に戻ります。",
                "The way out is open by button or handle. When it is lifted, what was before returns.",
            ),
            since: since(order.since),
            by: by(order),
        });
        fire.into_iter().chain(evacuation).chain(lockdown).collect()
    }
}
