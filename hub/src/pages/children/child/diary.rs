//! A child's day in care, as its guardians and its nursery read it.

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use model::care::day::{CareEvent, NotHandedOver, NotTakenIn, NoteBody, NoteKind};
use model::care::file::NotCollecting;
use model::id::ChildId;
use model::opening::whole_day;
use model::permission::{Action, Target, may};

use crate::hub::Hub;
use crate::pages::fields::Fields;
use crate::pages::frame::Frame;
use crate::pages::words;
use crate::service::children::{CARE_NEAR, File};
use crate::service::diary::{self, Opened, Reader, Told};
use crate::service::{Caller, Refused};
use crate::typed;

/// A day of a child.
pub(super) struct Diary {
    pub(super) day: String,
    pub(super) is_today: bool,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) lines: Vec<Line>,
}

pub(super) struct Line {
    pub(super) time: String,
    pub(super) icon: &'static str,
    pub(super) what: String,
    pub(super) more: Vec<String>,
    /// For the eyes of the staff alone.
    pub(super) inner: bool,
    pub(super) alert: bool,
}

/// The day that was asked for, today where none was; nothing for whoever may not read it.
///
/// # Errors
/// [`Refused`] when the store fails.
pub(super) async fn of(
    hub: &Hub,
    caller: &Caller,
    f: &Frame,
    (child, file): (ChildId, &File),
    asked: &Fields,
    (today, zone): (NaiveDate, Tz),
) -> Result<Option<Diary>, Refused> {
    let reader = match file.for_nursery {
        None if file.own => Reader::Guardian,
        Some(nursery)
            if may(&caller.actor, Action::KeepCareFiles, &Target::in_nursery(nursery)) =>
        {
            Reader::Nursery(nursery)
        }
        _ => return Ok(None),
    };
    // A nursery sees a child about the time of its care.
    let near = |day: &NaiveDate| {
        *day <= today && (reader == Reader::Guardian || today - *day <= CARE_NEAR)
    };
    let on = typed::date(asked.get("day")).filter(near).unwrap_or(today);
    let Some(window) = whole_day(on, zone) else { return Ok(None) };
    let told = diary::read(hub, child, &file.care, reader, &window).await?;
    let beside = |day: Option<NaiveDate>| day.filter(near).map(|day| day.to_string());
    Ok(Some(Diary {
        day: words::day(f.language(), on),
        is_today: on == today,
        before: beside(on.checked_sub_days(Days::new(1))),
        after: beside(on.checked_add_days(Days::new(1))),
        lines: told.iter().map(|told| Line::of(f, told, zone)).collect(),
    }))
}

impl Line {
    fn of(f: &Frame, told: &Told, zone: Tz) -> Self {
        let (icon, what) = what(f, told);
        let mut more = Vec::new();
        match &told.opened {
            Opened::Nothing => {}
            Opened::Torn => more.push(
                f.say("書かれた内容を開けません。", "What was written cannot be opened.")
                    .to_owned(),
            ),
            Opened::Check(check) => {
                more.extend(check.temperature.map(degrees));
                if check.unwell {
                    more.push(f.say("体調がすぐれない様子", "seems unwell").to_owned());
                }
                more.push(check.remarks.clone());
            }
            Opened::Note(body) => more.extend(note(f, body)),
        }
        if let Some(staff) = &told.staff {
            more.push(if f.ja() { format!("記入：{staff}") } else { format!("by {staff}") });
        }
        more.retain(|text| !text.is_empty());
        Self {
            time: words::clock(told.at, zone),
            icon,
            what,
            more,
            inner: matches!(&told.what, CareEvent::Noted { kind, .. } if !kind.for_guardians()),
            alert: matches!(
                told.what,
                CareEvent::HandOverRefused { why, .. } if is_alert(why)
            ) || matches!(
                told.what,
                CareEvent::Recalled { .. } | CareEvent::Noted { kind: NoteKind::Incident, .. }
            ),
        }
    }
}

fn degrees(tenths: u16) -> String {
    format!("{}.{}℃", tenths / 10, tenths % 10)
}

fn note(f: &Frame, body: &NoteBody) -> Vec<String> {
    let mut more: Vec<String> = body.temperature.map(degrees).into_iter().collect();
    if let Some(eaten) = body.eaten {
        more.push(if f.ja() {
            format!("{eaten}割食べました")
        } else {
            format!("ate {} percent", u32::from(eaten) * 10)
        });
    }
    if body.serious {
        more.push(f.say("自治体に報告する事故です", "reported to the municipality").to_owned());
    }
    more.push(body.text.clone());
    more
}

