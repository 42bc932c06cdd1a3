//! The record of who did what, for those who keep an eye on a centre or on all of it.

use std::str::FromStr as _;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeZone as _, Utc};
use chrono_tz::Tz;
use model::audit::AuditAction;
use model::id::AuditId;

use super::fields::{Asked, Fields};
use super::frame::{Frame, Part, encode};
use super::reports::unformulaic;
use super::{html, wish};
use crate::service::atlas::Atlas;
use crate::service::audit::read::{self, Listed, Question};
use crate::service::audit::{witness, word};
use crate::service::{Caller, Refused};
use crate::typed;
use crate::web::Web;

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    f: Frame,
    rows: Vec<Row>,
    actions: Vec<(String, &'static str, bool)>,
    centres: Vec<(String, String, bool)>,
    from: String,
    until: String,
    actor: String,
    subject: String,
    /// What the files are asked for, as the page is.
    asked: String,
    /// The address of the entries before these.
    older: Option<String>,
    /// Sites that have seen a record which is no longer there.
    doubts: Vec<(String, u64)>,
}

/// An entry as a page shows it.
pub struct Row {
    /// When.
    pub at: String,
    /// What was done.
    pub action: String,
    /// Who did it.
    pub actor: String,
    /// To whom.
    pub subject: String,
    /// Where.
    pub centre: String,
    /// What else is known.
    pub notes: String,
    /// Its place in the chain.
    pub place: Option<u64>,
}

impl Row {
    /// An entry in the words of a page.
    #[must_use]
    pub fn of(f: &Frame, atlas: &Atlas, zone: Tz, entry: Listed) -> Self {
        let action = AuditAction::ALL.into_iter().find(|action| word(*action) == entry.action);
        let centre = entry.centre.and_then(|id| atlas.centre(id));
        let mut notes: Vec<String> =
            entry.notes.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        notes.extend(entry.from.map(|from| format!("{} {from}", f.say("接続元", "from"))));
        let somebody = |name: Option<String>| match name.as_deref() {
            Some("hub") => f.say("システム", "the hub").to_owned(),
            Some("nobody") => f.say("サインイン前", "not signed in").to_owned(),
            Some(name) => name.to_owned(),
            None => String::new(),
        };
        Self {
            at: entry.at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string(),
            action: action.map_or(entry.action, |action| name(f, action).to_owned()),
            actor: if entry.erased {
                f.say("消去済み", "erased").to_owned()
            } else {
                somebody(entry.actor)
            },
            subject: entry.subject.unwrap_or_default(),
            centre: centre.map(|centre| f.get(&centre.name).to_owned()).unwrap_or_default(),
            notes: notes.join(f.say("、", ", ")),
            place: entry.place,
        }
    }
}

/// `/audit`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let atlas = web.atlas().await?;
    let f = Frame::new(&caller, Part::Audit);
    let zone = wish::zone(&atlas);
    let reach = read::reach(&caller, None)?;
    let question = question(&asked, &atlas, zone)?;
    let listed = read::entries(&web.hub, &caller, &question).await?;
    let shown = asked_again(&asked);
    let older = (u32::try_from(listed.len()) == Ok(read::MOST)).then(|| listed.last()).flatten();
    let older = older.map(|last| {
        let at = last.at.to_rfc3339_opts(SecondsFormat::Micros, true);
        format!("/audit?{shown}&before={}", encode(&format!("{at}/{}", last.id)))
    });
    let doubts = match &reach {
        None => witness::sites_in_doubt(&web.hub).await?,
        Some(_) => Vec::new(),
    };
    let name_of = |id| atlas.centre(id).map(|centre| f.get(&centre.name).to_owned());
    let page = Page {
        actions: AuditAction::ALL
            .into_iter()
            .map(|action| (word(action), name(&f, action), question.action == Some(action)))
            .collect(),
        centres: atlas
            .centres
            .iter()
            .filter(|centre| reach.as_ref().is_none_or(|reach| reach.contains(&centre.id)))
            .map(|centre| {
                let chosen = question.centre == Some(centre.id);
                (centre.slug.to_string(), f.get(&centre.name).to_owned(), chosen)
            })
            .collect(),
        doubts: doubts
            .into_iter()
            .map(|(centre, place)| (name_of(centre).unwrap_or_default(), place))
            .collect(),
        rows: listed.into_iter().map(|entry| Row::of(&f, &atlas, zone, entry)).collect(),
        from: asked.get("from").to_owned(),
        until: asked.get("until").to_owned(),
        actor: asked.get("actor").to_owned(),
        subject: asked.get("subject").to_owned(),
        asked: shown,
        older,
        f,
    };
    Ok(html(StatusCode::OK, &page))
}

