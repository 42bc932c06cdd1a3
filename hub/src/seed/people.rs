//! Employers, people, their cards and children. All of them are made up.

use anyhow::{Context, Result};
use chrono::Months;
use chrono_tz::Asia::Tokyo;
use model::child::Particulars;
use model::id::{ChildId, CredentialId, EmployerId, PersonId};
use model::language::{Language, LocalText};
use model::people::{Grant, Person};
use store::{Credential, Employer, SealedChild};

use super::cards::identifier;
use super::ids::{Of, id, id_where, numbered};
use super::{DemoAccount, PASSWORD, PIN, places};
use crate::hub::Hub;
use crate::service::secret;

struct EmployerRow {
    key: &'static str,
    ja: &'static str,
    en: &'static str,
}

/// The industries of the plan's cases A to D, and the two public bodies of the satellite offices.
const EMPLOYERS: &[EmployerRow] = &[
    EmployerRow {
        key: "bank", ja: "しおかぜ信用銀行（架空）", en: "Shiokaze Bank (fictional)"
    },
    EmployerRow {
        key: "maker", ja: "つづら精機（架空）", en: "Tsuzura Machinery (fictional)"
    },
    EmployerRow {
        key: "telecom", ja: "なぎさ通信（架空）", en: "Nagisa Telecom (fictional)"
    },
    EmployerRow {
        key: "computer", ja: "ことり計算機（架空）", en: "Kotori Computers (fictional)"
    },
    EmployerRow { key: "justice", ja: "法務省（デモ）", en: "Ministry of Justice (demo)" },
    EmployerRow {
        key: "personnel",
        ja: "人事院（デモ）",
        en: "National Personnel Authority (demo)",
    },
];

