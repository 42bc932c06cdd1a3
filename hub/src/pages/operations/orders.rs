//! What can be ordered of a site and what was, in words.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use model::id::PersonId;
use model::site_order::{OrderAnswer, SiteOrder};

use super::doors;
use crate::live::LiveView;
use crate::pages::frame::Frame;
use crate::pages::words as words_of_time;
use crate::service::site_order::Standing;

/// The colour of what was not done.
const FAILED: &str = "err";

/// What can be ordered of the site, and what became of the last orders.
#[derive(PartialEq, Eq)]
pub(super) struct OrdersShown {
    /// Each door by its device and name.
    pub doors: Vec<(String, String)>,
    pub lockdown: bool,
    pub evacuation: bool,
    pub last: Vec<OrderShown>,
}

#[derive(PartialEq, Eq)]
pub(super) struct OrderShown {
    pub time: String,
    pub what: String,
    pub by: String,
    pub colour: &'static str,
    pub standing: &'static str,
    pub advice: Option<&'static str>,
}

impl OrderShown {
    pub fn failed(&self) -> bool {
        self.colour == FAILED
    }
}

/// The orders of a centre, for those who may give them.
pub(super) fn shown(
    f: &Frame,
    live: &LiveView,
    names: &BTreeMap<PersonId, String>,
    zone: Tz,
) -> OrdersShown {
    let view = &live.view;
    let doors =
        view.doors.iter().map(|door| (door.state.door.to_string(), f.get(&door.name).to_owned()));
    let last = live.orders.iter().map(|(order, stands)| {
        let door = match &order.what {
            SiteOrder::Unlock { door } => Some(doors::name(f, view, door)),
            _ => None,
        };
        let (colour, standing, advice) = standing(f, &order.what, *stands);
        OrderShown {
            time: words_of_time::clock_seconds(order.asked_at, zone),
            what: words(f, &order.what, door.as_deref()),
            by: names.get(&order.by).cloned().unwrap_or_default(),
            colour,
            standing,
            advice,
        }
    });
    OrdersShown {
        doors: doors.collect(),
        lockdown: view.house.lockdown.is_some(),
        evacuation: view.house.evacuation.is_some(),
        last: last.collect(),
    }
}

/// What was ordered, in words; `door` is the name of the door that is meant, if one is.
pub(super) fn words(f: &Frame, what: &SiteOrder, door: Option<&str>) -> String {
    match what {
        SiteOrder::Unlock { .. } => {
            let door = door.unwrap_or(f.say("扉", "a door"));
            if f.ja() { format!("{door}を1回開ける") } else { format!("Open {door} once") }
        }
        SiteOrder::Lockdown { on: true } => f.say("全館の閉鎖", "Lockdown").to_owned(),
        SiteOrder::Lockdown { on: false } => f.say("閉鎖の解除", "Lift the lockdown").to_owned(),
        SiteOrder::Evacuate { on: true } => f.say("避難（全扉の開放）", "Evacuation").to_owned(),
        SiteOrder::Evacuate { on: false } => f.say("避難の終了", "End the evacuation").to_owned(),
        SiteOrder::EndVisit { .. } => f.say("利用の終了", "End a visit").to_owned(),
    }
}

/// How an order stands: the colour of its badge, one word, and what to do where it was not done.
pub(super) fn standing(
    f: &Frame,
    what: &SiteOrder,
    standing: Standing,
) -> (&'static str, &'static str, Option<&'static str>) {
    let (colour, word, advice) = match standing {
        Standing::OnItsWay => ("info", ("送信中", "On its way"), None),
        Standing::NotDelivered => (
            FAILED,
            ("届いていません", "Not delivered"),
            Some((
                "現地の装置から返事がありません。センターに電話して、現地で操作してもらってください。この指示があとから実行されることはありません。",
                "The site has not answered. Telephone the site and have it done there. This order will not be acted on later.",
            )),
        ),
        Standing::Answered(OrderAnswer::Done) => ("ok", ("完了", "Done"), None),
        Standing::Answered(answer) => {
            (FAILED, ("できませんでした", "Not done"), Some(why(what, answer)))
        }
    };
    (colour, f.say(word.0, word.1), advice.map(|(ja, en)| f.say(ja, en)))
}

fn why(what: &SiteOrder, answer: OrderAnswer) -> (&'static str, &'static str) {
    match answer {
        OrderAnswer::Done => ("", ""),
        OrderAnswer::UnknownDoor => (
            "現地の装置はこの扉をまだ知りません。新しい予定表が届いてから、もう一度指示してください。",
            "The site does not know this door yet. Order it again once its new day sheet is there.",
        ),
        OrderAnswer::UnknownVisit => {
            ("この利用はもう終わっています。", "That visit has ended already.")
        }
        OrderAnswer::Overruled if matches!(what, SiteOrder::Unlock { .. }) => (
            "閉鎖が続いています。先にそれを解除してください。",
            "A lockdown stands above it. Lift that first.",
        ),
        OrderAnswer::Overruled => (
            "火災信号か避難が続いているため、すべての扉は開いたままです。",
            "A fire alarm or an evacuation stands above it: every door stays open.",
        ),
        OrderAnswer::LockFault => (
            "錠が動きません。センターに電話して、現地で確かめてもらってください。",
            "The lock does not move. Telephone the site and have somebody look.",
        ),
        OrderAnswer::TooLate => (
            "届くのが遅れ、実行されませんでした。まだ必要なら、もう一度指示してください。",
            "It came too late and was not done. Order it again if it is still needed.",
        ),
        OrderAnswer::ClockUnset => (
            "現地の時計が合っていないため、実行されませんでした。センターに電話してください。",
            "The site does not know what time it is, and did not act. Telephone the site.",
        ),
    }
}
