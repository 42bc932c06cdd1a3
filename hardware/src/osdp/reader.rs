//! One reader on its line, as the line's thread sees it: its control panel, what it told, what it is to do.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use libosdp::{
    ControlPanel, ControlPanelBuilder, OsdpCommand, OsdpError, OsdpEvent, OsdpFlag,
    OsdpStatusReport, OsdpStatusReportType, PdInfoBuilder,
};
use tokio::sync::watch;

use super::guard::{Seen, code};
use super::held::{HOLD_AGAIN, Held, Level, Moved, Waiting};
use super::keypad::Keypad;
use super::reading::card_read;
use super::wire::Wire;
use super::{OsdpReaderSettings, feedback};
use crate::card::{CardError, CardEvent, EventSender, ReaderFault};
use crate::door::{DoorError, DoorPart, LockLevel};

/// A reader that has not answered for so long is cut off. It is asked twenty times a second.
const CUT_AFTER: Duration = Duration::from_millis(1_500);
/// While the library tries, it asks at least once in so long; else it has given up.
const GIVEN_UP: Duration = Duration::from_millis(1_400);
/// How long after coming back a reader must have told nothing before what it tells counts: it hands over
/// what it has kept twenty times a second.
const GRACE: Duration = Duration::from_secs(1);
/// A reader with another key, or none, does not get the right one by being asked.
const REFUSED_AGAIN: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(200);
/// How often inputs are read.
const INPUTS_EVERY: Duration = Duration::from_millis(250);
/// An answer to a tap that is told later than this confuses the next guest.
const FEEDBACK_FRESH: Duration = Duration::from_secs(3);
/// The most events that wait for whoever listens to the reader.
const MOST_EVENTS: usize = 64;

/// What everybody may know of a reader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// Whether its Secure Channel is up.
    pub up: bool,
    /// Its inputs as they were read last; empty until then.
    pub inputs: Vec<bool>,
}

pub(super) struct Reader {
    settings: OsdpReaderSettings,
    baud: i32,
    place: usize,
    wire: Wire,
    link: Link,
    /// What the library tells while it runs.
    told: Rc<RefCell<Vec<OsdpEvent>>>,
    events: EventSender,
    outbox: VecDeque<(Instant, CardEvent)>,
    status: watch::Sender<Status>,
    /// Why it is not available; nothing while it is. `None` before the first word.
    said: Option<CardEvent>,
    tampered: bool,
    keypad: Keypad,
    can: Abilities,
    /// What this reader has refused once: asked again it would go off the line again.
    refuses: Vec<u8>,
    todo: VecDeque<Todo>,
    /// What the library was given to ask, and when.
    doing: Option<(Todo, Instant)>,
    locks: Vec<Held>,
    /// Until when what it tells is thrown away.
    quiet_until: Instant,
    inputs_at: Instant,
    /// Whether it was asked for cards and keys since its inputs were last to be read.
    polled: bool,
}

enum Link {
    Down { again: Instant },
    Trying { panel: ControlPanel, since: Instant },
    Up { panel: ControlPanel },
}

/// What the reader said that it can do.
#[derive(Debug, Default, Clone, Copy)]
struct Abilities {
    led: bool,
    buzzer: bool,
    inputs: usize,
    outputs: usize,
    /// Whether outputs can fall back by themselves. It may be anybody's word: it can keep a lock from being unlocked,
    /// and never makes an unlock one for good.
    timed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Todo {
    Output(usize),
    ReadOutputs,
    ReadInputs,
    LocalStatus,
    Led(feedback::Answer, Instant),
    Buzzer(feedback::Answer, Instant),
}

impl Reader {
    pub(super) fn new(
        settings: OsdpReaderSettings,
        baud: i32,
        place: usize,
        wire: Wire,
        events: EventSender,
        status: watch::Sender<Status>,
    ) -> Self {
        let now = Instant::now();
        let locks = settings.locks.iter().map(|wiring| Held::new(*wiring, now)).collect();
        Self {
            settings,
            baud,
            place,
            wire,
            link: Link::Down { again: now },
            told: Rc::default(),
            events,
            outbox: VecDeque::new(),
            status,
            said: None,
            tampered: false,
            keypad: Keypad::default(),
            can: Abilities::default(),
            refuses: Vec::new(),
            todo: VecDeque::new(),
            doing: None,
            locks,
            quiet_until: now,
            inputs_at: now,
            polled: true,
        }
    }