struct PersonRow {
    /// Their name in ids, e-mail addresses and cards.
    key: &'static str,
    name: &'static str,
    what: What,
    language: Language,
    /// None for a sole trader, and for those who run the place.
    employer: Option<&'static str>,
    cards: &'static [Card],
    children: &'static [ChildRow],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Worker,
    Parent,
    Operator { centre: &'static str },
    MunicipalAdmin { municipality: &'static str },
}

/// A card of the demo.
pub(super) struct Card {
    /// What it is called in `cards.toml`.
    pub(super) name: &'static str,
    /// What it answers a reader.
    pub(super) identifier: [u8; 8],
    label: &'static str,
    blocked: bool,
}

struct ChildRow {
    name: &'static str,
    months_old: u32,
}

const fn card(name: &'static str, number: u8, label: &'static str) -> Card {
    Card { name, identifier: identifier(number), label, blocked: false }
}

const fn worker(
    key: &'static str,
    name: &'static str,
    employer: &'static str,
    cards: &'static [Card],
) -> PersonRow {
    PersonRow {
        key,
        name,
        what: What::Worker,
        language: Language::Ja,
        employer: Some(employer),
        cards,
        children: &[],
    }
}

const fn parent(
    key: &'static str,
    name: &'static str,
    employer: &'static str,
    cards: &'static [Card],
    children: &'static [ChildRow],
) -> PersonRow {
    PersonRow { what: What::Parent, children, ..worker(key, name, employer, cards) }
}

const fn staff(key: &'static str, name: &'static str, what: What) -> PersonRow {
    PersonRow { what, employer: None, ..worker(key, name, "", &[]) }
}

const PEOPLE: &[PersonRow] = &[
    worker("sato", "佐藤 美咲", "bank", &[card("sato", 1, "社員証")]),
    worker("suzuki", "鈴木 大輔", "computer", &[card("suzuki", 2, "社員証")]),
    parent(
        "takahashi",
        "高橋 彩",
        "telecom",
        &[card("takahashi", 3, "交通系ICカード")],
        &[
            ChildRow { name: "高橋 はな", months_old: 57 },
            ChildRow { name: "高橋 そら", months_old: 20 },
        ],
    ),
    parent(
        "ito",
        "伊藤 健",
        "maker",
        &[card("ito", 4, "社員証")],
        &[ChildRow { name: "伊藤 ひなた", months_old: 38 }],
    ),
    staff("kobayashi", "小林 直子", What::Operator { centre: "yokohama" }),
    staff("kato", "加藤 修", What::Operator { centre: "tsurugashima" }),
    staff("yoshida", "吉田 恵", What::MunicipalAdmin { municipality: "yokohama" }),
    worker("tanaka", "田中 翔", "maker", &[card("tanaka", 5, "交通系ICカード")]),
    PersonRow {
        employer: None,
        ..worker("watanabe", "渡辺 由美（SOHO）", "", &[card("watanabe", 6, "交通系ICカード")])
    },
    worker(
        "yamada",
        "山田 亮",
        "telecom",
        &[
            card("yamada", 7, "再発行の社員証"),
            Card { blocked: true, ..card("lost", 8, "なくした社員証") },
        ],
    ),
    PersonRow {
        language: Language::En,
        ..worker("clarke", "Emma Clarke", "computer", &[card("clarke", 9, "staff card")])
    },
    // No card: booking code and PIN.
    worker("yamamoto", "山本 恵子", "bank", &[]),
    worker("nakamura", "中村 拓也", "maker", &[card("nakamura", 10, "社員証")]),
    worker("kimura", "木村 さくら", "telecom", &[card("kimura", 11, "社員証")]),
    worker("matsumoto", "松本 学", "computer", &[card("matsumoto", 12, "社員証")]),
    worker("inoue", "井上 千夏", "bank", &[card("inoue", 13, "交通系ICカード")]),
    worker("hayashi", "林 和也", "justice", &[card("hayashi", 14, "職員証")]),
    worker("shimizu", "清水 薫", "justice", &[card("shimizu", 15, "職員証")]),
    worker("saito", "斎藤 望", "justice", &[card("saito", 16, "職員証")]),
    worker("mori", "森 洋子", "personnel", &[card("mori", 17, "職員証")]),
    worker("abe", "阿部 誠", "personnel", &[card("abe", 18, "職員証")]),
];

/// Writes employers, people, cards and children.
pub(super) async fn add(hub: &Hub) -> Result<()> {
    for (number, row) in numbered(EMPLOYERS) {
        let id = EmployerId(id(Of::Employer, number));
        let name = LocalText::new(row.ja, row.en);
        hub.store.add_employer(&Employer { id, name }).await?;
    }
    let (mut cards, mut children) = (1.., 1..);
    for row in PEOPLE {
        let person = person_id(row.key);
        hub.store.add_person(&person_of(row), Some(&hash(hub, PASSWORD).await?)).await?;
        if row.has_pin() {
            hub.store.set_pin(person, Some(&hash(hub, PIN).await?)).await?;
        }
        for (card, number) in row.cards.iter().zip(cards.by_ref()) {
            hub.store.add_credential(&credential(hub, number, person, card)).await?;
        }
        for (child, number) in row.children.iter().zip(children.by_ref()) {
            hub.store.add_child(&sealed(hub, number, person, child)?).await?;
        }
    }
    Ok(())
}

/// Who can sign in.
pub(super) fn accounts() -> Vec<DemoAccount> {
    PEOPLE
        .iter()
        .map(|row| DemoAccount {
            email: row.email(),
            name: row.name,
            role: row.role(),
            card: row.cards.first().map(|card| card.name),
            pin: row.has_pin().then_some(PIN),
        })
        .collect()
}

/// Every card that the hub knows.
pub(super) fn cards() -> impl Iterator<Item = &'static Card> {
    PEOPLE.iter().flat_map(|row| row.cards)
}

/// The id of the person with this key.
pub(super) fn person_id(key: &str) -> PersonId {
    PersonId(id_where(Of::Person, PEOPLE, |row| row.key == key))
}

/// Who pays for a person's bookings.
pub(super) fn employer_of(key: &str) -> Option<EmployerId> {
    employer_id(PEOPLE.iter().find(|row| row.key == key)?.employer?)
}

fn employer_id(key: &str) -> Option<EmployerId> {
    let (number, _) = numbered(EMPLOYERS).find(|(_, row)| row.key == key)?;
    Some(EmployerId(id(Of::Employer, number)))
}

fn person_of(row: &PersonRow) -> Person {
    Person {
        id: person_id(row.key),
        email: row.email(),
        name: row.name.to_owned(),
        language: row.language,
        employer: row.employer.and_then(employer_id),
        grants: match row.what {
            What::Worker => vec![Grant::Worker],
            What::Parent => vec![Grant::Worker, Grant::Parent],
            What::Operator { centre } => {
                vec![Grant::Operator { centre: places::centre_id(centre) }]
            }
            What::MunicipalAdmin { municipality } => {
                let municipality = places::municipality_id(municipality);
                vec![Grant::MunicipalAdmin { municipality }]
            }
        },
    }
}

fn credential(hub: &Hub, number: u32, person: PersonId, card: &Card) -> Credential {
    Credential {
        id: CredentialId(id(Of::Credential, number)),
        person,
        reference: hub.keys.region_card.reference(&card.identifier).0,
        label: card.label.to_owned(),
        blocked: card.blocked,
    }
}

fn sealed(hub: &Hub, number: u32, guardian: PersonId, row: &ChildRow) -> Result<SealedChild> {
    let today = hub.now().with_timezone(&Tokyo).date_naive();
    let born = today.checked_sub_months(Months::new(row.months_old)).context("no birth date")?;
    let child = ChildId(id(Of::Child, number));
    let particulars = Particulars::new(row.name, born, today)?;
    let sealed = hub.keys.seal(&particulars, child.0.as_bytes(), hub.random.as_ref())?;
    Ok(SealedChild { id: child, guardian, sealed })
}

async fn hash(hub: &Hub, secret: &str) -> Result<String> {
    Ok(secret::hash_aside(secret.to_owned(), hub.random.clone()).await?)
}

impl PersonRow {
    fn email(&self) -> String {
        format!("{}@demo.kyoten.example", self.key)
    }

