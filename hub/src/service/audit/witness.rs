//! What saw the head of the audit chain, outside the rows it is made of: a file beside the
//! database, and the sites. A database alone cannot notice that its own end was cut off.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, SecondsFormat, Utc};
use model::id::CentreId;
use store::{Head, StoreError};
use wire::sheet::{AuditHead, SheetKey};

use crate::hub::Hub;

/// The file's name in the data folder.
pub const FILE: &str = "audit-heads";

/// A file of heads, one a line, each vouched for with the sheets' key; lines are only added.
pub struct Witness {
    path: PathBuf,
    last: Mutex<Option<AuditHead>>,
}

/// What a witness file says.
#[derive(Debug, Default)]
pub struct Testimony {
    /// The heads that the hub's key vouches for.
    pub heads: Vec<AuditHead>,
    /// The lines, from 1, that it does not vouch for.
    pub doubtful: Vec<usize>,
}

impl Witness {
    /// The file in the data folder.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self { path: folder.join(FILE), last: Mutex::new(None) }
    }

    /// Writes a head down, unless one as high stands there already. A head that does not follow the
    /// last one is told to the log and not written: the record was cut or written anew.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn note(&self, key: &SheetKey, head: &Head, at: DateTime<Utc>) -> io::Result<()> {
        let Some(head) = wire_head(head) else { return Ok(()) };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = match *last {
            Some(seen) => Some(seen),
            None => self.testimony(key)?.heads.into_iter().max_by_key(|head| head.place),
        };
        if let Some(seen) = seen {
            *last = Some(seen);
            if head == seen {
                return Ok(());
            }
            if head.contradicts(&seen) {
                tracing::error!(
                    seen = seen.place,
                    head = head.place,
                    "the audit record was cut or written anew; kyoten-hub verify-audit says where"
                );
                return Ok(());
            }
        }
        let signature = BASE64.encode(key.vouch(&head));
        let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut file = self.for_appending()?;
        file.write_all(format!("{head} {at} {signature}\n").as_bytes())?;
        file.sync_data()?;
        *last = Some(head);
        Ok(())
    }

    /// What the file says; nothing when there is none yet.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn testimony(&self, key: &SheetKey) -> io::Result<Testimony> {
        match testimony(&self.path, key) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Testimony::default()),
            read => read,
        }
    }

    /// The file, after its last whole line: what a crash left half written is dropped.
    fn for_appending(&self) -> io::Result<File> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&self.path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        file.set_len(u64::try_from(whole).unwrap_or_default())?;
        file.seek(SeekFrom::End(0))?;
        Ok(file)
    }
}

/// What a file of heads says.
///
/// # Errors
/// When it cannot be read.
pub fn testimony(path: &Path, key: &SheetKey) -> io::Result<Testimony> {
    let bytes = fs::read(path)?;
    let mut testimony = Testimony::default();
    for (line, text) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        // A last line without an end was not written whole.
        let Some(text) = text.strip_suffix(b"\n") else { break };
        match std::str::from_utf8(text).ok().and_then(|text| vouched(text, key)) {
            Some(head) => testimony.heads.push(head),
            None => testimony.doubtful.push(line),
        }
    }
    Ok(testimony)
}

fn vouched(line: &str, key: &SheetKey) -> Option<AuditHead> {
    let mut parts = line.split(' ');
    let head: AuditHead = parts.next()?.parse().ok()?;
    let signature = BASE64.decode(parts.nth(1)?).ok()?;
    (parts.next().is_none() && key.vouched_for(&head, &signature)).then_some(head)
}

/// Keeps what a site says it has seen, and compares: a site that has seen what is not there tells
/// of a record that was cut or written anew.
///
/// # Errors
/// When the store fails.
pub async fn site_saw(hub: &Hub, centre: CentreId, seen: &AuditHead) -> Result<(), StoreError> {
    let head = Head { place: seen.place, hash: seen.hash };
    hub.store.note_site_head(centre, &head, hub.now()).await?;
    if !fits(hub, &head).await? {
        tracing::error!(
            %centre,
            place = seen.place,
            "a site has seen an audit record that this one does not continue; \
             kyoten-hub verify-audit says where"
        );
    }
    Ok(())
}

/// The sites that have seen a head which the record no longer has, each with that place.
///
/// # Errors
/// When the store fails.
pub async fn sites_in_doubt(hub: &Hub) -> Result<Vec<(CentreId, u64)>, StoreError> {
    let mut doubts = Vec::new();
    for (centre, head) in hub.store.site_heads().await? {
        if !fits(hub, &head).await? {
            doubts.push((centre, head.place));
        }
    }
    Ok(doubts)
}

async fn fits(hub: &Hub, seen: &Head) -> Result<bool, StoreError> {
    let chain = hub.store.audit_chain().await?;
    if seen.place <= chain.base.head.place {
        return Ok(seen.place < chain.base.head.place || *seen == chain.base.head);
    }
    let there = hub.store.audit_after(seen.place - 1, 1).await?;
    Ok(there.first().is_some_and(|entry| entry.head == *seen))
}

/// A head as sheets and files word it; none before the first entry.
#[must_use]
pub fn wire_head(head: &Head) -> Option<AuditHead> {
    (head.place > 0).then_some(AuditHead { place: head.place, hash: head.hash })
}
