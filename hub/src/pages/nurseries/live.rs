//! A nursery as it is this minute, as its site tells it. The page and its updates are written by the same template.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use futures::{Stream, stream};
use model::care::board::{AlarmView, CaregiverView, ChildState, ChildView, NurseryView};
use model::care::day::{CareAlarm, CaregiverState};
use model::care::intake::Lacking;
use model::centre::{Centre, Nursery};
use model::id::{ChildId, NurseryId, RoomId, ShiftId};
use model::interval::Interval;
use model::language::LocalText;
use model::permission::{Action, may};
use store::{KeyOwner, SILENT, SiteStatus};
use tokio::sync::watch;
use tokio::time::timeout;

use super::nursery_id;
use crate::hub::Hub;
use crate::live::LiveView;
use crate::pages::fields::Asked;
use crate::pages::frame::{Frame, Part};
use crate::pages::words;
use crate::service::atlas::Atlas;
use crate::service::nursery::target;
use crate::service::nursery_day::{self, Day};
use crate::service::secret::sha256;
use crate::service::{Caller, Refused, session, vault};
use crate::web::Web;

/// How often the page is told that the line stands, and whoever watches is asked whether they still may:
/// what is taken from somebody is gone from their screen within five seconds.
const PING: Duration = Duration::from_secs(3);
/// So many quarters of an hour to come are shown.
const QUARTERS: usize = 24;
/// What a look that was recorded is sealed for.
const LOOK: &[u8] = b"kyoten: a look at a nursery's day";

/// A nursery at this minute, as the page shows it.
struct Now {
    online: bool,
    heard: Option<String>,
    /// How long ago, where the line is down.
    old: Option<String>,
    /// Nothing where the site has not told yet.
    told: Option<Told>,
}

/// What its site has told.
struct Told {
    children: u32,
    staff: u32,
    need: u32,
    staffed: bool,
    short: bool,
    /// Whether an alarm says so already.
    alarmed: bool,
    lacks: String,
    quarters: Vec<QuarterShown>,
    rooms: Vec<(String, String)>,
    kids: Vec<KidShown>,
    caregivers: Vec<CaregiverShown>,
    alarms: Vec<AlarmShown>,
}

struct QuarterShown {
    from: String,
    children: u32,
    staff: u32,
    need: u32,
    short: bool,
}

struct KidShown {
    id: String,
    name: String,
    icon: &'static str,
    badge: &'static str,
    state: &'static str,
    more: Vec<String>,
}

struct CaregiverShown {
    name: String,
    icon: &'static str,
    state: String,
    hours: String,
}

struct AlarmShown {
    since: String,
    what: String,
    todo: &'static str,
    ask: String,
}

#[derive(Template)]
#[template(path = "nurseries/_live.html")]
struct Block<'a> {
    f: &'a Frame,
    id: &'a str,
    now: &'a Now,
}

/// What names there are for what a site tells by ids.
#[derive(Default)]
struct Names {
    children: BTreeMap<ChildId, String>,
    caregivers: BTreeMap<ShiftId, String>,
    rooms: BTreeMap<RoomId, LocalText>,
}

impl Names {
    fn of(nursery: &Nursery) -> Self {
        let rooms = nursery.staffing.iter().flat_map(|staffing| &staffing.rooms);
        Self { rooms: rooms.map(|room| (room.id, room.name.clone())).collect(), ..Self::default() }
    }
}

/// The children whose look was recorded, by [`digest`].
type Seen = BTreeSet<u64>;

/// What a child is known by in the page's address.
fn digest(child: ChildId) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&sha256(child.0.as_bytes())[..8]);
    u64::from_be_bytes(first)
}

/// From where the page's block is kept up to date. It carries whose look is recorded, so that the stream, and each time it
/// is joined again, leaves no second entry; whoever comes later is looked at then.
///
/// # Errors
/// [`Refused`] when the store, the random source or a seal fails.
pub(super) async fn address(
    hub: &Hub,
    caller: &Caller,
    (id, on): (NurseryId, NaiveDate),
    seen: Seen,
) -> Result<String, Refused> {
    let key = vault::key_for(hub, KeyOwner::Person(caller.signed_in()?.id)).await?;
    let seen = BASE64.encode(key.seal(hub, &(id, on, seen), LOOK)?);
    Ok(format!("/nurseries/{id}/live?seen={seen}"))
}

