use std::collections::BTreeMap;

use tollgate_core::{CallId, Filter, GrpcCallId, GrpcFailed, Ticket};

use crate::abi::{self, Action};
use crate::answered;
use crate::configure::configure;
use crate::connection::Connections;
use crate::stream::{Shared, Stream};

/// What Envoy calls, whatever the filter is. It names plugin configurations
/// and streams by numbers; one that is not known is no reason to panic.
pub(crate) trait Module {
    /// A plugin configuration if `parent` is 0, and otherwise one of its streams.
    fn on_create(&mut self, id: u32, parent: u32);
    /// False makes Envoy refuse the configuration and keep the one it has.
    fn on_configure(&mut self, id: u32) -> bool;
    /// `end`: nothing follows.
    fn on_request_headers(&mut self, id: u32, end: bool) -> Action;
    /// `bytes` are those that are held and not passed on yet.
    fn on_request_body(&mut self, id: u32, bytes: usize, end: bool) -> Action;
    fn on_request_trailers(&mut self, id: u32) -> Action;
    fn on_response_headers(&mut self, id: u32) -> Action;
    /// A call that a stream of `plugin` made has been answered.
    fn on_answer(&mut self, plugin: u32, call: CallId);
    /// It is time for what a plugin does whether requests come or not.
    fn on_tick(&mut self, plugin: u32);
    /// A gRPC call that `plugin` made has been answered with a message.
    fn on_grpc_message(&mut self, plugin: u32, call: GrpcCallId, bytes: usize);
    /// It has ended without one.
    fn on_grpc_failure(&mut self, plugin: u32, call: GrpcCallId, status: u32);
    /// `id` is no stream of requests, but a connection.
    fn on_connection(&mut self, id: u32);
    fn on_delete(&mut self, id: u32);
}

/// Every plugin configuration and every stream of one virtual machine.
pub(crate) struct Contexts<F> {
    plugins: BTreeMap<u32, Shared<F>>,
    streams: BTreeMap<u32, Stream<F>>,
    /// Which streams wait for the answer of a call; some may have ended.
    waiting: BTreeMap<CallId, Vec<u32>>,
    connections: Connections<F>,
}

// === impl Contexts ===

impl<F> Default for Contexts<F> {
    fn default() -> Self {
        let (plugins, streams, waiting, connections) = <_>::default();
        Self { plugins, streams, waiting, connections }
    }
}

impl<F: Filter> Contexts<F> {
    /// Ends exchanges that a filter follows.
    fn end(&self, tickets: &[Ticket], filter: &Shared<F>) {
        if tickets.is_empty() {
            return;
        }
        let found = self.streams.iter().filter(|(_, stream)| stream.is_one_of(tickets, filter));
        for (id, _) in found {
            if abi::turn_to(*id).is_ok() {
                // If it cannot be ended, it is overdue again at the next tick.
                let _ = abi::reset_request();
            }
        }
    }

    /// A stream that nobody announced has no filter, and so is refused.
    fn stream(&mut self, id: u32) -> &mut Stream<F> {
        self.streams.entry(id).or_insert_with(|| Stream::new(None))
    }

    /// Does something with a stream, and notes which call it waits for since, and
    /// whether its connection ends with its answer.
    fn with_stream<T>(&mut self, id: u32, act: impl FnOnce(&mut Stream<F>) -> T) -> T {
        let stream = self.stream(id);
        let before = stream.waits_for();
        let done = act(stream);
        let since = stream.waits_for().filter(|call| Some(*call) != before);
        let ending = stream.take_ending();
        if let Some(call) = since {
            self.waiting.entry(call).or_default().push(id);
        }
        if let Some(connection) = ending {
            self.connections.end_soon(connection);
        }
        done
    }
}

impl<F: Filter> Module for Contexts<F> {
    fn on_create(&mut self, id: u32, parent: u32) {
        if parent != 0 {
            let filter = self.plugins.get(&parent).cloned();
            self.streams.insert(id, Stream::new(filter));
        }
    }

    fn on_configure(&mut self, id: u32) -> bool {
        match configure() {
            Ok(filter) => {
                self.plugins.insert(id, filter);
                true
            }
            Err(fault) => {
                abi::log_error(&format!("{}: {fault}", F::NAME));
                false
            }
        }
    }

    fn on_request_headers(&mut self, id: u32, end: bool) -> Action {
        self.with_stream(id, |stream| stream.on_request_headers(end))
    }

    fn on_request_body(&mut self, id: u32, bytes: usize, end: bool) -> Action {
        self.with_stream(id, |stream| stream.on_request_body(bytes, end))
    }

    fn on_request_trailers(&mut self, id: u32) -> Action {
        self.with_stream(id, Stream::on_request_trailers)
    }

    fn on_response_headers(&mut self, id: u32) -> Action {
        self.streams.get_mut(&id).map_or(Action::Continue, Stream::on_response_headers)
    }

    fn on_answer(&mut self, plugin: u32, call: CallId) {
        if let Some(filter) = self.plugins.get(&plugin) {
            answered::learn(filter, call);
        }
        for id in self.waiting.remove(&call).unwrap_or_default() {
            if self.streams.contains_key(&id) && abi::turn_to(id).is_ok() {
                self.with_stream(id, Stream::on_answer);
            }
        }
    }

    fn on_tick(&mut self, plugin: u32) {
        if let Some(filter) = self.plugins.get(&plugin) {
            answered::tick(filter);
        }
        // Envoy does not tick configurations that others have taken the place of.
        for filter in self.plugins.values() {
            let overdue = answered::overdue(filter);
            self.end(&overdue, filter);
        }
        self.connections.end();
    }

    fn on_connection(&mut self, id: u32) {
        let plugin = self.streams.remove(&id).and_then(Stream::into_filter);
        if let Some(filter) = plugin {
            self.connections.open(id, filter);
        }
    }

    fn on_grpc_message(&mut self, plugin: u32, call: GrpcCallId, bytes: usize) {
        if let Some(filter) = self.plugins.get(&plugin) {
            answered::learn_grpc(filter, call, &answered::message(bytes));
        }
    }

    fn on_grpc_failure(&mut self, plugin: u32, call: GrpcCallId, status: u32) {
        if let Some(filter) = self.plugins.get(&plugin) {
            answered::learn_grpc(filter, call, &Err(GrpcFailed(status)));
        }
    }

    fn on_delete(&mut self, id: u32) {
        if self.connections.close(id) {
            return;
        }
        match self.streams.remove(&id) {
            Some(mut stream) => stream.on_end(),
            None => self.plugins.remove(&id).iter().for_each(answered::close),
        }
    }
}