    fn has_pin(&self) -> bool {
        matches!(self.what, What::Worker | What::Parent)
    }

    fn role(&self) -> LocalText {
        let employer = self.employer.and_then(|key| EMPLOYERS.iter().find(|row| row.key == key));
        let (employer_ja, employer_en) =
            employer.map_or(("個人事業主", "sole trader"), |row| (row.ja, row.en));
        match self.what {
            What::Worker => {
                LocalText::new(format!("利用者、{employer_ja}"), format!("worker, {employer_en}"))
            }
            What::Parent => LocalText::new(
                format!("保護者、子ども{}人、{employer_ja}", self.children.len()),
                format!("parent, children: {}, {employer_en}", self.children.len()),
            ),
            What::Operator { centre } => {
                let name = places::centre_name(centre);
                LocalText::new(format!("運営者、{}", name.ja), format!("operator, {}", name.en))
            }
            What::MunicipalAdmin { municipality } => {
                let name = places::municipality_name(municipality);
                LocalText::new(
                    format!("自治体担当者、{}", name.ja),
                    format!("municipal admin, {}", name.en),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everybody_is_somebody_of_their_own() {
        let emails: BTreeSet<_> = accounts().into_iter().map(|account| account.email).collect();
        assert_eq!(emails.len(), PEOPLE.len());
        assert_eq!(PEOPLE.iter().filter(|row| row.what == What::Parent).count(), 2);
        for row in PEOPLE {
            assert_eq!(row.employer.is_some(), row.employer.and_then(employer_id).is_some());
            let role = row.role();
            assert!(!role.ja.ends_with('、') && !role.en.ends_with(", "), "{}", row.key);
        }
    }

    #[test]
    fn ids_can_be_read() {
        assert_eq!(person_id("sato").to_string(), "00000006-0000-4000-8000-000000000001");
    }
}