/// The block as the page shows it at first, and whose look is recorded by then.
///
/// # Errors
/// [`Refused`] when the store or a seal fails.
pub(super) async fn block(
    web: &Web,
    caller: &Caller,
    f: &Frame,
    day: &Day,
) -> Result<(String, Seen), Refused> {
    let receiver = watch(&web.hub, &day.centre).await?;
    let live = receiver.borrow().clone();
    let mut eye = Eye::new(web.hub.clone(), &day.centre, &day.nursery, caller, Seen::new());
    for one in &day.expected {
        eye.names.children.extend(one.name.clone().map(|name| (one.care.child, name)));
        eye.recorded.insert(digest(one.care.child));
    }
    eye.recorded.extend(day.talks.iter().map(|(child, ..)| digest(*child)));
    let block = eye.block(f, &live).await;
    let block = block.ok_or(Refused::Inner("a nursery's block cannot be written"))?;
    Ok((block, eye.recorded))
}

/// `/nurseries/{id}/live`: the block, now and whenever something happens. Ends with the session, and when the hub
/// stops.
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    let id = nursery_id(&id)?;
    let atlas: Arc<Atlas> = web.atlas().await?;
    let (centre, nursery) = nursery_day::find(&atlas, &caller, id, Action::SeeNurseryDay)?;
    let on = web.hub.now().with_timezone(&centre.time_zone).date_naive();
    let seen = recorded(&web.hub, &caller, asked.get("seen"), (id, on)).await?;
    let receiver = watch(&web.hub, centre).await?;
    let eye = Eye::new(web.hub.clone(), centre, nursery, &caller, seen);
    let f = Frame::new(&caller, Part::Nursery);
    Ok(Sse::new(events(eye, f, receiver)).into_response())
}

/// Whose look this address says to be recorded.
async fn recorded(
    hub: &Hub,
    caller: &Caller,
    seen: &str,
    look: (NurseryId, NaiveDate),
) -> Result<Seen, Refused> {
    let Ok(sealed) = BASE64.decode(seen) else { return Ok(Seen::new()) };
    let key = vault::key_if_kept(hub, KeyOwner::Person(caller.signed_in()?.id)).await?;
    let opened = key.and_then(|key| key.open::<(NurseryId, NaiveDate, Seen)>(&sealed, LOOK).ok());
    Ok(opened.filter(|(id, on, _)| (*id, *on) == look).map(|(.., seen)| seen).unwrap_or_default())
}

async fn watch(hub: &Hub, centre: &Centre) -> Result<watch::Receiver<Arc<LiveView>>, Refused> {
    Ok(hub.live.watch(hub, centre.id).await?)
}

fn events(
    eye: Eye,
    f: Frame,
    receiver: watch::Receiver<Arc<LiveView>>,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let sent: Option<String> = None;
    stream::unfold((eye, f, receiver, sent), |(mut eye, f, mut receiver, sent)| async move {
        if sent.is_some() && matches!(timeout(PING, receiver.changed()).await, Ok(Err(_))) {
            return None;
        }
        eye.still_allowed().await?;
        // How old the site's word is changes by itself.
        let live = receiver.borrow_and_update().clone();
        let block = eye.block(&f, &live).await?;
        let event = if sent.as_ref() == Some(&block) {
            Event::default().event("ping").data("")
        } else {
            Event::default().event("block").data(&block)
        };
        Some((Ok(event), (eye, f, receiver, Some(block))))
    })
}

/// Turns a mirror's view into what is shown; remembers the names it has looked up.
struct Eye {
    hub: Hub,
    centre: Centre,
    nursery: Nursery,
    caller: Caller,
    names: Names,
    /// The children whom this look was recorded for.
    recorded: Seen,
    unknown: BTreeSet<ChildId>,
}

impl Eye {
    fn new(hub: Hub, centre: &Centre, nursery: &Nursery, caller: &Caller, recorded: Seen) -> Self {
        Self {
            hub,
            centre: centre.clone(),
            nursery: nursery.clone(),
            caller: caller.clone(),
            names: Names::of(nursery),
            recorded,
            unknown: BTreeSet::new(),
        }
    }

    /// None once the session has ended or the right to look was taken back.
    async fn still_allowed(&self) -> Option<()> {
        let now = session::again(&self.hub, &self.caller).await.ok()??;
        let here = target(&self.centre, self.nursery.id);
        may(&now.actor, Action::SeeNurseryDay, &here).then_some(())
    }

