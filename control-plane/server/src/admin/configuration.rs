//! Objects of the configuration, and what becomes of requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use serde_json::Value;
use tokio::runtime::Handle;
use tollgate_callers::{Differences, Explanation, InvalidRequest, Request, diff, explain};
use tollgate_model::{Gateway, Source, document};
use tollgate_store::Store;

use super::Admin;
use super::access::Actor;
use super::answer::{Answer, Problem};
use super::asked::Asked;
use super::endpoints::Kind;
use super::views::{Edited, ExplainRequest, Owned};
use crate::clock::now;
use crate::edit::{self, Edit, NotEdited};
use crate::event::{Event, Question};
use crate::guard::Routes;
use crate::ledger::Whole;
use crate::load::Fault;
use crate::objects::API;
use crate::table::Table;

/// How often a change is tried again that another one has overtaken.
const TRIES: usize = 5;

impl Admin {
    pub(super) fn explain(&self, asked: &Asked) -> Result<Answer, Problem> {
        let ExplainRequest { method, url, headers, body, from } = asked.read()?;
        let from = from.unwrap_or_else(|| [127, 0, 0, 1].into());
        let headers = headers.into_iter().collect();
        let request = Request { method, url, headers, body: body.into_bytes(), from, at: now() };
        let told = self.explained(&request)?;
        let told = told.map_err(|fault| Problem::unprocessable(fault.to_string()))?;
        Ok(Answer::json(200, &told))
    }

    fn explained(&self, request: &Request) -> Result<Result<Explanation, InvalidRequest>, Problem> {
        let site = match request.site() {
            Ok(site) => site,
            Err(fault) => return Ok(Err(fault)),
        };
        let gateway = match self.ask(move |table| table.at(&site.0, &site.1)) {
            Some(gateway) => gateway.map_err(|faults| problem(&faults))?,
            None => self.compiled(&self.whole()?)?,
        };
        Ok(explain(&gateway, request))
    }

    /// Names, with where each is written.
    pub(super) fn objects(&self, kind: Kind) -> Result<Answer, Problem> {
        let apart = (kind == Kind::Apis).then(|| self.ask(Table::owners_of_apis));
        if let Some(objects) = apart.flatten() {
            return Ok(Answer::json(200, &Owned { objects }));
        }
        let objects = self.sections(kind, None)?.into_iter();
        let objects = objects.map(|(name, (owner, _))| (name, owner)).collect();
        Ok(Answer::json(200, &Owned { objects }))
    }

    /// Objects of a section, or one of them, each with the file that it is written in.
    fn sections(&self, kind: Kind, name: Option<&str>) -> Result<Sections, Problem> {
        let (section, asked) = (kind.section(), name.map(str::to_owned));
        match self.ask(move |table| table.sources_of(section, asked.as_deref())) {
            Some(sources) => sections(sources, kind),
            None => sections(self.whole()?.sources(), kind),
        }
    }

