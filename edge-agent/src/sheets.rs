//! Which sheet is in force: checked and, where the disk takes it, kept. One that the disk does not take counts all the
//! same.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use edge_store::{EdgeStore, KeptSheet, StoreError};
use model::day_sheet::{DaySheet, SiteDevice};
use model::id::{CentreId, DeviceId, Slug};
use tokio::sync::Mutex;
use tokio::time::timeout;
use twin::{CareFact, Fact};
use wire::sealing::SectionKey;
use wire::sheet::{
    AuditHead, CARE, Manifest, SheetAck, SheetRefused, SignedManifest, Trust, assemble, check,
};
use wire::topics::DeviceKind;

use crate::announce::Announcer;
use crate::broker::mosquitto::Mosquitto;
use crate::broker::{DeviceEntry, DeviceList, DeviceRegistry};
use crate::cards::Cards;
use crate::centre::{Centre, Stopped};
use crate::doors::Doors;
use crate::hub::{Hub, HubError};
use crate::nursery::Nurseries;
use crate::section_key::SectionKeys;
use crate::things::Things;
use crate::vouchers::Vouchers;

/// So long is the disk waited for before a sheet counts.
const DISK: Duration = Duration::from_secs(2);
/// After so long it is given up, until the sheet is fetched again: a newer one may stop somebody too.
const HUNG_DISK: Duration = Duration::from_secs(60);

/// A sheet that has been checked through.
#[derive(Debug)]
pub struct GoodSheet {
    /// The sheet.
    pub sheet: DaySheet,
    /// What its credentials are keyed with.
    pub salt: [u8; 32],
    /// The key that later sheets and vouchers may be signed with, beside today's.
    pub next_key: Option<String>,
    /// Whether what it says of children could not be opened.
    pub unread: bool,
}

