use thiserror::Error;

/// The tag-length-value fields of a card's answer, in any order.
pub(super) struct Fields<'bytes>(Vec<(u16, &'bytes [u8])>);

/// Why bytes are no fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FieldsError {
    /// A field says that it is longer than what is there.
    #[error("a field is cut off")]
    CutOff,
    /// A length in a form that no answer here needs.
    #[error("a field announces its length as {0:02X}, which no field here needs")]
    Length(u8),
    /// Two fields with one tag: which of them counts is anybody's guess.
    #[error("field {0:02X} is there twice")]
    Twice(u16),
}

impl<'bytes> Fields<'bytes> {
    /// Tags of one or two bytes, lengths up to 255 (ISO/IEC 8825-1, BER).
    pub(super) fn read(mut bytes: &'bytes [u8]) -> Result<Self, FieldsError> {
        let mut fields = Vec::new();
        while let [first, rest @ ..] = bytes {
            let (tag, rest) = match (first & 0x1F, rest) {
                (0x1F, [second, rest @ ..]) => (u16::from_be_bytes([*first, *second]), rest),
                (0x1F, []) => return Err(FieldsError::CutOff),
                _ => (u16::from(*first), rest),
            };
            let (length, rest) = match rest {
                [] | [0x81] => return Err(FieldsError::CutOff),
                [0x81, length, rest @ ..] => (*length, rest),
                [length, ..] if *length >= 0x80 => return Err(FieldsError::Length(*length)),
                [length, rest @ ..] => (*length, rest),
            };
            let (value, rest) =
                rest.split_at_checked(usize::from(length)).ok_or(FieldsError::CutOff)?;
            if fields.iter().any(|(known, _)| *known == tag) {
                return Err(FieldsError::Twice(tag));
            }
            fields.push((tag, value));
            bytes = rest;
        }
        Ok(Self(fields))
    }

    pub(super) fn get(&self, tag: u16) -> Option<&'bytes [u8]> {
        self.0.iter().find(|(known, _)| *known == tag).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn fields_are_found_in_any_order() {
        let fields = Fields::read(&[0x9E, 1, 7, 0x7F, 0x63, 0x81, 2, 8, 9, 0x5A, 0]).unwrap();
        assert_eq!(fields.get(0x5A), Some(&[][..]));
        assert_eq!(fields.get(0x9E), Some(&[7][..]));
        assert_eq!(fields.get(0x7F63), Some(&[8, 9][..]));
        assert_eq!(fields.get(0x5C), None);
    }

    #[test]
    fn what_is_no_field_is_refused_with_its_reason() {
        use FieldsError::{CutOff, Length, Twice};
        let hostile: [(&[u8], FieldsError); 8] = [
            (&[0x5A], CutOff),
            (&[0x5A, 1], CutOff),
            (&[0x5A, 0x81], CutOff),
            (&[0x5A, 0x81, 200, 1], CutOff),
            (&[0x7F], CutOff),
            (&[0x5A, 0x82, 0, 1, 7], Length(0x82)),
            (&[0x5A, 0x80, 7, 0, 0], Length(0x80)),
            (&[0x5A, 1, 7, 0x5A, 1, 7], Twice(0x5A)),
        ];
        for (bytes, reason) in hostile {
            assert_eq!(Fields::read(bytes).err(), Some(reason), "{bytes:02X?}");
        }
    }
}