    /// Lets the library speak or listen for a moment; it never waits.
    pub(super) fn turn(&mut self, now: Instant) {
        match std::mem::replace(&mut self.link, Link::Down { again: now }) {
            Link::Down { again } if now < again => self.link = Link::Down { again },
            Link::Down { .. } => match self.panel() {
                Ok(panel) => self.link = Link::Trying { panel, since: now },
                Err(_) => self.down(now, REFUSED_AGAIN, SETTINGS_REFUSED),
            },
            Link::Trying { panel, since } => self.try_on(panel, since, now),
            Link::Up { panel } => self.go_on(panel, now),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.link, Link::Up { .. })
    }

    pub(super) fn may_try(&self, now: Instant) -> bool {
        match self.link {
            Link::Down { again } => again <= now,
            Link::Trying { .. } => true,
            Link::Up { .. } => false,
        }
    }

    /// Locks what would stay unlocked with nobody there to lock it.
    pub(super) fn lock_untimed(&mut self) {
        if !self.is_up() {
            return;
        }
        for (place, held) in self.locks.iter_mut().enumerate() {
            if !held.wiring.timed && held.wanted == LockLevel::Unlocked {
                held.wanted = LockLevel::Locked;
                self.todo.push_front(Todo::Output(place));
            }
        }
    }

    /// Whether a lock that does not lock by itself has not been told yet what it was to be.
    pub(super) fn is_left_open(&self) -> bool {
        let untimed = |place: usize| self.locks.get(place).is_some_and(|held| !held.wiring.timed);
        let moves = |todo: &Todo| matches!(todo, Todo::Output(place) if untimed(*place));
        let doing = self.doing.iter().map(|(todo, _)| todo);
        self.is_up() && doing.chain(&self.todo).any(moves)
    }

    fn seen(&self) -> Seen {
        self.wire.lock().guard(self.place).map(|guard| guard.seen()).unwrap_or_default()
    }

    fn panel(&self) -> Result<ControlPanel, OsdpError> {
        if let Some(guard) = self.wire.lock().guard(self.place) {
            guard.forget();
        }
        self.told.take();
        let info = PdInfoBuilder::new()
            .address(self.settings.address.into())?
            .baud_rate(self.baud)?
            .flag(OsdpFlag::EnforceSecure)
            .secure_channel_key(self.settings.key.bytes());
        let mut panel = ControlPanelBuilder::new()
            .add_channel(self.wire.tap(self.place), vec![info])
            .build()?;
        let told = self.told.clone();
        panel.set_event_callback(move |_, event| {
            told.borrow_mut().push(event);
            0
        });
        Ok(panel)
    }

    fn try_on(&mut self, mut panel: ControlPanel, since: Instant, now: Instant) {
        panel.refresh();
        // Nobody has proved anything yet: what is told here is nothing.
        self.told.borrow_mut().clear();
        if panel.is_online(0) && panel.is_sc_active(0) {
            return self.up(panel, now);
        }
        let seen = self.seen();
        let (why, again) = why_not(seen);
        let last = seen.wrote.map_or(since, |wrote| wrote.max(since));
        if now.saturating_duration_since(last) > GIVEN_UP {
            return self.down(now, again, why);
        }
        if now.saturating_duration_since(since) > CUT_AFTER {
            self.say(Some(why));
        }
        self.link = Link::Trying { panel, since };
    }

    fn up(&mut self, panel: ControlPanel, now: Instant) {
        self.can = Abilities::of(&self.wire, self.place);
        self.quiet_until = now + GRACE;
        self.inputs_at = now;
        self.tampered = false;
        self.todo.clear();
        self.doing = None;
        // Whatever its outputs did while nobody could speak to it: the door is locked first.
        for place in 0..self.locks.len() {
            self.todo.push_back(Todo::Output(place));
        }
        if !self.locks.is_empty() {
            self.todo.push_back(Todo::ReadOutputs);
        }
        self.todo.push_back(Todo::LocalStatus);
        self.link = Link::Up { panel };
        self.status.send_modify(|status| status.up = true);
        self.say(None);
    }

