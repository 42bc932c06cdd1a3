//! A whole small region of real processes: the hub, and the site of Yokohama with edge, kiosk and
//! seats.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use model::access::SAME_TAP;
use model::centre::Centre;
use model::id::CentreId;
use model::site_event::{Happening, SiteEvent};

use crate::mosquitto::{self, Mosquitto};
use crate::pcscd::Pcscd;
use crate::ports::free_address;
use crate::process::{Process, program, run};
use crate::region::{Database, Region};
use crate::waiting::until;

/// The kiosk's device id, which is its simulated reader's name too.
pub const KIOSK: &str = "yokohama-kiosk-1";
/// The nursery's screen, likewise.
pub const STAFF: &str = "yokohama-staff-1";
const EDGE: &str = "yokohama-edge";
const SEATS: [&str; 2] = ["yokohama-seat-01", "yokohama-seat-02"];

/// Which broker the site's bus runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bus {
    /// The edge's own.
    Embedded,
    /// A private Mosquitto.
    Mosquitto,
}

/// The site and its hub. Every process ends with it.
pub struct Site {
    /// The kiosk's page, `http://127.0.0.1:<port>`.
    pub kiosk_url: String,
    bus: Bus,
    bus_address: SocketAddr,
    kiosk_address: SocketAddr,
    edge: Option<Process>,
    kiosk: Option<Process>,
    staff: Option<Process>,
    seats: Vec<Process>,
    mosquitto: Option<Mosquitto>,
    /// The hub. The last to go: in its folder it is written whom to end.
    pub region: Region,
}

impl Site {
    /// Starts the hub with the demo's data, enrols the devices with one-time codes, and starts them.
    /// With a `pcscd` the kiosk reads its virtual reader, else a simulated one.
    ///
    /// # Panics
    /// When a part is not up in time.
    pub async fn start(database: Database, bus: Bus, pcscd: Option<&Pcscd>) -> Self {
        let kiosk_address = free_address();
        let mut site = Self {
            region: Region::start(database).await,
            kiosk_url: format!("http://{kiosk_address}"),
            bus,
            bus_address: free_address(),
            kiosk_address,
            edge: None,
            kiosk: None,
            staff: None,
            seats: Vec::new(),
            mosquitto: None,
        };
        site.enrol("kyoten-edge", EDGE);
        site.enrol("kyoten-kiosk", KIOSK);
        for seat in SEATS {
            site.enrol("kyoten-seat", seat);
        }
        site.start_edge().await;
        if bus == Bus::Mosquitto {
            let folder = site.region.folder();
            let mosquitto =
                mosquitto::start(site.bus_address, &folder.join(EDGE), folder.path()).await;
            site.mosquitto = Some(mosquitto);
        }
        for seat in SEATS {
            site.seats.push(site.start_seat(seat));
        }
        site.start_kiosk(pcscd).await;
        site.kiosk_shows("screen--idle").await;
        site
    }

    fn enrol(&self, program_name: &str, device: &str) {
        let (hub, code) = (self.region.uplink_url(), self.region.enrolment_code(device));
        run(self.command(program_name, device).args(["enrol", "--hub", &hub, "--code", &code]));
    }

    /// Ends the edge without warning.
    pub fn kill_edge(&mut self) {
        self.edge.take().unwrap().kill();
    }

    /// Starts the edge where it was before, on its old data, and waits until its site's bus is up.
    pub async fn start_edge(&mut self) {
        let mut command = self.command("kyoten-edge", EDGE);
        command
            .arg("run")
            .env("KYOTEN_HUB_URL", self.region.uplink_url())
            .env("KYOTEN_BUS_LISTEN", self.bus_address.to_string());
        if self.bus == Bus::Mosquitto {
            let folder = self.region.folder().path();
            let [reload, restart] =
                ["HUP", "TERM"].map(|signal| mosquitto::command(folder, signal));
            command
                .env("KYOTEN_BROKER", format!("mosquitto at {}", self.bus_by_name()))
                .env("KYOTEN_BROKER_RELOAD", reload)
                .env("KYOTEN_BROKER_RESTART", restart);
        }
        let mut edge = Process::start(EDGE, &mut command, &self.log(EDGE));
        edge.said("the site is running").await;
        self.edge = Some(edge);
    }