    /// The block as HTML, or nothing when it cannot be made: then the stream ends and the page says that it is not live.
    async fn block(&mut self, f: &Frame, live: &LiveView) -> Option<String> {
        let now = self
            .look(f, live)
            .await
            .inspect_err(|error| tracing::error!(%error, "a live page stopped"))
            .ok()?;
        let id = self.nursery.id.to_string();
        Some(Block { f, id: &id, now: &now }.render().ok()?.replace('\r', ""))
    }

    async fn look(&mut self, f: &Frame, live: &LiveView) -> Result<Now, Refused> {
        let view = live.view.nurseries.iter().find(|one| one.nursery == self.nursery.id);
        if let Some(view) = view {
            self.learn(view).await?;
        }
        let zone = self.centre.time_zone;
        Ok(Now::of(f, view, &self.names, &live.site, (self.hub.now(), zone)))
    }

    /// Looks up who is not known by name yet. A child that was not there when the page was opened is looked at now.
    async fn learn(&mut self, view: &NurseryView) -> Result<(), Refused> {
        let now = self.hub.now();
        let on = now.with_timezone(&self.centre.time_zone).date_naive();
        for child in view.children.iter().map(|one| one.child) {
            if self.names.children.contains_key(&child) || self.unknown.contains(&child) {
                continue;
            }
            let name = nursery_day::name_near(&self.hub, self.nursery.id, child).await?;
            let Some(name) = name else {
                self.unknown.insert(child);
                continue;
            };
            if self.recorded.insert(digest(child)) {
                let here = (self.centre.id, self.nursery.id);
                nursery_day::record_look(&self.hub, &self.caller, here, child, on).await?;
            }
            self.names.children.insert(child, name);
        }
        let caregivers = view.caregivers.iter().map(|one| one.shift);
        let asked = view.alarms.iter().flat_map(|alarm| &alarm.ask).copied();
        if caregivers.chain(asked).any(|shift| !self.names.caregivers.contains_key(&shift)) {
            // Who could be asked may work on another day.
            let about = Interval::new(now - TimeDelta::days(15), now + TimeDelta::days(15))
                .map_err(|_| Refused::Inner("a month is an interval"))?;
            let shifts = self.hub.store.shifts(self.nursery.id, &about).await?;
            self.names.caregivers = shifts.into_iter().map(|one| (one.id, one.caregiver)).collect();
        }
        Ok(())
    }
}

impl Now {
    /// What is shown of a nursery at the time `now`.
    fn of(
        f: &Frame,
        view: Option<&NurseryView>,
        names: &Names,
        site: &SiteStatus,
        (now, zone): (DateTime<Utc>, Tz),
    ) -> Self {
        let heard = site.heard_at;
        let online = heard.is_some_and(|heard| now < heard + SILENT);
        let old = heard.filter(|_| !online).map(|heard| {
            let length = words::length(f.language(), (now - heard).num_minutes());
            if f.ja() { format!("{length}前") } else { format!("{length} ago") }
        });
        Self {
            online,
            heard: heard.map(|heard| words::clock_seconds(heard, zone)),
            old,
            told: view.map(|view| Told::of(f, view, names, zone)),
        }
    }
}

