//! Devices, the codes that enrol them, and every certificate they were given.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use model::day_sheet::DeviceKind;
use model::device::{CERTIFICATE_GRACE, RevokedFor};
use model::id::{CentreId, DeviceId};
use sqlx::{FromRow, Transaction, query, query_as, query_scalar};
use store::{
    CERTIFICATES_A_DAY, DeviceRecord, Devices, EnrolCode, GivenCertificate, KeptCertificate,
    OVERLAP, Renewal, Result, StoreError, WithdrawnCertificate,
};
use uuid::Uuid;

use super::convert::{bytes32, from_json, from_word, parsed, to_json, word};
use super::duplicate;
use super::places::centre_changed;
use crate::{Db, Here};

/// So long codes that have ended are kept, for those who look into what happened.
const KEEP_ENDED: TimeDelta = TimeDelta::days(1);

macro_rules! select_devices {
    ($condition:literal) => {
        concat!(
            "SELECT d.device, d.centre_id, d.kind, d.names, d.enrolled_at, d.revoked_at,
                 d.revoked_for, d.last_seen_at,
                 (SELECT MAX(e.ends_at) FROM enrol_codes e
                     WHERE e.device = d.device AND e.taken_at IS NULL) AS code_until,
                 c.fingerprint, c.from_at, c.ends_at, c.first_used_at, c.until_at
             FROM devices d LEFT JOIN device_certificates c
                 ON c.device = d.device AND c.withdrawn_at IS NULL
             WHERE ",
            $condition,
            " ORDER BY d.device, c.from_at, c.fingerprint",
        )
    };
}

#[async_trait]
impl Devices for Here {
    async fn add_device(
        &self,
        centre: CentreId,
        device: &DeviceId,
        kind: DeviceKind,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        query("INSERT INTO devices (device, centre_id, kind) VALUES ($1, $2, $3)")
            .bind(device.as_str())
            .bind(centre.0)
            .bind(word(kind)?)
            .execute(&mut *tx)
            .await
            .map_err(duplicate("device"))?;
        centre_changed(&mut tx, centre).await?;
        Ok(tx.commit().await?)
    }

