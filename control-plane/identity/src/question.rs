//! What is asked of us (RFC 7662, section 2.1).

/// Why a form is no question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum InvalidQuestion {
    /// There is no token in it.
    NoToken,
    /// There is more than one, and which was meant nobody knows.
    Twice,
}

/// The token in a form. What else is in it does not matter here
/// (`token_type_hint`), but nothing may stand twice (RFC 6749, section 3.2).
pub(crate) fn token(form: &[u8]) -> Result<String, InvalidQuestion> {
    let mut tokens = form_urlencoded::parse(form).filter(|(name, _)| name == "token");
    let (_, token) = tokens.next().ok_or(InvalidQuestion::NoToken)?;
    if tokens.next().is_some() {
        return Err(InvalidQuestion::Twice);
    }
    Ok(token.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_token_is_taken_as_it_was_meant() {
        use InvalidQuestion::{NoToken, Twice};
        for (form, expected) in [
            ("token=abc", Ok("abc")),
            ("token_type_hint=access_token&token=a%2Fb+c%26d", Ok("a/b c&d")),
            ("token=", Ok("")),
            ("%74oken=abc", Ok("abc")),
            ("", Err(NoToken)),
            ("Token=abc", Err(NoToken)),
            ("token=a&token=a", Err(Twice)),
            ("token=a&%74oken=b", Err(Twice)),
        ] {
            let expected = expected.map(str::to_owned);
            assert_eq!(token(form.as_bytes()), expected, "{form}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(form in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = token(&form);
        }

        #[test]
        fn what_is_encoded_is_read_back(meant in ".*") {
            let form = form_urlencoded::Serializer::new(String::new())
                .append_pair("token", &meant)
                .finish();
            prop_assert_eq!(token(form.as_bytes()), Ok(meant));
        }
    }
}