impl Told {
    fn of(f: &Frame, view: &NurseryView, names: &Names, zone: Tz) -> Self {
        let mut kids: Vec<&ChildView> = view.children.iter().collect();
        // Who is there comes first: it is they who have to be looked after.
        kids.sort_by_key(|kid| {
            let order = match kid.state {
                ChildState::InCare { .. } => 0,
                ChildState::Expected => 1,
                ChildState::Collected { .. } => 2,
            };
            (order, kid.when, kid.child)
        });
        let mut lacks: Vec<String> = Vec::new();
        for lack in &view.lacks {
            let said = words::lacking(f.language(), &lack.what, lack.have, lack.need);
            if !lacks.contains(&said) {
                lacks.push(said);
            }
        }
        Self {
            children: view.now.children,
            staff: view.now.staff,
            need: view.now.need,
            staffed: view.staffed,
            short: view.is_short(),
            alarmed: view.alarms.iter().any(|one| matches!(one.alarm, CareAlarm::Short { .. })),
            lacks: lacks.join(f.say("、", ", ")),
            quarters: view
                .quarters
                .iter()
                .take(QUARTERS)
                .map(|quarter| QuarterShown {
                    from: words::clock(quarter.from, zone),
                    children: quarter.count.children,
                    staff: quarter.count.staff,
                    need: quarter.count.need,
                    short: quarter.short,
                })
                .collect(),
            rooms: view
                .rooms
                .iter()
                .map(|room| {
                    let name = names.rooms.get(&room.room).map_or("?", |name| f.get(name));
                    (name.to_owned(), by_age(f, &room.by_age))
                })
                .collect(),
            kids: kids.into_iter().map(|kid| KidShown::of(f, kid, names, zone)).collect(),
            caregivers: view
                .caregivers
                .iter()
                .map(|one| CaregiverShown::of(f, one, names, zone))
                .collect(),
            alarms: view.alarms.iter().map(|alarm| AlarmShown::of(f, alarm, names, zone)).collect(),
        }
    }
}

fn by_age(f: &Frame, by_age: &[(u32, u32)]) -> String {
    let one = |(years, count): &(u32, u32)| {
        if f.ja() { format!("{years}歳 {count}人") } else { format!("age {years}: {count}") }
    };
    let all: Vec<String> = by_age.iter().map(one).collect();
    if all.is_empty() {
        f.say("いません", "nobody").to_owned()
    } else {
        all.join(f.say("、", ", "))
    }
}

impl KidShown {
    fn of(f: &Frame, kid: &ChildView, names: &Names, zone: Tz) -> Self {
        let clock = |at| words::clock(at, zone);
        let ja = f.ja();
        let mut more = Vec::new();
        if let Some(room) = kid.room.and_then(|room| names.rooms.get(&room)) {
            more.push(f.get(room).to_owned());
        }
        let (icon, badge, state) = match kid.state {
            ChildState::Expected => ("reserved", "", f.say("これから", "expected")),
            ChildState::Collected { at } => {
                let at = clock(at);
                more.push(if ja {
                    format!("{at}にお迎え")
                } else {
                    format!("collected at {at}")
                });
                ("out", "", f.say("お迎え済み", "collected"))
            }
            ChildState::InCare { since, received, asleep, recalled } => {
                let since = clock(since);
                more.push(if ja { format!("{since}から") } else { format!("since {since}") });
                if let Some((slept, looked)) = asleep {
                    let (slept, looked) = (clock(slept), clock(looked));
                    more.push(if ja {
                        format!("{slept}から睡眠中、最後の確認 {looked}")
                    } else {
                        format!("asleep since {slept}, last look {looked}")
                    });
                }
                if let Some(at) = recalled {
                    let at = clock(at);
                    more.push(if ja {
                        format!("{at}にお迎えを依頼")
                    } else {
                        format!("asked to be collected at {at}")
                    });
                }
                match (recalled.is_some(), received) {
                    (true, _) => ("warn", "badge--err", f.say("お迎え待ち", "to be collected")),
                    (_, false) => {
                        ("question", "badge--warn", f.say("引き受け待ち", "to be taken over"))
                    }
                    _ => ("child", "badge--ok", f.say("保育中", "in care")),
                }
            }
        };
        more.push(words::hours(f.language(), &kid.when, zone));
        let name = names.children.get(&kid.child).cloned();
        Self {
            id: kid.child.to_string(),
            name: name.unwrap_or_else(|| f.say("名前不明", "no name").to_owned()),
            icon,
            badge,
            state,
            more,
        }
    }
}

impl CaregiverShown {
    fn of(f: &Frame, one: &CaregiverView, names: &Names, zone: Tz) -> Self {
        let (icon, ja, en) = match one.state.map(|(state, _)| state) {
            None => ("reserved", "まだ来ていません", "not here yet"),
            Some(CaregiverState::Here) => ("in", "保育中", "with the children"),
            Some(CaregiverState::OnBreak) => ("away", "休憩中", "on a break"),
            Some(CaregiverState::Gone) => ("out", "退勤", "gone home"),
        };
        let said = f.say(ja, en);
        let state = match one.state {
            None => said.to_owned(),
            Some((_, since)) => {
                let since = words::clock(since, zone);
                if f.ja() {
                    format!("{said}（{since}から）")
                } else {
                    format!("{said} since {since}")
                }
            }
        };
        let name = names.caregivers.get(&one.shift).cloned();
        Self {
            name: name.unwrap_or_else(|| f.say("保育者", "A caregiver").to_owned()),
            icon,
            state,
            hours: words::hours(f.language(), &one.when, zone),
        }
    }
}

