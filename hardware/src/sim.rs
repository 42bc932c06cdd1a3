//! Simulated devices: the demo runs on them, and tests break them on purpose.

mod card_names;
mod door;
mod reader;
mod scanner;
mod virtual_card;
mod vpcd;

pub use card_names::{CardNameError, CardNames};
pub use door::{DoorFaults, DoorState, SimContact, SimDoor, SimLock, StillLocked};
pub use reader::{SimReader, SimReaderError, SimReaderSettings, socket_path};
pub use scanner::{ScanError, SimScanner, scan};
pub use virtual_card::{VirtualCard, VirtualCardError};
pub use vpcd::{LinkError, PromptTcp};
