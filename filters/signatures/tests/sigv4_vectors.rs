//! What AWS publishes about its Signature Version 4.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod common;

use common::mutants::mutants;
use common::{Judge, Sent};
use serde_json::json;
use tollgate_signatures::Key;

/// The test suite of AWS: its signatures for requests to one host at one
/// moment, whose paths are written as Envoy hands them over: dot segments and
/// doubled slashes resolved, and everything else but ASCII escaped.
///
/// Its `get-space` and `get-utf8` sign a path that is escaped once, which is
/// what style `s3` verifies. `get-header-value-multiline` folds a header over
/// lines, which HTTP has given up.
const SUITE: &[Vector] = &[
    Vector {
        names: "get-vanilla get-vanilla-query get-relative get-relative-relative get-slash \
                get-slash-dot-slash",
        signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ..GET
    },
    Vector {
        names: "get-vanilla-empty-query-key",
        target: "/?Param1=value1",
        signature: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ..GET
    },
    Vector {
        names: "get-vanilla-query-order-key-case",
        target: "/?Param2=value2&Param1=value1",
        signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ..GET
    },
    Vector {
        names: "get-vanilla-query-order-key",
        target: "/?Param1=value2&Param1=Value1",
        signature: "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1",
        ..GET
    },
    Vector {
        names: "get-vanilla-query-order-value",
        target: "/?Param1=value2&Param1=value1",
        signature: "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
        ..GET
    },
    Vector {
        names: "get-vanilla-query-unreserved",
        target: "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=\
                 -._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        signature: "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ..GET
    },
    Vector {
        names: "get-vanilla-utf8-query",
        target: "/?%E1%88%B4=bar",
        signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ..GET
    },
    Vector {
        names: "get-unreserved",
        target: "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ..GET
    },
    Vector {
        names: "get-utf8",
        target: "/%E1%88%B4",
        style: "s3",
        signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        ..GET
    },
    Vector {
        names: "get-space",
        target: "/example%20space/",
        style: "s3",
        signature: "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ..GET
    },
    Vector {
        names: "get-slashes",
        target: "/example/",
        signature: "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ..GET
    },
    Vector {
        names: "get-slash-pointless-dot",
        target: "/example",
        signature: "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
        ..GET
    },
    Vector {
        names: "get-header-key-duplicate",
        headers: &[("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")],
        signed: "host;my-header1;x-amz-date",
        signature: "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ..GET
    },
    Vector {
        names: "get-header-value-order",
        headers: &[
            ("my-header1", "value4"),
            ("my-header1", "value1"),
            ("my-header1", "value3"),
            ("my-header1", "value2"),
        ],
        signed: "host;my-header1;x-amz-date",
        signature: "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        ..GET
    },
    Vector {
        names: "get-header-value-trim",
        headers: &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
        signed: "host;my-header1;my-header2;x-amz-date",
        signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ..GET
    },
    Vector {
        names: "post-vanilla post-header-key-case",
        signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ..POST
    },
    Vector {
        names: "post-vanilla-query post-vanilla-empty-query-value",
        target: "/?Param1=value1",
        signature: "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ..POST
    },
    Vector {
        names: "post-header-key-sort",
        headers: &[("my-header1", "value1")],
        signed: "host;my-header1;x-amz-date",
        signature: "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ..POST
    },
    Vector {
        names: "post-header-value-case",
        headers: &[("my-header1", "VALUE1")],
        signed: "host;my-header1;x-amz-date",
        signature: "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ..POST
    },
    Vector {
        names: "post-x-www-form-urlencoded",
        headers: &[("content-type", "application/x-www-form-urlencoded")],
        signed: "content-type;host;x-amz-date",
        body: "Param1=value1",
        signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ..POST
    },
    Vector {
        names: "post-x-www-form-urlencoded-parameters",
        headers: &[("content-type", "application/x-www-form-urlencoded; charset=utf8")],
        signed: "content-type;host;x-amz-date",
        body: "Param1=value1",
        signature: "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
        ..POST
    },
];

