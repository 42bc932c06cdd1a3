//! What the staff are told: why nobody is signed in, why something was not done, and what is not as it has to be.

use model::care::day::{BadNote, CareAlarm, LONGEST_NOTE, NotHandedOver, NotTakenIn};
use model::care::file::NotCollecting;
use model::care::intake::Lacking;
use model::care::rule_set::kind_name;
use model::language::Language;
use model::site_order::OrderAnswer;
use wire::nursery::{NotDone, NotSignedIn};

use super::hand_over::Hint;
use super::screen::{BadPin, Out, Told};
use crate::frame::in_language;

/// What is said, and what to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// What is so.
    pub say: String,
    /// What to do.
    pub advice: String,
}

fn words(language: Language, ja: (&str, &str), en: (&str, &str)) -> Words {
    let (say, advice) = match language {
        Language::Ja => ja,
        Language::En => en,
    };
    Words { say: say.to_owned(), advice: advice.to_owned() }
}

/// Why nobody is signed in.
#[must_use]
pub fn out(why: Out, language: Language) -> Words {
    let words = |ja, en| words(language, ja, en);
    match why {
        Out::Site(NotSignedIn::Over) => words(
            ("サインアウトしました", "しばらく操作がなかったか、ほかの画面でサインインしました。"),
            ("You are signed out", "Nobody had touched the screen, or you signed in elsewhere."),
        ),
        Out::Site(NotSignedIn::NotStaff) => words(
            (
                "この保育室の職員のカードではありません",
                "職員証をかざしてください。登録がまだのときは、施設の管理者に伝えてください。",
            ),
            (
                "This is no card of the nursery’s staff",
                "Use your staff card. If it is not registered yet, tell whoever runs the centre.",
            ),
        ),
        Out::Site(NotSignedIn::WrongPin) => {
            words(("暗証番号が違います", "もう一度どうぞ。"), ("The PIN is wrong", "Try again."))
        }
        Out::Site(NotSignedIn::Paused) => words(
            (
                "いまは暗証番号を受け付けていません",
                "まちがいが続きました。しばらく待ってください。",
            ),
            ("PINs are paused", "There were too many wrong ones. Wait a while."),
        ),
        Out::Site(NotSignedIn::NoPin) => words(
            (
                "暗証番号がまだ決まっていません",
                "スマートフォンでサインインして、設定で暗証番号を決めてください。",
            ),
            ("You have set no PIN yet", "Sign in on your phone and set one under Account."),
        ),
        Out::Unreadable => words(
            ("カードを読み取れませんでした", "もう一度、1枚だけ、ゆっくりかざしてください。"),
            ("The card could not be read", "Hold one card still on the reader and try again."),
        ),
        Out::CardForgotten => words(
            ("時間が過ぎました", "もう一度カードをかざしてください。"),
            ("The time is up", "Touch your card once more."),
        ),
    }
}

/// What is wrong with a PIN that was typed.
#[must_use]
pub fn bad_pin(bad: BadPin, language: Language) -> &'static str {
    match bad {
        BadPin::Shape => {
            in_language(language, "暗証番号は4〜8けたの数字です", "A PIN has four to eight digits")
        }
        BadPin::Wrong => in_language(language, "暗証番号が違います", "The PIN is wrong"),
        BadPin::Silent => in_language(
            language,
            "センターの装置から返事がありません。もう一度押してください。",
            "The centre's equipment does not answer. Press again.",
        ),
    }
}

/// Why something was not done.
#[must_use]
pub fn told(told: &Told, language: Language) -> Words {
    let words = |ja, en| words(language, ja, en);
    match told {
        Told::Out => out(Out::Site(NotSignedIn::Over), language),
        Told::Silent => words(
            (
                "センターの装置から返事がありません",
                "記録されたか分かりません。少し待って、画面を確かめてから、もう一度押してください。",
            ),
            (
                "The centre's equipment does not answer",
                "Whether it was noted is not known. Wait, look at the board, then press again.",
            ),
        ),
        Told::NotDone(why) => not_done(*why, language),
        Told::NotTaken(why, _) => not_taken(*why, language),
        Told::NotOrdered(why) => not_ordered(*why, language),
        Told::BadNote(why) => bad_note(*why, language),
        Told::Odd => words(
            ("受け付けられない入力です", "画面を開き直して、もう一度どうぞ。"),
            ("That cannot be taken", "Open the page again and try once more."),
        ),
    }
}

