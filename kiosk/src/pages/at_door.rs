//! What is said of somebody's children at the door. A kiosk stands in public: it knows no name of a child.

use model::care::day::NotTakenIn;
use model::id::ChildId;
use model::language::Language;
use wire::nursery::AtDoor;

use crate::frame::in_language;

/// What is said to somebody whose child is not taken, and what to do now.
pub(super) struct TurnedBack {
    pub say: &'static str,
    pub advice: &'static str,
}

pub(super) fn child(at: usize, years: u32, language: Language) -> String {
    match language {
        Language::Ja => format!("{}人目・{years}歳", at + 1),
        Language::En => format!("Child {}, aged {years}", at + 1),
    }
}

pub(super) fn which(care: Option<&AtDoor>, id: ChildId, language: Language) -> String {
    let children = care.map_or(&[][..], |care| care.children.as_slice());
    let found = children.iter().enumerate().find(|(_, one)| one.child == id);
    found.map_or_else(String::new, |(at, one)| child(at, one.years, language))
}

pub(super) fn still_in_care(children: u32, language: Language) -> String {
    match (language, children) {
        (Language::Ja, _) => format!("お子さまがまだ保育中です（{children}人）"),
        (Language::En, 1) => "1 child is still in care".to_owned(),
        (Language::En, _) => format!("{children} children are still in care"),
    }
}

pub(super) fn turned_back(why: NotTakenIn, language: Language) -> TurnedBack {
    let words = |ja: (&'static str, &'static str), en: (&'static str, &'static str)| TurnedBack {
        say: in_language(language, ja.0, en.0),
        advice: in_language(language, ja.1, en.1),
    };
    match why {
        NotTakenIn::Fever => words(
            (
                "熱があるため、今日はお預かりできません",
                "予約をどうできるかは、予約の画面か、保育室の職員にお確かめください。",
            ),
            (
                "With a fever, care is not possible today",
                "Your booking page, or the staff of the nursery, tell you what is possible now.",
            ),
        ),
        NotTakenIn::NoTemperature => words(
            ("体温が入っていません", "体温を計って、もう一度「登園」を押してください。"),
            ("There is no temperature yet", "Please take it, then press “Drop off” once more."),
        ),
        NotTakenIn::StaffLookFirst => words(
            (
                "職員がお子さまのようすを見ます",
                "お子さまといっしょに保育室へどうぞ。職員が見て、お預かりできるかをお伝えします。",
            ),
            (
                "The staff look at your child first",
                "Please go to the nursery together. They will tell you whether your child can stay.",
            ),
        ),
        NotTakenIn::NotBooked => words(
            (
                "いまの時間の保育の予約がありません",
                "予約の画面で日と時間を確かめるか、保育室の職員にお声がけください。",
            ),
            (
                "No care is booked for now",
                "Check day and time on your booking page, or ask the staff of the nursery.",
            ),
        ),
        NotTakenIn::TooEarly => words(
            (
                "まだお預かりできません",
                "保育の時間の前は、職員や場所が足りません。時間になったら、もう一度どうぞ。",
            ),
            (
                "It is too early",
                "Before your time there is too little room or staff. Please come back when it begins.",
            ),
        ),
        NotTakenIn::Over => words(
            (
                "この予約の保育の時間は終わりました",
                "続けて必要なときは、保育室の職員にご相談ください。",
            ),
            ("The booked care is over", "If you still need it, ask the staff of the nursery."),
        ),
        NotTakenIn::NoRoom => words(
            (
                "いまは職員か場所が足りません",
                "お子さまといっしょに、この建物の保育室へ行くか、係員を呼んでください。",
            ),
            (
                "There is too little staff or room just now",
                "Please go to the nursery in this building with your child, or call the staff.",
            ),
        ),
        NotTakenIn::Here => words(
            (
                "もうお預かりしています",
                "登園は受け付けずみです。お心当たりがないときは、保育室の職員にお声がけください。",
            ),
            (
                "Your child is in care already",
                "The drop-off is noted. If that is not so, tell the staff of the nursery at once.",
            ),
        ),
        NotTakenIn::NotTheirs => words(
            (
                "この画面では登園を受け付けられません",
                "時間が過ぎたのかもしれません。もう一度カードをタッチするか、保育室の職員にお声がけください。",
            ),
            (
                "This screen cannot take the drop-off",
                "The time may be up. Touch your card once more, or ask the staff of the nursery.",
            ),
        ),
        NotTakenIn::ClockUnset => words(
            (
                "いまは職員が受け付けます",
                "装置の時計が合っていません。お子さまといっしょに保育室へどうぞ。",
            ),
            (
                "The staff take drop-offs just now",
                "The clock here cannot be trusted. Please go to the nursery with your child.",
            ),
        ),
    }
}
