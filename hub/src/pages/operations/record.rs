//! What the hub noticed about a site's record of what happened, and what to do about it.

use chrono::{DateTime, TimeDelta, Utc};
use model::centre::Centre;
use model::event_chain::SiteAlarmKind;

use crate::hub::Hub;
use crate::pages::frame::Frame;
use crate::pages::words;
use crate::service::Refused;

/// What was noticed of a site is shown for so long.
const SHOWN_FOR: TimeDelta = TimeDelta::days(7);

#[derive(PartialEq, Eq)]
pub(super) struct AlarmShown {
    pub what: &'static str,
    pub advice: &'static str,
    pub when: String,
    pub more: String,
    pub times: u64,
}

/// What was noticed within a week.
pub(super) async fn alarms(
    f: &Frame,
    hub: &Hub,
    centre: &Centre,
    now: DateTime<Utc>,
) -> Result<Vec<AlarmShown>, Refused> {
    let zone = centre.time_zone;
    let kept = hub.store.site_alarms(centre.id, now - SHOWN_FOR).await?;
    let shown = kept.into_iter().map(|alarm| {
        let (what, advice) = alarm_words(f, alarm.kind);
        let when = words::day_and_clock(f.language(), alarm.last_at, zone);
        let more = match alarm.kind {
            SiteAlarmKind::Shed => format!("{}{}", alarm.detail, f.say("件", " records")),
            SiteAlarmKind::ConfigRolledBack => edges_words(f, &alarm.detail),
            _ => alarm.detail,
        };
        AlarmShown { what, advice, when, more, times: alarm.times }
    });
    Ok(shown.collect())
}

/// What an edge says is said in English.
pub(super) fn edges_words(f: &Frame, said: &str) -> String {
    format!("{}{said}", f.say("装置からの説明（英語）：", ""))
}

fn alarm_words(f: &Frame, kind: SiteAlarmKind) -> (&'static str, &'static str) {
    let (what, advice) = match kind {
        SiteAlarmKind::EventChanged => (
            ("記録が書きかえられています", "An event was changed after the site wrote it down"),
            (
                "装置に触れた人を確かめてください",
                "Find out who had the site's machine in their hands",
            ),
        ),
        SiteAlarmKind::EventMissing => (
            ("記録が消えています", "An event that the site wrote down is gone"),
            (
                "装置に触れた人とディスクを確かめてください",
                "Find out who had the machine, and check its disk",
            ),
        ),
        SiteAlarmKind::ChainBroken => (
            ("記録が前とつながりません", "The site's record does not go on where it ended"),
            (
                "古いファイルに戻されていないか確かめてください",
                "See whether an old file was put back",
            ),
        ),
        SiteAlarmKind::ChainForked => (
            ("同じ番号で別の記録が届きました", "The same place was told twice with other content"),
            (
                "装置の複製が動いていないか確かめてください",
                "See whether a copy of the site's machine runs",
            ),
        ),
        SiteAlarmKind::ChainBegan => (
            ("記録が新しく始まりました", "The site began its record anew"),
            (
                "装置のファイルが失われました。覚えがなければ確かめてください",
                "It lost its file: ask, if nobody knows why",
            ),
        ),
        SiteAlarmKind::ChainStopped => (
            ("記録の鎖がなくなりました", "The site tells without the chain that it had"),
            (
                "装置のプログラムが古くなっていないか確かめてください",
                "See whether an older program runs there",
            ),
        ),
        SiteAlarmKind::Twin => (
            ("同じ名前の装置が二つ動いています", "Two agents run with one identity"),
            (
                "片方を止め、装置を登録し直してください",
                "Stop one of them, and enrol the edge again",
            ),
        ),
        SiteAlarmKind::BusTwin => (
            (
                "同じ名前の端末が二つつながっています",
                "Two devices on the site bus have one identity",
            ),
            ("端末を停止し、登録し直してください", "Lock the device out, and enrol it again"),
        ),
        SiteAlarmKind::DiskFull => (
            ("装置の記録場所がいっぱいになりました", "The site's disk was full"),
            ("扉は動きます。装置の場所を空けてください", "Doors go on; make room on the machine"),
        ),
        SiteAlarmKind::Shed => (
            (
                "場所が足りず、軽い記録を省きました",
                "Records of little weight were given up for want of room",
            ),
            ("入退館と保育の記録は残っています", "Who came and went, and care, is all there"),
        ),
        SiteAlarmKind::ConfigRolledBack => (
            (
                "送った設定は使えず、元に戻りました",
                "Settings did not pass the check and were rolled back",
            ),
            ("設定を直して、もう一度送ってください", "Put them right, and send them again"),
        ),
    };
    (f.say(what.0, what.1), f.say(advice.0, advice.1))
}