    async fn remove_device(&self, device: &DeviceId) -> Result<bool> {
        let mut tx = self.begin().await?;
        let never: Option<Uuid> = query_scalar(
            "UPDATE devices SET kind = kind WHERE device = $1 AND enrolled_at IS NULL
             RETURNING centre_id",
        )
        .bind(device.as_str())
        .fetch_optional(&mut *tx)
        .await?;
        let Some(centre) = never else {
            tx.rollback().await?;
            return Ok(false);
        };
        for forget in
            ["DELETE FROM enrol_codes WHERE device = $1", "DELETE FROM devices WHERE device = $1"]
        {
            query(forget).bind(device.as_str()).execute(&mut *tx).await?;
        }
        centre_changed(&mut tx, CentreId(centre)).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn device(&self, device: &DeviceId) -> Result<Option<DeviceRecord>> {
        let rows: Vec<DeviceRow> = query_as(select_devices!("d.device = $1"))
            .bind(device.as_str())
            .fetch_all(self.reader())
            .await?;
        Ok(records(rows)?.pop())
    }

    async fn devices_of(&self, centre: CentreId) -> Result<Vec<DeviceRecord>> {
        let rows: Vec<DeviceRow> = query_as(select_devices!("d.centre_id = $1"))
            .bind(centre.0)
            .fetch_all(self.reader())
            .await?;
        let mut devices = records(rows)?;
        // Not in the database's order, which depends on its collation.
        devices.sort_by(|one, other| one.device.cmp(&other.device));
        Ok(devices)
    }

    async fn add_enrol_code(&self, code: &EnrolCode) -> Result<()> {
        query("INSERT INTO enrol_codes (secret, device, names, ends_at) VALUES ($1, $2, $3, $4)")
            .bind(code.secret.as_slice())
            .bind(code.device.as_str())
            .bind(to_json(&code.names)?)
            .bind(code.ends_at)
            .execute(self.writer())
            .await
            .map_err(duplicate("enrolment code"))?;
        Ok(())
    }

    async fn take_enrol_code(
        &self,
        secret: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<EnrolCode>> {
        let row: Option<(String, String, DateTime<Utc>)> = query_as(
            "UPDATE enrol_codes SET taken_at = $2
             WHERE secret = $1 AND taken_at IS NULL AND ends_at > $2
             RETURNING device, names, ends_at",
        )
        .bind(secret.as_slice())
        .bind(now)
        .fetch_optional(self.writer())
        .await?;
        row.map(|(device, names, ends_at)| {
            Ok(EnrolCode {
                secret: *secret,
                device: parsed(&device)?,
                names: from_json(&names)?,
                ends_at,
            })
        })
        .transpose()
    }

    async fn enrol_device(&self, given: &GivenCertificate, names: &[String]) -> Result<()> {
        let mut tx = self.begin().await?;
        let centre: Uuid = query_scalar(
            "UPDATE devices SET names = $2, enrolled_at = $3, last_seen_at = $3,
                 revoked_at = NULL, revoked_for = NULL
             WHERE device = $1 RETURNING centre_id",
        )
        .bind(given.device.as_str())
        .bind(to_json(names)?)
        .bind(given.from_at)
        .fetch_one(&mut *tx)
        .await?;
        withdraw_all(&mut tx, &given.device, given.from_at).await?;
        insert(&mut tx, given).await?;
        centre_changed(&mut tx, CentreId(centre)).await?;
        Ok(tx.commit().await?)
    }

    async fn renew_device(&self, given: &GivenCertificate, shown: &[u8; 32]) -> Result<Renewal> {
        let mut tx = self.begin().await?;
        // Makes rivals for this device wait until the transaction ends.
        let centre: Option<Uuid> = query_scalar(
            "UPDATE devices SET kind = kind WHERE device = $1 AND revoked_at IS NULL
             RETURNING centre_id",
        )
        .bind(given.device.as_str())
        .fetch_optional(&mut *tx)
        .await?;
        let good: Option<i64> = query_scalar(
            "SELECT CAST(1 AS BIGINT) FROM device_certificates
             WHERE device = $1 AND fingerprint = $2 AND withdrawn_at IS NULL AND ends_at > $4
                 AND (until_at IS NULL OR until_at > $3)",
        )
        .bind(given.device.as_str())
        .bind(shown.as_slice())
        .bind(given.from_at)
        .bind(given.from_at - CERTIFICATE_GRACE)
        .fetch_optional(&mut *tx)
        .await?;
        let (Some(centre), Some(_)) = (centre, good) else {
            tx.rollback().await?;
            return Ok(Renewal::NotGood);
        };
        let (same, recent): (i64, i64) = query_as(
            "SELECT CAST(COALESCE(SUM(CASE WHEN public_key = $2 THEN 1 ELSE 0 END), 0) AS BIGINT),
                 CAST(COALESCE(SUM(CASE WHEN from_at > $3 THEN 1 ELSE 0 END), 0) AS BIGINT)
             FROM device_certificates WHERE device = $1",
        )
        .bind(given.device.as_str())
        .bind(given.public_key.as_slice())
        .bind(given.from_at - TimeDelta::days(1))
        .fetch_one(&mut *tx)
        .await?;
        if same > 0 || recent >= CERTIFICATES_A_DAY {
            tx.rollback().await?;
            return Ok(if same > 0 { Renewal::SameKey } else { Renewal::TooMany });
        }
        query(
            "UPDATE device_certificates SET until_at = $2
             WHERE device = $1 AND withdrawn_at IS NULL AND (until_at IS NULL OR until_at > $2)",
        )
        .bind(given.device.as_str())
        .bind(given.from_at + OVERLAP)
        .execute(&mut *tx)
        .await?;
        insert(&mut tx, given).await?;
        centre_changed(&mut tx, CentreId(centre)).await?;
        tx.commit().await?;
        Ok(Renewal::Done)
    }

    async fn device_seen(
        &self,
        device: &DeviceId,
        fingerprint: &[u8; 32],
        at: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let centre: Option<Uuid> = query_scalar(
            "UPDATE devices SET last_seen_at = $2 WHERE device = $1 RETURNING centre_id",
        )
        .bind(device.as_str())
        .bind(at)
        .fetch_optional(&mut *tx)
        .await?;
        // Nothing ends a certificate that is in use.
        let first: Option<DateTime<Utc>> = query_scalar(
            "UPDATE device_certificates SET first_used_at = $3
             WHERE device = $1 AND fingerprint = $2 AND first_used_at IS NULL
                 AND withdrawn_at IS NULL
             RETURNING from_at",
        )
        .bind(device.as_str())
        .bind(fingerprint.as_slice())
        .bind(at)
        .fetch_optional(&mut *tx)
        .await?;
        if let (Some(centre), Some(from_at)) = (centre, first) {
            let ended = query(
                "UPDATE device_certificates SET withdrawn_at = $3
                 WHERE device = $1 AND fingerprint <> $2 AND from_at <= $4
                     AND withdrawn_at IS NULL",
            )
            .bind(device.as_str())
            .bind(fingerprint.as_slice())
            .bind(at)
            .bind(from_at)
            .execute(&mut *tx)
            .await?;
            if ended.rows_affected() > 0 {
                centre_changed(&mut tx, CentreId(centre)).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    async fn revoke_device(
        &self,
        device: &DeviceId,
        reason: RevokedFor,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let centre: Option<Uuid> = query_scalar(
            "UPDATE devices SET revoked_at = $2, revoked_for = $3
             WHERE device = $1 AND enrolled_at IS NOT NULL AND revoked_at IS NULL
             RETURNING centre_id",
        )
        .bind(device.as_str())
        .bind(at)
        .bind(word(reason)?)
        .fetch_optional(&mut *tx)
        .await?;
        let codes = query("DELETE FROM enrol_codes WHERE device = $1 AND taken_at IS NULL")
            .bind(device.as_str())
            .execute(&mut *tx)
            .await?;
        if let Some(centre) = centre {
            withdraw_all(&mut tx, device, at).await?;
            centre_changed(&mut tx, CentreId(centre)).await?;
        }
        tx.commit().await?;
        Ok(centre.is_some() || codes.rows_affected() > 0)
    }

    async fn withdrawn_certificates(
        &self,
        centre: CentreId,
        now: DateTime<Utc>,
    ) -> Result<Vec<WithdrawnCertificate>> {
        let rows: Vec<(Vec<u8>, DateTime<Utc>, Option<DateTime<Utc>>)> = query_as(
            "SELECT c.serial, c.withdrawn_at, c.until_at FROM device_certificates c
             JOIN devices d ON d.device = c.device
             WHERE d.centre_id = $1 AND c.withdrawn_at IS NOT NULL AND c.serial IS NOT NULL
                 AND c.ends_at > $2
             ORDER BY c.serial",
        )
        .bind(centre.0)
        .bind(now - CERTIFICATE_GRACE)
        .fetch_all(self.reader())
        .await?;
        let withdrawn = |(serial, at, until): (_, _, Option<_>)| WithdrawnCertificate {
            serial,
            at,
            superseded: until.is_some(),
        };
        Ok(rows.into_iter().map(withdrawn).collect())
    }

    async fn sweep_devices(&self, now: DateTime<Utc>) -> Result<u64> {
        let due: i64 = query_scalar(
            "SELECT CAST((SELECT COUNT(*) FROM device_certificates
                     WHERE (withdrawn_at IS NULL AND until_at <= $1) OR ends_at <= $3)
                 + (SELECT COUNT(*) FROM enrol_codes WHERE ends_at <= $2 OR taken_at <= $2)
             AS BIGINT)",
        )
        .bind(now)
        .bind(now - KEEP_ENDED)
        .bind(now - CERTIFICATE_GRACE)
        .fetch_one(self.reader())
        .await?;
        if due == 0 {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let replaced: Vec<String> = query_scalar(
            "UPDATE device_certificates SET withdrawn_at = until_at
             WHERE withdrawn_at IS NULL AND until_at <= $1 RETURNING device",
        )
        .bind(now)
        .fetch_all(&mut *tx)
        .await?;
        let mut swept = u64::try_from(replaced.len()).unwrap_or_default();
        let mut centres = std::collections::BTreeSet::new();
        for device in replaced {
            let centre: Uuid = query_scalar("SELECT centre_id FROM devices WHERE device = $1")
                .bind(device)
                .fetch_one(&mut *tx)
                .await?;
            centres.insert(CentreId(centre));
        }
        // In sorted order, so that rivals queue.
        for centre in centres {
            centre_changed(&mut tx, centre).await?;
        }
        for (forget, keep) in [
            ("DELETE FROM device_certificates WHERE ends_at <= $1", CERTIFICATE_GRACE),
            ("DELETE FROM enrol_codes WHERE ends_at <= $1 OR taken_at <= $1", KEEP_ENDED),
        ] {
            swept += query(forget).bind(now - keep).execute(&mut *tx).await?.rows_affected();
        }
        tx.commit().await?;
        Ok(swept)
    }
}

async fn insert(tx: &mut Transaction<'static, Db>, given: &GivenCertificate) -> Result<()> {
    query(
        "INSERT INTO device_certificates
             (fingerprint, device, serial, public_key, from_at, ends_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(given.fingerprint.as_slice())
    .bind(given.device.as_str())
    .bind(given.serial.as_slice())
    .bind(given.public_key.as_slice())
    .bind(given.from_at)
    .bind(given.ends_at)
    .execute(&mut **tx)
    .await
    .map_err(duplicate("certificate"))?;
    Ok(())
}

async fn withdraw_all(
    tx: &mut Transaction<'static, Db>,
    device: &DeviceId,
    at: DateTime<Utc>,
) -> Result<()> {
    query(
        "UPDATE device_certificates SET withdrawn_at = $2, until_at = NULL
         WHERE device = $1 AND withdrawn_at IS NULL",
    )
    .bind(device.as_str())
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A device and one of its certificates, or none.
#[derive(FromRow)]
struct DeviceRow {
    device: String,
    centre_id: Uuid,
    kind: String,
    names: String,
    enrolled_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    revoked_for: Option<String>,
    last_seen_at: Option<DateTime<Utc>>,
    code_until: Option<DateTime<Utc>>,
    fingerprint: Option<Vec<u8>>,
    from_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    first_used_at: Option<DateTime<Utc>>,
    until_at: Option<DateTime<Utc>>,
}

/// Rows that stand in order of their devices.
fn records(rows: Vec<DeviceRow>) -> Result<Vec<DeviceRecord>> {
    let mut records: Vec<DeviceRecord> = Vec::new();
    for row in rows {
        let certificate = match (&row.fingerprint, row.from_at, row.ends_at) {
            (Some(fingerprint), Some(from_at), Some(ends_at)) => Some(KeptCertificate {
                fingerprint: bytes32(fingerprint)?,
                from_at,
                ends_at,
                first_used_at: row.first_used_at,
                until_at: row.until_at,
            }),
            _ => None,
        };
        match records.last_mut() {
            Some(record) if record.device.as_str() == row.device => {
                record.certificates.extend(certificate);
            }
            _ => records.push(DeviceRecord {
                certificates: certificate.into_iter().collect(),
                ..DeviceRecord::try_from(row)?
            }),
        }
    }
    Ok(records)
}

impl TryFrom<DeviceRow> for DeviceRecord {
    type Error = StoreError;
    fn try_from(row: DeviceRow) -> Result<Self> {
        let reason: Option<RevokedFor> = row.revoked_for.as_deref().map(from_word).transpose()?;
        Ok(Self {
            device: parsed(&row.device)?,
            centre: CentreId(row.centre_id),
            kind: from_word(&row.kind)?,
            names: from_json(&row.names)?,
            enrolled_at: row.enrolled_at,
            revoked: row.revoked_at.map(|at| (at, reason.unwrap_or(RevokedFor::Retired))),
            last_seen_at: row.last_seen_at,
            code_until: row.code_until,
            certificates: Vec::new(),
        })
    }
}
