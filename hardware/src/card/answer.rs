use super::{CardError, CardRead, CredentialKind, IdentifierError, ReaderModels};

/// The PC/SC command that asks the reader for the card's identifier.
pub(crate) const ASK_IDENTIFIER: [u8; 5] = [0xFF, 0xCA, 0x00, 0x00, 0x00];

/// Judges the answer to [`ASK_IDENTIFIER`]; `atr` is what the card said of itself when powered.
pub(crate) fn card_read(
    models: &ReaderModels,
    reader: &str,
    atr: &[u8],
    answer: &[u8],
) -> Result<CardRead, CardError> {
    let Some((sent, status)) = answer.split_last_chunk::<2>() else {
        return Err(CardError::Garbled(answer.len()));
    };
    match u16::from_be_bytes(*status) {
        0x9000 => {}
        other => return Err(CardError::Refused(other)),
    }
    if sent.len() == 4 && is_type_b(atr) {
        return Err(IdentifierError::TypeB.into());
    }
    let identifier = models.identifier(reader, sent)?;
    Ok(CardRead { kind: CredentialKind::Identifier, level: 1, identifier })
}

/// Whether the ATR that a contactless reader made up tells of an ISO 14443 type B card.
///
/// PC/SC part 3: memory cards carry the standard's number behind the RID; processor cards carry
/// eight bytes of radio parameters, the last of which has an empty low half.
fn is_type_b(atr: &[u8]) -> bool {
    const MEMORY: [u8; 8] = [0x80, 0x4F, 0x0C, 0xA0, 0x00, 0x00, 0x03, 0x06];
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

    fn judge(atr: &[u8], answer: &[u8]) -> Result<CardRead, CardError> {
        card_read(&ReaderModels::default(), "Test", atr, answer)
    }

    #[test]
    fn a_plain_answer_is_a_level_1_credential() {
        let read = judge(&[], &[1, 2, 3, 4, 5, 6, 7, 8, 0x90, 0]).unwrap();
        assert_eq!((read.kind, read.level), (CredentialKind::Identifier, 1));
        assert_eq!(read.identifier.expose(), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn hostile_answers_are_refused_with_their_reason() {
        assert_eq!(judge(&[], &[]), Err(CardError::Garbled(0)));
        assert_eq!(judge(&[], &[0x90]), Err(CardError::Garbled(1)));
        assert_eq!(judge(&[], &[0x6D, 0]), Err(CardError::Refused(0x6D00)));
        assert_eq!(judge(&[], &[0x90, 0]), Err(IdentifierError::Length(0).into()));
        assert_eq!(judge(&[], &[8, 1, 2, 3, 0x90, 0]), Err(IdentifierError::RandomUid.into()));
    }

    #[test]
    fn type_b_cards_are_told_from_their_atr() {
        let answer = [1, 2, 3, 4, 0x90, 0];
        let processor = [0x3B, 0x88, 0x80, 0x01, 0, 0, 0, 0, 0x33, 0x81, 0x81, 0x20, 0x3A];
        assert_eq!(judge(&processor, &answer), Err(IdentifierError::TypeB.into()));
        for (standard, accepted) in [(0x03, true), (0x06, false), (0x11, true)] {
            let mut atr = vec![0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F, 0x0C, 0xA0, 0, 0, 3, 6];
            atr.extend([standard, 0, 1, 0, 0, 0, 0, 0x6A]);
            assert_eq!(judge(&atr, &answer).is_ok(), accepted, "standard {standard:02X}");
        }
    }
}
