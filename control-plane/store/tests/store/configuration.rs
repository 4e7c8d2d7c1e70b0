use std::collections::BTreeMap;

use tollgate_store::{
    Content, Edit, FILE, NewContent, NewOperator, NewRevision, OperatorToken, PartChanges, Pin,
    Role, Rollback, Store,
};

use crate::both::{at, both, error};

fn content(hash: &str, objects: &[(&str, &str)]) -> Content {
    let object =
        |(name, body): &(&str, &str)| (("apis".to_owned(), (*name).to_owned()), (*body).to_owned());
    Content {
        files: BTreeMap::from([("tollgate.yaml".to_owned(), format!("[{hash}]"))]),
        objects: objects.iter().map(object).collect(),
    }
}

fn revision(hash: &str) -> NewRevision {
    with(hash, &[])
}

/// Likewise, with these objects of kind `apis`.
fn with(hash: &str, objects: &[(&str, &str)]) -> NewRevision {
    NewRevision {
        author: "ann".to_owned(),
        difference: format!("{hash} is new\n"),
        files: format!("files-{hash}"),
        hash: hash.to_owned(),
        content: NewContent::Whole(content(hash, objects)),
    }
}

/// One by what is another than in `base`.
fn since(base: &str, hash: &str, changed: &[(&str, &str, Option<&str>)]) -> NewRevision {
    let part = |(kind, name, body): &(&str, &str, Option<&str>)| {
        (((*kind).to_owned(), (*name).to_owned()), body.map(str::to_owned))
    };
    let changed: PartChanges = changed.iter().map(part).collect();
    let content = NewContent::Since { base: base.to_owned(), changed };
    NewRevision { content, ..revision(hash) }
}

fn rollback<'a>(number: u64, hash: &'a str, difference: &'a str) -> Rollback<'a> {
    Rollback { number, author: "bob", difference, hash }
}

fn edit<'a>(name: &'a str, body: Option<&'a str>, sequence: u64) -> Edit<'a> {
    Edit { kind: "apis", name, body, sequence, at_most: None }
}

/// Names and bodies, and the number of the last change of each.
async fn objects(store: &Store) -> Vec<(String, String, u64)> {
    let all = store.objects().await.unwrap();
    all.into_iter().map(|one| (one.name, one.body, one.sequence)).collect()
}

async fn last(store: &Store) -> u64 {
    store.objects_sequence().await.unwrap()
}

fn new<'a>(id: &'a str, role: Role, sites: &'a [String]) -> NewOperator<'a> {
    NewOperator { id, role, sites }
}

