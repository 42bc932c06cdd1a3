//! Two clients with one identity throw each other off the bus, again and again. A device that only comes back after its
//! line broke does so once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::id::DeviceId;
use tokio::sync::mpsc;

/// So many times within [`WITHIN`] is no broken line any more.
const MANY: usize = 4;
const WITHIN: Duration = Duration::from_secs(60);
/// Who is told of a device is not told again for so long.
const QUIET: Duration = Duration::from_secs(3600);

/// Counts who takes whose place.
#[derive(Debug)]
pub(crate) struct Takeovers {
    devices: Mutex<HashMap<DeviceId, Counted>>,
    twins: mpsc::UnboundedSender<DeviceId>,
}

#[derive(Debug, Default)]
struct Counted {
    lately: VecDeque<Instant>,
    told: Option<Instant>,
}

impl Takeovers {
    /// Tells `twins` of devices that there are two of.
    pub(crate) fn new(twins: mpsc::UnboundedSender<DeviceId>) -> Self {
        Self { devices: Mutex::default(), twins }
    }

    /// A client took the place of another with the same identity.
    pub(crate) fn happened(&self, device: &DeviceId, now: Instant) {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = devices.entry(device.clone()).or_default();
        counted.lately.push_back(now);
        while counted.lately.front().is_some_and(|then| now.duration_since(*then) > WITHIN) {
            counted.lately.pop_front();
        }
        let quiet = counted.told.is_some_and(|then| now.duration_since(then) < QUIET);
        if counted.lately.len() < MANY || quiet {
            return;
        }
        counted.told = Some(now);
        tracing::error!(%device, "two clients on the site bus have this identity");
        // Nobody listens any more when the site stops.
        self.twins.send(device.clone()).ok();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn a_line_that_breaks_now_and_then_is_no_twin() {
        let (told_in, mut told) = mpsc::unbounded_channel();
        let takeovers = Takeovers::new(told_in);
        let (device, other): (DeviceId, DeviceId) =
            ("y-kiosk-1".parse().unwrap(), "y-seat-01".parse().unwrap());
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        for minute in 0..20 {
            takeovers.happened(&device, at(minute * 30));
        }
        assert!(told.try_recv().is_err());
        for second in 700..720 {
            takeovers.happened(&device, at(second));
            takeovers.happened(&other, at(second * 30));
        }
        assert_eq!(told.try_recv().unwrap(), device);
        assert!(told.try_recv().is_err(), "once an hour is enough");
        for second in 5000..5004 {
            takeovers.happened(&device, at(second));
        }
        assert_eq!(told.try_recv().unwrap(), device);
    }
}