    async fn start_kiosk(&mut self, pcscd: Option<&Pcscd>) {
        let mut command = self.command("kyoten-kiosk", KIOSK);
        command
            .arg("run")
            .env("KYOTEN_BUS", self.bus_by_name())
            .env("KYOTEN_LISTEN", self.kiosk_address.to_string())
            .env("KYOTEN_READER_DIR", self.region.readers());
        match pcscd {
            None => command.env("KYOTEN_READER", "sim"),
            Some(pcscd) => command
                .env("KYOTEN_READER", format!("pcsc:{}", Pcscd::READER))
                .env("PCSCLITE_CSOCK_NAME", pcscd.socket()),
        };
        let mut kiosk = Process::start(KIOSK, &mut command, &self.log(KIOSK));
        kiosk.answers(&self.region.http, &format!("{}/healthz", self.kiosk_url)).await;
        self.kiosk = Some(kiosk);
    }

    /// Enrols the screen of the nursery's staff and starts it; answers where its pages are.
    ///
    /// # Panics
    /// When it is not up in time.
    pub async fn start_staff_screen(&mut self) -> String {
        self.enrol("kyoten-kiosk", STAFF);
        let address = free_address();
        let mut command = self.command("kyoten-kiosk", STAFF);
        command
            .args(["run", "--profile", "staff"])
            .env("KYOTEN_BUS", self.bus_by_name())
            .env("KYOTEN_LISTEN", address.to_string())
            .env("KYOTEN_READER", "sim")
            .env("KYOTEN_READER_DIR", self.region.readers());
        let mut staff = Process::start(STAFF, &mut command, &self.log(STAFF));
        let url = format!("http://{address}");
        staff.answers(&self.region.http, &format!("{url}/healthz")).await;
        self.staff = Some(staff);
        url
    }

    /// Ends the kiosk and starts it where it was before, with a simulated reader.
    pub async fn restart_kiosk(&mut self) {
        self.kiosk.take().unwrap().stop();
        self.start_kiosk(None).await;
    }

    /// Gives the kiosk a new certificate by a new code; it takes it up when it starts.
    pub fn enrol_kiosk(&self) {
        self.enrol("kyoten-kiosk", KIOSK);
    }

    fn start_seat(&self, seat: &str) -> Process {
        let mut command = self.command("kyoten-seat", seat);
        command
            .arg("run")
            .env("KYOTEN_BUS", self.bus_by_name())
            .env("KYOTEN_LISTEN", free_address().to_string());
        Process::start(seat, &mut command, &self.log(seat))
    }

    /// Taps a card by its name on the kiosk's simulated reader.
    ///
    /// # Panics
    /// When the reader does not read it.
    pub fn tap(&self, card: &str) {
        self.tap_at(KIOSK, card);
    }

    /// The same on another simulated reader.
    ///
    /// # Panics
    /// When the reader does not read it.
    pub fn tap_at(&self, reader: &str, card: &str) {
        run(Command::new(program("kyoten-card"))
            .args(["tap", "--reader", reader, "--card", card, "--hold-ms", "50", "--dir"])
            .arg(self.region.readers()));
    }

    /// The identifier, in hex, of a card of the demo.
    ///
    /// # Panics
    /// When there is no such card.
    #[must_use]
    pub fn card(&self, name: &str) -> String {
        let cards = std::fs::read_to_string(self.region.readers().join("cards.toml")).unwrap();
        let line = cards.lines().find(|line| line.starts_with(&format!("{name} = ")));
        line.and_then(|line| line.split('"').nth(1))
            .unwrap_or_else(|| panic!("no card {name}"))
            .to_owned()
    }

