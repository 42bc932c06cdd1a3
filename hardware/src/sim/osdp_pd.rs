use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use libosdp::{
    Channel, ChannelError, OsdpCardFormats, OsdpCommand, OsdpCommandOutput, OsdpEvent,
    OsdpEventCardRead, OsdpEventKeyPress, OsdpFlag, OsdpLedColor, OsdpStatusReport,
    OsdpStatusReportType, PdCapEntity, PdCapability, PdId, PdInfoBuilder, PeripheralDevice,
};
use thiserror::Error;
use tokio::sync::watch;

use crate::osdp::{ByteChannel, ChannelKey};

/// A simulated OSDP reader: a peripheral device (PD) on a real line or a pseudo-terminal.
///
/// It has a card field, two outputs, two inputs, a light, a buzzer and a tamper switch. Dropping it
/// pulls its plug.
pub struct SimOsdpReader {
    does: mpsc::Sender<Does>,
    state: watch::Receiver<SimOsdpState>,
    thread: Option<JoinHandle<()>>,
}

/// What a simulated OSDP reader needs to know.
#[derive(Debug, Clone)]
pub struct SimOsdpSettings {
    /// Its address, 0 to 126.
    pub address: u8,
    /// Its key; without one it is in install mode and takes the first it is given.
    pub key: Option<ChannelKey>,
    /// Whether its outputs fall back by themselves when told to.
    pub timed_outputs: bool,
    /// Whether it has a light and a buzzer.
    pub shows: bool,
}

/// What can be seen of a simulated OSDP reader from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SimOsdpState {
    /// Whether a panel speaks to it over a Secure Channel.
    pub secure: bool,
    /// Which outputs are on.
    pub outputs: [bool; OUTPUTS as usize],
    /// What its light showed last.
    pub light: Option<SimLight>,
    /// How many tones it was told to make.
    pub tones: u32,
    /// The key that it was given in install mode.
    pub new_key: Option<ChannelKey>,
}

/// The colours that mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimLight {
    /// Come in.
    Green,
    /// Stay out.
    Red,
    /// Something more is asked.
    Amber,
}

/// How many outputs it has.
const OUTPUTS: u8 = 2;
/// How many inputs it has.
const INPUTS: u8 = 2;

/// What happens at the reader.
enum Does {
    Card { bits: usize, data: Vec<u8>, kept: mpsc::Sender<bool> },
    Keys(Vec<u8>, mpsc::Sender<bool>),
    Input { input: usize, active: bool },
    Tamper(bool),
    Stop,
}

/// Why a simulated reader does not start, or cannot do something.
#[derive(Debug, Error)]
pub enum SimOsdpError {
    /// The library refuses.
    #[error("the OSDP library refuses these settings")]
    Settings,
    /// No thread.
    #[error("no thread for a simulated OSDP reader: {0}")]
    Thread(#[from] std::io::Error),
    /// More bits than a card has.
    #[error("a card is 1 to 64 bytes long, and has at least as many bits as are read")]
    Card,
    /// Its memory is full of cards that nobody has asked for.
    #[error("the reader keeps no more cards: nobody has asked it for the ones before")]
    Full,
    /// It has stopped.
    #[error("the reader has no power any more")]
    Stopped,
}

impl SimOsdpReader {
    /// Plugs a reader in.
    ///
    /// # Errors
    /// [`SimOsdpError`].
    pub fn start(
        channel: Box<dyn ByteChannel>,
        settings: SimOsdpSettings,
    ) -> Result<Self, SimOsdpError> {
        let (does, inbox) = mpsc::channel();
        let (show, state) = watch::channel(SimOsdpState::default());
        let (started, starts) = mpsc::channel();
        let thread =
            std::thread::Builder::new().name("sim-osdp-reader".to_owned()).spawn(move || {
                let plug = Plug(Arc::new(Mutex::new(Some(channel))));
                let device = Device::new(&plug, &settings, show);
                started.send(device.is_ok()).ok();
                if let Ok(device) = device {
                    device.run(&inbox);
                }
                plug.pull();
            })?;
        if !starts.recv().unwrap_or(false) {
            return Err(SimOsdpError::Settings);
        }
        Ok(Self { does, state, thread: Some(thread) })
    }

    /// Holds a card of these bytes in front of it. It is kept until a panel asks.
    ///
    /// # Errors
    /// [`SimOsdpError::Card`] when that is no card, [`SimOsdpError::Full`] when it keeps no more.
    pub fn present(&self, card: &[u8]) -> Result<(), SimOsdpError> {
        self.present_bits(card.len() * 8, card)
    }

