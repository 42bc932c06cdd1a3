//! What happened in a nursery, for those who are told a number and not a name.

use model::care::day::{CareAlarm, CareEvent, CaregiverState};

use crate::pages::frame::Frame;

/// An icon, and what happened.
pub(super) fn care_words(f: &Frame, care: &CareEvent) -> (&'static str, &'static str) {
    let (icon, ja, en) = match care {
        CareEvent::LetIn { .. } => ("in", "送り迎えの人が入りました", "Let in to bring or collect"),
        CareEvent::DroppedOff { .. } => ("child", "お子さまの登園", "A child was brought"),
        CareEvent::Received { .. } => ("check", "保育室で引き受け", "A child was taken over"),
        CareEvent::DropOffRefused { .. } => {
            ("cross", "登園を受けませんでした", "A child was not taken")
        }
        CareEvent::HandedOver { .. } => ("child", "お迎えが済みました", "A child was collected"),
        CareEvent::HandOverRefused { .. } => {
            ("cross", "お迎えを断りました", "A hand-over was refused")
        }
        CareEvent::Caregiver { state: CaregiverState::Here, .. } => {
            ("in", "保育者が入りました", "A caregiver is with the children")
        }
        CareEvent::Caregiver { state: CaregiverState::OnBreak, .. } => {
            ("out", "保育者が休憩に入りました", "A caregiver is on a break")
        }
        CareEvent::Caregiver { state: CaregiverState::Gone, .. } => {
            ("out", "保育者が退勤しました", "A caregiver has gone home")
        }
        CareEvent::Noted { .. } | CareEvent::LookedAt { .. } => {
            ("child", "保育の記録", "Something was noted in the nursery")
        }
        CareEvent::PutRight { .. } => {
            ("check", "在室の記録を直しました", "The record of a child in care was put right")
        }
        CareEvent::Moved { .. } => ("child", "お子さまが部屋を移りました", "A child changed rooms"),
        CareEvent::Recalled { .. } => {
            ("warn", "体調不良でお迎えを頼みました", "Guardians are asked to collect an ill child")
        }
        CareEvent::WentOut { .. } => (
            "warn",
            "お子さまを預けた人が外に出ました",
            "Somebody went out while their children are in care",
        ),
        CareEvent::AlarmRaised { alarm: CareAlarm::Short { .. } } => {
            ("warn", "保育室：いま足りません", "Nursery: too few right now")
        }
        CareEvent::AlarmRaised { alarm: CareAlarm::ShortSoon { .. } } => {
            ("warn", "保育室：まもなく足りません", "Nursery: too few soon")
        }
        CareEvent::AlarmRaised { alarm: CareAlarm::Waiting { .. } } => {
            ("warn", "保育室：引き受け待ち", "Nursery: a child waits to be taken over")
        }
        CareEvent::AlarmRaised { .. } => {
            ("warn", "保育室からのお知らせ", "The nursery has an alarm")
        }
        CareEvent::AlarmOver { .. } => {
            ("check", "保育室：解消しました", "Nursery: an alarm is over")
        }
        CareEvent::SignedIn { let_in: true, .. } => {
            ("in", "保育室の画面にサインイン", "Signed in at the nursery's screen")
        }
        CareEvent::SignedIn { let_in: false, .. } => (
            "cross",
            "保育室の画面でサインインできませんでした",
            "A sign-in at the nursery's screen failed",
        ),
    };
    (icon, f.say(ja, en))
}
