//! What is said to somebody who is not let in, or whose card cannot be registered.

use model::access::RefusalKind;
use model::language::Language;
use wire::request::NotOffered;

use crate::frame::in_language;

/// What is said to somebody who is turned away, and what would work.
pub(super) struct Words {
    pub say: &'static str,
    pub advice: &'static str,
    /// Whether booking code and PIN may help.
    pub code_helps: bool,
}

pub(super) fn refusal(why: RefusalKind, language: Language) -> Words {
    let words = |ja: (&'static str, &'static str), en: (&'static str, &'static str), code_helps| {
        let (say, advice) = match language {
            Language::Ja => ja,
            Language::En => en,
        };
        Words { say, advice, code_helps }
    };
    match why {
        RefusalKind::UnknownCard => words(
            (
                "このカードでは入れません",
                "予約がないか、まだ登録されていないカードです。予約番号と暗証番号でも入れます。",
            ),
            (
                "This card does not let you in",
                "It has no booking here, or is not registered yet. A booking code and PIN work too.",
            ),
            true,
        ),
        RefusalKind::BlockedCard => words(
            ("このカードは止められています", "予約番号と暗証番号で入るか、係員を呼んでください。"),
            ("This card is blocked", "Enter with your booking code and PIN, or call the staff."),
            true,
        ),
        RefusalKind::ExpiredCard => words(
            (
                "このカードは期限が切れています",
                "予約番号と暗証番号で入れます。カードは、もう一度登録すると使えます。",
            ),
            (
                "This card has expired",
                "Enter with your booking code and PIN. Register the card again to go on using it.",
            ),
            true,
        ),
        RefusalKind::LowerLevel => words(
            (
                "このカードは本物と確認できませんでした",
                "カードをもう一度、離さずにゆっくりタッチしてください。続くときは、予約番号と暗証番号で入るか、係員を呼んでください。",
            ),
            (
                "This card did not prove to be the real one",
                "Hold the card still on the reader and try again. If it goes on, enter with your booking code and PIN, or call the staff.",
            ),
            true,
        ),
        RefusalKind::UnreadableCard => words(
            (
                "カードを読み取れませんでした",
                "もう一度、カードを1枚だけ、ゆっくりタッチしてください。",
            ),
            ("The card could not be read", "Hold one card still on the reader and try again."),
            true,
        ),
        RefusalKind::NoBooking => words(
            ("いま使える予約がありません", "スマートフォンで予約すると、すぐに入れます。"),
            ("There is no booking for you now", "Book on your phone and you can come straight in."),
            false,
        ),
        RefusalKind::Released => words(
            (
                "予約の席は、もうありません",
                "予約の時間に入館がなかったためです。別の席をご用意できれば、あなたの席になります。数秒待って、もう一度お試しください。変わらないときは、係員を呼んでください。",
            ),
            (
                "Your desk was given free",
                "Nobody had come in time. If another can be found, it is yours: wait a few seconds and try again. If nothing changes, please call the staff.",
            ),
            false,
        ),
        RefusalKind::LeftForGood => words(
            (
                "この予約は、お帰りのときに終わりました",
                "残りの時間は、ほかの人が使えるようになっています。続けて使うときは、スマートフォンで予約してください。空いていれば、すぐに入れます。",
            ),
            (
                "Your booking ended when you left",
                "The rest of it is free for others. To go on, book on your phone: if a desk is free, you can come straight in.",
            ),
            false,
        ),
        RefusalKind::TooEarly => words(
            ("まだ入れません", "予約の時間が近づいたら、もう一度どうぞ。"),
            ("It is not time yet", "Please come back when your booking is near."),
            false,
        ),
        RefusalKind::WrongCode => words(
            ("予約番号か暗証番号が違います", "予約の画面の番号と暗証番号を確かめてください。"),
            ("The code or PIN is wrong", "Please check the number on your booking page."),
            true,
        ),
        RefusalKind::CodePaused => words(
            (
                "いまは番号を使えません",
                "まちがいが続いたため、しばらく止めています。カードをタッチするか、係員を呼んでください。",
            ),
            (
                "Codes and PINs are paused",
                "There were too many wrong ones. Wait a while, use your card, or call the staff.",
            ),
            false,
        ),
        RefusalKind::NoUsableSpace => words(
            (
                "使える席がありません",
                "予約の席が、故障しているか、使われています。係員を呼んでください。",
            ),
            ("No seat can be used", "Your seat is out of order or taken. Please call the staff."),
            false,
        ),
        RefusalKind::UnreadableVoucher => words(
            (
                "このコードでは入れません",
                "予約の画面のQRコードを、明るくして、もう一度かざしてください。予約番号と暗証番号でも入れます。",
            ),
            (
                "This code does not let you in",
                "Show the QR code of your booking page once more, with the screen bright. A booking code and PIN work too.",
            ),
            true,
        ),
        RefusalKind::OtherCentre => words(
            (
                "ほかのセンターの予約です",
                "予約の画面で場所を確かめて、そのセンターへお越しください。",
            ),
            (
                "This booking is for another centre",
                "Your booking page says where it is. Please go to that centre.",
            ),
            false,
        ),
        RefusalKind::VoidVoucher => words(
            (
                "この予約は、もう使えません",
                "取り消されたか、変更されています。予約の画面を開き直して、新しいQRコードをかざしてください。",
            ),
            (
                "This booking is no longer valid",
                "It was cancelled or changed. Open your booking page again and show its new QR code.",
            ),
            false,
        ),
        RefusalKind::NotThisDoor => words(
            ("この扉は、このカードでは開きません", "受付で係員にお尋ねください。"),
            ("This card does not open this door", "Please ask the staff at the desk."),
            false,
        ),
        RefusalKind::LevelTooLow => words(
            (
                "この時間は、このカードでは入れません",
                "複製できないカードが必要な時間です。係員を呼んでください。",
            ),
            (
                "This card is not enough at this hour",
                "Just now it takes a card that cannot be copied. Please call the staff.",
            ),
            false,
        ),
        RefusalKind::PinNeeded => words(
            (
                "この時間は、暗証番号も必要です",
                "扉に読取機があれば、そこでカードをタッチして暗証番号を入れてください。読取機のない扉は、ここで予約番号と暗証番号を入れると開きます。",
            ),
            (
                "A PIN is needed too at this hour",
                "If the door has a reader of its own, touch your card and type your PIN there. If it has none, enter your booking code and PIN here.",
            ),
            true,
        ),
        RefusalKind::WrongPin => words(
            ("暗証番号が違います", "もう一度カードをタッチして、暗証番号を確かめてください。"),
            ("The PIN is wrong", "Touch your card once more and check your PIN."),
            true,
        ),
        RefusalKind::SecondPerson => words(
            (
                "この時間は、二人で入ります",
                "扉の読取機にカードをタッチしてください。入れる人がもう一人、30秒以内に同じ読取機でタッチすると開きます。",
            ),
            (
                "It takes two at this hour",
                "Touch your card at the door's own reader. It opens once somebody else who may come in touches theirs there within 30 seconds.",
            ),
            false,
        ),
        RefusalKind::Passback => words(
            (
                "すでに入館しています",
                "出るときにカードがタッチされていません。係員を呼んでください。",
            ),
            (
                "You are inside already",
                "Your card was not used on the way out. Please call the staff.",
            ),
            false,
        ),
        RefusalKind::Lockdown => words(
            (
                "いまは入館できません",
                "建物を閉鎖しています。外へ出るときは、扉の内側のボタンか取っ手で開きます。",
            ),
            (
                "Nobody is let in just now",
                "The building is locked down. The way out is open: use the button or handle inside the door.",
            ),
            false,
        ),
        RefusalKind::OfferOver => words(
            (
                "もう一度、タッチしてください",
                "ご案内した席は、時間が過ぎたか、ほかの人が先に使いました。",
            ),
            (
                "Please touch your card again",
                "The desk that was offered is gone: the time was up, or somebody else took it first.",
            ),
            false,
        ),
        RefusalKind::SheetExpired | RefusalKind::ClockUnset => words(
            (
                "いまは新しく入館できません",
                "センターの装置が、予約を確かめられません。係員を呼んでください。",
            ),
            (
                "No new check-ins just now",
                "The centre's equipment cannot check bookings. Please call the staff.",
            ),
            false,
        ),
    }
}

