//! A site whose door stands at an OSDP reader, over a pseudo-terminal and from the settings' file.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::Weekday;
use edge_agent::{BadWiring, Config, DoorDriver, Drivers as _, Site, Wired};
use hardware::osdp::{ByteChannel, ChannelKey};
use hardware::sim::{SimLight, SimOsdpReader, SimOsdpSettings, SimOsdpState};
use model::access::RefusalKind;
use model::day_sheet::DaySheet;
use model::device::{Trouble, Watched};
use model::door::{Demand, DoorPlan, DoorReader, Side, Window};
use model::opening::DayKind;
use model::site_event::Happening;
use ring::rand::{SecureRandom, SystemRandom};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::site_support::{DEADLINE, House, id, in_force, sheet, until, with_card};

const WEEK: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];
const CARD: [u8; 8] = [0x01, 0x2E, 0x44, 0xA7, 0xA5, 0x18, 0x9C, 0x21];

/// What the reader sends of some cards begins with a byte of its own.
const MODELS: &str = r#"
    [[model]]
    name_contains = "y-reader"
    [[model.answer]]
    length = 9
    skip = 1
"#;

fn key() -> ChannelKey {
    ChannelKey::new(std::array::from_fn(|place| 7 + place as u8)).unwrap()
}

/// The reader's end of a pseudo-terminal. Until somebody opens the other end nothing comes.
struct Master(File);

impl ByteChannel for Master {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into).map_err(|_| io::ErrorKind::WouldBlock.into())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
}

fn pseudo_terminal() -> (Master, PathBuf) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    fcntl_setfl(&master, OFlags::NONBLOCK).unwrap();
    let path = PathBuf::from(ptsname(&master, Vec::new()).unwrap().to_str().unwrap());
    (Master(File::from(master)), path)
}

fn settings(data: &Path, line: &Path) -> Config {
    let models = data.join("models.toml");
    let text = format!(
        r#"
        data_dir = "{}"
        reader_models = "{}"
        [doors]
        y-door = "osdp"
        [[osdp]]
        line = "{}"
        [[osdp.reader]]
        address = 4
        device = "y-reader-1"
        key_file = "reader.key"
        lock = {{ door = "y-door", output = 1, unlocked_when = "on", timed = true }}
        contact = {{ door = "y-door", input = 0, open_when = "active" }}
        exit = {{ door = "y-door", input = 1, pressed_when = "active" }}
        "#,
        data.display(),
        models.display(),
        line.display()
    );
    fs::write(&models, MODELS).unwrap();
    let file = data.join("edge.toml");
    fs::write(&file, text).unwrap();
    Config::read(Some(&file), |_| None).unwrap()
}

async fn opened(config: &Config) -> Result<Wired, BadWiring> {
    let rng: Arc<dyn SecureRandom + Send + Sync> = Arc::new(SystemRandom::new());
    Wired::open(config, "y", &rng).await
}

async fn shows(
    state: &mut watch::Receiver<SimOsdpState>,
    wanted: impl Fn(&SimOsdpState) -> bool,
) -> SimOsdpState {
    timeout(DEADLINE, state.wait_for(wanted)).await.unwrap().unwrap().clone()
}