    /// Asks whoever follows a large configuration. Nothing where there is none, or that is
    /// not followed to its end.
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Table) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = sync_channel(1);
        // Whoever asked may have gone.
        let question = move |table: &Table| drop(reply.send(question(table)));
        self.events.send(Event::Ask(Question(Box::new(question)))).ok()?;
        answer.recv().ok()
    }

    pub(super) async fn object(
        self: Arc<Self>,
        kind: Kind,
        asked: Asked,
    ) -> Result<Answer, Problem> {
        let name = asked.name().to_owned();
        let sequence = self.sequence(kind, &name).await?;
        self.blocking(move |admin| {
            let mut all = admin.sections(kind, Some(&name))?;
            let (owner, body) = all.remove(&name).ok_or_else(|| unknown(kind, &name))?;
            let answer = Answer::json(200, &body).owned_by(&owner);
            Ok(if sequence == 0 { answer } else { answer.tagged(sequence) })
        })
        .await
    }

    pub(super) async fn put_object(
        self: Arc<Self>,
        kind: Kind,
        asked: Asked,
    ) -> Result<Answer, Problem> {
        let body: Value = asked.read()?;
        if !body.is_object() {
            return Err(Problem::malformed("the body is no object"));
        }
        self.edit(kind, asked, Some(body.to_string())).await
    }

    pub(super) async fn delete_object(
        self: Arc<Self>,
        kind: Kind,
        asked: Asked,
    ) -> Result<Answer, Problem> {
        self.edit(kind, asked, None).await
    }

    /// Makes a change, unless what comes of it would not be good.
    async fn edit(
        self: Arc<Self>,
        kind: Kind,
        asked: Asked,
        body: Option<String>,
    ) -> Result<Answer, Problem> {
        let (is_dry_run, condition) = (asked.is_dry_run()?, asked.condition());
        let actor = asked.actor.clone();
        let _alone = self.edits.lock().await;
        let mut tries = TRIES;
        loop {
            let sequence = self.sequence(kind, asked.name()).await?;
            if body.is_none() && sequence == 0 {
                return Err(self.clone().not_ours(kind, asked.name().to_owned()).await);
            }
            if !is_dry_run {
                condition.as_ref().map_err(|_| Problem::precondition())?.check(sequence)?;
            }
            let (admin, name, body) = (self.clone(), asked.name().to_owned(), body.clone());
            let draft = Draft { kind, name, body, sequence, actor: actor.clone() };
            let worked = tokio::task::spawn_blocking(move || admin.try_edit(&draft, is_dry_run));
            let worked = worked.await.unwrap_or_else(|_| Err(Problem::unavailable("it failed")));
            tries = tries.saturating_sub(1);
            match worked {
                Err(problem) if problem.status() == 503 && 0 < tries => {}
                other => return other,
            }
        }
    }

    fn try_edit(&self, draft: &Draft, is_dry_run: bool) -> Result<Answer, Problem> {
        let edit = draft.edit(is_dry_run);
        if let Some(refused) = edit.too_many_routes() {
            return Err(Problem::unprocessable(refused));
        }
        match self.edit_apart(&edit) {
            Err(NotEdited::Together) => self.edit_together(draft, &edit),
            Err(NotEdited::Faults(faults)) => Err(problem(&faults)),
            Err(NotEdited::Elsewhere(place)) => Err(elsewhere(draft.kind, &draft.name, &place)),
            Err(NotEdited::Outside(route)) => Err(draft.actor.outside(&route)),
            Err(NotEdited::Store(failed)) => Err(failed.into()),
            Ok(edited) => self.told(draft, edited),
        }
    }

    /// Has it made by whoever follows a large configuration.
    fn edit_apart(&self, edit: &Edit) -> Result<edit::Edited, NotEdited> {
        let (reply, answer) = sync_channel(1);
        let asked = self.events.send(Event::Edit(Box::new(edit.clone()), reply));
        // When nobody follows any more, the process is ending.
        asked.map_err(|_| NotEdited::Together)?;
        answer.recv().unwrap_or(Err(NotEdited::Together))
    }

    fn told(&self, draft: &Draft, edited: edit::Edited) -> Result<Answer, Problem> {
        let edit::Edited { revision, differences } = edited;
        let status = if draft.sequence == 0 && revision.is_some() { 201 } else { 200 };
        let answer = Answer::json(status, &Edited { revision, differences });
        let Some(number) = revision else { return Ok(answer) };
        let answer = answer.of_revision(number);
        let tag = Handle::current().block_on(self.sequence(draft.kind, &draft.name))?;
        Ok(if tag == 0 { answer } else { answer.tagged(tag) })
    }

    /// Checks all that is written with it.
    fn edit_together(&self, draft: &Draft, edit: &Edit) -> Result<Answer, Problem> {
        let Draft { kind, name, body, actor, .. } = draft;
        let store = self.store()?;
        let whole = self.whole()?;
        let before = self.ledger.compile(&whole).ok();
        if *kind == Kind::Apis {
            actor.may_write(before.as_ref(), name)?;
        }
        let next = whole.with(kind.section(), name, body.as_deref());
        let after = self.compiled_with(&next, *kind, name)?;
        if *kind == Kind::Apis {
            actor.may_write(Some(&after), name)?;
        }
        if let Some(before) = &before {
            let guarded = Routes::of(&after).may_follow(Routes::of(before).count);
            guarded.map_err(|fault| problem(&[fault]))?;
        }
        let differences = before.map(|before| diff(&before, &after)).unwrap_or_default();
        if edit.is_dry_run {
            return self.told(draft, edit::Edited { revision: None, differences });
        }
        let revision = next.revision(&actor.id, differences.to_string());
        let edited = store.edit(edit.kept(), whole.sequence, &revision, now());
        let revision = Some(Handle::current().block_on(edited)?);
        self.published();
        self.told(draft, edit::Edited { revision, differences })
    }

    /// What a change changes; nothing if what is there is not good.
    pub(super) fn differences(&self, before: &Whole, after: &Gateway) -> Differences {
        let before = self.ledger.compile(before).ok();
        before.map(|before| diff(&before, after)).unwrap_or_default()
    }

    pub(super) fn whole(&self) -> Result<Whole, Problem> {
        self.ledger.read().map_err(|faults| problem(&faults))
    }

    pub(super) fn compiled(&self, whole: &Whole) -> Result<Gateway, Problem> {
        self.ledger.compile(whole).map_err(|faults| problem(&faults))
    }

    /// Likewise, and tells whose an object is that is written elsewhere already.
    fn compiled_with(&self, whole: &Whole, kind: Kind, name: &str) -> Result<Gateway, Problem> {
        self.ledger.compile(whole).map_err(|faults| {
            let path = format!("{}.{name}", kind.section());
            let place = faults.iter().find_map(|fault| match fault {
                Fault::Written(one) if one.path == path => owner(&one.message),
                _ => None,
            });
            match place {
                Some(place) => elsewhere(kind, name, &place),
                None => problem(&faults),
            }
        })
    }

    pub(super) fn store(&self) -> Result<&Store, Problem> {
        self.ledger.store().ok_or_else(Problem::no_store)
    }

    /// The number of the last change of an object of ours; 0 of none.
    async fn sequence(&self, kind: Kind, name: &str) -> Result<u64, Problem> {
        let Some(store) = self.ledger.store() else { return Ok(0) };
        let found = store.object(kind.section(), name).await?;
        Ok(found.map_or(0, |one| one.sequence))
    }

    /// Why an object that is none of ours cannot be taken away.
    async fn not_ours(self: Arc<Self>, kind: Kind, name: String) -> Problem {
        let told = self.blocking(move |admin| {
            let owner = admin.sections(kind, Some(&name))?.remove(&name).map(|(owner, _)| owner);
            Err(owner.map_or_else(
                || unknown(kind, &name),
                |owner| {
                    let path = format!("{}.{name}", kind.section());
                    Problem::conflict(format!("{path} is written in {owner}; take it out there"))
                },
            ))
        });
        told.await.err().unwrap_or_else(|| Problem::unavailable("it failed"))
    }
}

