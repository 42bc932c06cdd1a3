use libosdp::{OsdpCommandBuzzer, OsdpCommandLed, OsdpLedColor, OsdpLedParams};

/// What came of a tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Granted,
    Denied,
    More,
}

/// Green for two seconds, red flashes, or amber for as long as a PIN is waited for.
pub(super) fn led(answer: Answer) -> OsdpCommandLed {
    const SET: u8 = 2;
    let (on_count, off_count, on_color, tenths) = match answer {
        Answer::Granted => (20, 0, OsdpLedColor::Green, 20),
        Answer::Denied => (2, 2, OsdpLedColor::Red, 16),
        Answer::More => (200, 0, OsdpLedColor::Amber, 200),
    };
    let temporary = OsdpLedParams {
        control_code: SET,
        on_count,
        off_count,
        on_color,
        off_color: OsdpLedColor::None,
        timer_count: tenths,
    };
    OsdpCommandLed { reader: 0, led_number: 0, temporary, permanent: OsdpLedParams::default() }
}

/// One short tone, two or three.
pub(super) fn buzzer(answer: Answer) -> OsdpCommandBuzzer {
    const DEFAULT_TONE: u8 = 2;
    let rep_count = match answer {
        Answer::Granted => 1,
        Answer::Denied => 3,
        Answer::More => 2,
    };
    OsdpCommandBuzzer {
        reader: 0,
        control_code: DEFAULT_TONE,
        on_count: 1,
        off_count: 1,
        rep_count,
    }
}
