use std::collections::BTreeMap;

use tollgate_store::{Content, Edit, NewOperator, NewRevision, OperatorToken, Pin, Role, Store};

use crate::both::{at, both, error};

fn revision(hash: &str) -> NewRevision {
    NewRevision {
        author: "ann".to_owned(),
        difference: format!("{hash} is new\n"),
        files: format!("files-{hash}"),
        hash: hash.to_owned(),
        content: Content { sources: format!("[{hash}]"), objects: BTreeMap::new() },
    }
}

/// Likewise, with these objects of kind `apis`.
fn with(hash: &str, objects: &[(&str, &str)]) -> NewRevision {
    let object =
        |(name, body): &(&str, &str)| (("apis".to_owned(), (*name).to_owned()), (*body).to_owned());
    let mut revision = revision(hash);
    revision.content.objects = objects.iter().map(object).collect();
    revision
}

fn edit<'a>(name: &'a str, body: Option<&'a str>, sequence: u64) -> Edit<'a> {
    Edit { kind: "apis", name, body, sequence }
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
        assert_eq!(store.publish(&revision("a"), at(1)).await, Ok(1));
        assert_eq!(store.publish(&revision("a"), at(2)).await, Ok(1), "it is the same");
        assert_eq!(store.publish(&revision("b"), at(3)).await, Ok(2));
        assert_eq!(store.publish(&revision("a"), at(4)).await, Ok(3), "again, after another");
        let all = store.revisions(None, 9).await.unwrap();
        let told: Vec<_> = all.iter().map(|one| (one.number, one.at, one.content.as_str())).collect();
        assert_eq!(told, [(3, at(4), "a"), (2, at(3), "b"), (1, at(1), "a")]);
        assert_eq!((all[1].author.as_str(), all[1].difference.as_str()), ("ann", "b is new\n"));
        let page: Vec<u64> =
            store.revisions(Some(3), 1).await.unwrap().iter().map(|one| one.number).collect();
        assert_eq!(page, [2]);
        let content = store.content(2).await.unwrap().unwrap();
        assert_eq!(content, revision("b").content);
        assert_eq!(store.content(9).await, Ok(None));
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
        let last = last(&store).await;
        assert!(there < last, "what was deleted counts too");
        let gone = store.edit(edit("orders", None, there), last, &revision("d"), at(3)).await;
        assert_eq!(error(gone), changed);
        let name = store.edit(edit("", Some("1"), 0), 0, &revision("d"), at(3)).await;
        assert!(error(name).starts_with("name \"\" is not an id; "));
        assert_eq!(store.revisions(None, 9).await.unwrap().len(), 2, "what failed was not made");
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
        assert_eq!(error(store.roll_back(9, "bob", "", at(4)).await), "revision 9 is not kept; `tollgate history` shows those that are");
        assert_eq!(store.roll_back(1, "bob", "users is gone\n", at(4)).await, Ok(4));
        let back: Vec<_> = objects(&store).await.into_iter().map(|(name, body, _)| (name, body)).collect();
        assert_eq!(back, [("orders".to_owned(), "1".to_owned())]);
        assert_eq!(store.pin().await, Ok(Some(Pin { files: "files-c".to_owned(), revision: 1 })));
        let newest = store.revisions(None, 1).await.unwrap().remove(0);
        assert_eq!((newest.number, newest.author.as_str(), newest.content.as_str()), (4, "bob", "a"));
        assert_eq!(store.content(4).await.unwrap(), Some(first.content));
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
