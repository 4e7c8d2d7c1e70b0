use std::collections::BTreeMap;
use std::sync::Arc;

use crate::compile::{InvalidSource, compile};
use crate::counts::Counts;
use crate::in_process::InProcess;
use crate::negatives::Negatives;
use crate::source::{Memory, Source};
use crate::{Answer, Cache, Clock, FrontSpec};

/// Answers what is known about a token.
///
/// From memory if it can; else from the cache that replicas share, if there is
/// one; else the provider is asked, once for everybody who waits. Whatever
/// cannot be found out is [`Answer::Unavailable`], never a guess.
pub struct Front {
    sources: BTreeMap<String, Arc<Source>>,
    memory: Memory,
}

/// How much is remembered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Remembered {
    /// Good tokens, among them some that were good not long ago.
    pub positives: usize,
    /// About how many bytes those take.
    pub positive_bytes: usize,
    /// Other tokens.
    pub negatives: usize,
}

// === impl Front ===

impl Front {
    /// Checks all sources, and reports every fault rather than the first.
    pub fn compile(
        spec: FrontSpec,
        shared: Option<Arc<dyn Cache>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Vec<InvalidSource>> {
        let FrontSpec { sources: specs, memory_bytes_max } = spec;
        let memory = Memory {
            positives: Arc::new(InProcess::new(memory_bytes_max, Arc::clone(&clock))),
            negatives: Arc::new(Negatives::new(Arc::clone(&clock))),
            clock,
            shared,
        };
        let (mut sources, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, spec) in specs {
            match compile(&name, spec, memory.clone()) {
                Ok(source) => drop(sources.insert(name, Arc::new(source))),
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() { Ok(Self { sources, memory }) } else { Err(faults) }
    }

    /// What a source says about a token. None if there is no such source.
    ///
    /// Must be called within a runtime of tokio.
    pub async fn introspect(&self, source: &str, token: &str) -> Option<Answer> {
        Some(self.sources.get(source)?.introspect(token).await)
    }

    /// Each source, and how its questions were answered.
    pub fn counts(&self) -> impl Iterator<Item = (&str, Counts)> {
        self.sources.iter().map(|(name, source)| (name.as_str(), source.counters.read()))
    }

    /// How much is remembered in this process.
    pub fn remembered(&self) -> Remembered {
        let (positives, positive_bytes) = self.memory.positives.size();
        Remembered { positives, positive_bytes, negatives: self.memory.negatives.len() }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.memory.clock.as_ref()
    }
}
