//! Why somebody was turned away, in an operator's words.

use model::access::RefusalKind;

use crate::pages::frame::Frame;

pub(in crate::pages::operations) fn refusal(f: &Frame, why: RefusalKind) -> &'static str {
    match why {
        RefusalKind::UnknownCard => f.say("登録のないカード", "Unknown card"),
        RefusalKind::BlockedCard => f.say("止められたカード", "Blocked card"),
        RefusalKind::ExpiredCard => f.say("期限の切れたカード", "Expired card"),
        RefusalKind::LowerLevel => f.say(
            "本物と確認できないカード（複製の疑い）",
            "Card did not prove to be real: maybe a copy",
        ),
        RefusalKind::UnreadableCard => f.say("読み取れないカード", "Unreadable card"),
        RefusalKind::NoBooking => f.say("予約が見つかりません", "No booking"),
        RefusalKind::Released => f.say("席を空けたあとでした", "The desk was given free before"),
        RefusalKind::LeftForGood => f.say("お帰りのあとでした", "Had left for good"),
        RefusalKind::TooEarly => f.say("まだ早すぎます", "Too early"),
        RefusalKind::WrongCode => f.say("予約番号か暗証番号が違います", "Wrong code or PIN"),
        RefusalKind::CodePaused => {
            f.say("番号の間違いが続いたため休止中", "Paused after wrong PINs")
        }
        RefusalKind::UnreadableVoucher => f.say("読み取れないQRコード", "Unreadable QR code"),
        RefusalKind::OtherCentre => f.say("ほかのセンターの予約", "Booking of another centre"),
        RefusalKind::VoidVoucher => f.say("使えなくなった予約", "Booking no longer valid"),
        RefusalKind::NoUsableSpace => f.say("使える席がありません", "No desk can be used"),
        RefusalKind::SheetExpired => {
            f.say("予定表の期限が切れています", "The day sheet has expired")
        }
        RefusalKind::OfferOver => f.say("案内した席が埋まりました", "The offered desk was gone"),
        RefusalKind::ClockUnset => f.say("現場の時計が合っていません", "The site's clock is unset"),
        RefusalKind::NotThisDoor => f.say("この扉には入れない人", "Not let in by this door"),
        RefusalKind::LevelTooLow => {
            f.say("この時間には弱すぎるカード", "The card proves too little at this hour")
        }
        RefusalKind::PinNeeded => f.say("暗証番号が必要です", "A PIN is needed too"),
        RefusalKind::WrongPin => f.say("暗証番号が違います", "Wrong PIN"),
        RefusalKind::SecondPerson => f.say("二人目を待っています", "Waits for a second person"),
        RefusalKind::Passback => {
            f.say("退出の記録がありません", "Came in before and was not seen to go out")
        }
        RefusalKind::Lockdown => f.say("閉鎖中", "Locked down"),
    }
}