    fn go_on(&mut self, mut panel: ControlPanel, now: Instant) {
        panel.refresh();
        let told = self.told.take();
        let Seen { asked, answer, secured, wrote, heard, .. } = self.seen();
        if !panel.is_online(0) || !panel.is_sc_active(0) {
            if let (
                Some(asked @ (code::LED | code::BUZZER | code::LOCAL_STATUS)),
                Some(code::NAK),
            ) = (asked, answer)
                // Said in plaintext it may be anybody's word.
                && secured
            {
                self.refuses.push(asked);
            }
            let why = (ReaderFault::NotSecure, "the reader's Secure Channel broke down");
            return self.down(now, AGAIN, why);
        }
        if heard.is_none_or(|heard| now.saturating_duration_since(heard) > CUT_AFTER) {
            let why = "the reader does not answer any more: check its line and supply";
            return self.down(now, AGAIN, (ReaderFault::Silent, why));
        }
        for event in told {
            self.take(event, now);
        }
        self.polled |= asked == Some(code::POLL);
        // What was asked before it may have had the same code.
        let answered = |(todo, given): (Todo, Instant)| {
            asked == Some(todo.code()) && answer.is_some() && wrote > Some(given)
        };
        if self.doing.is_some_and(answered) {
            self.done();
        }
        self.wish(now);
        while self.doing.is_none() {
            let Some(todo) = self.todo.pop_front() else { break };
            if let Some(command) = self.command(todo, now)
                && panel.send_command(0, command).is_ok()
            {
                self.doing = Some((todo, Instant::now()));
            }
        }
        self.link = Link::Up { panel };
    }

    /// The Secure Channel is not up, or no more. The panel is gone with the link.
    pub(super) fn down(&mut self, now: Instant, again: Duration, why: (ReaderFault, &str)) {
        self.link = Link::Down { again: now + again };
        self.todo.clear();
        self.doing = None;
        self.keypad.clear();
        for held in &mut self.locks {
            held.wanted = LockLevel::Locked;
            held.fail();
        }
        self.status.send_if_modified(|status| {
            let was_up = status.up;
            *status = Status::default();
            was_up
        });
        self.say(Some(why));
    }

    /// The line itself is lost.
    pub(super) fn line_lost(&mut self, now: Instant, why: &str) {
        let why = format!("the reader's line cannot be used: {why}");
        self.down(now, Duration::ZERO, (ReaderFault::Silent, &why));
    }

    fn take(&mut self, event: OsdpEvent, now: Instant) {
        match event {
            OsdpEvent::CardRead(sent) => {
                // What was typed before it is no part of the PIN that is asked for now.
                self.keypad.clear();
                let read = if now < self.quiet_until {
                    self.quiet_until = now + GRACE;
                    Err(CardError::BeforeReconnect)
                } else if self.tampered {
                    Err(CardError::Reader(TAMPERED.to_owned()))
                } else {
                    card_read(&self.settings.name, &sent, &self.settings.models)
                };
                let event = match read {
                    Ok(read) => CardEvent::Presented(read),
                    Err(reason) => CardEvent::Unreadable { reason },
                };
                self.emit(now, event);
                self.emit(now, CardEvent::Removed);
            }
            OsdpEvent::KeyPress(keys) => self.take_keys(&keys.data, now),
            OsdpEvent::Status(report) => self.take_status(&report),
            // No maker's own words are understood.
            OsdpEvent::MfgReply(_) => {}
        }
    }

    /// Keys that were typed before the reader came back belong to nobody who still stands there.
    fn take_keys(&mut self, keys: &[u8], now: Instant) {
        if now < self.quiet_until || self.tampered {
            self.quiet_until = self.quiet_until.max(now + GRACE);
            self.keypad.clear();
            return;
        }
        for typed in self.keypad.take(keys, now) {
            self.emit(now, CardEvent::Pin(typed));
        }
    }

    fn take_status(&mut self, report: &OsdpStatusReport) {
        let bits: Vec<bool> =
            report.report.iter().take(report.nr_entries).map(|bit| *bit != 0).collect();
        match report.type_ {
            OsdpStatusReportType::Input => {
                self.status.send_if_modified(|status| {
                    let differs = status.inputs != bits;
                    status.inputs = bits;
                    differs
                });
            }
            OsdpStatusReportType::Output => {
                for held in &mut self.locks {
                    if let Some(on) = bits.get(usize::from(held.wiring.output)) {
                        held.read(*on);
                    }
                }
            }
            OsdpStatusReportType::Local => {
                let tampered = bits.first().copied().unwrap_or(false);
                if tampered != self.tampered {
                    self.tampered = tampered;
                    self.say(tampered.then_some((ReaderFault::Tampered, TAMPERED)));
                }
            }
            OsdpStatusReportType::Remote => {}
        }
    }

