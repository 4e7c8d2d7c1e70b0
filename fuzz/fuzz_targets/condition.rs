//! A condition: from any text to its refusal or its verdict on any request.
#![no_main]

use std::borrow::Cow;
use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use tollgate_auth::{Access, AccessSpec, Authenticator, Facts};
use tollgate_core::{CanonicalPath, Headers, Principal, Seed};

const IDENTITY: &str = r#"{"jwt": {"idp": {"issuer": "https://id.example", "audiences": ["api"],
    "claims": {"keep": ["a", "b"]}}}}"#;

/// What conditions are made of, so that more than a few random texts are good.
const WORDS: [&str; 64] = [
    "principal",
    "request",
    ".method",
    ".subject",
    ".tenant",
    ".tier",
    ".scopes",
    ".groups",
    ".claims",
    ".a",
    ".b",
    ".path",
    ".host",
    ".path_params",
    ".id",
    ".headers",
    ".query",
    "[\"a\"]",
    "[0]",
    "[-1]",
    "[x]",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "?",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    " in ",
    "'a'",
    "''",
    "\"\\u00e9\"",
    "0",
    "1",
    "9223372036854775807",
    "-9223372036854775808",
    "true",
    "false",
    "null",
    "size(",
    "int(",
    ".startsWith(",
    ".endsWith(",
    ".contains(",
    "has(",
    ".exists(x, ",
    ".all(x, ",
    ".exists_one(x, ",
];

/// Words or a text, claims, a path, and header lines.
type Asked<'a> = (Vec<u8>, &'a str, &'a str, &'a [u8], Vec<(u8, &'a [u8])>);

thread_local! {
    static AUTHENTICATOR: RefCell<Authenticator> = RefCell::new(
        Authenticator::compile(serde_json::from_str(IDENTITY).unwrap(), Seed([0; 16])).unwrap(),
    );
}

fuzz_target!(|asked: Asked<'_>| {
    let (words, text, claims, path, lines) = asked;
    let word = |place: &u8| WORDS[usize::from(*place) % WORDS.len()];
    let when: String =
        if words.is_empty() { text.to_owned() } else { words.iter().map(word).collect() };
    let access = serde_json::json!({"auth": {"any_of": ["jwt.idp"]}, "allow": {"when": when}});
    let access: AccessSpec = serde_json::from_value(access).unwrap();
    let Ok(access) =
        AUTHENTICATOR.with_borrow(|authenticator| Access::compile(access, &["id"], authenticator))
    else {
        return;
    };
    let names = ["a", "b", "A", ":authority", "host", "x"];
    let name = |place: u8| names[usize::from(place) % names.len()];
    let headers: Headers = lines.iter().map(|&(place, value)| (name(place), value)).collect();
    let caller = Principal {
        method: "jwt.idp".into(),
        subject: text.into(),
        tenant: words.first().map(|_| text.into()),
        scopes: text.split_whitespace().collect(),
        groups: text.split(',').collect(),
        claims: Some(claims.into()),
        ..Principal::default()
    };
    let path_parameters = &[("id", Cow::Borrowed(path))];
    let path = CanonicalPath::parse(path).ok();
    let facts = Facts {
        method: path.map_or(b"GET", |p| p.as_bytes()),
        path,
        headers: &headers,
        path_parameters,
    };
    let verdict = access.authorise(Some(&caller), &facts);
    assert_eq!(verdict, access.authorise(Some(&caller), &facts), "{when}");
    assert!(verdict.is_ok() || verdict.is_err_and(|reply| reply.problem.status == 403), "{when}");
});