/// Why the site did not do what was ordered for the whole house.
#[must_use]
pub fn not_ordered(why: OrderAnswer, language: Language) -> Words {
    let words = |ja, en| words(language, ja, en);
    match why {
        OrderAnswer::Overruled => words(
            ("いまは閉鎖できません", "火災報知か避難が続いています。すべての扉は開いたままです。"),
            (
                "The house cannot be locked now",
                "There is a fire alarm or an evacuation: every door stays open.",
            ),
        ),
        _ => words(
            ("指示どおりになりませんでした", "扉を目で確かめ、施設の管理者に電話してください。"),
            (
                "It was not done",
                "Look at the doors yourself, and telephone whoever runs the centre.",
            ),
        ),
    }
}

/// Why the site did not do something.
#[must_use]
pub fn not_done(why: NotDone, language: Language) -> Words {
    let words = |ja, en| words(language, ja, en);
    match why {
        NotDone::NotTheirs => words(
            ("この保育室の、今日のお子さまではありません", "一覧から選び直してください。"),
            ("The child is not in your nursery today", "Choose again from the board."),
        ),
        NotDone::NotInCare => words(
            (
                "いまお預かりしていないお子さまです",
                "登園がまだか、もう引き渡しています。一覧を見てください。",
            ),
            (
                "The child is not in care now",
                "It has not come yet, or has been collected. See the board.",
            ),
        ),
        NotDone::NoSuchShift => words(
            ("今日の勤務にありません", "勤務表を確かめてください。"),
            ("There is no such shift today", "Check the roster."),
        ),
        NotDone::NoSuchRoom => words(
            ("その部屋には移れません", "お子さまの年齢の部屋を選んでください。"),
            ("It cannot move to that room", "Choose a room that takes its age."),
        ),
        NotDone::BadNote => words(
            ("記録の内容が足りないか、長すぎます", "書き直して、もう一度どうぞ。"),
            ("The note says too little or too much", "Change it and try again."),
        ),
        NotDone::NotSealed => words(
            ("記録を保存できませんでした", "紙に書き留めて、施設の管理者に伝えてください。"),
            ("The note could not be kept", "Write it on paper and tell whoever runs the centre."),
        ),
    }
}

/// Why a child was not taken.
#[must_use]
pub fn not_taken(why: NotTakenIn, language: Language) -> Words {
    let words = |ja, en| words(language, ja, en);
    match why {
        NotTakenIn::Fever => words(
            (
                "熱があります",
                "お預かりできません。保護者に伝えてください。予約をどうできるかは、予約の画面で分かります。",
            ),
            (
                "The child has a fever",
                "It cannot stay. Tell the guardian; the booking page says what is possible now.",
            ),
        ),
        NotTakenIn::NoTemperature => words(
            ("体温が入っていません", "体温を計って入れてください。"),
            ("There is no temperature", "Take it and enter it."),
        ),
        NotTakenIn::StaffLookFirst => words(
            ("体調を見てください", "お子さまを見てから、もう一度受け付けてください。"),
            ("Look at the child first", "Then take the drop-off once more."),
        ),
        NotTakenIn::NotBooked => words(
            ("いまの時間の保育の予約がありません", "保護者に予約を確かめてもらってください。"),
            ("No care is booked for now", "Ask the guardian to check the booking."),
        ),
        NotTakenIn::TooEarly => words(
            ("まだ受け付けられません", "予約の時間の前は、職員か場所が足りません。"),
            ("It is too early", "Before the booked time there is too little staff or room."),
        ),
        NotTakenIn::Over => words(
            ("予約の時間が終わっています", "続けて預かるときは、新しい予約が必要です。"),
            ("The booked care is over", "To stay on, the child needs a new booking."),
        ),
        NotTakenIn::NoRoom => words(
            (
                "いま受け入れると、職員か場所が足りません",
                "職員を呼ぶか、ほかのお子さまのお迎えを待ってください。",
            ),
            (
                "With this child there would be too little staff or room",
                "Call a colleague, or wait until another child has been collected.",
            ),
        ),
        NotTakenIn::Here => words(
            ("もうお預かりしています", "一覧の「保育中」を見てください。"),
            ("The child is in care already", "See the board under “in care”."),
        ),
        NotTakenIn::NotTheirs => words(
            ("この人の登録したお子さまではありません", "保護者かどうかを確かめてください。"),
            ("The child is not theirs", "Check whether they answer for it."),
        ),
        NotTakenIn::ClockUnset => words(
            ("装置の時計を確認しています", "紙に時刻を書き留めて、施設の管理者に伝えてください。"),
            (
                "The clock here cannot be trusted",
                "Write the time on paper and tell whoever runs the centre.",
            ),
        ),
    }
}

