use std::collections::BTreeMap;

use serde_json::Value;

use crate::document::{Document, text};
use crate::import::Options;
use crate::naming::slug;

/// By what callers prove who they are.
#[derive(Default)]
pub(crate) struct Schemes {
    /// What each is in configuration, by its name in the document; nothing if it
    /// cannot be judged.
    methods: BTreeMap<String, Option<String>>,
    /// Where API keys stand: the kind of place, and its name.
    pub(crate) places: Vec<(&'static str, String)>,
    /// By the name that `jwt.NAME` refers to.
    pub(crate) issuers: BTreeMap<String, Issuer>,
}

/// Who issues tokens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Issuer {
    /// The value of `iss`.
    pub(crate) name: String,
    pub(crate) audience: String,
    pub(crate) jwks: String,
}

/// Who may call an operation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Auth {
    Anybody,
    Callers { methods: Vec<String>, optional: bool, scopes: Vec<String> },
}

/// An issuer that there cannot be (RFC 6761, section 6.4): nobody has its tokens.
const NOBODY: &str = "https://issuer.invalid";

/// What names an OpenID provider's own description (OpenID Connect Discovery, section 4).
const DISCOVERY: &str = "/.well-known/openid-configuration";

// === impl Schemes ===

impl Schemes {
    pub(crate) fn of(document: Document<'_>, options: &Options, notices: &mut Vec<String>) -> Self {
        let mut schemes = Self::default();
        for (name, scheme) in document.schemes() {
            let method = schemes.method(name, scheme, options, notices);
            if method.is_none() {
                let kind = text(scheme, "type").unwrap_or_default();
                notices.push(format!("security scheme {name} ({kind}) is nothing that is judged"));
            }
            schemes.methods.insert(name.to_owned(), method);
        }
        schemes
    }

    fn method(
        &mut self,
        name: &str,
        scheme: &Value,
        options: &Options,
        notices: &mut Vec<String>,
    ) -> Option<String> {
        match text(scheme, "type")? {
            "apiKey" => self.api_key(text(scheme, "in")?, text(scheme, "name")?),
            "http" if text(scheme, "scheme")?.eq_ignore_ascii_case("bearer") => {
                Some(self.issuer(name, None, options, notices))
            }
            "oauth2" => Some(self.issuer(name, None, options, notices)),
            "openIdConnect" => {
                let url = text(scheme, "openIdConnectUrl");
                let issuer = url.and_then(|url| url.strip_suffix(DISCOVERY));
                Some(self.issuer(name, issuer, options, notices))
            }
            _ => None,
        }
    }

    fn api_key(&mut self, place: &str, name: &str) -> Option<String> {
        let kind = match place {
            // That one carries tokens, and is read as such.
            "header" if !name.eq_ignore_ascii_case("authorization") => "header",
            "query" => "query",
            "cookie" => "cookie",
            _ => return None,
        };
        let place = (kind, name.to_owned());
        if !self.places.contains(&place) {
            self.places.push(place);
        }
        Some("api_key".to_owned())
    }

    /// Schemes with one issuer are one method.
    fn issuer(
        &mut self,
        name: &str,
        said: Option<&str>,
        options: &Options,
        notices: &mut Vec<String>,
    ) -> String {
        let issuer = said.or(options.issuer.as_deref()).unwrap_or(NOBODY).trim_end_matches('/');
        if let Some((known, _)) = self.issuers.iter().find(|(_, one)| one.name == issuer) {
            return format!("jwt.{known}");
        }
        let name = slug(name, "tokens");
        let what =
            if issuer == NOBODY { "issuer and keys are" } else { "the address of its keys is" };
        notices.push(format!("identity.jwt.{name}: {what} guessed, and to be filled in"));
        let one = Issuer {
            name: issuer.to_owned(),
            audience: options.audience.clone().unwrap_or_else(|| "api".to_owned()),
            jwks: format!("{issuer}/.well-known/jwks.json"),
        };
        self.issuers.insert(name.clone(), one);
        format!("jwt.{name}")
    }

    /// Who may call where these alternatives are asked for; or why that cannot be judged.
    pub(crate) fn auth(
        &self,
        alternatives: Option<&[Value]>,
        call: &str,
        notices: &mut Vec<String>,
    ) -> Result<Auth, String> {
        let alternatives = alternatives.unwrap_or_default();
        if alternatives.is_empty() {
            return Ok(Auth::Anybody);
        }
        let (mut methods, mut optional, mut asked) = (Vec::new(), false, Vec::new());
        for alternative in alternatives {
            let Some(schemes) = alternative.as_object() else { continue };
            let mut schemes = schemes.iter();
            match (schemes.next(), schemes.next()) {
                (None, _) => optional = true,
                (Some((name, scopes)), None) => {
                    let Some(Some(method)) = self.methods.get(name) else { continue };
                    asked.push(scopes_of(scopes));
                    if !methods.contains(method) {
                        methods.push(method.clone());
                    }
                }
                (Some(_), Some(_)) => {
                    notices.push(format!("{call}: two credentials at once are not accepted"));
                }
            }
        }
        let Some(first) = asked.first() else {
            // Alone, `{}` asks for nothing.
            let only_open = optional && alternatives.len() == 1;
            return if only_open { Ok(Auth::Anybody) } else { Err(UNJUDGED.to_owned()) };
        };
        if asked.iter().any(|scopes| scopes != first) {
            notices.push(format!(
                "{call}: its alternatives ask for different scopes; all are asked for"
            ));
        }
        let mut scopes: Vec<String> = asked.into_iter().flatten().collect();
        scopes.sort();
        scopes.dedup();
        // Who shows nothing has no scope.
        let optional = optional && scopes.is_empty();
        Ok(Auth::Callers { methods, optional, scopes })
    }
}

const UNJUDGED: &str = "its callers could not be judged as the document asks";

fn scopes_of(scopes: &Value) -> Vec<String> {
    let scopes = scopes.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut scopes: Vec<String> =
        scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    scopes.sort();
    scopes
}
