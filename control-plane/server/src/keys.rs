use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::time::Instant;

use crate::event::Event;
use crate::fetch::{Bodies, FetchFailed, Fetched, Following, shown};
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
    /// Since when it could not be had, if it cannot.
    failing: Option<Instant>,
    _following: Following,
}

/// How long keys are believed that cannot be looked at: after that nobody knows
/// whether their owner has withdrawn them.
const BELIEVED_FOR: Duration = Duration::from_hours(24);

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

    /// Takes what was fetched by now. True if it is not what was fetched before.
    pub(crate) fn take(&mut self, fetched: Fetched, now: Instant) -> bool {
        let Some(set) = self.sets.get_mut(&fetched.url) else { return false };
        set.answered = true;
        match fetched.outcome {
            Ok(body) => set.had(shown(&fetched.url), body),
            Err(failure) => set.missed(shown(&fetched.url), &failure, now),
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
        Self { good: None, newest: None, answered: false, failing: None, _following: following }
    }

    fn had(&mut self, url: &str, body: Vec<u8>) -> bool {
        if self.failing.take().is_some() {
            report::keys_again(url);
        }
        let before = self.newest.replace(body);
        before != self.newest
    }

    fn missed(&mut self, url: &str, why: &FetchFailed, now: Instant) -> bool {
        if self.failing.is_none() {
            report::no_keys(url, why, self.good.is_some());
        }
        let since = *self.failing.get_or_insert(now);
        let is_stale = BELIEVED_FOR <= now.saturating_duration_since(since);
        if !is_stale || (self.good.is_none() && self.newest.is_none()) {
            return false;
        }
        report::keys_dropped(url, BELIEVED_FOR);
        (self.good, self.newest) = (None, None);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn keys_that_cannot_be_looked_at_are_believed_for_a_day() {
        let url = "http://127.0.0.1:1/";
        let mut keys = KeySets::new(channel().0);
        keys.follow(&BTreeSet::from([url.to_owned()]));
        let start = Instant::now();
        let mut after = |hours: u64, outcome| {
            let fetched = Fetched { url: url.to_owned(), outcome };
            let changed = keys.take(fetched, start + Duration::from_hours(hours));
            let used = keys.newest();
            keys.adopt(used);
            (changed, keys.good().len())
        };
        let fail = || Err(FetchFailed::TooLate);
        let had = || Ok(b"{}".to_vec());
        assert_eq!(after(0, fail()), (false, 0), "there is nothing to drop yet");
        assert_eq!(after(1, had()), (true, 1));
        assert_eq!(after(30, fail()), (false, 1));
        assert_eq!(after(53, fail()), (false, 1));
        assert_eq!(after(54, fail()), (true, 0));
        assert_eq!(after(55, fail()), (false, 0), "told once");
        assert_eq!(after(56, had()), (true, 1));
        assert_eq!(after(90, fail()), (false, 1), "a day from the first failure");
    }
}