    /// The same with a number of bits that need not be whole bytes.
    ///
    /// # Errors
    /// As with [`Self::present`].
    pub fn present_bits(&self, bits: usize, data: &[u8]) -> Result<(), SimOsdpError> {
        if data.is_empty() || data.len() > 64 || bits > data.len() * 8 {
            return Err(SimOsdpError::Card);
        }
        let (kept, answer) = mpsc::channel();
        self.does(Does::Card { bits, data: data.to_vec(), kept })?;
        match answer.recv() {
            Ok(true) => Ok(()),
            Ok(false) => Err(SimOsdpError::Full),
            Err(_) => Err(SimOsdpError::Stopped),
        }
    }

    /// Types at its keypad, as such readers tell of keys: digits in ASCII, 0D for the one that confirms, 7F for the one
    /// that deletes. They are kept until a panel asks.
    ///
    /// # Errors
    /// [`SimOsdpError::Full`] when it keeps no more.
    pub fn type_keys(&self, keys: &[u8]) -> Result<(), SimOsdpError> {
        let (kept, answer) = mpsc::channel();
        self.does(Does::Keys(keys.to_vec(), kept))?;
        match answer.recv() {
            Ok(true) => Ok(()),
            Ok(false) => Err(SimOsdpError::Full),
            Err(_) => Err(SimOsdpError::Stopped),
        }
    }

    /// Makes an input active or not.
    ///
    /// # Errors
    /// [`SimOsdpError::Stopped`].
    pub fn set_input(&self, input: usize, active: bool) -> Result<(), SimOsdpError> {
        self.does(Does::Input { input, active })
    }

    /// Opens the case, or shuts it.
    ///
    /// # Errors
    /// [`SimOsdpError::Stopped`].
    pub fn set_tampered(&self, open: bool) -> Result<(), SimOsdpError> {
        self.does(Does::Tamper(open))
    }

    /// What can be seen of it.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<SimOsdpState> {
        self.state.clone()
    }

    fn does(&self, what: Does) -> Result<(), SimOsdpError> {
        self.does.send(what).map_err(|_| SimOsdpError::Stopped)
    }
}

