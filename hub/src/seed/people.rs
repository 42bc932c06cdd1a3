//! Employers, people, their cards and children. All of them are made up.

use anyhow::{Context, Result};
use chrono::Months;
use chrono_tz::Asia::Tokyo;
use model::card::CardState;
use model::child::Particulars;
use model::consent::Purpose;
use model::id::{ChildId, ConsentId, CredentialId, EmployerId, HouseholdId, PersonId};
use model::language::{Language, LocalText};
use model::people::{Given, Grant, Person, Term};
use model::permission::role_of;
use store::{Consent, Credential, Employer, EmployerKind, SealedChild};

use super::cards::{identifier, public_key};
use super::ids::{Of, id, id_where, numbered};
use super::{CODE_SECRET, DemoAccount, PASSWORD, PIN, places, recovery_codes};
use crate::hub::Hub;
use crate::service::{children, codes, secret};

struct EmployerRow {
    key: &'static str,
    ja: &'static str,
    en: &'static str,
    kind: EmployerKind,
}

const fn company(key: &'static str, ja: &'static str, en: &'static str) -> EmployerRow {
    EmployerRow { key, ja, en, kind: EmployerKind::Company }
}

const fn public_body(key: &'static str, ja: &'static str, en: &'static str) -> EmployerRow {
    EmployerRow { kind: EmployerKind::PublicBody, ..company(key, ja, en) }
}

/// How long a resident may try a centre, from their first visit.
const TRIAL_MONTHS: u32 = 6;

/// The industries of the plan's cases A to D, and the two public bodies of the satellite offices.
const EMPLOYERS: &[EmployerRow] = &[
    company("bank", "しおかぜ信用銀行（架空）", "Shiokaze Bank (fictional)"),
    company("maker", "つづら精機（架空）", "Tsuzura Machinery (fictional)"),
    company("telecom", "なぎさ通信（架空）", "Nagisa Telecom (fictional)"),
    company("computer", "ことり計算機（架空）", "Kotori Computers (fictional)"),
    public_body("justice", "法務省（デモ）", "Ministry of Justice (demo)"),
    public_body("personnel", "人事院（デモ）", "National Personnel Authority (demo)"),
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
    /// Lives there, and may try the centre for half a year.
    Resident {
        municipality: &'static str,
    },
    EmployerAdmin {
        employer: &'static str,
    },
    Operator {
        centre: &'static str,
    },
    NurseryStaff {
        centre: &'static str,
    },
    SystemAdmin,
    MunicipalAdmin {
        municipality: &'static str,
    },
}

/// A card of the demo.
pub(super) struct Card {
    /// What it is called in `cards.toml`.
    pub(super) name: &'static str,
    /// What it answers a reader.
    pub(super) identifier: [u8; 8],
    /// Whether it proves [`super::cards::KEY`] too.
    pub(super) has_key: bool,
    label: &'static str,
    state: CardState,
}

struct ChildRow {
    name: &'static str,
    months_old: u32,
}

const fn card(name: &'static str, number: u8, label: &'static str) -> Card {
    let (identifier, has_key) = (identifier(number), false);
    Card { name, identifier, has_key, label, state: CardState::Active }
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
    worker(
        "sato",
        "佐藤 美咲",
        "bank",
        &[
            card("sato", 1, "社員証"),
            Card { has_key: true, ..card("sato-key", 21, "鍵つきの社員証") },
        ],
    ),
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
    PersonRow {
        cards: &[card("kobayashi", 22, "職員証")],
        ..staff("kobayashi", "小林 直子", What::Operator { centre: "yokohama" })
    },
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
            Card { state: CardState::Lost, ..card("lost", 8, "なくした社員証") },
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
    PersonRow {
        cards: &[card("hoshino", 20, "職員証")],
        ..staff("hoshino", "星野 あかり", What::NurseryStaff { centre: "yokohama" })
    },
    staff("sasaki", "佐々木 誠一", What::EmployerAdmin { employer: "bank" }),
    staff("fujita", "藤田 純", What::SystemAdmin),
    PersonRow {
        cards: &[card("ogawa", 19, "交通系ICカード")],
        ..staff("ogawa", "小川 節子", What::Resident { municipality: "tsurugashima" })
    },
];