impl AlarmShown {
    fn of(f: &Frame, alarm: &AlarmView, names: &Names, zone: Tz) -> Self {
        let child = match &alarm.alarm {
            CareAlarm::Due { child }
            | CareAlarm::Late { child }
            | CareAlarm::Waiting { child }
            | CareAlarm::NapCheck { child }
            | CareAlarm::GuardianOut { child } => names.children.get(child).cloned(),
            CareAlarm::Short { .. } | CareAlarm::ShortSoon { .. } => None,
        };
        let (todo_ja, todo_en) = what_to_do(&alarm.alarm);
        let mut ask: Vec<String> = Vec::new();
        for shift in &alarm.ask {
            let name = names.caregivers.get(shift).cloned();
            ask.extend(name.filter(|name| !ask.contains(name)));
        }
        Self {
            since: words::clock(alarm.since, zone),
            what: alarm_words(f, &alarm.alarm, child.as_deref(), zone),
            todo: f.say(todo_ja, todo_en),
            ask: ask.join(f.say("、", ", ")),
        }
    }
}

/// What an alarm says; of a child whose name is not to be told it says no more than that it is one.
pub(in crate::pages) fn alarm_words(
    f: &Frame,
    alarm: &CareAlarm,
    child: Option<&str>,
    zone: Tz,
) -> String {
    let lack = |what: &Lacking, have, need| words::lacking(f.language(), what, have, need);
    let who = child.unwrap_or_else(|| f.say("お子さま1人", "A child"));
    let about = |ja: &str, en: &str| {
        if f.ja() { format!("{who}：{ja}") } else { format!("{who}: {en}") }
    };
    match alarm {
        CareAlarm::Short { what, have, need, .. } => {
            format!("{}{}", f.say("いま、", "Right now: "), lack(what, *have, *need))
        }
        CareAlarm::ShortSoon { what, from, until, have, need, .. } => {
            let said = lack(what, *have, *need);
            let (from, until) = (words::clock(*from, zone), words::clock(*until, zone));
            if f.ja() {
                format!("{from}〜{until}、{said}")
            } else {
                format!("{from}–{until}: {said}")
            }
        }
        CareAlarm::Due { .. } => about("まもなくお迎えの時間です", "care ends soon"),
        CareAlarm::Late { .. } => {
            about("お迎えの時間を過ぎています", "care is over, and nobody has come")
        }
        CareAlarm::Waiting { .. } => {
            about("登園したまま、引き受けが済んでいません", "brought, and not taken over yet")
        }
        CareAlarm::NapCheck { .. } => {
            about("睡眠の確認の時間です", "asleep, and to be looked at now")
        }
        CareAlarm::GuardianOut { .. } => {
            about("預けた人が建物を出ました", "whoever brought them has left the building")
        }
    }
}

