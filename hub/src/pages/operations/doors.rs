//! The doors of a centre, in words.

use model::device::{Trouble, Watched};
use model::door::{DoorState, Wiring};
use model::id::DeviceId;
use twin::{DoorView, LockLevel, OpenTrouble, View};

use crate::pages::frame::Frame;

#[derive(PartialEq, Eq)]
pub(super) struct DoorShown {
    pub state: &'static str,
    pub icon: &'static str,
    pub name: String,
    pub words: &'static str,
    pub without_current: Option<&'static str>,
}

/// The doors, with the readers at them and the fire panel's line where these do not work. Alarms first.
pub(super) fn shown(f: &Frame, view: &View) -> Vec<DoorShown> {
    let troubles = view.troubles.iter().map(|trouble| broken(f, trouble));
    let doors = view.doors.iter().map(|door| one(f, door));
    let mut shown: Vec<DoorShown> = troubles.chain(doors).collect();
    shown.sort_by_key(|door| door.state != "forced");
    shown
}

fn one(f: &Frame, door: &DoorView) -> DoorShown {
    let known = &door.state;
    let planned = known.state.map(|state| ("forced", "warn", state_words(f, state)));
    let (state, icon, said) = planned.unwrap_or(match (known.fault, known.open, known.lock) {
        (true, ..) => ("forced", "warn", f.say("錠が動きません", "lock fault")),
        // Of a door with a plan it is known whether it was forced.
        (_, Some(true), Some(LockLevel::Locked)) if !door.planned => {
            ("forced", "warn", f.say("施錠中に開いています", "open while locked"))
        }
        (_, Some(true), _) => ("open", "door-open", f.say("開いています", "open")),
        (_, _, Some(LockLevel::Unlocked)) => ("unlocked", "unlock", f.say("解錠中", "unlocked")),
        (_, _, Some(LockLevel::Locked)) => ("locked", "lock", f.say("施錠", "locked")),
        (_, _, None) => ("unknown", "question", f.say("状態不明", "not heard of")),
    });
    let without_current = door.wiring.map(|wiring| match wiring {
        Wiring::FailSafe => f.say("停電時：開く", "opens without current"),
        Wiring::FailSecure => f.say("停電時：外からは開かない", "stays locked without current"),
    });
    let name = f.get(&door.name).to_owned();
    DoorShown { state, icon, name, words: said, without_current }
}

fn broken(f: &Frame, trouble: &OpenTrouble) -> DoorShown {
    DoorShown {
        state: "forced",
        icon: "warn",
        name: watched(f, &trouble.of),
        words: trouble_words(f, trouble.why),
        without_current: None,
    }
}

/// What somebody has to look after is called.
pub(super) fn watched(f: &Frame, of: &Watched) -> String {
    match of {
        Watched::Reader(reader) => format!("{}{reader}", f.say("カードリーダー ", "reader ")),
        Watched::FirePanel => f.say("火災受信機の信号線", "fire panel line").to_owned(),
    }
}

/// Why it cannot be used.
pub(super) fn trouble_words(f: &Frame, why: Trouble) -> &'static str {
    match why {
        Trouble::Silent => f.say("応答しません", "is silent"),
        Trouble::WrongKey => f.say("暗号鍵が一致しません", "does not have the site’s key"),
        Trouble::NotSecure => f.say("安全に通信できません", "does not speak securely"),
        Trouble::Tampered => {
            f.say("開けられたか、外されました", "was opened or taken off the wall")
        }
    }
}

/// What a door is called; its device, where it is not known.
pub(super) fn name(f: &Frame, view: &View, door: &DeviceId) -> String {
    view.door(door).map_or_else(|| door.to_string(), |door| f.get(&door.name).to_owned())
}

/// What a door is in.
pub(super) fn state_words(f: &Frame, state: DoorState) -> &'static str {
    match state {
        DoorState::Locked => f.say("施錠", "locked"),
        DoorState::Unlocked => f.say("解錠中", "unlocked"),
        DoorState::Open => f.say("開いています", "open"),
        DoorState::Ajar => f.say("半開き：錠がかかっていません", "ajar: the bolt holds nothing"),
        DoorState::Held => f.say("開いたままです", "held open too long"),
        DoorState::ExitStuck => f.say("退出ボタンが押されたままです", "exit button stuck"),
        DoorState::ContactSilent => f.say("開閉センサーが応答しません", "its contact is silent"),
        DoorState::LockFault => f.say("錠が動きません", "lock fault"),
        DoorState::Forced => f.say("こじ開けられました", "forced open"),
    }
}