/// Why no new sheet came into force; the one before stays.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// It does not hold.
    #[error(transparent)]
    Refused(#[from] SheetRefused),
    /// It could not be fetched.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk does not answer.
    #[error("the disk does not answer")]
    DiskHangs,
    /// The program is ending.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// The newest kept sheet that is whole and signed, expired or not: an expired one still lets
/// people out, and says whose visit is whose.
///
/// # Errors
/// When the store cannot be read.
pub async fn last_good(
    store: &EdgeStore,
    keys: &[String],
    centre: &Slug,
    section_key: Option<&SectionKey>,
) -> Result<Option<GoodSheet>, StoreError> {
    let trust = Trust { keys: keys.to_vec(), centre: None, in_force: 0 };
    for (age, kept) in store.sheets().await?.into_iter().enumerate() {
        let whole = check(&kept.manifest, &trust, DateTime::<Utc>::MIN_UTC)
            .and_then(|manifest| good(&manifest, &kept.sections, centre, section_key))
            // A key that does not fit any more must not keep the doors from their sheet.
            .or_else(|error| match error {
                SheetRefused::Torn(name) if name == CARE => {
                    tracing::error!("what the kept sheet says of children cannot be opened");
                    let manifest = check(&kept.manifest, &trust, DateTime::<Utc>::MIN_UTC)?;
                    good(&manifest, &kept.sections, centre, None)
                }
                other => Err(other),
            });
        match whole {
            Ok(mut good) => {
                // What an older one gave the site to give away may have gone back, and been sold.
                if age > 0 {
                    good.sheet.lease.clear();
                }
                return Ok(Some(good));
            }
            Err(error) => {
                tracing::error!(%error, "a kept sheet does not hold; taking the one before")
            }
        }
    }
    Ok(None)
}

fn good(
    manifest: &Manifest,
    sections: &HashMap<String, Vec<u8>>,
    centre: &Slug,
    section_key: Option<&SectionKey>,
) -> Result<GoodSheet, SheetRefused> {
    let (sheet, salt) = assemble(manifest, sections, section_key)?;
    if sheet.site.slug != *centre {
        return Err(SheetRefused::WrongCentre);
    }
    let unread = manifest.has(CARE) && sheet.care.is_none();
    Ok(GoodSheet { sheet, salt, next_key: manifest.next_key.clone(), unread })
}

/// Brings sheets into force.
pub struct Sheets {
    pub(crate) store: EdgeStore,
    pub(crate) centre: Centre,
    pub(crate) doors: Arc<Doors>,
    pub(crate) registry: DeviceRegistry,
    pub(crate) cards: Arc<Cards>,
    pub(crate) vouchers: Arc<Vouchers>,
    pub(crate) nurseries: Arc<Nurseries>,
    pub(crate) section_keys: Arc<SectionKeys>,
    pub(crate) things: Things,
    pub(crate) announcer: Announcer,
    /// The public keys that sheets may be signed with, base64.
    pub(crate) keys: Vec<String>,
    /// The centre that the edge was enrolled for.
    pub(crate) slug: Slug,
    pub(crate) in_force: Mutex<InForce>,
    /// The same for whoever cannot wait until a sheet is fetched: a site's centre never changes.
    pub(crate) centre_id: OnceLock<CentreId>,
    /// The site's Mosquitto, where it has one.
    pub(crate) mosquitto: Option<Mosquitto>,
}

/// The sheet in force, as far as the next one is held against it.
#[derive(Clone, Debug, Default)]
pub struct InForce {
    /// Its version, 0 before the first.
    pub version: u64,
    /// Its centre.
    pub centre: Option<CentreId>,
    /// Whether what it says of children could not be opened: then it is fetched again.
    pub unread: bool,
    /// The newer one that is in force in memory alone, because the disk has not taken it yet.
    pub held: Option<u64>,
    /// Its sections, so that unchanged ones need not be fetched again.
    pub sections: HashMap<String, Vec<u8>>,
}

impl Sheets {
    /// The version in force, 0 before the first.
    pub async fn version(&self) -> u64 {
        self.in_force.lock().await.version
    }

    /// The centre of the sheet in force, once there is one.
    pub fn centre_id(&self) -> Option<CentreId> {
        self.centre_id.get().copied()
    }

    /// The public keys that the hub may sign with now, base64.
    #[must_use]
    pub fn trusted_keys(&self) -> Vec<String> {
        self.vouchers.keys()
    }

    /// Fetches the hub's newest sheet and brings it into force, if it is newer and good. Answers
    /// the version in force afterwards.
    ///
    /// # Errors
    /// When it cannot be fetched or does not hold, and the one before stays in force; when it cannot be kept, and is in
    /// force in memory alone.
    pub async fn fetch(&self, hub: &dyn Hub) -> Result<u64, SheetError> {
        let mut in_force = self.in_force.lock().await;
        let Some(signed) = hub.sheet().await? else { return Ok(in_force.version) };
        // The site's time, not the machine's: the hub's word puts that right where the clock is days ahead.
        let now = self.centre.now().await?;
        let manifest = match self.check(&signed, &in_force, now) {
            Ok(manifest) => manifest,
            Err(SheetRefused::NotNewer { in_force, offered }) if in_force == offered => {
                self.centre.decide(Fact::Care(CareFact::SheetIsNewest)).await?;
                return Ok(in_force);
            }
            Err(error) => return Err(error.into()),
        };
        let mut sections = HashMap::new();
        for section in &manifest.sections {
            let bytes = match in_force.sections.get(&section.sha256) {
                Some(bytes) => bytes.clone(),
                None => hub.section(&section.sha256).await?,
            };
            sections.insert(section.sha256.clone(), bytes);
        }
        let sheet = self.opened(hub, &manifest, &sections).await?;
        let kept = KeptSheet { manifest: signed, sections };
        self.keep_and_use(&mut in_force, manifest.version, &kept, sheet).await?;
        tracing::info!(version = manifest.version, "a new sheet is in force");
        if let Some(head) = manifest.audit_head
            && let Err(error) = self.compare(head).await
        {
            tracing::error!(%error, "the head of the hub's audit record cannot be kept");
        }
        self.centre.decide(Fact::Care(CareFact::SheetIsNewest)).await?;
        *in_force = InForce {
            version: manifest.version,
            centre: Some(manifest.centre),
            unread: false,
            held: None,
            sections: kept.sections,
        };
        Ok(manifest.version)
    }

    /// Keeps a sheet and puts it into force. Whom it stops is stopped also where the disk does not take it, or not soon;
    /// the hub does not hear that this site has it before it is kept.
    async fn keep_and_use(
        &self,
        in_force: &mut InForce,
        version: u64,
        kept: &KeptSheet,
        sheet: GoodSheet,
    ) -> Result<(), SheetError> {
        let mut keeping = Box::pin(self.store.keep_sheet(version, kept));
        let soon = timeout(DISK, keeping.as_mut()).await;
        let using = async {
            if in_force.held != Some(version) {
                self.put_in_force(sheet).await?;
                in_force.held = Some(version);
            }
            Ok::<(), Stopped>(())
        };
        let done = match soon {
            Ok(done) => {
                using.await?;
                done.map_err(SheetError::from)
            }
            Err(_) => {
                tracing::warn!(version, "the disk takes long to keep the new sheet");
                // What was begun goes on meanwhile, or is let go of: everybody else waits for the same file.
                let (done, used) = tokio::join!(timeout(HUNG_DISK, keeping), using);
                used?;
                done.map_or(Err(SheetError::DiskHangs), |done| done.map_err(SheetError::from))
            }
        };
        done.inspect_err(|error| tracing::error!(version, %error, "the new sheet cannot be kept"))
    }

    /// A fetched sheet with what it says of children. The key of that is fetched where it is not known, and again
    /// where it does not fit.
    async fn opened(
        &self,
        hub: &dyn Hub,
        manifest: &Manifest,
        sections: &HashMap<String, Vec<u8>>,
    ) -> Result<GoodSheet, SheetError> {
        let good = |key: Option<&SectionKey>| good(manifest, sections, &self.slug, key);
        if !manifest.has(CARE) {
            return Ok(good(None)?);
        }
        let Some(known) = self.section_keys.known() else {
            return Ok(good(Some(&self.section_keys.fetch(hub).await?))?);
        };
        match good(Some(&known)) {
            Err(SheetRefused::Torn(name)) if name == CARE => {
                Ok(good(Some(&self.section_keys.fetch(hub).await?))?)
            }
            opened => Ok(opened?),
        }
    }

    /// Tells the hub which sheet is in force, and the highest head of its audit chain seen so far.
    ///
    /// # Errors
    /// When the hub cannot be told.
    pub async fn acknowledge(&self, hub: &dyn Hub) -> Result<(), SheetError> {
        let version = self.in_force.lock().await.version;
        let audit_head = self.store.audit_head().await?;
        Ok(hub.acknowledge(&SheetAck { version, audit_head }).await?)
    }

    /// Holds a head of the hub's audit chain against the highest seen before. The sheet is good all
    /// the same: people must get in. But what this site has seen stays, and the hub is told of it.
    async fn compare(&self, head: AuditHead) -> Result<(), StoreError> {
        match self.store.audit_head().await? {
            Some(seen) if head.contradicts(&seen) => {
                tracing::error!(
                    seen = seen.place,
                    told = head.place,
                    "the hub's audit record was cut or written anew: its new head does not follow \
                     the one that this site has seen"
                );
                Ok(())
            }
            Some(seen) if seen == head => Ok(()),
            _ => self.store.keep_audit_head(&head).await,
        }
    }

    fn check(
        &self,
        signed: &SignedManifest,
        in_force: &InForce,
        now: DateTime<Utc>,
    ) -> Result<Manifest, SheetRefused> {
        let known = in_force.version - u64::from(in_force.unread && in_force.version > 0);
        // One that is in force and not kept yet is taken again, and none from before it.
        let held = in_force.held.map_or(0, |held| held.saturating_sub(1));
        let known = known.max(held);
        let trust = Trust { keys: self.keys.clone(), centre: in_force.centre, in_force: known };
        check(signed, &trust, now)
    }

    async fn put_in_force(&self, good: GoodSheet) -> Result<(), Stopped> {
        let GoodSheet { sheet, salt, next_key, .. } = good;
        let doors = sheet.site.doors.clone();
        self.registry.replace(listed(&sheet, self.registry.edge()));
        self.centre_id.set(sheet.site.centre).ok();
        self.centre.sheet_made(sheet.made_at).await?;
        self.vouchers.use_sheet(next_key);
        // The cards first: a tap in between finds no card and is refused, never let in wrongly.
        self.cards.use_sheet(salt, &sheet.credentials);
        self.nurseries.use_sheet(&sheet);
        self.things.use_sensors(&sheet.site.sensors);
        self.announcer.announce(&sheet);
        let decided = self.centre.decide(Fact::Sheet(Box::new(sheet))).await?;
        // With a full disk its doors come into use all the same.
        decided.on_disk.wait_for(DISK).await.ok();
        self.announcer.take_back(&self.doors.use_only(&doors).await);
        // Last, for it runs programs that may hang.
        if let Some(mosquitto) = &self.mosquitto
            && let Err(error) = mosquitto.admit(&self.registry).await
        {
            tracing::error!(%error, "Mosquitto does not have the new rights");
        }
        Ok(())
    }
}

/// Who may be on the site bus: the devices of a sheet, and the edge.
pub(crate) fn listed(sheet: &DaySheet, edge: &DeviceId) -> DeviceList {
    let entry = |device: &SiteDevice| DeviceEntry {
        kind: device.kind,
        certificates: device
            .certificates
            .as_ref()
            .map(|good| good.iter().map(|digest| digest.0).collect()),
        revoked: device.revoked,
    };
    let devices = sheet.devices.iter().map(|device| (device.device.clone(), entry(device)));
    let mut list = DeviceList {
        centre: Some(sheet.site.centre),
        made_at: sheet.made_at,
        ..only_the_edge(edge)
    };
    list.devices.extend(devices);
    list
}

/// What is known before the first sheet.
pub(crate) fn only_the_edge(edge: &DeviceId) -> DeviceList {
    let entry = DeviceEntry { kind: DeviceKind::Edge, certificates: None, revoked: false };
    DeviceList { devices: [(edge.clone(), entry)].into(), ..DeviceList::default() }
}