    /// What was asked for was answered.
    fn done(&mut self) {
        if let Some((Todo::Output(place), _)) = self.doing.take()
            && let Some(held) = self.locks.get_mut(place)
        {
            held.waiting.iter_mut().for_each(|waiting| waiting.told = true);
        }
    }

    /// Puts on the list what is due.
    fn wish(&mut self, now: Instant) {
        for (place, held) in self.locks.iter_mut().enumerate() {
            if held.give_up(now) {
                self.todo.push_front(Todo::Output(place));
            }
            if held.wanted == LockLevel::Unlocked && now >= held.again {
                held.again = now + HOLD_AGAIN;
                // A door that is held open waits behind no reading.
                if !self.todo.contains(&Todo::Output(place)) {
                    self.todo.push_front(Todo::Output(place));
                }
            }
        }
        // The library asks for cards and keys only where nothing else waits: so it gets to in between, however slow
        // the line is.
        if self.settings.inputs
            && now >= self.inputs_at
            && self.polled
            && self.doing.is_none_or(|(todo, _)| todo != Todo::ReadInputs)
            && !self.todo.contains(&Todo::ReadInputs)
        {
            self.inputs_at = now + INPUTS_EVERY;
            self.polled = false;
            self.todo.push_back(Todo::ReadInputs);
        }
    }

    fn command(&self, todo: Todo, now: Instant) -> Option<OsdpCommand> {
        if self.refuses.contains(&todo.code()) {
            return None;
        }
        let status =
            |type_| OsdpCommand::Status(OsdpStatusReport { type_, nr_entries: 0, report: [0; 64] });
        match todo {
            Todo::Output(place) => {
                let held = self.locks.get(place)?;
                let there = usize::from(held.wiring.output) < self.can.outputs;
                there.then(|| OsdpCommand::Output(held.command()))
            }
            Todo::ReadOutputs => {
                (self.can.outputs > 0).then(|| status(OsdpStatusReportType::Output))
            }
            Todo::ReadInputs => (self.can.inputs > 0).then(|| status(OsdpStatusReportType::Input)),
            Todo::LocalStatus => Some(status(OsdpStatusReportType::Local)),
            Todo::Led(answer, made) => {
                (self.can.led && fresh(made, now)).then(|| OsdpCommand::Led(feedback::led(answer)))
            }
            Todo::Buzzer(answer, made) => (self.can.buzzer && fresh(made, now))
                .then(|| OsdpCommand::Buzzer(feedback::buzzer(answer))),
        }
    }

    /// Moves a lock, and answers once it has read back.
    pub(super) fn order(&mut self, output: u8, wanted: LockLevel, reply: Moved, now: Instant) {
        let there = self.is_up() && usize::from(output) < self.can.outputs;
        let unlocks_untimed = wanted == LockLevel::Unlocked && !self.can.timed;
        let held = self.locks.iter_mut().enumerate().find(|(_, held)| held.wiring.output == output);
        match held {
            // Either the settings are wrong or somebody speaks for the reader. Locked is right in both.
            Some((_, held)) if there && unlocks_untimed && held.wiring.timed => {
                reply.send(Err(DoorError::Unusable(DoorPart::Lock, NOT_TIMED))).ok();
            }
            Some((place, held)) if there => {
                held.wanted = wanted;
                held.again = now + HOLD_AGAIN;
                held.waiting.push(Waiting { wanted, reply, since: now, told: false });
                // Ahead of everything else that waits: somebody stands at the door.
                self.todo.push_front(Todo::ReadOutputs);
                self.todo.push_front(Todo::Output(place));
            }
            // Whoever asked may have gone.
            _ => {
                reply.send(Err(DoorError::NoAnswer(DoorPart::Lock))).ok();
            }
        }
    }

    /// Reads a lock.
    pub(super) fn ask(&mut self, output: u8, reply: Level) {
        let up = matches!(self.link, Link::Up { .. });
        match self.locks.iter_mut().find(|held| held.wiring.output == output) {
            Some(held) if up => {
                held.asking.push(reply);
                self.todo.push_front(Todo::ReadOutputs);
            }
            _ => {
                reply.send(Err(DoorError::NoAnswer(DoorPart::Lock))).ok();
            }
        }
    }

    /// Shows whoever tapped what came of it.
    pub(super) fn show(&mut self, answer: feedback::Answer, made: Instant) {
        if matches!(self.link, Link::Up { .. }) {
            self.todo.push_back(Todo::Led(answer, made));
            self.todo.push_back(Todo::Buzzer(answer, made));
        }
    }