fn what(f: &Frame, told: &Told) -> (&'static str, String) {
    let who = told.who.as_deref();
    let by = |ja: &str, en: &str| match (who, f.ja()) {
        (Some(who), true) => format!("{ja}（{who}さん）"),
        (Some(who), false) => format!("{en} ({who})"),
        (None, _) => f.say(ja, en).to_owned(),
    };
    let said = |ja: &str, en: &str| f.say(ja, en).to_owned();
    match &told.what {
        CareEvent::DroppedOff { .. } => ("in", by("登園しました", "Brought")),
        CareEvent::Received { .. } => {
            ("check", said("保育者が引き受けました", "Taken over by the staff"))
        }
        CareEvent::DropOffRefused { why, .. } => {
            let (ja, en) = not_taken(*why);
            ("cross", said(ja, en))
        }
        CareEvent::HandedOver { .. } => ("out", by("お迎えが済みました", "Collected")),
        CareEvent::HandOverRefused { why, .. } => {
            let (alert, (ja, en)) = (is_alert(*why), refused(*why));
            let why = f.say(ja, en);
            let what = if alert {
                by("お迎えをお断りしました", "Was not handed over")
            } else {
                by("本人確認ができませんでした", "Who came could not be checked")
            };
            // Who it is was not told yet: a slip is no cause for alarm.
            let icon = if alert { "warn" } else { "info" };
            (icon, if f.ja() { format!("{what}：{why}") } else { format!("{what}: {why}") })
        }
        CareEvent::Recalled { .. } => (
            "warn",
            said("体調不良のため、お迎えをお願いしました", "Unwell: guardians were asked to come"),
        ),
        CareEvent::PutRight { .. } => {
            ("check", said("在室の記録を直しました", "The record was put right"))
        }
        CareEvent::Moved { .. } => ("child", said("部屋を移りました", "Changed rooms")),
        CareEvent::Noted { kind, .. } => {
            let (icon, ja, en) = match kind {
                NoteKind::NapBegins => ("clock", "お昼寝を始めました", "Fell asleep"),
                NoteKind::NapCheck => {
                    ("check", "お昼寝中の様子を確認しました", "Looked at in its sleep")
                }
                NoteKind::NapEnds => ("clock", "お昼寝から起きました", "Woke up"),
                NoteKind::Meal => ("child", "食事", "A meal"),
                NoteKind::Temperature => ("info", "検温", "Temperature"),
                NoteKind::Note => ("lock", "職員のメモ", "A note for the staff"),
                NoteKind::ToGuardians => ("info", "保育室から", "From the nursery"),
                NoteKind::Incident => ("warn", "けが・事故", "An incident"),
            };
            (icon, said(ja, en))
        }
        // None of these is about one child, or is read here.
        CareEvent::LetIn { .. }
        | CareEvent::Caregiver { .. }
        | CareEvent::WentOut { .. }
        | CareEvent::AlarmRaised { .. }
        | CareEvent::AlarmOver { .. }
        | CareEvent::SignedIn { .. }
        | CareEvent::LookedAt { .. } => ("info", String::new()),
    }
}

fn not_taken(why: NotTakenIn) -> (&'static str, &'static str) {
    match why {
        NotTakenIn::Fever => ("熱があるため、お預かりしませんでした", "Not taken: a fever"),
        NotTakenIn::NoTemperature => {
            ("検温がまだのため、お預かりしませんでした", "Not taken: no temperature was given")
        }
        NotTakenIn::StaffLookFirst => {
            ("先に保育者が様子を見ることになりました", "Not taken yet: the staff look first")
        }
        NotTakenIn::NotBooked => {
            ("予約がないため、お預かりしませんでした", "Not taken: no care was booked")
        }
        NotTakenIn::TooEarly => {
            ("まだ時間前のため、お預かりしませんでした", "Not taken: too early")
        }
        NotTakenIn::Over => {
            ("予約の時間を過ぎていたため、お預かりしませんでした", "Not taken: the care was over")
        }
        NotTakenIn::NoRoom => (
            "体制が足りないため、お預かりしませんでした",
            "Not taken: no room or staff at that time",
        ),
        NotTakenIn::Here => ("すでにお預かりしていました", "Not taken: it was in care already"),
        NotTakenIn::NotTheirs => (
            "保護者でない人が連れて来たため、お預かりしませんでした",
            "Not taken: not brought by a guardian",
        ),
        NotTakenIn::ClockUnset => (
            "装置の時計が合わず、受け付けられませんでした",
            "Not taken: the site's clock was unset",
        ),
    }
}

/// Whether somebody wanted the child who may not have it; else it was not seen yet who it is.
fn is_alert(why: NotHandedOver) -> bool {
    match why {
        NotHandedOver::NotCollecting(_) | NotHandedOver::ShowedNothing => true,
        NotHandedOver::UnknownCard
        | NotHandedOver::WrongPin
        | NotHandedOver::PinPaused
        | NotHandedOver::UnreadableVoucher
        | NotHandedOver::NotKnown => false,
    }
}

fn refused(why: NotHandedOver) -> (&'static str, &'static str) {
    match why {
        NotHandedOver::NotCollecting(NotCollecting::Barred) => {
            ("お迎えをお断りする人", "they may not collect the child")
        }
        NotHandedOver::NotCollecting(NotCollecting::Stranger) => {
            ("登録のない人", "nobody has named them")
        }
        NotHandedOver::NotCollecting(NotCollecting::UnderAge) => ("年齢", "under age"),
        NotHandedOver::NotCollecting(NotCollecting::Over) => {
            ("登録の期限切れ", "named until a day that has passed")
        }
        NotHandedOver::UnknownCard => ("使えないカード", "the card is not valid"),
        NotHandedOver::WrongPin => ("暗証番号の間違い", "wrong PIN"),
        NotHandedOver::PinPaused => ("暗証番号の間違いが続いたため", "too many wrong PINs"),
        NotHandedOver::UnreadableVoucher => ("読み取れないQRコード", "the QR code cannot be read"),
        NotHandedOver::ShowedNothing => {
            ("本人と分かるものがない", "showed nothing that says who they are")
        }
        NotHandedOver::NotKnown => {
            ("お迎えの人の情報が装置にない", "the site does not know who may collect the child")
        }
    }
}