/// Why a child is not handed over.
#[must_use]
pub fn not_handed_over(why: NotHandedOver, language: Language) -> Words {
    let words = |ja, en| words(language, ja, en);
    match why {
        NotHandedOver::NotCollecting(NotCollecting::Barred) => words(
            (
                "引き渡してはいけない人です",
                "お子さまを離れた部屋へ。ほかの職員を呼び、保護者へ電話してください。危ないと感じたら110番へ。",
            ),
            (
                "This person must not get the child",
                "Take the child to another room, call a colleague and telephone a guardian. In danger, call 110.",
            ),
        ),
        NotHandedOver::NotCollecting(NotCollecting::Stranger) => words(
            (
                "お迎えの人として登録されていません",
                "引き渡さずに、保護者へ電話してください。登録は保護者だけができます。",
            ),
            (
                "This person is not on the child’s list",
                "Do not hand the child over. Telephone a guardian; only guardians can add somebody.",
            ),
        ),
        NotHandedOver::NotCollecting(NotCollecting::UnderAge) => words(
            ("未成年の人には引き渡せません", "保護者へ電話して、成人のお迎えを頼んでください。"),
            ("This person is under age", "Telephone a guardian and ask for somebody of age."),
        ),
        NotHandedOver::NotCollecting(NotCollecting::Over) => words(
            (
                "お迎えの登録の期限が過ぎています",
                "保護者へ電話して、登録し直してもらってください。",
            ),
            (
                "They were named until a day that has passed",
                "Telephone a guardian, who can name them again.",
            ),
        ),
        NotHandedOver::UnknownCard => words(
            (
                "だれのカードか分かりません",
                "登録されていないか、止められたカードです。ほかの方法で確かめてください。",
            ),
            ("Nobody’s card", "It is not registered, or blocked. Have them show something else."),
        ),
        NotHandedOver::WrongPin => words(
            ("暗証番号が違います", "もう一度か、ほかの方法で確かめてください。"),
            ("The PIN is wrong", "Try again, or have them show something else."),
        ),
        NotHandedOver::PinPaused => words(
            (
                "暗証番号のまちがいが続きました",
                "しばらく使えません。カードかQRコードで確かめるか、保護者へ電話してください。",
            ),
            (
                "Too many wrong PINs",
                "It is closed for a while. Use a card or voucher, or telephone a guardian.",
            ),
        ),
        NotHandedOver::UnreadableVoucher => words(
            (
                "QRコードを確かめられません",
                "予約の画面を開き直して、もう一度かざしてもらってください。",
            ),
            (
                "The voucher is not a whole one",
                "Have them open their booking page again and show its code.",
            ),
        ),
        NotHandedOver::ShowedNothing => words(
            ("身元を確かめられないため、お断りします", "引き渡さずに、保護者へ電話してください。"),
            ("They did not show who they are", "Do not hand the child over. Telephone a guardian."),
        ),
        NotHandedOver::NotKnown => words(
            (
                "だれがお迎えできるか、この装置には分かりません",
                "保護者へ電話して、お迎えの人を確かめてください。引き渡したら「記録の訂正」をしてください。",
            ),
            (
                "Who may collect the child is not known here any more",
                "Telephone a guardian and ask who collects. Once the child has gone, put the record right.",
            ),
        ),
    }
}