/// What is to be done about an alarm.
fn what_to_do(alarm: &CareAlarm) -> (&'static str, &'static str) {
    match alarm {
        CareAlarm::Short { .. } => (
            "休憩中の人を呼び戻すか、声をかけられる人を呼んでください。それまで、新しいお子さまは受け入れないでください。",
            "Call somebody back from a break, or ask one of those below. Take no more children until then.",
        ),
        CareAlarm::ShortSoon { .. } => (
            "その時間までに、声をかけられる人に頼んでください。",
            "Ask one of those below to come by then.",
        ),
        CareAlarm::Due { .. } => {
            ("お迎えの準備をしてください。", "Get the child ready to be collected.")
        }
        CareAlarm::Late { .. } => (
            "保護者に電話してください。メールでは知らせてあります。",
            "Telephone the guardians. They have been told by mail.",
        ),
        CareAlarm::Waiting { .. } => (
            "入口まで迎えに行き、職員の画面で引き受けてください。",
            "Go and meet the child at the entrance, and take it over on the staff screen.",
        ),
        CareAlarm::NapCheck { .. } => (
            "呼吸・顔色・姿勢を見て、職員の画面で記録してください。",
            "Look at breath, colour and how it lies, and note it on the staff screen.",
        ),
        CareAlarm::GuardianOut { .. } => (
            "心当たりがなければ、保護者に電話してください。",
            "Unless you know why, telephone the guardians.",
        ),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono_tz::Asia::Tokyo;
    use model::care::board::{Count, Quarter, RoomCount};
    use model::id::BookingId;
    use model::language::Language;
    use model::permission::Actor;
    use uuid::Uuid;

    use super::*;

    fn at(clock: &str) -> DateTime<Utc> {
        format!("2026-12-01T{clock}:00+09:00").parse().unwrap()
    }

    fn hours(from: &str, until: &str) -> Interval {
        Interval::new(at(from), at(until)).unwrap()
    }

    fn child(n: u128) -> ChildId {
        ChildId(Uuid::from_u128(n))
    }

    fn shift(n: u128) -> ShiftId {
        ShiftId(Uuid::from_u128(n))
    }

    fn nursery() -> NurseryId {
        NurseryId(Uuid::from_u128(1))
    }

    fn room() -> RoomId {
        RoomId(Uuid::from_u128(2))
    }

    fn kid(n: u128, state: ChildState) -> ChildView {
        let booking = BookingId(Uuid::from_u128(n));
        ChildView {
            child: child(n),
            booking,
            when: hours("09:00", "17:00"),
            room: Some(room()),
            state,
        }
    }

    fn in_care(asleep: bool, received: bool, recalled: bool) -> ChildState {
        ChildState::InCare {
            since: at("09:02"),
            received,
            asleep: asleep.then(|| (at("12:30"), at("12:40"))),
            recalled: recalled.then(|| at("13:05")),
        }
    }

    fn caregiver(n: u128, state: Option<CaregiverState>) -> CaregiverView {
        CaregiverView {
            shift: shift(n),
            when: hours("08:30", "17:30"),
            breaks: Vec::new(),
            state: state.map(|state| (state, at("12:00"))),
        }
    }

    fn view() -> NurseryView {
        let quarter = |from, staff, short| Quarter {
            from: at(from),
            count: Count { children: 6, staff, need: 2 },
            short,
        };
        let alarm = |alarm, ask| AlarmView { alarm, since: at("13:00"), ask };
        let short = CareAlarm::ShortSoon {
            nursery: nursery(),
            what: Lacking::LiveStaff,
            from: at("15:00"),
            until: at("15:15"),
            have: 1,
            need: 2,
        };
        NurseryView {
            nursery: nursery(),
            staffed: true,
            now: Count { children: 3, staff: 2, need: 2 },
            lacks: Vec::new(),
            quarters: vec![quarter("14:45", 2, false), quarter("15:00", 1, true)],
            rooms: vec![RoomCount { room: room(), by_age: vec![(0, 1), (2, 2)] }],
            children: vec![
                kid(11, ChildState::Collected { at: at("12:10") }),
                kid(12, ChildState::Expected),
                kid(13, in_care(true, true, false)),
                kid(14, in_care(false, false, false)),
                kid(15, in_care(false, true, true)),
                kid(16, in_care(false, true, false)),
            ],
            caregivers: vec![
                caregiver(21, Some(CaregiverState::Here)),
                caregiver(22, Some(CaregiverState::OnBreak)),
                caregiver(23, None),
            ],
            alarms: vec![
                alarm(short, vec![shift(22), shift(24), shift(99)]),
                alarm(CareAlarm::Late { child: child(13) }, Vec::new()),
            ],
        }
    }

    fn names() -> Names {
        let children = ["つき", "ほし", "そら", "はな", "うみ", "もり"];
        let children = (11..).zip(children).map(|(n, name)| (child(n), name.to_owned()));
        let caregivers = [(21, "青木"), (22, "石井"), (23, "上田"), (24, "江口")];
        Names {
            children: children.collect(),
            caregivers: caregivers.map(|(n, name)| (shift(n), name.to_owned())).into(),
            rooms: BTreeMap::from([(room(), LocalText::new("ひよこ", "Chicks"))]),
        }
    }

    fn frame(language: Language) -> Frame {
        let caller = Caller {
            actor: Actor::nobody(),
            person: None,
            session: None,
            withheld: Vec::new(),
            owes_second: None,
            language,
            address: None,
            agent: String::new(),
            csrf: String::new(),
            nonce: String::new(),
            here: String::new(),
        };
        Frame::new(&caller, Part::Nursery)
    }

    fn shown(language: Language, view: Option<&NurseryView>, heard: Option<&str>) -> String {
        let f = frame(language);
        let site = SiteStatus { heard_at: heard.map(at), ..SiteStatus::default() };
        let now = Now::of(&f, view, &names(), &site, (at("14:40"), Tokyo));
        Block { f: &f, id: "n", now: &now }.render().unwrap()
    }

    #[test]
    fn a_nursery_is_shown_as_it_stands() {
        let html = shown(Language::Ja, Some(&view()), Some("14:39"));
        for words in [
            "id=\"nursery-live\"",
            "つながっています",
            "人（必要 2人）",
            "<li class=\"quarter\"><time>14:45</time>",
            "<li class=\"quarter\" data-short><time>15:00</time>",
            "子ども 6",
            "保育者 1／2",
            "不足</strong>",
            "0歳 1人、2歳 2人",
            "12:10にお迎え",
            "これから",
            "12:30から睡眠中、最後の確認 12:40",
            "引き受け待ち",
            "13:05にお迎えを依頼",
            "保育中（12:00から）",
            "休憩中（12:00から）",
            "まだ来ていません",
            "15:00〜15:15、保育者があと1人必要",
            "声をかけられる人：石井、江口</span>",
            "そら：お迎えの時間を過ぎています",
            "保護者に電話してください",
            "id=\"kid-00000000-0000-0000-0000-00000000000e\" href=\"/children/00000000-0000-0000-0000-00000000000e?nursery=n\">はな</a>",
        ] {
            assert!(html.contains(words), "{words} is not in {html}");
        }
        // Who is there stands in front of who comes and who has gone.
        let order = ["そら</a>", "ほし</a>", "つき</a>"].map(|name| html.find(name).unwrap());
        assert!(order.is_sorted(), "{html}");
        assert!(!html.contains("いま足りません"), "{html}");

        let english = shown(Language::En, Some(&view()), Some("14:39"));
        for words in [
            "here, 2 needed",
            "6 children",
            "age 0: 1, age 2: 2",
            "asleep since 12:30, last look 12:40",
            "15:00–15:15: 1 more caregiver needed",
            "since 12:00",
        ] {
            assert!(english.contains(words), "{words} is not in {english}");
        }
    }

    #[test]
    fn what_is_too_little_now_is_said() {
        let mut view = view();
        view.now.staff = 1;
        view.lacks = vec![model::care::intake::Lack {
            when: hours("14:40", "14:45"),
            what: Lacking::LiveStaff,
            have: 1,
            need: 2,
        }];
        assert!(shown(Language::Ja, Some(&view), None).contains("いま足りません"));
        view.lacks.clear();
        view.staffed = false;
        let html = shown(Language::Ja, Some(&view), None);
        assert!(!html.contains("いま足りません") && !html.contains("保育者 1／2"), "{html}");
        view.lacks = vec![model::care::intake::Lack {
            when: hours("14:40", "14:45"),
            what: Lacking::Places,
            have: 2,
            need: 3,
        }];
        let html = shown(Language::Ja, Some(&view), None);
        assert!(html.contains("いま足りません：定員は2人"), "{html}");
    }

    #[test]
    fn a_site_that_is_silent_shows_how_old_its_word_is() {
        let html = shown(Language::Ja, Some(&view()), Some("14:28"));
        assert!(html.contains("応答がありません") && html.contains("12分前の状態です"), "{html}");
        let html = shown(Language::En, None, None);
        assert!(html.contains("Waiting to hear from the site"), "{html}");
        assert!(!html.contains("Last heard"), "{html}");
    }

    #[test]
    fn a_name_that_is_not_known_is_not_made_up() {
        let mut view = view();
        view.children = vec![kid(77, ChildState::Expected)];
        view.caregivers = vec![caregiver(78, None)];
        view.alarms = vec![AlarmView {
            alarm: CareAlarm::NapCheck { child: child(77) },
            since: at("13:00"),
            ask: Vec::new(),
        }];
        let html = shown(Language::Ja, Some(&view), Some("14:39"));
        for words in ["名前不明", "保育者", "お子さま1人：睡眠の確認の時間です"]
        {
            assert!(html.contains(words), "{words} is not in {html}");
        }
    }
}