/// A change that is to be made.
struct Draft {
    kind: Kind,
    name: String,
    body: Option<String>,
    sequence: u64,
    actor: Actor,
}

impl Draft {
    fn edit(&self, is_dry_run: bool) -> Edit {
        let Self { kind, name, body, sequence, actor } = self;
        Edit {
            key: (kind.section().to_owned(), name.clone()),
            body: body.clone(),
            sequence: *sequence,
            author: actor.id.clone(),
            sites: actor.sites.clone(),
            is_dry_run,
        }
    }
}

/// By name, each with the file that it is written in.
type Sections = BTreeMap<String, (String, Value)>;

fn sections(sources: Vec<Source>, kind: Kind) -> Result<Sections, Problem> {
    let mut all = BTreeMap::new();
    for source in sources {
        let faults = |faults: Vec<tollgate_model::Fault>| {
            Problem::faults(faults.iter().map(ToString::to_string).collect())
        };
        let root = document(&source).map_err(faults)?;
        let section = root.get(kind.section()).and_then(Value::as_object);
        for (name, body) in section.into_iter().flatten() {
            all.insert(name.clone(), (source.name.clone(), body.clone()));
        }
    }
    Ok(all)
}

/// `already written in tollgate.yaml:12; …`.
fn owner(message: &str) -> Option<String> {
    let rest = message.strip_prefix("already written in ")?;
    let (place, _) = rest.split_once(';')?;
    (!place.starts_with(API)).then(|| place.to_owned())
}

fn elsewhere(kind: Kind, name: &str, place: &str) -> Problem {
    Problem::conflict(format!(
        "{}.{name} is written in {place}, and one object has one owner; change it there, or take \
         it out there first",
        kind.section()
    ))
}

fn unknown(kind: Kind, name: &str) -> Problem {
    Problem::not_found(format!("{}.{name} is written nowhere", kind.section()))
}

/// What is wrong with the configuration, or that it cannot be read.
pub(super) fn problem(faults: &[Fault]) -> Problem {
    match faults {
        [Fault::Store(fault)] => Problem::unavailable(fault.to_string()),
        _ => Problem::faults(faults.iter().map(ToString::to_string).collect()),
    }
}
