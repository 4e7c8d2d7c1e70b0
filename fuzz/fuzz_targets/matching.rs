//! A request against a contract: the tree finds what the list says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_auth::{AccessSpec, AllowSpec, AuthSpec, Authenticator, IdentitySpec};
use tollgate_core::{CanonicalPath, Headers, Seed};
use tollgate_gateway::{
    Contract, ContractSpec, Found, MatchSpec, OperationSpec, Request, ValueSpec,
};

/// Which kind of path, the path, and bits for the conditions.
type Match<'a> = (u8, &'a str, u8);
type Pairs<'a> = Vec<(&'a [u8], &'a [u8])>;

fuzz_target!(|input: (Vec<Match<'_>>, bool, &[u8], Pairs<'_>)| {
    let (matches, post, target, pairs) = input;
    let Ok(path) = CanonicalPath::parse(target) else { return };
    let headers: Headers = pairs.into_iter().collect();
    let method = if post { "POST" } else { "GET" };
    let request = Request { method: method.as_bytes(), path, headers: &headers };

    let good = matches.iter().enumerate().filter_map(|(index, one)| {
        let operation = operation(index, one);
        contract(vec![operation.clone()]).map(|alone| (operation, alone))
    });
    let (operations, alone): (Vec<_>, Vec<_>) = good.unzip();
    let Some(whole) = contract(operations) else { panic!("each is valid alone") };
    let first = alone.iter().map(|one| name(one.find(&request))).find(|found| found != "nothing");
    assert_eq!(name(whole.find(&request)), first.unwrap_or_else(|| "nothing".into()));
    whole.methods_instead(&request);
});

fn operation(index: usize, &(kind, path, bits): &Match<'_>) -> OperationSpec {
    let some = |wanted| (kind % 3 == wanted).then(|| path.to_owned());
    let value = || [("v".to_owned(), ValueSpec::Exact("1".to_owned()))].into();
    OperationSpec {
        name: index.to_string(),
        group: "g".to_owned(),
        r#match: MatchSpec {
            path: some(0),
            prefix: some(1),
            regex: some(2),
            methods: if bits & 1 == 0 { vec![] } else { vec!["GET".to_owned()] },
            headers: if bits & 2 == 0 { [].into() } else { value() },
            query: if bits & 4 == 0 { [].into() } else { value() },
            priority: 0,
        },
        access: AccessSpec {
            auth: AuthSpec::None,
            allow: AllowSpec::default(),
            api_key: None,
            when_stale: None,
            token_audience: None,
        },
        shadow: vec![],
        limits: vec![],
        uses: Default::default(),
        request: Default::default(),
        response: Default::default(),
    }
}

fn contract(operations: Vec<OperationSpec>) -> Option<Contract> {
    let nobody = Authenticator::compile(IdentitySpec::default(), Seed([0; 16])).ok()?;
    Contract::compile(
        ContractSpec {
            api: "a".to_owned(),
            limits: Vec::new(),
            backends: <_>::default(),
            operations,
        },
        &nobody,
    )
    .ok()
}

fn name(found: Found<'_>) -> String {
    match found {
        Found::Operation(operation) => operation.name().to_owned(),
        Found::OtherCase => "case".to_owned(),
        Found::Unclear => "unclear".to_owned(),
        Found::Nothing => "nothing".to_owned(),
    }
}
