//! Which operation of a contract serves a request.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use serde_json::{Value, json};
use tollgate_auth::{Authenticator, IdentitySpec};
use tollgate_core::{CanonicalPath, Headers, Seed};
use tollgate_gateway::{Contract, Found, Request};

/// Operations are named by their place; each request line is
/// `METHOD TARGET [HEADER=VALUE]...  OUTCOME`.
fn check(matches: &Value, table: &[&str]) {
    let contract = compile(matches);
    for line in table {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [method, target, headers @ .., expected] = &words[..] else { panic!("{line}") };
        let headers: Headers = headers.iter().map(|pair| pair.split_once('=').unwrap()).collect();
        assert_eq!(outcome(&contract, method, target, &headers), *expected, "request: {line}");
    }
}

fn compile(matches: &Value) -> Contract {
    let operations: Vec<_> = matches.as_array().unwrap().iter().enumerate().map(|(index, r#match)| {
        json!({"name": index.to_string(), "group": "g", "match": r#match, "access": {"auth": "none"}})
    }).collect();
    let spec = serde_json::from_value(json!({"api": "a", "operations": operations})).unwrap();
    let nobody = Authenticator::compile(IdentitySpec::default(), Seed([0; 16])).unwrap();
    Contract::compile(spec, &nobody).unwrap()
}

fn outcome(contract: &Contract, method: &str, target: &str, headers: &Headers) -> String {
    let path = CanonicalPath::parse(target.as_bytes()).unwrap();
    let request = Request { method: method.as_bytes(), path, headers };
    match contract.find(&request) {
        Found::Operation(operation) => {
            let named = operation
                .path_parameters(&request)
                .into_iter()
                .map(|(name, value)| format!(",{name}={}", String::from_utf8_lossy(&value)));
            operation.name().to_owned() + &named.collect::<String>()
        }
        Found::OtherCase => "case".into(),
        Found::Unclear => "unclear".into(),
        Found::Nothing => match contract.methods_instead(&request) {
            methods if methods.is_empty() => "nothing".into(),
            methods => format!("405:{}", methods.into_iter().collect::<Vec<_>>().join(",")),
        },
    }
}

#[test]
fn a_path_is_served_whole() {
    check(
        &json!([{"path": "/orders"}, {"path": "/orders/archive/"}]),
        &[
            "GET /orders                 0",
            "GET /orders/                0",
            "GET /orders?a=b             0",
            "GET /orders/?a=b            0",
            "GET /orders/archive         1",
            "GET /orders/archive/        1",
            "GET /                       nothing",
            "GET /order                  nothing",
            "GET /ordersX                nothing",
            "GET /orders/7               nothing",
            "GET /orders/archive/7       nothing",
        ],
    );
}

#[test]
fn a_parameter_is_one_whole_segment() {
    check(
        &json!([{"path": "/orders/{id}/items/{item}"}, {"path": "/{any}"}]),
        &[
            "GET /orders/7/items/x       0,id=7,item=x",
            "GET /orders/a%2Cb/items/%C3%A9/  0,id=a,b,item=é",
            "GET /orders/7/items         nothing",
            "GET /orders/7/items/x/y     nothing",
            "GET /orders                 1,any=orders",
            "GET /caf%c3%a9              1,any=café",
            "GET /                       nothing",
        ],
    );
}

#[test]
fn a_prefix_ends_where_a_segment_ends() {
    check(
        &json!([{"prefix": "/orders/"}, {"prefix": "/"}]),
        &[
            "GET /orders                 0",
            "GET /orders/                0",
            "GET /orders/7/items         0",
            "GET /ordersX                1",
            "GET /                       1",
        ],
    );
}

#[test]
fn a_regex_is_for_the_whole_decoded_path() {
    check(
        &json!([{"regex": "/files/.*\\.txt"}, {"regex": "/a|/ab"}, {"regex": "/caf\\xc3\\xa9!?"}]),
        &[
            "GET /files/a/b.txt          0",
            "GET /files/a.txt/           0",
            "GET /files/a.txt?x          0",
            "GET /files/a.txt.exe        nothing",
            "GET /x/files/a.txt          nothing",
            "GET /ab                     1",
            "GET /ab/                    1",
            "GET /abc                    nothing",
            "GET /caf%c3%a9              2",
            "GET /caf%C3%A9%21           2",
            "GET /FILES/a.txt            case",
        ],
    );
}

#[test]
fn the_first_in_the_list_counts() {
    check(
        &json!([{"prefix": "/a"}, {"path": "/a/b"}, {"path": "/{x}/b"}, {"path": "/c/b"}, {"regex": "/.*"}, {"path": "/d"}]),
        &[
            "GET /a/b                    0",
            "GET /c/b                    2,x=c",
            "GET /d                      4",
        ],
    );
}

#[test]
fn methods_are_compared_as_they_are() {
    check(
        &json!([{"path": "/a", "methods": ["GET", "HEAD"]}, {"path": "/a", "methods": ["POST"]}, {"path": "/b"}]),
        &[
            "GET /a                      0",
            "HEAD /a                     0",
            "POST /a                     1",
            "get /a                      405:GET,HEAD,POST",
            "OPTIONS /a/                 405:GET,HEAD,POST",
            "DELETE /A                   nothing",
            "DELETE /a/b                 nothing",
            "OPTIONS /b                  2",
            "BREW /b                     2",
        ],
    );
}

/// A backend that ignores case would serve `/admin` under the policy of `/`.
#[test]
fn case_never_leads_to_another_operation() {
    check(
        &json!([{"path": "/admin/{id}", "methods": ["GET"]}, {"prefix": "/Api/v1"}, {"prefix": "/"}]),
        &[
            "GET /admin/x                0,id=x",
            "GET /admin/X                0,id=X",
            "GET /Admin/x                case",
            "GET /ADMIN/x/               case",
            "POST /Admin/x               2",
            "GET /api/v1/x               case",
            "GET /Api/v1/X               1",
            "GET /adminx                 2",
        ],
    );
}

#[test]
fn headers_decide() {
    check(
        &json!([
            {"path": "/a", "headers": {"X-Version": "2"}},
            {"path": "/a", "headers": {"x-kind": {"regex": "a|ab"}}},
            {"path": "/a", "headers": {"x-debug": {"present": true}}},
            {"path": "/b", "headers": {"x-debug": {"present": false}}},
        ]),
        &[
            "GET /a x-version=2          0",
            "GET /a x-version=2 x-kind=a 0",
            "GET /a x-version=22         nothing",
            "GET /a x-kind=ab            1",
            "GET /a x-kind=abc           nothing",
            "GET /a x-debug=             2",
            "GET /a                      nothing",
            "GET /b                      3",
            "GET /b x-debug=1            nothing",
        ],
    );
}

/// Another method would not help where the conditions fail as well.
#[test]
fn methods_are_offered_where_the_rest_fits() {
    check(
        &json!([{"path": "/a", "methods": ["GET"], "headers": {"x": "1"}}]),
        &[
            "POST /a x=1                 405:GET",
            "POST /a                     nothing",
            "POST /a x=2                 nothing",
            "POST /a x=1 x=2             405:GET",
        ],
    );
}

#[test]
fn query_parameters_decide_decoded() {
    check(
        &json!([
            {"path": "/a", "query": {"action": "delete all"}},
            {"path": "/a", "query": {"é": {"present": true}}},
            {"path": "/a", "query": {"n": {"regex": "[0-9]+"}}},
        ]),
        &[
            "GET /a?action=delete+all        0",
            "GET /a?action=delete%20all      0",
            "GET /a?%61ction=%64elete%20all  0",
            "GET /a?x&action=delete+all&y    0",
            "GET /a?action=delete            nothing",
            "GET /a?Action=delete+all        nothing",
            "GET /a?%c3%a9                   1",
            "GET /a?n=12                     2",
            "GET /a?n=12x                    nothing",
            "GET /a?n=%zz                    nothing",
            "GET /a?&&=&                     nothing",
            "GET /a?n                        nothing",
        ],
    );
}

/// Some backends take the first, some the last: no answer is right for both.
#[test]
fn a_value_that_decides_must_not_stand_twice() {
    check(
        &json!([
            {"path": "/a", "methods": ["GET"], "query": {"v": "1"}},
            {"path": "/a", "headers": {"x-v": "1", "x-w": "1"}},
            {"path": "/a", "headers": {"x-p": {"present": true}}},
            {"prefix": "/"},
        ]),
        &[
            "GET /a?v=1&v=2              unclear",
            "GET /a?v=2&v=3              unclear",
            "POST /a?v=1&v=2             3",
            "GET /A?v=1&v=2              unclear",
            "GET /b?v=1&v=2              3",
            "GET /a x-v=1 x-v=2          3",
            "GET /a x-v=1 x-v=2 x-w=1    unclear",
            "GET /a x-p=1 x-p=2          2",
        ],
    );
}