/// Why somebody on a child's list may not collect it.
#[must_use]
pub fn not_collecting(why: NotCollecting, language: Language) -> &'static str {
    match why {
        NotCollecting::Barred => in_language(language, "引き渡し禁止", "barred"),
        NotCollecting::Stranger => in_language(language, "登録なし", "not named"),
        NotCollecting::UnderAge => in_language(language, "未成年", "under age"),
        NotCollecting::Over => in_language(language, "期限切れ", "named until an earlier day"),
    }
}

/// Why something has to be shown once more.
#[must_use]
pub fn hint(why: Hint, language: Language) -> &'static str {
    match why {
        Hint::Unreadable => in_language(
            language,
            "カードを読み取れませんでした。1枚だけ、ゆっくりかざしてください。",
            "The card could not be read. Hold one card still on the reader.",
        ),
        Hint::TooLong => in_language(
            language,
            "時間が過ぎました。お迎えの人に、もう一度示してもらってください。",
            "The time is up. Have whoever collects show it once more.",
        ),
    }
}

/// Why a note cannot be taken down.
#[must_use]
pub fn bad_note(why: BadNote, language: Language) -> Words {
    match why {
        BadNote::Text => match language {
            Language::Ja => Words {
                say: format!("1文字以上、{LONGEST_NOTE}文字までで書いてください"),
                advice: String::new(),
            },
            Language::En => Words {
                say: format!("Write from 1 to {LONGEST_NOTE} characters"),
                advice: String::new(),
            },
        },
        BadNote::Temperature => words(
            language,
            ("体温は 34.0 から 42.0 までの数字です（例 36.5）", ""),
            ("A temperature lies between 34.0 and 42.0 (like 36.5)", ""),
        ),
        BadNote::Eaten => {
            words(language, ("食べた量を選んでください", ""), ("Say how much was eaten", ""))
        }
    }
}

/// Why remarks on a child that is brought cannot be taken down.
#[must_use]
pub fn long_remarks(language: Language) -> Words {
    let say = match language {
        Language::Ja => format!("気になることは{LONGEST_NOTE}文字までで書いてください"),
        Language::En => format!("Remarks take at most {LONGEST_NOTE} characters"),
    };
    Words { say, advice: String::new() }
}

/// What was just written down of a child, by the name that forms have for it.
#[must_use]
pub fn done(what: &str, language: Language) -> Option<&'static str> {
    let say = |ja, en| Some(in_language(language, ja, en));
    match what {
        "nap_begins" => say("眠ったことを記録しました", "Noted: asleep"),
        "nap_check" => say("午睡の確認を記録しました", "Noted: looked at in its sleep"),
        "nap_ends" => say("目覚めたことを記録しました", "Noted: awake"),
        "meal" => say("食事を記録しました", "Noted: the meal"),
        "temperature" => say("体温を記録しました", "Noted: the temperature"),
        "note" => say("職員だけの記録に書きました", "Noted for the staff"),
        "to_guardians" => say("保護者への連絡に書きました", "Noted for the guardians"),
        "incident" => say("事故・けがを記録しました", "The incident is noted"),
        "move" => say("部屋を移りました", "The child has changed rooms"),
        "recall" => say(
            "早いお迎えのお願いを記録しました。保護者へ電話もしてください",
            "Noted: asked to collect early. Telephone the guardians as well",
        ),
        "put_right" => say("記録を訂正しました", "The record is put right"),
        _ => None,
    }
}

/// What a nursery has too little of, with how much there is and how much is needed.
#[must_use]
pub fn lacking(what: &Lacking, have: u32, need: u32, language: Language) -> String {
    let people = |ja: &str, en: &str| match language {
        Language::Ja => format!("{ja} {have}人（必要 {need}人）"),
        Language::En => format!("{en}: {have}, needed {need}"),
    };
    let floor = |tenths: u32| format!("{}.{:02}", tenths / 100, tenths % 100);
    match (what, language) {
        (Lacking::Rules, Language::Ja) => "当てはまる基準がありません".to_owned(),
        (Lacking::Rules, Language::En) => "no rules hold then".to_owned(),
        (Lacking::PlanStaff | Lacking::LiveStaff, _) => people("職員", "staff"),
        (Lacking::Qualified, _) => people("有資格の職員", "qualified staff"),
        (Lacking::Kind(kind), _) => {
            people(kind_name(Language::Ja, kind), kind_name(Language::En, kind))
        }
        (Lacking::Floor(room), Language::Ja) => {
            format!("{}の広さ {}㎡（必要 {}㎡）", room.ja, floor(have), floor(need))
        }
        (Lacking::Floor(room), Language::En) => {
            format!("floor of {}: {} m², needed {} m²", room.en, floor(have), floor(need))
        }
        (Lacking::Group(room), Language::Ja) => {
            format!("{}の人数 {need}人（上限 {have}人）", room.ja)
        }
        (Lacking::Group(room), Language::En) => {
            format!("group of {}: {need}, at most {have}", room.en)
        }
        (Lacking::Places, Language::Ja) => format!("定員 {have}人に {need}人"),
        (Lacking::Places, Language::En) => format!("places: {have} for {need} children"),
    }
}

