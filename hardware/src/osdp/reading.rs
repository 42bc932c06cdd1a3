use libosdp::OsdpEventCardRead;

use crate::card::{CardError, CardRead, ReaderModels};

/// What a reader sent, as a reading of level 1: a number that anybody can copy.
pub(super) fn card_read(
    reader: &str,
    sent: &OsdpEventCardRead,
    models: &ReaderModels,
) -> Result<CardRead, CardError> {
    let whole = sent.nr_bits.is_multiple_of(8) && sent.data.len() * 8 == sent.nr_bits;
    if !whole {
        return Err(CardError::Bits(sent.nr_bits));
    }
    let identifier = models.identifier(reader, &sent.data)?;
    Ok(CardRead::Identifier(identifier))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use libosdp::OsdpCardFormats;

    use super::*;
    use crate::card::IdentifierError;

    fn read(nr_bits: usize, data: &[u8]) -> Result<CardRead, CardError> {
        let sent = OsdpEventCardRead {
            reader_no: 0,
            format: OsdpCardFormats::Wiegand,
            direction: false,
            nr_bits,
            data: data.to_vec(),
        };
        card_read("reader", &sent, &ReaderModels::default())
    }

    #[test]
    fn whole_bytes_are_an_identifier_of_level_1() {
        let read = read(64, &[1, 2, 3, 4, 5, 6, 7, 8]).map(|read| {
            assert_eq!(read.level(), 1);
            read.identifier().unwrap().expose().to_vec()
        });
        assert_eq!(read, Ok(vec![1, 2, 3, 4, 5, 6, 7, 8]));
    }

    #[test]
    fn bits_that_are_no_whole_bytes_and_rubbish_are_refused_with_a_reason() {
        for (bits, data, why) in [
            (26, &[1, 2, 3, 4][..], CardError::Bits(26)),
            (37, &[1, 2, 3, 4, 5], CardError::Bits(37)),
            (64, &[1, 2, 3], CardError::Bits(64)),
            (0, &[], IdentifierError::Length(0).into()),
            (24, &[1, 2, 3], IdentifierError::Length(3).into()),
            (32, &[8, 1, 2, 3], IdentifierError::RandomUid.into()),
            (64, &[0; 8], IdentifierError::AllZero.into()),
            (512, &[7; 64], IdentifierError::Length(64).into()),
        ] {
            assert_eq!(read(bits, data), Err(why), "{bits} bits");
        }
    }
}