    fn say(&mut self, why: Option<(ReaderFault, &str)>) {
        let event = why.map_or(CardEvent::Available, |(fault, reason)| CardEvent::Unavailable {
            fault,
            reason: reason.to_owned(),
        });
        if self.said.as_ref() == Some(&event) {
            return;
        }
        self.said = Some(event.clone());
        self.emit(Instant::now(), event);
    }

    fn emit(&mut self, made: Instant, event: CardEvent) {
        if self.outbox.len() >= MOST_EVENTS {
            // Nobody listens. What was tapped goes, whether it can be used at all stays.
            let is_state = |event: &CardEvent| {
                matches!(event, CardEvent::Available | CardEvent::Unavailable { .. })
            };
            self.outbox.retain(|(_, event)| is_state(event));
            let over = (self.outbox.len() + 1).saturating_sub(MOST_EVENTS);
            self.outbox.drain(..over);
        }
        self.outbox.push_back((made, event));
    }

    /// Hands over what was told, as far as whoever listens takes it.
    pub(super) fn deliver(&mut self) {
        while let Some((made, event)) = self.outbox.pop_front() {
            if let Some(back) = self.events.try_send(made, event) {
                self.outbox.push_front(back);
                return;
            }
        }
    }
}

const SETTINGS_REFUSED: (ReaderFault, &str) =
    (ReaderFault::Silent, "the OSDP library refuses its settings");
const TAMPERED: &str = "the reader's case is open, or it was taken off the wall";
const NOT_TIMED: &str = "its reader says that its outputs do not lock by themselves; where that is so, set \
     timed = false at this lock, and know that its door stays open when the line is cut";

fn fresh(made: Instant, now: Instant) -> bool {
    now.saturating_duration_since(made) <= FEEDBACK_FRESH
}

impl Todo {
    /// The command's code on the wire.
    fn code(self) -> u8 {
        match self {
            Self::Output(_) => code::OUTPUT,
            Self::ReadOutputs => code::OUTPUT_STATUS,
            Self::ReadInputs => code::INPUT_STATUS,
            Self::LocalStatus => code::LOCAL_STATUS,
            Self::Led(..) => code::LED,
            Self::Buzzer(..) => code::BUZZER,
        }
    }
}

impl Abilities {
    /// As the reader told them.
    fn of(wire: &Wire, place: usize) -> Self {
        const INPUTS: u8 = 1;
        const OUTPUTS: u8 = 2;
        const LED: u8 = 4;
        const BUZZER: u8 = 5;

        let mut wire = wire.lock();
        let guard = wire.guard(place);
        let ability = |sort| guard.as_ref().map_or((0, 0), |guard| guard.ability(sort));
        let some = |sort| {
            let (well, many) = ability(sort);
            if well > 0 { usize::from(many) } else { 0 }
        };
        Self {
            led: some(LED) > 0,
            buzzer: some(BUZZER) > 0,
            inputs: some(INPUTS),
            outputs: some(OUTPUTS),
            // Levels 1 and 2 only switch; 3 and 4 lock by themselves when the time is over (OSDP 2.2, function code 2).
            timed: ability(OUTPUTS).0 >= 3,
        }
    }
}

/// Why a reader that is being tried is not there yet, as far as it can be seen from outside.
fn why_not(seen: Seen) -> ((ReaderFault, &'static str), Duration) {
    use ReaderFault::{NotSecure, Silent, WrongKey};

    match (seen.asked, seen.answer) {
        _ if seen.plaintext.is_some() => (
            (NotSecure, "the library was about to speak in plaintext, and was stopped"),
            REFUSED_AGAIN,
        ),
        (Some(code::CHALLENGE), Some(code::CLIENT_CRYPTOGRAM)) | (Some(code::CRYPTOGRAM), _) => {
            ((WrongKey, "the reader has another key than its key file"), REFUSED_AGAIN)
        }
        (Some(code::CHALLENGE), Some(_)) => {
            ((WrongKey, "the reader refuses the Secure Channel: set its key first"), REFUSED_AGAIN)
        }
        (Some(code::CAPABILITIES), Some(code::PD_CAPABILITIES)) => {
            ((NotSecure, "the reader cannot speak over a Secure Channel"), REFUSED_AGAIN)
        }
        _ if seen.dropped > 0 => (
            (NotSecure, "the reader, or somebody on its line, answers what may not be answered"),
            AGAIN,
        ),
        _ => ((Silent, "the reader does not answer: check its address, wiring and supply"), AGAIN),
    }
}