/// What is not as it has to be; `child` is the name of the child that it is about, `clock` how times are shown.
#[must_use]
pub fn alarm(
    alarm: &CareAlarm,
    child: &str,
    language: Language,
    clock: &dyn Fn(chrono::DateTime<chrono::Utc>) -> String,
) -> Words {
    let ja = language == Language::Ja;
    let pick = |a: String, b: String| if ja { a } else { b };
    let (say, advice) = match alarm {
        CareAlarm::Short { what, have, need, .. } => {
            let lack = lacking(what, *have, *need, language);
            (
                pick(format!("いま足りません: {lack}"), format!("Too little now: {lack}")),
                pick(
                    "すぐに応援を呼んでください。新しい登園は受け付けません。".to_owned(),
                    "Call somebody in at once. No more children are taken.".to_owned(),
                ),
            )
        }
        CareAlarm::ShortSoon { what, from, until, have, need, .. } => {
            let lack = lacking(what, *have, *need, language);
            let (from, until) = (clock(*from), clock(*until));
            (
                pick(
                    format!("{from}〜{until} に足りなくなります: {lack}"),
                    format!("Too little from {from} to {until}: {lack}"),
                ),
                pick(
                    "それまでに、来られる職員に頼んでください。".to_owned(),
                    "Ask somebody to come before then.".to_owned(),
                ),
            )
        }
        CareAlarm::Due { .. } => (
            pick(
                format!("{child} まもなくお迎えの時間です"),
                format!("{child}: to be collected soon"),
            ),
            pick("帰りの支度をしてください。".to_owned(), "Make them ready to go.".to_owned()),
        ),
        CareAlarm::Late { .. } => (
            pick(
                format!("{child} お迎えの時間を過ぎています"),
                format!("{child}: nobody has come to collect them"),
            ),
            pick("保護者へ電話してください。".to_owned(), "Telephone a guardian.".to_owned()),
        ),
        CareAlarm::Waiting { .. } => (
            pick(
                format!("{child} 引き受けを待っています"),
                format!("{child}: waits to be taken over"),
            ),
            pick(
                "入口で登園を受け付けました。お子さまを見つけて、「引き受ける」を押してください。"
                    .to_owned(),
                "Brought at the entrance. Find the child, then press “Take over”.".to_owned(),
            ),
        ),
        CareAlarm::NapCheck { .. } => (
            pick(
                format!("{child} 午睡の確認の時間です"),
                format!("{child}: look at the sleeping child"),
            ),
            pick(
                "呼吸・顔色・寝る姿勢を見て、「見ました」を押してください。".to_owned(),
                "Look at breath, colour and how it lies, then press “Looked”.".to_owned(),
            ),
        ),
        CareAlarm::GuardianOut { .. } => (
            pick(
                format!("{child} の保護者が建物を出ました"),
                format!("{child}: the guardian has left the building"),
            ),
            pick(
                "戻る予定を知らないときは、電話してください。".to_owned(),
                "Telephone them unless you know when they return.".to_owned(),
            ),
        ),
    };
    Words { say, advice }
}

/// Nobody was chosen whose PIN it is.
#[must_use]
pub fn no_person(language: Language) -> &'static str {
    in_language(language, "だれの暗証番号かを選んでください", "Choose whose PIN it is")
}

/// What a child is called of whom the site has no name any more.
#[must_use]
pub fn nameless(language: Language) -> &'static str {
    in_language(language, "名前の情報がないお子さま", "A child whose name is not known here")
}