pub(super) fn not_offered(why: NotOffered, language: Language) -> (&'static str, &'static str) {
    match why {
        NotOffered::NoConnection => (
            in_language(language, "いまはカードを登録できません", "Cards cannot be registered now"),
            in_language(
                language,
                "いま回線がつながっていません。しばらくして、もう一度お試しください。予約番号と暗証番号では入れます。",
                "The line to the hub is down. Please try again later, or enter with your booking code and PIN.",
            ),
        ),
        NotOffered::Somebodys => (
            in_language(language, "登録ずみのカードです", "This card is registered already"),
            in_language(
                language,
                "このセンターの予約があれば、そのまま使えます。心あたりがないときは、係員を呼んでください。",
                "With a booking at this centre it lets you in as it is. If it is not yours, please tell the staff.",
            ),
        ),
        NotOffered::TooMany => (
            in_language(language, "いまはカードを登録できません", "Cards cannot be registered now"),
            in_language(
                language,
                "この1時間の登録が多すぎます。時間をおくか、係員を呼んでください。",
                "Too many cards were offered here in the last hour. Please try later, or call the staff.",
            ),
        ),
        NotOffered::TapAgain => (
            in_language(
                language,
                "もう一度、カードをタッチしてください",
                "Please touch your card again",
            ),
            in_language(
                language,
                "時間が過ぎました。タッチすると、もう一度登録できます。",
                "The time was up. Touch the card, and you can register it again.",
            ),
        ),
    }
}
