use tollgate_core::Reply;

use crate::InvalidToken;
use crate::allow::Lacking;
use crate::ask::Unanswered;
use crate::denials::Barred;
use crate::problem::{
    CALLER_UNKNOWN, DUPLICATE_CREDENTIALS, FORBIDDEN, INSUFFICIENT_SCOPE, INVALID_API_KEY,
    INVALID_CERTIFICATE, INVALID_TOKEN, KEYS_UNAVAILABLE, NO_BACKEND_TOKEN, REVOCATIONS_UNKNOWN,
    REVOKED, UNAUTHENTICATED, UNDECIDED,
};

/// The ways in to a route, as its answers name them (RFC 9110, section 11.6.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Challenges {
    pub(crate) bearer: bool,
    pub(crate) certificate: bool,
    pub(crate) api_key: Vec<String>,
    /// Ways of signing.
    pub(crate) signatures: Vec<&'static str>,
}

const CHALLENGE: &str = "www-authenticate";
/// No scheme is registered for TLS itself.
const CERTIFICATE: &str = "ClientCertificate";
const REALM: &str = "Bearer realm=\"tollgate\"";
const SIGNED_REALM: &str = "realm=\"tollgate\"";

/// Keys are fetched every few seconds while there are none.
const RETRY_SECONDS: &str = "5";

// === impl Challenges ===

impl Challenges {
    /// `api_key` are the places where keys may stand: of which kind, and its name.
    pub(crate) fn new<'a>(
        bearer: bool,
        certificate: bool,
        api_key: impl Iterator<Item = (&'static str, &'a str)>,
    ) -> Self {
        let plain =
            |name: &str| name.bytes().all(|b| b.is_ascii_graphic() && !b"\"\\".contains(&b));
        let api_key = api_key.filter(|(_, name)| plain(name));
        let api_key = api_key.map(|(kind, name)| format!("ApiKey {kind}=\"{name}\"")).collect();
        Self { bearer, certificate, api_key, signatures: Vec::new() }
    }

    pub(crate) fn unauthenticated(&self) -> Reply {
        let detail = "the request carries no credential of a kind that is accepted here";
        self.ask(Reply::new(UNAUTHENTICATED, detail), REALM.to_owned())
    }

    /// RFC 6750, section 3: the error stands beside the scheme.
    pub(crate) fn invalid_token(&self, fault: InvalidToken) -> Reply {
        let detail = fault.to_string();
        let bearer = format!("{REALM}, error=\"invalid_token\", error_description=\"{detail}\"");
        self.ask(Reply::new(INVALID_TOKEN, detail), bearer)
    }

    pub(crate) fn invalid_api_key(&self) -> Reply {
        self.ask(Reply::new(INVALID_API_KEY, "nobody has this API key"), REALM.to_owned())
    }

    /// RFC 6750, section 3.1: a revoked token is an invalid one.
    pub(crate) fn barred(&self, barred: Barred) -> Reply {
        match barred {
            Barred::Revoked => {
                let detail = "the credential has been revoked";
                let bearer =
                    format!("{REALM}, error=\"invalid_token\", error_description=\"{detail}\"");
                self.ask(Reply::new(REVOKED, detail), bearer)
            }
            Barred::Unknown => Reply::new(
                REVOCATIONS_UNKNOWN,
                "the control plane has not said for too long who has been revoked",
            )
            .with("retry-after", RETRY_SECONDS),
        }
    }

    pub(crate) fn invalid_certificate(&self) -> Reply {
        let detail = "the client certificate names no caller as this gateway expects it";
        self.ask(Reply::new(INVALID_CERTIFICATE, detail), REALM.to_owned())
    }

    /// RFC 6750, section 3.1: it stands there in more than one way.
    pub(crate) fn duplicate_credentials(&self) -> Reply {
        let detail = "a credential stands more than once, or beside one of another kind";
        let bearer = format!("{REALM}, error=\"invalid_request\", error_description=\"{detail}\"");
        self.ask(Reply::new(DUPLICATE_CREDENTIALS, detail), bearer)
    }

    /// The signature of a request is not accepted.
    pub(crate) fn unsigned(&self, reply: Reply) -> Reply {
        self.ask(reply, REALM.to_owned())
    }

    fn ask(&self, reply: Reply, bearer: String) -> Reply {
        let bearer = self.bearer.then_some(bearer);
        let certificate = self.certificate.then(|| CERTIFICATE.to_owned());
        let signatures = self.signatures.iter().map(|scheme| format!("{scheme} {SIGNED_REALM}"));
        let schemes = bearer.into_iter().chain(self.api_key.iter().cloned()).chain(certificate);
        let schemes = schemes.chain(signatures);
        schemes.fold(reply, |reply, scheme| reply.with(CHALLENGE, scheme))
    }
}

/// What a caller who is known lacks. RFC 6750, section 3.1: only those who came
/// with a token know the scheme, and which scopes to ask for is told where it is
/// certain.
pub(crate) fn forbidden(lacking: Lacking<'_>, bearer: bool) -> Reply {
    const SCHEME: &str = "Bearer error=\"insufficient_scope\"";
    let (reply, challenge) = match lacking {
        Lacking::Group => {
            (Reply::new(FORBIDDEN, "the caller is in none of the groups that may call"), None)
        }
        Lacking::Claim => {
            (Reply::new(FORBIDDEN, "the caller's token lacks a claim that is asked for"), None)
        }
        Lacking::Condition => (
            Reply::new(FORBIDDEN, "the condition of the route does not hold for this request"),
            None,
        ),
        Lacking::Decision => (
            Reply::new(UNDECIDED, "the condition of the route cannot be decided for this request"),
            None,
        ),
        Lacking::AllScopes(scopes) => {
            let scopes = scopes.join(" ");
            let detail = format!("the caller needs all of these scopes: {scopes}");
            let challenge = format!("{SCHEME}, scope=\"{scopes}\"");
            (Reply::new(INSUFFICIENT_SCOPE, detail), Some(challenge))
        }
        Lacking::AnyScope(scopes) => {
            let detail = format!("the caller needs one of these scopes: {}", scopes.join(" "));
            (Reply::new(INSUFFICIENT_SCOPE, detail), Some(SCHEME.to_owned()))
        }
    };
    challenge.filter(|_| bearer).into_iter().fold(reply, |reply, text| reply.with(CHALLENGE, text))
}

pub(crate) fn keys_unavailable(detail: &'static str) -> Reply {
    Reply::new(KEYS_UNAVAILABLE, detail).with("retry-after", RETRY_SECONDS)
}

/// A caller who is known, and of whom the backend is to be told by a token that
/// cannot be had.
pub(crate) fn no_token(fault: Unanswered) -> Reply {
    let reply =
        Reply::new(NO_BACKEND_TOKEN, "whoever makes tokens for the backend does not answer");
    reply.with("retry-after", fault.retry_seconds().to_string())
}

pub(crate) fn unanswered(fault: Unanswered) -> Reply {
    let reply = Reply::new(CALLER_UNKNOWN, fault.to_string());
    reply.with("retry-after", fault.retry_seconds().to_string())
}