/// One request of the suite.
struct Vector {
    names: &'static str,
    method: &'static str,
    target: &'static str,
    style: &'static str,
    headers: &'static [(&'static str, &'static str)],
    signed: &'static str,
    body: &'static str,
    signature: &'static str,
}

const GET: Vector = Vector {
    names: "",
    method: "GET",
    target: "/",
    style: "generic",
    headers: &[],
    signed: "host;x-amz-date",
    body: "",
    signature: "",
};

const POST: Vector = Vector { method: "POST", ..GET };

/// 2015-08-30 12:36:00.
const SUITE_NOW: u64 = 1_440_938_160;

fn suite(style: &str) -> Judge {
    let spec = json!({"sigv4": {"region": "us-east-1", "service": "service", "style": style}});
    let key = Key::secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap();
    Judge::new(spec, SUITE_NOW).with_key("AKIDEXAMPLE", key)
}

fn of_suite(vector: &Vector) -> Sent {
    let Vector { method, target, headers, signed, body, signature, .. } = vector;
    let mut sent = Sent::new(method, &format!("https://example.amazonaws.com{target}"))
        .with("x-amz-date", "20150830T123600Z")
        .with_body(body);
    for (name, value) in *headers {
        sent = sent.with(name, *value);
    }
    sent.with(
        "authorization",
        format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders={signed}, Signature={signature}"
        ),
    )
}

#[test]
fn the_suite_of_aws_is_verified() {
    for vector in SUITE {
        let sent = of_suite(vector);
        assert_eq!(suite(vector.style).who(&sent), "AKIDEXAMPLE", "{}", vector.names);
    }
}

/// A change of any vector is noticed.
#[test]
fn no_mutant_of_the_suite_is_verified() {
    for vector in SUITE {
        let covered: Vec<_> = vector.signed.split(';').map(str::to_owned).collect();
        let signature = ["authorization".to_owned()];
        for (what, mutant) in mutants(&of_suite(vector), &[&covered[..], &signature].concat()) {
            let judged = suite(vector.style).judge(&mutant);
            assert!(judged.is_err(), "{}: {what}", vector.names);
        }
    }
}

/// The examples of the manual of S3, all of one day.
const S3_NOW: u64 = 1_369_353_600;

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn s3() -> Judge {
    let spec = json!({"sigv4": {
        "region": "us-east-1", "service": "s3", "style": "s3",
        "presigned": true, "presigned_seconds_max": 86400, "unsigned_payload": true,
    }});
    let key = Key::secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap();
    Judge::new(spec, S3_NOW).with_key("AKIAIOSFODNN7EXAMPLE", key)
}

fn of_s3(method: &str, target: &str, hash: &str) -> Sent {
    Sent::new(method, &format!("https://examplebucket.s3.amazonaws.com{target}"))
        .with("x-amz-content-sha256", hash)
        .with("x-amz-date", "20130524T000000Z")
}

fn signed(sent: Sent, headers: &str, signature: &str) -> Sent {
    sent.with(
        "authorization",
        format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders={headers},Signature={signature}"
        ),
    )
}

#[test]
fn the_examples_of_s3_are_verified() {
    let plain = "host;x-amz-content-sha256;x-amz-date";
    let body = "Welcome to Amazon S3.";
    let hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    for sent in [
        signed(
            of_s3("GET", "/test.txt", EMPTY).with("range", "bytes=0-9"),
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        signed(
            of_s3("PUT", "/test$file.text", hash)
                .with("date", "Fri, 24 May 2013 00:00:00 GMT")
                .with("x-amz-storage-class", "REDUCED_REDUNDANCY")
                .with_body(body),
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        signed(
            of_s3("GET", "/?lifecycle", EMPTY),
            plain,
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        signed(
            of_s3("GET", "/?max-keys=2&prefix=J", EMPTY),
            plain,
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
        Sent::new(
            "GET",
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        ),
    ] {
        assert_eq!(s3().who(&sent), "AKIAIOSFODNN7EXAMPLE", "{} {}", sent.method, sent.target);
    }
}
