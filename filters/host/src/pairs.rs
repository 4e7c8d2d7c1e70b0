/// Writes headers in the host's encoding, which
/// [`tollgate_core::Headers::decode`] reads.
pub(crate) fn encode(headers: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_number(&mut bytes, headers.len());
    for (name, value) in headers {
        push_number(&mut bytes, name.len());
        push_number(&mut bytes, value.len());
    }
    for (name, value) in headers {
        for part in [name.as_bytes(), value] {
            bytes.extend_from_slice(part);
            bytes.push(0);
        }
    }
    bytes
}

/// Addresses of the host are 32 bits wide, so lengths fit.
fn push_number(bytes: &mut Vec<u8>, number: usize) {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&number.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tollgate_core::Headers;

    use super::encode;

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(
            pairs in prop::collection::vec(("[a-z-]{0,9}", prop::collection::vec(any::<u8>(), 0..9)), 0..9),
        ) {
            let pairs: Vec<(&str, &[u8])> =
                pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
            let headers = Headers::decode(encode(&pairs)).unwrap();
            let read: Vec<_> = headers.iter().collect();
            let written: Vec<_> = pairs.iter().map(|(name, value)| (name.as_bytes(), *value)).collect();
            prop_assert_eq!(read, written);
        }
    }
}
