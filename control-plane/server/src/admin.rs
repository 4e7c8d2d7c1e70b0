//! The admin API: what operators and their programs ask, and change.
//!
//! Every endpoint is a row of [`endpoints`]: from it come the routing, who may,
//! and the OpenAPI document, so that they cannot differ.

mod access;
mod answer;
mod asked;
mod configuration;
mod endpoints;
mod kept;
mod listen;
mod openapi;
mod revisions;
mod status;
mod tenants;
mod views;

use std::net::TcpListener;
use std::sync::{Arc, mpsc};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Request, Response};
use tokio::sync::{Mutex, watch};
use tollgate_store::KeyHasher;

use self::answer::{Answer, Problem};
use self::asked::Asked;
use self::endpoints::{Found, What};
pub use self::listen::AdminFailed;
use self::listen::Incoming;
pub(crate) use self::listen::{listen, may_listen, secured};
use crate::delivery::Deliveries;
use crate::event::Event;
use crate::ledger::Ledger;
use crate::report;
use crate::revision::Revision;
use crate::tls::ServerTls;

/// Everything that the admin API knows and may change.
pub(crate) struct Admin {
    pub(crate) ledger: Ledger,
    pub(crate) deliveries: Deliveries,
    pub(crate) revisions: watch::Receiver<Arc<Revision>>,
    pub(crate) events: mpsc::Sender<Event>,
    /// What API keys are hashed with, where there is a store.
    pub(crate) hasher: Option<KeyHasher>,
    /// Whether only this machine reaches it.
    pub(crate) is_local: bool,
    /// One change is made after the other.
    pub(crate) edits: Mutex<()>,
}

/// Longer bodies are no object of anybody's.
const BODY_BYTES_MAX: usize = 4 << 20;

/// Serves until `end` is ready.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<ServerTls>,
    admin: Admin,
    end: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let listener = Incoming::of(listener, tls)?;
    let router = Router::new().fallback(answer).with_state(Arc::new(admin));
    axum::serve(listener, router).with_graceful_shutdown(end).await
}

async fn answer(State(admin): State<Arc<Admin>>, request: Request<Body>) -> Response<Body> {
    match admin.answer(request).await {
        Ok(answer) => answer.into_response(),
        Err(problem) => problem.into_response(),
    }
}

// === impl Admin ===

impl Admin {
    async fn answer(self: Arc<Self>, request: Request<Body>) -> Result<Answer, Problem> {
        // Nobody learns what there is before it is known who asks.
        let actor = self.actor(request.headers()).await?;
        let (head, body) = request.into_parts();
        let action = format!("{} {}", head.method, head.uri.path());
        let found = endpoints::find(&head.method, head.uri.path())?;
        actor.may(found.endpoint)?;
        let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| Problem::too_large())?;
        let Found { endpoint, names } = found;
        let asked = Asked::new(names, &head, body.to_vec(), actor);
        let author = asked.actor.id.clone();
        let answered = self.clone().dispatch(endpoint.what, asked).await;
        if endpoint.changes() {
            let status = answered.as_ref().map_or_else(Problem::status, |answer| answer.status);
            self.record(&author, &action, status).await;
        }
        answered
    }

    async fn dispatch(self: Arc<Self>, what: What, asked: Asked) -> Result<Answer, Problem> {
        match what {
            What::Document => Ok(Answer::json(200, &openapi::document())),
            What::Status => Ok(Answer::json(200, &self.status())),
            What::Metrics => Ok(Answer::text(self.metrics())),
            What::Explain => self.blocking(move |admin| admin.explain(&asked)).await,
            What::Objects(kind) => self.blocking(move |admin| admin.objects(kind)).await,
            What::Object(kind) => self.object(kind, asked).await,
            What::PutObject(kind) => self.put_object(kind, asked).await,
            What::DeleteObject(kind) => self.delete_object(kind, asked).await,
            What::Revisions => self.list_revisions(&asked).await,
            What::Revision => self.one_revision(&asked).await,
            What::Rollback => self.rollback(asked).await,
            What::Tenants => self.list_tenants().await,
            What::Tenant => self.one_tenant(&asked).await,
            What::PutTenant => self.put_tenant(&asked).await,
            What::DeleteTenant => self.delete_tenant(&asked).await,
            What::Keys => self.list_keys(&asked).await,
            What::CreateKey => self.create_key(&asked).await,
            What::RevokeKey => self.revoke_key(&asked).await,
            What::Revocations => self.list_revocations().await,
            What::Revoke => self.revoke(&asked).await,
            What::Operators => self.list_operators().await,
            What::CreateOperator => self.create_operator(&asked).await,
            What::RevokeOperator => self.revoke_operator(&asked).await,
            What::Audit => self.list_deeds(&asked).await,
        }
    }

    /// What reads files, compiles or waits for the store in its own way.
    async fn blocking(
        self: Arc<Self>,
        work: impl FnOnce(&Self) -> Result<Answer, Problem> + Send + 'static,
    ) -> Result<Answer, Problem> {
        let worked = tokio::task::spawn_blocking(move || work(&self)).await;
        worked.unwrap_or_else(|_| Err(Problem::unavailable("the request could not be worked on")))
    }

    /// A deed that cannot be written down was done all the same, and is told.
    async fn record(&self, actor: &str, action: &str, status: u16) {
        let Some(store) = self.ledger.store() else { return };
        if let Err(fault) = store.record(actor, action, status, crate::clock::now()).await {
            report::unrecorded(actor, action, &fault.to_string());
        }
    }

    /// Changes are published at once.
    fn published(&self) {
        // When nobody follows any more, the process is ending.
        self.events.send(Event::Stored).ok();
    }
}