/// `/audit/entries.csv`
pub async fn csv(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let listed = found(&web, &caller, &asked).await?;
    let body = table(&listed).map_err(|_| Refused::Inner("the entries cannot be written"))?;
    Ok(file("text/csv; charset=utf-8", "audit.csv", body))
}

/// `/audit/entries.jsonl`
pub async fn jsonl(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let mut body = Vec::new();
    for entry in found(&web, &caller, &asked).await? {
        let line = serde_json::to_vec(&entry)
            .map_err(|_| Refused::Inner("the entries cannot be written"))?;
        body.extend(line);
        body.push(b'\n');
    }
    Ok(file("application/x-ndjson", "audit.jsonl", body))
}

async fn found(web: &Web, caller: &Caller, asked: &Fields) -> Result<Vec<Listed>, Refused> {
    let atlas = web.atlas().await?;
    read::reach(caller, None)?;
    let question = question(asked, &atlas, wish::zone(&atlas))?;
    read::entries(&web.hub, caller, &question).await
}

fn file(kind: &'static str, name: &str, body: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, body).into_response()
}

fn table(listed: &[Listed]) -> Result<Vec<u8>, csv::Error> {
    let mut out = csv::Writer::from_writer("\u{FEFF}".as_bytes().to_vec());
    out.write_record(["place", "at", "action", "actor", "subject", "centre", "from", "notes"])?;
    for entry in listed {
        let notes: Vec<String> =
            entry.notes.iter().map(|(name, value)| format!("{name}={value}")).collect();
        out.write_record([
            entry.place.map(|place| place.to_string()).unwrap_or_default(),
            entry.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            unformulaic(&entry.action),
            unformulaic(entry.actor.as_deref().unwrap_or_default()),
            unformulaic(entry.subject.as_deref().unwrap_or_default()),
            entry.centre.map(|centre| centre.to_string()).unwrap_or_default(),
            entry.from.clone().unwrap_or_default(),
            unformulaic(&notes.join("; ")),
        ])?;
    }
    out.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// What the form asks; what cannot be read is said, not left out: a filter that does nothing would
/// show too much.
fn question(asked: &Fields, atlas: &Atlas, zone: Tz) -> Result<Question, Refused> {
    let unreadable = |what: &str| Refused::Unreadable(format!("{what} cannot be read"));
    let day = |name: &str, days_on: u64| -> Result<Option<DateTime<Utc>>, Refused> {
        let text = asked.get(name);
        if text.is_empty() {
            return Ok(None);
        }
        let date = typed::date(text).ok_or_else(|| unreadable(name))?;
        Ok(Some(midnight(date, days_on, zone).ok_or_else(|| unreadable(name))?))
    };
    let text = |name: &str| {
        let text = asked.get(name).trim();
        (!text.is_empty()).then(|| text.chars().take(100).collect::<String>())
    };
    let action = match asked.get("action") {
        "" => None,
        wanted => Some(
            AuditAction::ALL
                .into_iter()
                .find(|action| word(*action) == wanted)
                .ok_or_else(|| unreadable("action"))?,
        ),
    };
    let centre = match asked.get("centre") {
        "" => None,
        slug => Some(atlas.named(slug).ok_or(Refused::NotFound)?.id),
    };
    let before = match asked.get("before").split_once('/') {
        None if asked.get("before").is_empty() => None,
        None => return Err(unreadable("before")),
        Some((at, id)) => {
            let at = DateTime::parse_from_rfc3339(at).map_err(|_| unreadable("before"))?;
            let id = AuditId::from_str(id).map_err(|_| unreadable("before"))?;
            Some((at.to_utc(), id))
        }
    };
    Ok(Question {
        from: day("from", 0)?,
        until: day("until", 1)?,
        action,
        actor: text("actor"),
        subject: text("subject"),
        centre,
        before,
    })
}

fn midnight(date: NaiveDate, days_on: u64, zone: Tz) -> Option<DateTime<Utc>> {
    let date = date.checked_add_days(chrono::Days::new(days_on))?;
    let local = zone.from_local_datetime(&date.and_time(NaiveTime::MIN)).earliest()?;
    Some(local.to_utc())
}

/// The filters as they stand in an address.
fn asked_again(asked: &Fields) -> String {
    let pairs: Vec<String> = ["from", "until", "action", "actor", "subject", "centre"]
        .into_iter()
        .filter(|name| !asked.get(name).is_empty())
        .map(|name| format!("{name}={}", encode(asked.get(name))))
        .collect();
    pairs.join("&")
}

fn name(f: &Frame, action: AuditAction) -> &'static str {
    use AuditAction::*;
    let (ja, en) = match action {
        SignedIn => ("サインイン", "Signed in"),
        SignInRefused => ("サインインできなかった", "Sign-in refused"),
        SignedOut => ("サインアウト", "Signed out"),
        SessionsEnded => ("ほかの端末をサインアウト", "Sessions ended elsewhere"),
        PasswordChanged => ("パスワードの変更", "Password changed"),
        FactorAdded => ("サインイン方法の追加", "Second factor added"),
        FactorRemoved => ("サインイン方法の削除", "Second factor removed"),
        TokenMade => ("APIトークンの発行", "API token made"),
        TokenRevoked => ("APIトークンの取り消し", "API token revoked"),
        CardOffered => ("カードの登録の申し出", "Card offered"),
        CardAdded => ("カードの登録", "Card added"),
        CardLost => ("カードの紛失", "Card lost"),
        CardBlocked => ("カードの停止", "Card blocked"),
        CardUnblocked => ("カードの停止の解除", "Card unblocked"),
        CardReplaced => ("カードの交換", "Card replaced"),
        CardKeyRotated => ("カードの鍵の更新", "Card key rotated"),
        DeviceCodeMade => ("機器の登録用コードの発行", "Code for a device made"),
        DeviceEnrolled => ("機器の登録", "Device enrolled"),
        DeviceRevoked => ("機器の取り消し", "Device revoked"),
        CertificateRenewed => ("機器の証明書の更新", "Certificate renewed"),
        RolesChanged => ("役割の変更", "Roles changed"),
        MemberAdded => ("メンバーの追加", "Member added"),
        MemberRemoved => ("メンバーの削除", "Member removed"),
        SignInSettingsChanged => ("サインイン設定の変更", "Sign-in settings changed"),
        ChildHealthSeen => ("子どもの健康情報を見た", "Child's health seen"),
        ChildHealthChanged => ("子どもの健康情報の変更", "Child's health changed"),
        GuardianAdded => ("保護者の追加", "Guardian added"),
        CollectorNamed => ("お迎えの人の登録", "Collector named"),
        CollectorLinked => ("お迎えの人のカードの登録", "Collector's account linked"),
        CollectorRemoved => ("お迎えの人の取り消し", "Collector removed"),
        CollectingBarred => ("引き渡さない人の登録", "Collecting barred"),
        CollectingBarLifted => ("引き渡さない人の取り消し", "Bar on collecting lifted"),
        NurseryDaySeen => ("保育室の一日の表を見た", "A nursery's day seen"),
        ChildBrought => ("登園", "Child brought"),
        ChildHandedOver => ("お迎え（引き渡し）", "Child handed over"),
        HandOverRefused => ("お迎えを断った", "Hand-over refused"),
        CareRecordPutRight => ("在室の記録を直した", "Record of care put right"),
        IncidentReported => ("事故報告の記録", "Incident reported on"),
        CareFileChanged => ("面談・書類の記録", "Interview or document noted"),
        AuditRead => ("記録を見た", "Record read"),
        DataExported => ("データの受け取り", "Data exported"),
        PersonErased => ("アカウントの消去", "Person erased"),
        ConsentGiven => ("同意", "Consent given"),
        ConsentWithdrawn => ("同意の取り消し", "Consent withdrawn"),
        DataForgotten => ("古いデータの消去", "Old data forgotten"),
        KeysRotated => ("鍵の更新", "Keys rotated"),
        CareRulesAdded => ("保育の規則の追加", "Childcare rules added"),
        CareSchemeAdded => ("保育の制度の追加", "Childcare scheme added"),
        NurseryTermsSet => ("保育室の条件の変更", "Nursery's hours and schemes set"),
        DoorPlansSet => ("扉の設定の変更", "Doors' plans set"),
        SensorsSet => ("センサーの登録", "Sensors set"),
        EdgeSettingsSent => ("センター装置の設定の送信", "Settings sent to an edge"),
        NurseryStaffed => ("保育室の体制の変更", "Nursery's rooms and rules set"),
        RosterPut => ("保育者シフトの変更", "Caregivers' shifts replaced"),
        BookingCancelledForGuest => ("予約の代理取り消し", "Booking cancelled for a guest"),
        BookingChangedForGuest => ("予約の代理変更", "Booking changed for a guest"),
        BookingApproved => ("予約の承認", "Booking approved"),
        BookingDeclined => ("予約の不承認", "Booking not approved"),
        CentreClosed => ("臨時休館の登録", "Closure made"),
        CentreReopened => ("臨時休館の取り消し", "Closure taken back"),
        HouseRulesChanged => ("利用のきまりの変更", "House rules changed"),
        QuotaAdded => ("利用上限の追加", "Quota added"),
        QuotaEnded => ("利用上限の終了", "Quota ended"),
        SiteOrdered => ("センターへの指示", "Order to a site"),
        SiteOrderAnswered => ("指示へのセンターの返事", "A site's answer to an order"),
        SiteAlarmRaised => ("センターの装置の異常", "Something noticed about a site"),
    };
    f.say(ja, en)
}
