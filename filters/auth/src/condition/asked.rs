//! What a condition asks for, found by its path: `principal.claims.team`.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use tollgate_core::{ClaimPath, is_header_name, is_reserved};

use super::input::{Field, Input, Part};
use super::kind::Kind;
use super::{InvalidCondition, Names};

const PRINCIPAL: &str = "method, subject, tenant, tier, scopes, groups and claims.NAME";
const REQUEST: &str = "method, path, host, path_params.NAME, headers.NAME and query.NAME";
const A_NAME: &str = "a NAME, as NAME after a dot or as [\"NAME\"]";

/// The names of a path, and whether it asks if there is something at its end.
pub(super) fn path(expression: &Expr) -> Option<(Vec<&str>, bool)> {
    membership(expression).map(|names| (names, true)).or_else(|| selection(expression))
}

/// `"x-name" in request.headers`: `has` takes names with dots before them alone.
fn membership(expression: &Expr) -> Option<Vec<&str>> {
    let Expr::Call(CallExpr { func_name, target: None, args }) = expression else { return None };
    let [IdedExpr { expr: Expr::Literal(LiteralValue::String(name)), .. }, whole] = args.as_slice()
    else {
        return None;
    };
    let (mut names, _) = selection(&whole.expr).filter(|_| func_name == operators::IN)?;
    let is_whole = matches!(
        names.as_slice(),
        ["principal", "claims"] | ["request", "headers" | "query" | "path_params"]
    );
    names.push(name.inner());
    is_whole.then_some(names)
}

fn selection(expression: &Expr) -> Option<(Vec<&str>, bool)> {
    let mut names = Vec::new();
    let is_test = matches!(expression, Expr::Select(select) if select.test);
    let mut rest = expression;
    loop {
        match rest {
            Expr::Ident(name) => {
                names.push(name.as_str());
                names.reverse();
                return Some((names, is_test));
            }
            Expr::Select(select) if !select.test || names.is_empty() => {
                names.push(&select.field);
                rest = &select.operand.expr;
            }
            Expr::Call(CallExpr { func_name, target: None, args }) => match args.as_slice() {
                [of, IdedExpr { expr: Expr::Literal(LiteralValue::String(name)), .. }]
                    if func_name == operators::INDEX =>
                {
                    names.push(name.inner());
                    rest = &of.expr;
                }
                _ => return None,
            },
            _ => return None,
        }
    }
}

// === impl Names ===

impl Names<'_> {
    /// What the path of these names asks for.
    pub(super) fn input(&self, names: &[&str]) -> Result<Input, InvalidCondition> {
        match names {
            ["principal", "claims", path @ ..] => claim(path),
            ["principal", field, rest @ ..] => principal(field, rest),
            ["principal"] => Err(InvalidCondition::Whole { whole: "principal", known: PRINCIPAL }),
            ["request", "path_params", rest @ ..] => {
                self.path_parameter(only("request.path_params", rest)?)
            }
            ["request", "headers", rest @ ..] => self.header(only("request.headers", rest)?),
            ["request", "query", rest @ ..] => self.query(only("request.query", rest)?),
            ["request", part, rest @ ..] => request(part, rest),
            ["request"] => Err(InvalidCondition::Whole { whole: "request", known: REQUEST }),
            [other, ..] => Err(InvalidCondition::Unknown((*other).to_owned())),
            [] => Err(InvalidCondition::Unknown(String::new())),
        }
    }

    fn path_parameter(&self, name: &str) -> Result<Input, InvalidCondition> {
        let parameters = self.path_parameters;
        if parameters.contains(&name) {
            return Ok(Input::PathParameter(name.to_owned()));
        }
        let known = if parameters.is_empty() {
            "the path has none".to_owned()
        } else {
            format!("the path has {}", parameters.join(", "))
        };
        Err(InvalidCondition::PathParameter { name: name.to_owned(), known })
    }

    /// What callers say about themselves by a reserved header is taken out, and
    /// a credential is a secret that no condition may hold.
    fn header(&self, written: &str) -> Result<Input, InvalidCondition> {
        let name = written.to_ascii_lowercase();
        if !is_header_name(&name) {
            return Err(InvalidCondition::HeaderName(written.to_owned()));
        }
        if is_reserved(name.as_bytes()) {
            return Err(InvalidCondition::ReservedHeader(written.to_owned()));
        }
        if (self.is_secret)("headers", &name) {
            let (kind, name) = ("headers", written.to_owned());
            return Err(InvalidCondition::Credential { kind, name });
        }
        Ok(Input::Header(name))
    }

    fn query(&self, name: &str) -> Result<Input, InvalidCondition> {
        let name = name.to_owned();
        if (self.is_secret)("query", &name) {
            return Err(InvalidCondition::Credential { kind: "query", name });
        }
        Ok(Input::Query(name))
    }
}

fn claim(names: &[&str]) -> Result<Input, InvalidCondition> {
    let whole = "principal.claims";
    match names {
        [] => Err(InvalidCondition::Whole { whole, known: A_NAME }),
        _ if names.contains(&"") => {
            Err(InvalidCondition::UnknownPart { whole, part: String::new(), known: A_NAME })
        }
        names => Ok(Input::Claim(ClaimPath::of(names.iter().copied()))),
    }
}

fn principal(field: &str, rest: &[&str]) -> Result<Input, InvalidCondition> {
    let input = Input::Principal(match field {
        "method" => Field::Method,
        "subject" => Field::Subject,
        "tenant" => Field::Tenant,
        "tier" => Field::Tier,
        "scopes" => Field::Scopes,
        "groups" => Field::Groups,
        _ => {
            let (whole, part) = ("principal", field.to_owned());
            return Err(InvalidCondition::UnknownPart { whole, part, known: PRINCIPAL });
        }
    });
    without_parts(input, &["principal", field], rest)
}

fn request(part: &str, rest: &[&str]) -> Result<Input, InvalidCondition> {
    let input = Input::Request(match part {
        "method" => Part::Method,
        "path" => Part::Path,
        "host" => Part::Host,
        _ => {
            let (whole, part) = ("request", part.to_owned());
            return Err(InvalidCondition::UnknownPart { whole, part, known: REQUEST });
        }
    });
    without_parts(input, &["request", part], rest)
}

fn without_parts(input: Input, whole: &[&str], rest: &[&str]) -> Result<Input, InvalidCondition> {
    match rest.first() {
        None => Ok(input),
        Some(part) => {
            let (whole, part) = (whole.join("."), (*part).to_owned());
            Err(InvalidCondition::NoParts { whole, kind: input.kind(), part })
        }
    }
}

/// The one name that follows.
fn only<'n>(whole: &'static str, names: &[&'n str]) -> Result<&'n str, InvalidCondition> {
    match names {
        [name] => Ok(name),
        [] => Err(InvalidCondition::Whole { whole, known: A_NAME }),
        [name, part, ..] => {
            let (whole, part) = (format!("{whole}.{name}"), (*part).to_owned());
            Err(InvalidCondition::NoParts { whole, kind: Kind::Text, part })
        }
    }
}