/// Writes employers, people, cards and children.
pub(super) async fn add(hub: &Hub) -> Result<()> {
    for (number, row) in numbered(EMPLOYERS) {
        let id = EmployerId(id(Of::Employer, number));
        let name = LocalText::new(row.ja, row.en);
        hub.store.add_employer(&Employer { id, name, kind: row.kind, approves: false }).await?;
    }
    let (mut cards, mut children) = (1.., 1..);
    for row in PEOPLE {
        let person = person_id(row.key);
        hub.store.add_person(&person_of(row), Some(&hash(hub, PASSWORD).await?)).await?;
        if row.second_factor() {
            codes::keep(hub, person, CODE_SECRET, 0).await?;
            let recovery: Vec<_> =
                recovery_codes().iter().map(|code| codes::recovery_digest(person, code)).collect();
            hub.store.set_recovery_codes(person, &recovery, hub.now()).await?;
        }
        if row.has_pin() {
            hub.store.set_pin(person, Some(&hash(hub, PIN).await?)).await?;
        }
        for (card, number) in row.cards.iter().zip(cards.by_ref()) {
            hub.store.add_credential(&credential(hub, number, person, card)?).await?;
        }
        if row.children.is_empty() {
            continue;
        }
        let household = HouseholdId(id_where(Of::Household, PEOPLE, |other| other.key == row.key));
        hub.store.found_household(household, person, hub.now()).await?;
        for (child, number) in row.children.iter().zip(children.by_ref()) {
            let child = sealed(hub, number, household, child).await?;
            hub.store.add_child(&child).await?;
            for (purpose, of) in Purpose::ALL.into_iter().zip([0, 100]) {
                let consent = Consent {
                    id: ConsentId(id(Of::Consent, number + of)),
                    child: child.id,
                    purpose,
                    wording: purpose.wording().version.to_owned(),
                    given_by: person,
                    given_at: hub.now(),
                    withdrawn_at: None,
                };
                hub.store.give_consent(&consent).await?;
            }
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
            second_factor: row.second_factor(),
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
    let worker = Grant::Worker { employer: row.employer.and_then(employer_id) };
    Person {
        id: person_id(row.key),
        email: row.email(),
        name: row.name.to_owned(),
        language: row.language,
        grants: match row.what {
            What::Worker => vec![worker.into()],
            What::Parent => vec![worker.into(), Grant::Parent.into()],
            What::Operator { centre } => {
                vec![Grant::Operator { centre: places::centre_id(centre) }.into()]
            }
            What::Resident { municipality } => {
                let municipality = places::municipality_id(municipality);
                let term = Term { months_of_use: Some(TRIAL_MONTHS), ..Term::default() };
                vec![Given { grant: Grant::Resident { municipality }, term }]
            }
            What::EmployerAdmin { employer } => employer_id(employer)
                .map(|employer| Grant::EmployerAdmin { employer }.into())
                .into_iter()
                .collect(),
            What::NurseryStaff { centre } => {
                vec![Grant::NurseryStaff { nursery: places::nursery_id(centre) }.into()]
            }
            What::SystemAdmin => vec![Grant::SystemAdmin.into()],
            What::MunicipalAdmin { municipality } => {
                let municipality = places::municipality_id(municipality);
                vec![Grant::MunicipalAdmin { municipality }.into()]
            }
        },
    }
}

fn credential(hub: &Hub, number: u32, person: PersonId, card: &Card) -> Result<Credential> {
    let keys = hub.keys.region_cards.now();
    let identifier = keys.newest().reference(&card.identifier);
    let id = CredentialId(id(Of::Credential, number));
    let mut credential = Credential::new(id, person, identifier, card.label, hub.now());
    if card.has_key {
        let key = keys.newest().key_reference(&public_key(&*hub.random)?);
        credential.references.insert(0, key);
        credential.level = key.level;
    }
    credential.state = card.state;
    if card.state == CardState::Lost {
        credential.change.by = Some(person);
    }
    Ok(credential)
}

async fn sealed(
    hub: &Hub,
    number: u32,
    household: HouseholdId,
    row: &ChildRow,
) -> Result<SealedChild> {
    let today = hub.now().with_timezone(&Tokyo).date_naive();
    let born = today.checked_sub_months(Months::new(row.months_old)).context("no birth date")?;
    let child = ChildId(id(Of::Child, number));
    let particulars = Particulars::new(row.name, born, today)?;
    let sealed = children::seal(hub, child, &particulars).await?;
    Ok(SealedChild { id: child, household, sealed })
}

async fn hash(hub: &Hub, secret: &str) -> Result<String> {
    Ok(secret::hash_aside(secret.to_owned(), hub.random.clone()).await?)
}

impl PersonRow {
    fn email(&self) -> String {
        format!("{}@demo.kyoten.example", self.key)
    }

    /// Whoever stands at a kiosk or a nursery's screen.
    fn has_pin(&self) -> bool {
        use What::{NurseryStaff, Operator, Parent, Resident, Worker};
        let pinned = matches!(self.what, Worker | Parent | Resident { .. } | NurseryStaff { .. });
        pinned || matches!(self.what, Operator { .. }) && !self.cards.is_empty()
    }

    fn second_factor(&self) -> bool {
        person_of(self).grants.iter().any(|given| role_of(&given.grant).needs_second_factor())
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
            What::Resident { municipality } => {
                let name = places::municipality_name(municipality);
                LocalText::new(
                    format!("{}の住民（初めての利用から6か月）", name.ja),
                    format!("resident of {}, six months from first use", name.en),
                )
            }
            What::EmployerAdmin { employer } => {
                let row = EMPLOYERS.iter().find(|row| row.key == employer);
                let (ja, en) = row.map_or(("", ""), |row| (row.ja, row.en));
                LocalText::new(format!("雇用主の管理者、{ja}"), format!("admin of {en}"))
            }
            What::NurseryStaff { centre } => {
                let name = places::centre_name(centre);
                LocalText::new(
                    format!("保育者、{}", name.ja),
                    format!("nursery staff, {}", name.en),
                )
            }
            What::SystemAdmin => LocalText::new("システム管理者", "system admin"),
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
