use crate::name::is_id;
use crate::tenants::KEY_BYTES_MAX;
use crate::token::TOKEN_BYTES_MAX;
use crate::{ApiKey, InvalidToken};

/// What is asked about, if it can be one at all: whatever cannot costs no call.
pub(crate) struct Asked(String);

/// How the keys begin that our own store makes.
const OUR_KEY: &[u8] = b"tg_";

// === impl Asked ===

impl Asked {
    /// An opaque token (RFC 6750, section 2.1: b64token).
    pub(crate) fn token(token: &[u8]) -> Result<Self, InvalidToken> {
        if TOKEN_BYTES_MAX < token.len() {
            return Err(InvalidToken::TooLong);
        }
        let end = token.iter().rposition(|&b| b != b'=').ok_or(InvalidToken::Characters)?;
        let is_plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(b);
        if !token.iter().take(end.saturating_add(1)).all(is_plain) {
            return Err(InvalidToken::Characters);
        }
        text(token).ok_or(InvalidToken::Characters)
    }

    /// An API key: if it says that it is ours, one without a mistake in it.
    pub(crate) fn api_key(key: &[u8]) -> Option<Self> {
        let fits = (1..=KEY_BYTES_MAX).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
        let is_ours = !key.starts_with(OUR_KEY) || ApiKey::is_well_formed(key);
        if fits && is_ours { text(key) } else { None }
    }

    /// The id of a key that a request was signed with.
    pub(crate) fn signing_key(id: &str) -> Option<Self> {
        is_id(id).then(|| Self(id.to_owned()))
    }

    /// The question (RFC 7662, section 2.1).
    pub(crate) fn form(&self, hint: Option<&str>) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("token", &self.0);
        if let Some(hint) = hint {
            form.append_pair("token_type_hint", hint);
        }
        form.finish()
    }
}

fn text(bytes: &[u8]) -> Option<Asked> {
    str::from_utf8(bytes).ok().map(|text| Asked(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_have_the_characters_of_tokens() {
        for (token, expected) in [
            (&b"a"[..], Ok(())),
            (b"aZ09-._~+/==", Ok(())),
            (b"", Err(InvalidToken::Characters)),
            (b"=", Err(InvalidToken::Characters)),
            (b"a=b", Err(InvalidToken::Characters)),
            (b"a b", Err(InvalidToken::Characters)),
            (b"a,b", Err(InvalidToken::Characters)),
            (b"a\xff", Err(InvalidToken::Characters)),
            (b"a\0", Err(InvalidToken::Characters)),
            (&vec![b'a'; TOKEN_BYTES_MAX], Ok(())),
            (&vec![b'a'; TOKEN_BYTES_MAX + 1], Err(InvalidToken::TooLong)),
        ] {
            assert_eq!(Asked::token(token).map(drop), expected, "{}", token.escape_ascii());
        }
    }

    #[test]
    fn a_key_that_says_it_is_ours_is_one() {
        let ours = ApiKey::generate([7; 32]);
        for (key, expected) in [
            (ours.as_str().as_bytes(), true),
            (b"tg_", false),
            (&ours.as_str().as_bytes()[..51], false),
            (b"sk-somebody-else", true),
            (b"", false),
            (b"a b", false),
            (b"a\xff", false),
            (&[b'a'; KEY_BYTES_MAX], true),
            (&[b'a'; KEY_BYTES_MAX + 1], false),
        ] {
            assert_eq!(Asked::api_key(key).is_some(), expected, "{}", key.escape_ascii());
        }
    }

    #[test]
    fn questions_are_forms() {
        let token = Asked::token(b"a+b/c~.-_==").unwrap();
        assert_eq!(
            token.form(Some("access_token")),
            "token=a%2Bb%2Fc%7E.-_%3D%3D&token_type_hint=access_token"
        );
        assert_eq!(Asked::api_key(b"k&x=%").unwrap().form(None), "token=k%26x%3D%25");
    }

    proptest! {
        #[test]
        fn what_is_asked_is_what_was_shown(key in "[!-~]{1,64}") {
            if let Some(asked) = Asked::api_key(key.as_bytes()) {
                let form = asked.form(None);
                let read: Vec<_> = form_urlencoded::parse(form.as_bytes()).collect();
                prop_assert_eq!(read, [("token".into(), key.into())]);
            }
        }

        #[test]
        fn no_bytes_cause_a_panic(bytes: Vec<u8>) {
            let _ = (Asked::token(&bytes), Asked::api_key(&bytes));
        }
    }
}