/// A site that works from `plan`, with the reader of its door, over a channel that is up.
async fn with_reader(house: &House, plan: &DaySheet) -> (Site, SimOsdpReader, DoorDriver) {
    let (master, line) = pseudo_terminal();
    key().write_new(&house.data().join("reader.key")).unwrap();
    let config = settings(&house.data(), &line);
    let wired = opened(&config).await.unwrap();
    let door = wired.door(&id("y-door")).unwrap();
    house.hub.offer(house.hub.seal(plan));
    let site = house.start_as(house.clock.clone(), Arc::new(wired), config).await;
    in_force(&site, 2).await;
    let at = SimOsdpSettings { address: 4, key: Some(key()), timed_outputs: true, shows: true };
    let pd = SimOsdpReader::start(Box::new(master), at).unwrap();
    shows(&mut pd.state(), |pd| pd.secure).await;
    // What a reader tells right after it came onto the line does not count.
    sleep(Duration::from_millis(2_000)).await;
    (site, pd, door)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_at_an_osdp_reader_opens_its_door_and_one_that_nobody_knows_does_not() {
    let house = House::new();
    let (site, pd, door) = with_reader(&house, &with_card(sheet(2), &CARD)).await;
    let button = door.exit.unwrap();
    let mut state = pd.state();

    pd.present(&[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
    let stranger = shows(&mut state, |pd| pd.light.is_some()).await;
    assert_eq!((stranger.light, stranger.outputs), (Some(SimLight::Red), [false, false]));

    pd.present(&[&[9], &CARD[..]].concat()).unwrap();
    shows(&mut state, |pd| pd.outputs == [false, true]).await;
    shows(&mut state, |pd| pd.light == Some(SimLight::Green)).await;
    shows(&mut state, |pd| pd.outputs == [false, false]).await;

    pd.set_input(0, true).unwrap();
    pd.set_input(1, true).unwrap();
    until("the button", async || {
        (button.level().await == Ok(hardware::door::InputLevel::Active)).then_some(())
    })
    .await;
    until("the hub to hear of both", async || {
        let state = house.hub.state();
        let unknown = state.events.iter().any(|event| {
            matches!(event.what, Happening::Refused { why: RefusalKind::UnknownCard, .. })
        });
        let came =
            state.events.iter().any(|event| matches!(event.what, Happening::CheckedIn { .. }));
        (unknown && came).then_some(())
    })
    .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_door_that_asks_for_a_pin_opens_once_it_was_typed_at_its_reader() {
    let house = House::new();
    let mut plan = with_card(sheet(2), &CARD);
    let mut days: Vec<DayKind> = WEEK.map(DayKind::Weekday).into();
    days.push(DayKind::Holiday);
    let demand = Demand { when: Window { days, from: 0, to: 24 * 60 }, level: 1, pin: true };
    let reader = DoorReader { device: id("y-reader-1"), side: Side::Outside };
    plan.site.zone = Some(chrono_tz::Asia::Tokyo);
    plan.site.doors[0].plan = Some(DoorPlan {
        readers: vec![reader],
        demands: vec![demand],
        free_handle: true,
        ..DoorPlan::default()
    });
    let (site, pd, _) = with_reader(&house, &plan).await;
    let mut state = pd.state();

    pd.type_keys(b"4711\r").unwrap();
    shows(&mut state, |pd| pd.light == Some(SimLight::Red)).await;
    pd.present(&CARD).unwrap();
    let asked = shows(&mut state, |pd| pd.light == Some(SimLight::Amber)).await;
    assert_eq!(asked.outputs, [false, false]);
    pd.type_keys(b"1111\r").unwrap();
    let wrong = shows(&mut state, |pd| pd.light == Some(SimLight::Red)).await;
    assert_eq!(wrong.outputs, [false, false]);
    pd.type_keys(b"99\x7f47").unwrap();
    pd.type_keys(b"11\r").unwrap();
    shows(&mut state, |pd| pd.outputs == [false, true]).await;
    shows(&mut state, |pd| pd.light == Some(SimLight::Green)).await;
    site.stop().await;
}

#[tokio::test]
async fn fault_14_a_reader_without_a_key_of_its_own_is_no_reader() {
    let house = House::new();
    let config = settings(&house.data(), Path::new("/dev/null"));
    let refused = opened(&config).await.err().unwrap().to_string();
    assert!(refused.contains("y-reader-1") && refused.contains("reader.key"), "{refused}");
    let file = house.data().join("reader.key");
    key().write_new(&file).unwrap();
    fs::write(&file, "303132333435363738393a3b3c3d3e3f").unwrap();
    let refused = opened(&config).await.err().unwrap().to_string();
    assert!(refused.contains("default key"), "{refused}");
}

#[tokio::test]
async fn a_table_of_reader_models_that_says_nothing_is_named() {
    let house = House::new();
    let config = settings(&house.data(), Path::new("/dev/null"));
    key().write_new(&house.data().join("reader.key")).unwrap();
    fs::write(house.data().join("models.toml"), "model = 3").unwrap();
    let refused = opened(&config).await.err().unwrap().to_string();
    assert!(refused.contains("reader models"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_opened_and_torn_off_the_wall_is_told_to_the_operators() {
    let house = House::new();
    let (site, pd, _) = with_reader(&house, &with_card(sheet(2), &CARD)).await;
    let told = async |why: Trouble| {
        until("the trouble", async || {
            let (of, why) = (Watched::Reader(id("y-reader-1")), Some(why));
            let want = Happening::DeviceTrouble { of, why };
            house.hub.state().events.iter().any(|event| event.what == want).then_some(())
        })
        .await;
    };
    pd.set_tampered(true).unwrap();
    told(Trouble::Tampered).await;
    drop(pd);
    told(Trouble::Silent).await;
    site.stop().await;
}