both! {
    async fn a_revision_is_kept_with_author_time_and_difference(place: &Place) {
        let store = place.open().await;
        assert_eq!(store.publish(&revision("a"), at(1)).await, Ok(Some(1)));
        assert_eq!(store.publish(&revision("a"), at(2)).await, Ok(Some(1)), "it is the same");
        assert_eq!(store.publish(&revision("b"), at(3)).await, Ok(Some(2)));
        assert_eq!(store.publish(&revision("a"), at(4)).await, Ok(Some(3)), "again, after another");
        let all = store.revisions(None, 9).await.unwrap();
        let told: Vec<_> = all.iter().map(|one| (one.number, one.at, one.content.as_str())).collect();
        assert_eq!(told, [(3, at(4), "a"), (2, at(3), "b"), (1, at(1), "a")]);
        assert_eq!((all[1].author.as_str(), all[1].difference.as_str()), ("ann", "b is new\n"));
        let page: Vec<u64> =
            store.revisions(Some(3), 1).await.unwrap().iter().map(|one| one.number).collect();
        assert_eq!(page, [2]);
        let kept = store.content(2).await.unwrap().unwrap();
        assert_eq!(kept, content("b", &[]));
        assert_eq!(store.content(9).await, Ok(None));
    }

    async fn what_revisions_share_is_kept_once(place: &Place) {
        let store = place.open().await;
        let objects = [("orders", "1"), ("users", "1")];
        assert_eq!(store.publish(&with("a", &objects), at(1)).await, Ok(Some(1)));
        let orders = since("a", "b", &[("apis", "orders", Some("2"))]);
        assert_eq!(store.publish(&orders, at(2)).await, Ok(Some(2)));
        let file = since("b", "c", &[(FILE, "tollgate.yaml", Some("[c]")), ("apis", "users", None)]);
        assert_eq!(store.publish(&file, at(3)).await, Ok(Some(3)));
        let late = since("b", "d", &[("apis", "orders", None)]);
        assert_eq!(store.publish(&late, at(4)).await, Ok(None), "another is the newest");
        assert_eq!(store.publish(&since("b", "c", &[]), at(4)).await, Ok(Some(3)), "it is the newest");
        let mut second = content("a", &[("orders", "2"), ("users", "1")]);
        for (number, expected) in [
            (1, content("a", &objects)),
            (2, second.clone()),
            (3, content("c", &[("orders", "2")])),
        ] {
            assert_eq!(store.content(number).await, Ok(Some(expected)), "{number}");
        }
        assert_eq!(store.newest_part("apis", "orders").await, Ok(Some("2".to_owned())));
        assert_eq!(store.newest_part("apis", "users").await, Ok(None));
        // The same as revision 2, told as a whole: users comes back.
        let again = NewRevision { content: NewContent::Whole(second.clone()), ..revision("b") };
        assert_eq!(store.publish(&again, at(5)).await, Ok(Some(4)));
        assert_eq!(store.content(4).await, Ok(Some(second.clone())));
        assert_eq!(place.count("parts"), 7, "not 11");
        place.sql(
            "UPDATE revisions SET number = 1003 WHERE number = 4; \
             UPDATE parts SET since = 1003 WHERE since = 4; \
             UPDATE parts SET until = 1003 WHERE until = 4",
        );
        let next = since("b", "e", &[("apis", "users", None)]);
        assert_eq!(store.publish(&next, at(6)).await, Ok(Some(1004)));
        assert_eq!(store.revisions(None, 9).await.unwrap().len(), 2, "the oldest are gone");
        assert_eq!(place.count("parts WHERE until < 1000"), 0, "with what they alone had");
        assert_eq!(store.content(1003).await, Ok(Some(second.clone())));
        second.objects.remove(&("apis".to_owned(), "users".to_owned()));
        assert_eq!(store.content(1004).await, Ok(Some(second)));
    }

    async fn what_an_older_version_kept_is_read_and_brought_back(place: &Place) {
        let store = place.open().await;
        place.sql(
            "INSERT INTO revisions (number, author, at, difference, files, content, sources, objects) \
             VALUES (1, 'ann', 1, '', 'old', 'old', '[[\"tollgate.yaml\",\"[a]\"]]', \
             '[[\"apis\",\"orders\",\"1\"]]')",
        );
        let old = content("a", &[("orders", "1")]);
        assert_eq!(store.content(1).await, Ok(Some(old.clone())));
        assert_eq!(store.publish(&with("b", &[("users", "1")]), at(2)).await, Ok(Some(2)));
        assert_eq!(store.roll_back(rollback(1, "a", ""), at(3)).await, Ok(3));
        assert_eq!(store.content(3).await, Ok(Some(old)));
        assert_eq!(store.content(2).await, Ok(Some(content("b", &[("users", "1")]))));
        let back: Vec<_> = objects(&store).await.into_iter().map(|(name, body, _)| (name, body)).collect();
        assert_eq!(back, [("orders".to_owned(), "1".to_owned())]);
    }

    async fn of_two_who_change_one_object_the_second_is_told(place: &Place) {
        let store = place.open().await;
        store.edit(edit("orders", Some("1"), 0), 0, &with("a", &[("orders", "1")]), at(1)).await.unwrap();
        let there = last(&store).await;
        assert_eq!(there, objects(&store).await[0].2);
        assert_eq!(objects(&store).await, [("orders".to_owned(), "1".to_owned(), there)]);
        let changed = "apis \"orders\" has changed meanwhile; read it again";
        let again = store.edit(edit("orders", Some("2"), 0), there, &revision("b"), at(2)).await;
        assert_eq!(error(again), changed, "it is there already");
        let overtaken = "the configuration has changed meanwhile; try again";
        let other = store.edit(edit("users", Some("2"), 0), 0, &revision("b"), at(2)).await;
        assert_eq!(error(other), overtaken, "the revision was made of another configuration");
        let number = store.edit(edit("orders", None, there), there, &revision("c"), at(3)).await;
        assert_eq!(number, Ok(2));
        assert_eq!(objects(&store).await, []);
        let after = store.objects_since(there).await.unwrap();
        let told: Vec<_> = after.iter().map(|one| (one.key.1.as_str(), one.body.as_deref())).collect();
        assert_eq!(told, [("orders", None)], "what was deleted is told");
        assert_eq!(store.objects_since(after[0].sequence).await, Ok(vec![]));
        assert_eq!(store.object("apis", "orders").await, Ok(None));
        let last = last(&store).await;
        assert!(there < last, "what was deleted counts too");
        let gone = store.edit(edit("orders", None, there), last, &revision("d"), at(3)).await;
        assert_eq!(error(gone), changed);
        let name = store.edit(edit("", Some("1"), 0), 0, &revision("d"), at(3)).await;
        assert!(error(name).starts_with("name \"\" is not an id; "));
        assert_eq!(store.revisions(None, 9).await.unwrap().len(), 2, "what failed was not made");
    }

    async fn of_an_author_who_may_have_two_the_third_is_refused_however_they_come(place: &Place) {
        let store = place.open().await;
        let two = |name, sequence| Edit { at_most: Some(2), ..edit(name, Some("1"), sequence) };
        store.edit(edit("others", Some("1"), 0), 0, &NewRevision { author: "bob".to_owned(), ..revision("o") }, at(1)).await.unwrap();
        store.edit(two("a", 0), last(&store).await, &revision("a"), at(1)).await.unwrap();
        // Two at once, of which each alone would be the second.
        let base = last(&store).await;
        let (revision_b, revision_c) = (revision("b"), revision("c"));
        let (b, c) = tokio::join!(
            store.edit(two("b", 0), base, &revision_b, at(2)),
            store.edit(two("c", 0), base, &revision_c, at(2)),
        );
        assert_ne!(b.is_ok(), c.is_ok(), "{b:?} {c:?}");
        let (there, other) = if b.is_ok() { ("b", "c") } else { ("c", "b") };
        let third = store.edit(two(other, 0), last(&store).await, &revision("d"), at(3)).await;
        assert_eq!(error(third), format!("apis.{other}: this operator has 2 apis, as many as it may; remove one, or let another operator write it"));
        // One's own can be changed, and another's not taken.
        let sequence = |name: &str| { let (store, name) = (store.clone(), name.to_owned()); async move { store.object("apis", &name).await.unwrap().unwrap().sequence } };
        store.edit(two(there, sequence(there).await), last(&store).await, &revision("e"), at(4)).await.unwrap();
        let taken = store.edit(two("others", sequence("others").await), last(&store).await, &revision("f"), at(4)).await;
        assert!(error(taken).starts_with("apis.others: this operator has 2 apis, "));
        let gone = Edit { at_most: Some(2), ..edit("a", None, sequence("a").await) };
        store.edit(gone, last(&store).await, &revision("g"), at(5)).await.unwrap();
        store.edit(two(other, 0), last(&store).await, &revision("h"), at(6)).await.unwrap();
    }

    async fn a_rollback_brings_objects_back_and_holds_the_files_until_they_change(place: &Place) {
        let store = place.open().await;
        let first = with("a", &[("orders", "1")]);
        store.edit(edit("orders", Some("1"), 0), 0, &first, at(1)).await.unwrap();
        let base = last(&store).await;
        store.edit(edit("users", Some("1"), 0), base, &with("b", &[("orders", "1"), ("users", "1")]), at(2)).await.unwrap();
        let there = objects(&store).await;
        let base = last(&store).await;
        store.edit(edit("orders", Some("2"), there[0].2), base, &revision("c"), at(3)).await.unwrap();

        assert_eq!(store.pin().await, Ok(None));
        assert_eq!(error(store.roll_back(rollback(9, "z", ""), at(4)).await), "revision 9 is not kept; `tollgate history` shows those that are");
        assert_eq!(store.roll_back(rollback(1, "a", "users is gone\n"), at(4)).await, Ok(4));
        let back: Vec<_> = objects(&store).await.into_iter().map(|(name, body, _)| (name, body)).collect();
        assert_eq!(back, [("orders".to_owned(), "1".to_owned())]);
        assert_eq!(store.pin().await, Ok(Some(Pin { files: "files-c".to_owned(), revision: 1 })));
        let newest = store.revisions(None, 1).await.unwrap().remove(0);
        assert_eq!((newest.number, newest.author.as_str(), newest.content.as_str()), (4, "bob", "a"));
        assert_eq!(store.content(4).await.unwrap(), Some(content("a", &[("orders", "1")])));
    }

    async fn an_operator_is_known_by_a_token_of_which_only_the_hash_is_kept(place: &Place) {
        let store = place.open().await;
        let (ann, bob) = (OperatorToken::generate([1; 32]), OperatorToken::generate([2; 32]));
        store.create_operator(new("ann", Role::Admin, &[]), &ann, at(1)).await.unwrap();
        let sites = ["shop.example/orders".to_owned()];
        store.create_operator(new("bob", Role::Viewer, &sites), &bob, at(1)).await.unwrap();
        let exists = store.create_operator(new("ann", Role::Viewer, &[]), &bob, at(1)).await;
        assert_eq!(error(exists), "operator \"ann\" is there already, or was; choose another id");
        let found = store.find_operator(&OperatorToken::shown(ann.as_str())).await.unwrap().unwrap();
        assert_eq!((found.id.as_str(), found.role), ("ann", Role::Admin));
        assert_eq!(store.find_operator(&OperatorToken::shown("tga_x")).await, Ok(None));
        store.revoke_operator("ann", at(2)).await.unwrap();
        assert_eq!(store.find_operator(&ann).await, Ok(None));
        let again = store.revoke_operator("ann", at(2)).await;
        assert_eq!(error(again), "operator \"ann\" is not there, or is revoked already");
        let all = store.operators().await.unwrap();
        assert_eq!(all.iter().map(|one| one.revoked_at).collect::<Vec<_>>(), [Some(at(2)), None]);
        assert_eq!(all.iter().map(|one| one.sites.clone()).collect::<Vec<_>>(), [vec![], sites.to_vec()]);
        assert_eq!(format!("{ann:?}"), "OperatorToken([redacted])");
    }

    async fn what_was_done_is_told_the_newest_first(place: &Place) {
        let store = place.open().await;
        for (second, status) in [(1, 200), (2, 403)] {
            store.record("ann", "PUT /v1/apis/orders", status, at(second)).await.unwrap();
        }
        let deeds = store.deeds(None, 9).await.unwrap();
        let told: Vec<_> = deeds.iter().map(|one| (one.at, one.status)).collect();
        assert_eq!(told, [(at(2), 403), (at(1), 200)]);
        let older = store.deeds(Some(deeds[0].number), 9).await.unwrap();
        assert_eq!(older, deeds[1..]);
    }
}
