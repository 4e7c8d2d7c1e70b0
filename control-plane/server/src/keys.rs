use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Sender;

use crate::fetch::{Fetched, Following, shown};
use crate::input::Event;
use crate::report;

/// The key sets that the configuration names by url.
pub(crate) struct KeySets {
    events: Sender<Event>,
    sets: BTreeMap<String, KeySet>,
}

#[derive(Debug)]
struct KeySet {
    /// The last one that a whole configuration was published with.
    good: Option<Vec<u8>>,
    /// The last one that was fetched.
    newest: Option<Vec<u8>>,
    answered: bool,
    failing: bool,
    _following: Following,
}

/// Key sets by url, as the configuration is compiled with them.
pub(crate) type Bodies = BTreeMap<String, Vec<u8>>;

// === impl KeySets ===

impl KeySets {
    /// What is fetched is told to `events`, from other threads.
    pub(crate) fn new(events: Sender<Event>) -> Self {
        Self { events, sets: BTreeMap::new() }
    }

    /// Follows these urls and no others.
    pub(crate) fn follow(&mut self, urls: &BTreeSet<String>) {
        self.sets.retain(|url, _| urls.contains(url));
        for url in urls {
            let start = || KeySet::new(url, &self.events);
            self.sets.entry(url.clone()).or_insert_with(start);
        }
    }

    /// Whether some url was asked for the first time and has not answered.
    pub(crate) fn are_awaited(&self) -> bool {
        self.sets.values().any(|set| !set.answered)
    }

    /// Takes what was fetched. True if it is not what was fetched before.
    pub(crate) fn take(&mut self, fetched: Fetched) -> bool {
        let Some(set) = self.sets.get_mut(&fetched.url) else { return false };
        set.answered = true;
        match fetched.outcome {
            Ok(body) => {
                if std::mem::take(&mut set.failing) {
                    report::keys_again(shown(&fetched.url));
                }
                let before = set.newest.replace(body);
                before != set.newest
            }
            Err(failure) => {
                if !std::mem::replace(&mut set.failing, true) {
                    report::no_keys(shown(&fetched.url), &failure, set.good.is_some());
                }
                false
            }
        }
    }

    /// The sets that were fetched last.
    pub(crate) fn newest(&self) -> Bodies {
        self.bodies(|set| set.newest.as_ref())
    }

    /// The sets that are known to be good.
    pub(crate) fn good(&self) -> Bodies {
        self.bodies(|set| set.good.as_ref())
    }

    /// The sets in use, which hold for good ones from now on.
    pub(crate) fn adopt(&mut self, used: Bodies) {
        for (url, body) in used {
            if let Some(set) = self.sets.get_mut(&url) {
                set.good = Some(body);
            }
        }
    }

    fn bodies(&self, body: impl Fn(&KeySet) -> Option<&Vec<u8>>) -> Bodies {
        let sets = self.sets.iter();
        sets.filter_map(|(url, set)| Some((url.clone(), body(set)?.clone()))).collect()
    }
}

impl KeySet {
    fn new(url: &str, events: &Sender<Event>) -> Self {
        let events = events.clone();
        let tell = move |fetched| {
            // Nobody listens any more when the process ends.
            events.send(Event::Fetched(fetched)).ok();
        };
        let following = Following::start(url.to_owned(), tell);
        Self { good: None, newest: None, answered: false, failing: false, _following: following }
    }
}
