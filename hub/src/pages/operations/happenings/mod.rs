//! What happened at a centre, in words.

mod care;
mod refusals;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use model::device::{Trouble, Watched};
use model::door::{DoorState, Side};
use model::id::{DeviceId, PersonId, SpaceId};
use model::sensor::SensorState;
use model::site_event::{Happening, Proof, SiteEvent};
use model::site_order::{OrderAnswer, Ordered, SiteOrder};
use model::terminal::TerminalState;
use twin::{SpaceView, View};

use super::{air, doors, orders, record};
use crate::pages::frame::Frame;
use crate::pages::words;
pub(super) use refusals::refusal;

/// A line of the list.
#[derive(PartialEq, Eq)]
pub(super) struct HappeningShown {
    pub alert: bool,
    pub time: String,
    pub icon: &'static str,
    pub what: String,
    pub more: Option<String>,
}

/// Whoever is told of it, and the names of what they are told of.
pub(super) struct Listener<'a> {
    pub f: &'a Frame,
    pub view: &'a View,
    pub names: &'a BTreeMap<PersonId, String>,
    pub zone: Tz,
}

/// An icon, what happened, and a word more.
type Told = (&'static str, String, Option<String>);

/// Whose names are told with an event.
pub(super) fn person_in(event: &SiteEvent) -> Option<PersonId> {
    match &event.what {
        Happening::CheckedIn { person, .. }
        | Happening::WalkedIn { person, .. }
        | Happening::CheckedOut { person, .. }
        | Happening::LetThrough { person: Some(person), .. } => Some(*person),
        Happening::Ordered { order, .. } => Some(order.by),
        _ => None,
    }
}

impl Listener<'_> {
    pub(super) fn told(&self, event: &SiteEvent) -> HappeningShown {
        let (icon, what, more) = self.words(&event.what);
        let time = words::clock_seconds(event.at, self.zone);
        HappeningShown { alert: is_alert(&event.what), time, icon, what, more }
    }

    fn words(&self, what: &Happening) -> Told {
        let f = self.f;
        match what {
            Happening::Started => {
                self.plain("refresh", "センターの装置が起動しました", "The site's edge started")
            }
            Happening::SheetInForce { version } => more(
                self.plain("calendar", "新しい予定表が届きました", "A new day sheet is in force"),
                format!("{}{version}{}", f.say("第", "No. "), f.say("版", "")),
            ),
            Happening::CheckedIn { person, space, by, .. } => self.came_in(person, space, by),
            Happening::WalkedIn { person, space, until, .. } => {
                let (who, until) = (self.name(person).unwrap_or_default(), self.clock(*until));
                let what =
                    format!("{} {}", f.say("予約なしの利用", "Walked in:"), self.desk(space));
                let stays = match f.ja() {
                    true => format!("{who}（{until}まで）"),
                    false => format!("{who} (until {until})"),
                };
                ("desk", what, Some(stays))
            }
            Happening::CheckedOut { person, space, .. } => {
                let what = format!("{} {}", f.say("退館", "Left:"), self.desk(space));
                ("out", what, self.name(person))
            }
            Happening::SteppedOut { .. } => more(
                self.plain("out", "外出しました", "Stepped out"),
                f.say("席はそのままです", "The desk stays theirs"),
            ),
            Happening::CameBack { .. } => self.plain("in", "外出から戻りました", "Came back"),
            Happening::Refused { why, .. } => {
                more(self.plain("cross", "入れませんでした", "Turned away"), refusal(f, *why))
            }
            Happening::CredentialProved { .. } => more(
                self.plain("card", "カードが鍵で確かめられました", "A card proved its key"),
                f.say(
                    "番号だけの複製では、もう入れません",
                    "A copy of its number is refused from now on",
                ),
            ),
            Happening::NoShow { space, .. } => more(
                self.of("calendar", self.desk(space), "を開放", " given free"),
                f.say("入館がありませんでした", "Nobody came"),
            ),
            Happening::Care(care) => {
                let (icon, what) = care::care_words(f, care);
                (icon, what.to_owned(), None)
            }
            Happening::Shed { count, .. } => more(
                self.plain(
                    "warn",
                    "場所が足りず、記録を省きました",
                    "Records were given up for want of room",
                ),
                format!("{count}{}", f.say("件", " of little weight")),
            ),
            Happening::DiskFull { full: true } => more(
                self.plain("warn", "装置の記録場所がいっぱいです", "The site's disk is full"),
                f.say("扉は動きます", "Doors go on"),
            ),
            Happening::DiskFull { full: false } => self.plain(
                "check",
                "装置の記録場所に空きができました",
                "The site's disk has room again",
            ),
            Happening::Lost => self.plain(
                "warn",
                "装置の記録が読めません",
                "A record of the site is gone or unreadable",
            ),
            Happening::BusTwin { device } => self.of(
                "warn",
                device.to_string(),
                "が二つつながっています",
                ": two of them are on the site bus",
            ),
            Happening::ConfigInForce { version } => more(
                self.plain("check", "新しい設定で動いています", "New settings are in force"),
                version.to_string(),
            ),
            Happening::ConfigRolledBack { version, why } => more(
                self.plain("warn", "設定を元に戻しました", "Settings were rolled back"),
                record::edges_words(f, &format!("{version}: {why}")),
            ),
            Happening::Air { place, what, value, began } => {
                let place = air::place_name(f, self.view, place);
                let said = air::warning_words(f, *what);
                let value = value.map(|value| air::value_words(f, what.measure(), value));
                let (icon, between) = match began {
                    true => ("warn", f.say("：", ": ")),
                    false => ("check", f.say("：解消 ", ": over, ")),
                };
                (icon, format!("{place}{between}{said}"), value)
            }
            Happening::Measured { measures, place, value, .. } => {
                let place = air::place_name(f, self.view, place);
                let what =
                    format!("{place}{}{}", f.say("：", ": "), air::measure_words(f, *measures));
                ("check", what, Some(air::value_words(f, *measures, *value)))
            }
            Happening::Sensor { sensor, place, now, .. } => {
                let place = air::place_name(f, self.view, place);
                more(self.sensor(place, *now), sensor.to_string())
            }
            Happening::DoorUnlocked { door, .. } => {
                self.of("unlock", self.door(door), "を解錠", " unlocked")
            }
            Happening::DoorLocked { door } => self.of("lock", self.door(door), "を施錠", " locked"),
            Happening::LockFault { door } => more(
                self.of("warn", self.door(door), "の錠が動きません", ": the lock does not move"),
                f.say("まず現地の人に声をかけてください", "Ask somebody on site to look"),
            ),
            Happening::DoorOpened { door } => {
                self.of("door-open", self.door(door), "が開きました", " opened")
            }
            Happening::DoorClosed { door } => {
                self.of("check", self.door(door), "が閉まりました", " closed")
            }
            Happening::LetThrough { door, side, person, twice, .. } => {
                let (icon, what, _) = match side {
                    Side::Outside => self.of("in", self.door(door), "から入りました", ": came in"),
                    Side::Inside => self.of("out", self.door(door), "から出ました", ": went out"),
                };
                let again = f.say("退出の記録なしで二度目", "a second time, not seen to go out");
                let who = person.as_ref().and_then(|person| self.name(person));
                let said = [who.as_deref(), twice.then_some(again)];
                let said: Vec<&str> = said.into_iter().flatten().collect();
                (icon, what, Some(said.join(" ")).filter(|said| !said.is_empty()))
            }
            Happening::DoorState { door, state } => self.door_is(door, *state),
            Happening::DeviceTrouble { of, why } => self.device_is(of, *why),
            Happening::ExitPressed { door } => {
                self.of("out", self.door(door), "の退出ボタン", ": exit button")
            }
            Happening::Fire { on: true } => {
                self.plain("warn", "火災信号：すべての扉を開放", "Fire: every door is released")
            }
            Happening::Fire { on: false } => {
                self.plain("check", "火災信号が止まりました", "The fire panel's signal has ended")
            }
            Happening::Ordered { order, answer } => self.ordered(order, *answer),
            Happening::Terminal { terminal, state } => self.terminal(terminal, *state),
        }
    }

    fn came_in(&self, person: &PersonId, space: &SpaceId, by: &Proof) -> Told {
        let f = self.f;
        let by = match by {
            Proof::Card { .. } => f.say("カード", "card"),
            Proof::Code => f.say("予約番号", "booking code"),
            Proof::Voucher { .. } => f.say("QRコード", "QR code"),
        };
        let who = self.name(person).unwrap_or_default();
        let how = match f.ja() {
            true => format!("{who}（{by}）"),
            false => format!("{who} ({by})"),
        };
        ("in", format!("{} {}", f.say("入館", "Came in:"), self.desk(space)), Some(how))
    }

    fn sensor(&self, place: String, now: SensorState) -> Told {
        match now {
            SensorState::Heard => {
                self.of("online", place, "：センサーから値が届いています", ": a sensor is heard")
            }
            SensorState::Silent => {
                self.of("offline", place, "：センサーが応答しません", ": a sensor is silent")
            }
            SensorState::Gone => {
                self.of("check", place, "：センサーを外しました", ": a sensor is used no more")
            }
        }
    }

    fn door_is(&self, door: &DeviceId, state: DoorState) -> Told {
        let f = self.f;
        let (icon, said) = match state.is_alarm() {
            true => ("warn", doors::state_words(f, state)),
            false => ("check", f.say("元に戻りました", "is as it should be again")),
        };
        (icon, format!("{}{}{said}", self.door(door), f.say("：", ": ")), None)
    }

    fn device_is(&self, of: &Watched, why: Option<Trouble>) -> Told {
        let f = self.f;
        let (icon, said, advice) = match (of, why) {
            (_, None) => ("check", f.say("元に戻りました", "works again"), None),
            (Watched::FirePanel, Some(why)) => (
                "warn",
                doors::trouble_words(f, why),
                Some(f.say(
                    "火災の知らせが届きません。線を点検してください",
                    "A fire would not be told: have its wire looked at",
                )),
            ),
            (Watched::Reader(_), Some(why)) => (
                "warn",
                doors::trouble_words(f, why),
                Some(f.say("まず現地の人に声をかけてください", "Ask somebody on site to look")),
            ),
        };
        let what = format!("{}{}{said}", doors::watched(f, of), f.say("：", ": "));
        (icon, what, advice.map(str::to_owned))
    }

    fn ordered(&self, order: &Ordered, answer: OrderAnswer) -> Told {
        let f = self.f;
        let door = match &order.what {
            SiteOrder::Unlock { door } => Some(self.door(door)),
            _ => None,
        };
        let words = orders::words(f, &order.what, door.as_deref());
        let outcome = match answer {
            OrderAnswer::Done => "",
            _ => f.say("（実行されませんでした）", " (not done)"),
        };
        let said = format!("{}{outcome}", self.name(&order.by).unwrap_or_default());
        let icon = match &order.what {
            SiteOrder::Unlock { .. } => "unlock",
            SiteOrder::Lockdown { on: true } => "lock",
            SiteOrder::Evacuate { on: true } => "warn",
            SiteOrder::Lockdown { on: false } | SiteOrder::Evacuate { on: false } => "check",
            SiteOrder::EndVisit { .. } => "out",
        };
        let what = format!("{}{words}", f.say("指示：", "Ordered: "));
        (icon, what, Some(said).filter(|said| !said.is_empty()))
    }

    fn terminal(&self, terminal: &DeviceId, state: TerminalState) -> Told {
        let stands_at = |space: &&SpaceView| {
            space.terminal.as_ref().is_some_and(|(device, _)| device == terminal)
        };
        let space = self.view.spaces.iter().find(stands_at);
        let subject = space.map_or_else(|| terminal.to_string(), |space| self.desk(&space.space));
        match state {
            TerminalState::Lost => {
                self.of("offline", subject, "の端末が応答しません", ": terminal silent")
            }
            TerminalState::Idle => {
                self.of("terminal", subject, "の端末が待機中", ": terminal ready")
            }
            TerminalState::Assigned => {
                self.of("terminal-on", subject, "の端末を割当", ": terminal in use")
            }
            TerminalState::Wiped => {
                self.of("terminal-wiped", subject, "の端末を消去", ": terminal wiped")
            }
            TerminalState::Broken => more(
                self.of("terminal-broken", subject, "の端末が故障", ": terminal out of order"),
                self.f.say("この席には案内しません", "Nobody is sent there"),
            ),
        }
    }

    fn plain(&self, icon: &'static str, ja: &'static str, en: &'static str) -> Told {
        (icon, self.f.say(ja, en).to_owned(), None)
    }

    fn of(&self, icon: &'static str, subject: String, ja: &'static str, en: &'static str) -> Told {
        (icon, format!("{subject}{}", self.f.say(ja, en)), None)
    }

    fn desk(&self, space: &SpaceId) -> String {
        let known = self.view.space(space);
        let label = known.map_or("?", |space| space.label.as_str());
        format!("{}{label}", self.f.say("席 ", "desk "))
    }

    fn door(&self, door: &DeviceId) -> String {
        doors::name(self.f, self.view, door)
    }

    fn name(&self, person: &PersonId) -> Option<String> {
        self.names.get(person).map(|name| format!("{name}{}", self.f.say("さん", "")))
    }

    fn clock(&self, time: DateTime<Utc>) -> String {
        words::clock(time, self.zone)
    }
}

fn more((icon, what, _): Told, more: impl Into<String>) -> Told {
    (icon, what, Some(more.into()))
}

fn is_alert(what: &Happening) -> bool {
    match what {
        Happening::LockFault { .. }
        | Happening::DiskFull { full: true }
        | Happening::Lost
        | Happening::BusTwin { .. }
        | Happening::DeviceTrouble { why: Some(_), .. }
        | Happening::Air { began: true, .. }
        | Happening::ConfigRolledBack { .. }
        | Happening::Fire { on: true }
        | Happening::Terminal { state: TerminalState::Broken, .. } => true,
        Happening::DoorState { state, .. } => state.is_alarm(),
        Happening::Ordered { order, answer: OrderAnswer::Done } => matches!(
            order.what,
            SiteOrder::Lockdown { on: true } | SiteOrder::Evacuate { on: true }
        ),
        _ => false,
    }
}
