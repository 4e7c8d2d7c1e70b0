use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tonic::transport::Server;

use crate::accept::incoming;
use crate::ads::Ads;
use crate::client::Following;
use crate::listener::Listener;
use crate::revision::Revision;
use crate::serve::{ServeFailed, Services};
use crate::tls::ServerTls;

/// How often a connection is asked whether it still lives, and how long it may
/// think about that. Envoy asks too.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// Serves until there are no more revisions and every stream has ended.
pub(crate) async fn serve_streams(
    listener: Listener,
    tls: Option<ServerTls>,
    following: Following,
    services: Services,
) -> Result<(), ServeFailed> {
    let incoming = incoming(listener.open()?, tls);
    let (interval, timeout) = KEEPALIVE;
    let revisions = following.revisions.clone();
    Server::builder()
        .http2_keepalive_interval(Some(interval))
        .http2_keepalive_timeout(Some(timeout))
        .add_service(Ads::new(following))
        .add_optional_service(services.sync)
        .add_optional_service(services.limits)
        .serve_with_incoming_shutdown(incoming, ended(revisions))
        .await?;
    Ok(())
}

/// Waits until there are no more revisions.
pub(crate) async fn ended(mut revisions: watch::Receiver<Arc<Revision>>) {
    while revisions.changed().await.is_ok() {}
}
