use super::{CardError, CardIdentifier, IdentifierError, ReaderModels};

/// The PC/SC command that asks the reader for the card's identifier.
pub(crate) const ASK_IDENTIFIER: [u8; 5] = [0xFF, 0xCA, 0x00, 0x00, 0x00];

/// Judges the answer to [`ASK_IDENTIFIER`]; `atr` is what the card said of itself when powered.
pub(super) fn identifier(
    models: &ReaderModels,
    reader: &str,
    atr: &[u8],
    sent: &[u8],
    status: u16,
) -> Result<CardIdentifier, CardError> {
    if status != 0x9000 {
        return Err(CardError::Refused(status));
    }
    if sent.len() == 4 && is_type_b(atr) {
        return Err(IdentifierError::TypeB.into());
    }
    Ok(models.identifier(reader, sent)?)
}

/// How PC/SC part 3 marks the ATR that a contactless reader makes up for a memory card.
const MEMORY: [u8; 8] = [0x80, 0x4F, 0x0C, 0xA0, 0x00, 0x00, 0x03, 0x06];

/// Whether the ATR tells of a card that only stores, such as FeliCa: it has no applications.
pub(super) fn says_memory_card(atr: &[u8]) -> bool {
    matches!(atr, [0x3B, _, 0x80, 0x01, history @ ..] if history.starts_with(&MEMORY))
}

/// Whether the ATR that a contactless reader made up tells of an ISO 14443 type B card.
///
/// PC/SC part 3: memory cards carry the standard's number behind the RID; processor cards carry
/// eight bytes of radio parameters, the last of which has an empty low half.
fn is_type_b(atr: &[u8]) -> bool {
    let [0x3B, _, 0x80, 0x01, history @ .., _check] = atr else { return false };
    match history.strip_prefix(&MEMORY) {
        Some([standard, ..]) => matches!(standard, 0x05..=0x07),
        Some([]) => false,
        None => history.len() == 8 && history.last().is_some_and(|last| last & 0x0F == 0),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    fn judge(atr: &[u8], sent: &[u8]) -> Result<CardIdentifier, CardError> {
        identifier(&ReaderModels::default(), "Test", atr, sent, 0x9000)
    }

    #[test]
    fn a_plain_answer_is_an_identifier() {
        let read = judge(&[], &[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        assert_eq!(read.expose(), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn hostile_answers_are_refused_with_their_reason() {
        let refused = identifier(&ReaderModels::default(), "Test", &[], &[1; 8], 0x6D00);
        assert_eq!(refused, Err(CardError::Refused(0x6D00)));
        assert_eq!(judge(&[], &[]), Err(IdentifierError::Length(0).into()));
        assert_eq!(judge(&[], &[8, 1, 2, 3]), Err(IdentifierError::RandomUid.into()));
    }

    #[test]
    fn type_b_cards_are_told_from_their_atr() {
        let answer = [1, 2, 3, 4];
        let processor = [0x3B, 0x88, 0x80, 0x01, 0, 0, 0, 0, 0x33, 0x81, 0x81, 0x20, 0x3A];
        assert_eq!(judge(&processor, &answer), Err(IdentifierError::TypeB.into()));
        for (standard, accepted) in [(0x03, true), (0x06, false), (0x11, true)] {
            let mut atr = vec![0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F, 0x0C, 0xA0, 0, 0, 3, 6];
            atr.extend([standard, 0, 1, 0, 0, 0, 0, 0x6A]);
            assert_eq!(judge(&atr, &answer).is_ok(), accepted, "standard {standard:02X}");
        }
    }
}