impl Drop for SimOsdpReader {
    fn drop(&mut self) {
        self.does.send(Does::Stop).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// What the thread holds.
struct Device {
    library: PeripheralDevice,
    inside: Rc<RefCell<Inside>>,
    show: watch::Sender<SimOsdpState>,
}

#[derive(Default)]
struct Inside {
    outputs: [Output; OUTPUTS as usize],
    inputs: [bool; INPUTS as usize],
    tampered: bool,
    light: Option<SimLight>,
    tones: u32,
    new_key: Option<ChannelKey>,
}

/// What an output does for good, and what until when.
#[derive(Default, Clone, Copy)]
struct Output {
    always: bool,
    meanwhile: Option<(bool, Instant)>,
}

impl Device {
    fn new(
        plug: &Plug,
        settings: &SimOsdpSettings,
        show: watch::Sender<SimOsdpState>,
    ) -> Result<Self, libosdp::OsdpError> {
        let outputs = PdCapEntity::new(if settings.timed_outputs { 4 } else { 1 }, OUTPUTS);
        let mut can = vec![
            PdCapability::CommunicationSecurity(PdCapEntity::new(1, 1)),
            PdCapability::CardDataFormat(PdCapEntity::new(1, 1)),
            PdCapability::OutputControl(outputs),
            PdCapability::ContactStatusMonitoring(PdCapEntity::new(1, INPUTS)),
        ];
        if settings.shows {
            can.push(PdCapability::LedControl(PdCapEntity::new(1, 1)));
            can.push(PdCapability::AudibleOutput(PdCapEntity::new(1, 1)));
        }
        let info = PdInfoBuilder::new()
            .address(settings.address.into())?
            .baud_rate(9_600)?
            .id(&PdId::from_number(settings.address))
            .capabilities(&can);
        let info = match &settings.key {
            Some(key) => info.flag(OsdpFlag::EnforceSecure).secure_channel_key(key.bytes()),
            None => info.flag(OsdpFlag::InstallMode),
        };
        let mut library = PeripheralDevice::new(info, Box::new(plug.clone()))?;
        let inside = Rc::new(RefCell::new(Inside::default()));
        let ours = inside.clone();
        library.set_command_callback(move |command| ours.borrow_mut().obey(command));
        Ok(Self { library, inside, show })
    }

    fn run(mut self, inbox: &Receiver<Does>) {
        loop {
            self.library.refresh();
            self.tell();
            match inbox.recv_timeout(Duration::from_millis(1)) {
                Ok(Does::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(does) => self.happen(does),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn happen(&mut self, does: Does) {
        match does {
            Does::Card { bits, data, kept } => {
                let read = OsdpEventCardRead {
                    reader_no: 0,
                    format: OsdpCardFormats::Unspecified,
                    direction: false,
                    nr_bits: bits,
                    // The library looks at so many bytes as the bits need.
                    data: data.into_iter().take(bits.div_ceil(8)).collect(),
                };
                let taken = self.library.notify_event(OsdpEvent::CardRead(read)).is_ok();
                kept.send(taken).ok();
            }
            Does::Keys(keys, kept) => {
                let typed = OsdpEvent::KeyPress(OsdpEventKeyPress::new(keys));
                kept.send(self.library.notify_event(typed).is_ok()).ok();
            }
            Does::Input { input, active } => {
                if let Some(known) = self.inside.borrow_mut().inputs.get_mut(input) {
                    *known = active;
                }
                // Told at once, too; where there is no room the next reading has it.
                let report = self.inside.borrow().report(OsdpStatusReportType::Input);
                self.library.notify_event(OsdpEvent::Status(report)).ok();
            }
            Does::Tamper(open) => {
                self.inside.borrow_mut().tampered = open;
                let report = self.inside.borrow().report(OsdpStatusReportType::Local);
                self.library.notify_event(OsdpEvent::Status(report)).ok();
            }
            Does::Stop => {}
        }
    }

    fn tell(&self) {
        let inside = self.inside.borrow();
        let now = Instant::now();
        let told = SimOsdpState {
            secure: self.library.is_sc_active(),
            outputs: inside.outputs.map(|output| output.is_on(now)),
            light: inside.light,
            tones: inside.tones,
            new_key: inside.new_key.clone(),
        };
        self.show.send_if_modified(|known| std::mem::replace(known, told.clone()) != told);
    }
}

impl Inside {
    fn obey(&mut self, command: &mut OsdpCommand) -> i32 {
        const DONE: i32 = 0;
        const REFUSED: i32 = -1;
        match command {
            OsdpCommand::Output(output) => self.switch(*output),
            OsdpCommand::Status(report) => *report = self.report(report.type_),
            OsdpCommand::Led(led) => {
                self.light = match led.temporary.on_color {
                    OsdpLedColor::Green => Some(SimLight::Green),
                    OsdpLedColor::Red => Some(SimLight::Red),
                    OsdpLedColor::Amber => Some(SimLight::Amber),
                    _ => None,
                };
            }
            OsdpCommand::Buzzer(buzzer) => self.tones += u32::from(buzzer.rep_count),
            OsdpCommand::KeySet(keyset) => {
                let key = keyset.data.as_slice().try_into().ok();
                match key.map(ChannelKey::new) {
                    Some(Ok(key)) => self.new_key = Some(key),
                    _ => return REFUSED,
                }
            }
            _ => return REFUSED,
        }
        DONE
    }

    fn switch(&mut self, told: OsdpCommandOutput) {
        let Some(output) = self.outputs.get_mut(usize::from(told.output_no)) else { return };
        let tenths = Duration::from_millis(100) * u32::from(told.timer_count);
        match told.control_code {
            1 | 2 => *output = Output { always: told.control_code == 2, meanwhile: None },
            3 | 4 => output.always = told.control_code == 4,
            5 | 6 => output.meanwhile = Some((told.control_code == 5, Instant::now() + tenths)),
            _ => {}
        }
    }

    fn report(&self, type_: OsdpStatusReportType) -> OsdpStatusReport {
        let now = Instant::now();
        let bits: Vec<bool> = match type_ {
            OsdpStatusReportType::Input => self.inputs.to_vec(),
            OsdpStatusReportType::Output => self.outputs.iter().map(|out| out.is_on(now)).collect(),
            OsdpStatusReportType::Local => vec![self.tampered, false],
            OsdpStatusReportType::Remote => vec![false],
        };
        let mut report = [0; 64];
        for (entry, bit) in report.iter_mut().zip(&bits) {
            *entry = u8::from(*bit);
        }
        OsdpStatusReport { type_, nr_entries: bits.len(), report }
    }
}

impl Output {
    fn is_on(self, now: Instant) -> bool {
        self.meanwhile.filter(|(_, until)| now < *until).map_or(self.always, |(on, _)| on)
    }
}

/// The reader's end of the line. The library never frees it, so the port is pulled out of it.
#[derive(Clone)]
struct Plug(Arc<Mutex<Option<Box<dyn ByteChannel>>>>);

impl Plug {
    fn pull(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn with<T>(
        &self,
        act: impl FnOnce(&mut dyn ByteChannel) -> std::io::Result<T>,
    ) -> Result<T, ChannelError> {
        let mut port = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(port) = port.as_mut() else { return Err(ChannelError::TransportError) };
        act(port.as_mut()).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => ChannelError::WouldBlock,
            _ => ChannelError::TransportError,
        })
    }
}

impl Channel for Plug {
    fn get_id(&self) -> i32 {
        1
    }

    fn read(&mut self, buf: &mut [u8]) -> Result<usize, ChannelError> {
        self.with(|port| port.read(buf))
    }

    fn write(&mut self, buf: &[u8]) -> Result<usize, ChannelError> {
        self.with(|port| port.write(buf))
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), ChannelError> {
        Ok(())
    }
}
