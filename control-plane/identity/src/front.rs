use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::compile::{InvalidSource, compile};
use crate::counts::Counts;
use crate::in_process::InProcess;
use crate::negatives::Negatives;
use crate::source::{Memory, Source};
use crate::{Answer, Cache, Clock, FrontSpec, InHouse, Mint, SourceSpec};

/// Answers what is known about a token.
///
/// From memory if it can; else from the cache that replicas share, if there is
/// one; else the provider is asked, once for everybody who waits. Whatever
/// cannot be found out is [`Answer::Unavailable`], never a guess.
pub struct Front {
    sources: BTreeMap<String, Asked>,
    in_house: BTreeMap<String, Arc<dyn InHouse>>,
    /// None: no tokens are made for backends.
    mint: Option<Mint>,
    memory: Memory,
}

/// A source, and what it was made of.
#[derive(Clone)]
struct Asked {
    spec: SourceSpec,
    source: Arc<Source>,
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
        let FrontSpec { sources, memory_bytes_max } = spec;
        let memory = Memory {
            positives: Arc::new(InProcess::new(memory_bytes_max, Arc::clone(&clock))),
            negatives: Arc::new(Negatives::new(Arc::clone(&clock))),
            clock,
            shared,
        };
        Self { sources: BTreeMap::new(), in_house: BTreeMap::new(), mint: None, memory }
            .followed_by(sources)
    }

    /// The front that takes this one's place when the sources change. Whatever is
    /// remembered stays, and a source that has not changed does not notice. It
    /// makes tokens only if it is [told to](Self::minting).
    pub fn followed_by(
        &self,
        specs: BTreeMap<String, SourceSpec>,
    ) -> Result<Self, Vec<InvalidSource>> {
        let (mut sources, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, spec) in specs {
            match self.source(&name, spec) {
                Ok(asked) => drop(sources.insert(name, asked)),
                Err(found) => faults.extend(found),
            }
        }
        let (in_house, memory) = (self.in_house.clone(), self.memory.clone());
        let mint = None;
        if faults.is_empty() { Ok(Self { sources, in_house, mint, memory }) } else { Err(faults) }
    }

    fn source(&self, name: &str, spec: SourceSpec) -> Result<Asked, Vec<InvalidSource>> {
        if let Some(same) = self.sources.get(name).filter(|asked| asked.spec == spec) {
            return Ok(same.clone());
        }
        let source = Arc::new(compile(name, spec.clone(), self.memory.clone())?);
        Ok(Asked { spec, source })
    }

    /// Answers questions under this name without asking a provider.
    #[must_use]
    pub fn with(mut self, name: &str, in_house: Arc<dyn InHouse>) -> Self {
        self.in_house.insert(name.to_owned(), in_house);
        self
    }

    /// Makes tokens for backends.
    #[must_use]
    pub fn minting(mut self, mint: Option<Mint>) -> Self {
        self.mint = mint;
        self
    }

    /// The public keys of those tokens, if any are made.
    pub fn key_set(&self) -> Option<Bytes> {
        self.mint.as_ref().map(Mint::key_set)
    }

    pub(crate) fn mint(&self) -> Option<&Mint> {
        self.mint.as_ref()
    }

    /// What a source says about a token. None if there is no such source.
    ///
    /// Must be called within a runtime of tokio.
    pub async fn introspect(&self, source: &str, token: &str) -> Option<Answer> {
        if let Some(in_house) = self.in_house.get(source) {
            return Some(in_house.answer(token).await);
        }
        Some(self.sources.get(source)?.source.introspect(token).await)
    }

    /// Each source, and how its questions were answered.
    pub fn counts(&self) -> impl Iterator<Item = (&str, Counts)> {
        self.sources.iter().map(|(name, asked)| (name.as_str(), asked.source.counters.read()))
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