    /// The kiosk's page.
    pub async fn kiosk_page(&self) -> String {
        let answer = self.region.http.get(&self.kiosk_url).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// What the kiosk has written into its log.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn kiosk_log(&self) -> String {
        self.kiosk.as_ref().unwrap().log()
    }

    /// Waits until the kiosk's page holds `text`, and answers the page.
    pub async fn kiosk_shows(&self, text: &str) -> String {
        until(&format!("the kiosk to show {text:?}"), async || {
            Some(self.kiosk_page().await).filter(|page| page.contains(text))
        })
        .await
    }

    /// Taps as soon as it is no longer the same tap again, and answers the visit that the kiosk asks
    /// about.
    pub async fn tap_to_leave(&self, card: &str) -> String {
        self.same_tap_over().await;
        self.tap_to_be_asked(card).await
    }

    /// Waits until another tap is no longer the same tap again.
    pub async fn same_tap_over(&self) {
        let begun = Instant::now();
        let same_tap = SAME_TAP.to_std().unwrap();
        until("the last tap to be long ago", async || (begun.elapsed() > same_tap).then_some(()))
            .await;
    }

    /// Taps, and answers the visit that the kiosk asks about.
    pub async fn tap_to_be_asked(&self, card: &str) -> String {
        self.tap(card);
        self.asked_about().await
    }

    /// Shows a code to the kiosk's scanner.
    ///
    /// # Panics
    /// When the kiosk does not take it.
    pub async fn scan(&self, text: &str) {
        self.post_to_kiosk("scan", &[("text", text)]).await;
    }

    /// Waits until the kiosk asks something, and answers the visit that it asks about.
    ///
    /// # Panics
    /// When it does not ask in time.
    pub async fn asked_about(&self) -> String {
        let page = self.kiosk_shows("screen--leaving").await;
        let (_, rest) = page.split_once(r#"name="visit" value=""#).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// Says yes to the question.
    pub async fn leave(&self, visit: &str) {
        self.answer_leaving(visit, "yes").await;
    }

    /// Answers the question whether they leave: `yes`, `no` or `soon`.
    pub async fn answer_leaving(&self, visit: &str, answer: &str) {
        self.post_to_kiosk("leaving", &[("visit", visit), ("answer", answer)]).await;
    }

    /// Says yes to the desk that is offered to somebody who has none.
    pub async fn take_offered(&self, visit: &str) {
        self.post_to_kiosk("walk-in", &[("visit", visit), ("answer", "yes")]).await;
    }

    async fn post_to_kiosk(&self, path: &str, form: &[(&str, &str)]) {
        let request = self.region.http.post(format!("{}/{path}", self.kiosk_url)).form(form);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_redirection(), "{}", answer.status());
    }

    /// Closes what the kiosk shows, as its button does.
    pub async fn dismiss(&self) {
        self.region.http.post(format!("{}/dismiss", self.kiosk_url)).send().await.unwrap();
    }

    /// The centre of the site.
    pub async fn centre(&self) -> Centre {
        let centres = self.region.store.centres().await.unwrap();
        centres.into_iter().find(|centre| centre.slug.as_str() == "yokohama").unwrap()
    }

    /// Every event that the hub has of the site, with its place.
    pub async fn events(&self, centre: CentreId) -> Vec<(u64, SiteEvent)> {
        self.region.store.events_after(centre, 0).await.unwrap()
    }

    /// Waits until the hub has an event that `wanted` chooses.
    pub async fn event(&self, what: &str, centre: CentreId, wanted: impl Fn(&Happening) -> bool) {
        until(what, async || {
            self.events(centre).await.iter().any(|(_, event)| wanted(&event.what)).then_some(())
        })
        .await;
    }

    fn bus_by_name(&self) -> String {
        format!("localhost:{}", self.bus_address.port())
    }

    fn log(&self, name: &str) -> PathBuf {
        self.region.folder().join(&format!("{name}.log"))
    }

    fn command(&self, program_name: &str, device: &str) -> Command {
        let mut command = Command::new(program(program_name));
        command.env("KYOTEN_DATA_DIR", self.region.folder().join(device));
        command
    }
}
