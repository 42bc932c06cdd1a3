//! Simulated devices: the demo runs on them, and tests break them on purpose.

mod card_names;
mod door;
mod input;
mod osdp_pd;
mod reader;
mod scanner;
mod virtual_card;
mod virtual_jpki;
mod virtual_key;
mod vpcd;

pub use card_names::{CardNameError, CardNames};
pub use door::{DoorFaults, DoorState, SimContact, SimDoor, SimLock, StillLocked};
pub use input::{SimFirePanel, SimInput};
pub use osdp_pd::{SimLight, SimOsdpError, SimOsdpReader, SimOsdpSettings, SimOsdpState};
pub use reader::{SimReader, SimReaderError, SimReaderSettings, socket_path};
pub use scanner::{ScanError, SimScanner, scan};
pub use virtual_card::{PkocConduct, VirtualCard, VirtualCardError};
pub use virtual_jpki::VirtualJpki;
pub use virtual_key::{OTHER_CURVE, VirtualKey, VirtualKeyError};
pub use vpcd::{LinkError, PromptTcp};
