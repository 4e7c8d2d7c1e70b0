use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use tokio::time::Instant;
use tollgate_auth::WhenStale;
use tollgate_identity::Front;
use tollgate_model::Gateway;
use tollgate_xds::{Snapshot, translate};

use crate::Module;
use crate::fetch::Fetched;
use crate::keys::KeySets;
use crate::load::{Fault, Written};
use crate::sources::Fronts;
use crate::store::now;
use crate::watch::Watch;

/// A change is seen within this time, and read after as long again.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Everything that a revision is made of.
pub(crate) struct Input {
    config: PathBuf,
    module: Module,
    pub(crate) fronts: Fronts,
    watch: Watch,
    looked: Instant,
    keys: KeySets,
    inbox: Receiver<Event>,
    is_over: bool,
}

/// What can happen, besides changes of files.
#[derive(Debug)]
pub(crate) enum Event {
    /// A key set came, or did not.
    Fetched(Fetched),
    /// The process ends.
    Stop,
}

/// What came of it.
pub(crate) struct Made {
    pub(crate) snapshot: Snapshot,
    /// What is wrong with key sets that were fetched, which is nobody's fault here.
    pub(crate) warnings: Vec<String>,
    /// Who answers for what it knows.
    pub(crate) front: Front,
}

// === impl Input ===

impl Input {
    pub(crate) fn new(
        config: &Path,
        module: Module,
        fronts: Fronts,
        events: Sender<Event>,
        inbox: Receiver<Event>,
    ) -> Self {
        let (watch, looked) = (Watch::new(config), Instant::now());
        let (config, keys) = (config.to_owned(), KeySets::new(events));
        Self { config, module, fronts, watch, looked, keys, inbox, is_over: false }
    }

    /// Whether the process was told to end.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Waits a moment. True if there is something to read.
    pub(crate) fn changed(&mut self) -> bool {
        // What comes must not keep the files from being looked at.
        let left = LOOK_EVERY.saturating_sub(self.looked.elapsed());
        match self.inbox.recv_timeout(left) {
            Ok(event) => self.on_event(event),
            Err(RecvTimeoutError::Timeout) => {
                self.looked = Instant::now();
                self.watch.changed()
            }
            Err(RecvTimeoutError::Disconnected) => self.on_event(Event::Stop),
        }
    }

    fn on_event(&mut self, event: Event) -> bool {
        match event {
            Event::Fetched(fetched) => self.keys.take(fetched, Instant::now()),
            Event::Stop => {
                self.is_over = true;
                false
            }
        }
    }

    /// Makes a snapshot of what is written now, if all of it is good.
    pub(crate) fn make(&mut self) -> Result<Made, Vec<Fault>> {
        let written = Written::read(&self.config)?.with_variables();
        let module_file = self.module.file().map(Path::to_owned);
        self.watch.also(written.files().chain(module_file).collect());
        self.keys.follow(&written.urls());
        self.await_keys();
        let (gateway, mut warnings) = self.compile(&written)?;
        self.needs_store(&gateway)?;
        let expired = gateway.expired(now()).chain(&gateway.notices);
        warnings.extend(expired.map(ToString::to_string));
        let front = self.fronts.next(&gateway)?;
        let module = self.module.resolve().map_err(|fault| vec![fault.into()])?;
        let deployment = self.fronts.deployment(module);
        Ok(Made { snapshot: translate(&gateway, &deployment), warnings, front })
    }

    /// Whoever wants callers refused rather than served by what is old would be
    /// served without a word.
    fn needs_store(&self, gateway: &Gateway) -> Result<(), Vec<Fault>> {
        let sync = gateway.identity.sync.as_ref();
        let refuses = sync.is_some_and(|sync| sync.when_stale == WhenStale::Closed);
        if refuses && !self.fronts.has_store() { Err(vec![Fault::NoStore]) } else { Ok(()) }
    }

    /// Waits until every url has answered or failed once, so that a new issuer
    /// does not begin with refusals. An answer has a time limit of its own.
    fn await_keys(&mut self) {
        while self.keys.are_awaited() && !self.is_over {
            match self.inbox.recv() {
                Ok(event) => self.on_event(event),
                Err(_) => return,
            };
        }
    }

    /// A fetched set that is bad must not take the place of a good one, nor hold
    /// back another issuer's: if the newest are not all good, each is tried by
    /// itself beside those that are.
    fn compile(&mut self, written: &Written) -> Result<(Gateway, Vec<String>), Vec<Fault>> {
        let newest = self.keys.newest();
        let mut gateway = written.compile(&newest)?;
        if gateway.warnings.is_empty() {
            self.keys.adopt(newest);
            return Ok((gateway, Vec::new()));
        }
        let mut used = self.keys.good();
        let mut warnings = texts(&gateway);
        gateway = written.compile(&used)?;
        for (url, body) in newest {
            let mut candidate = used.clone();
            candidate.insert(url, body);
            let with = written.compile(&candidate)?;
            if with.warnings.len() <= gateway.warnings.len() {
                (gateway, used) = (with, candidate);
            }
        }
        self.keys.adopt(used);
        warnings.extend(texts(&gateway));
        warnings.sort();
        warnings.dedup();
        Ok((gateway, warnings))
    }
}

fn texts(gateway: &Gateway) -> Vec<String> {
    gateway.warnings.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::fetch::FetchFailed;
    use crate::keys::Bodies;
    use crate::revision::Changes;

    const GOOD: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// A set by its form, of which nothing can be used.
    const BAD: &str = r#"{"keys":[{"kty":"RSA","alg":"RS256"}]}"#;

    /// Two issuers, whose keys nobody serves: what comes is what a test says.
    fn input(folder: &Path) -> Input {
        let issuer = |name| {
            format!(
                "    {name}: {{ issuer: https://{name}.example.com, audiences: [api], \
                 jwks: {{ url: \"{}\" }} }}\n",
                url(name)
            )
        };
        let identity = format!("identity:\n  jwt:\n{}{}", issuer("a"), issuer("b"));
        let config = folder.join("tollgate.yaml");
        fs::write(&config, include_str!("../tests/good.yaml").to_owned() + &identity).unwrap();
        let (events, inbox) = channel();
        Input::new(&config, Module::AtEnvoy("/gateway.wasm".into()), Fronts::empty(), events, inbox)
    }

    fn url(issuer: &str) -> String {
        format!("http://127.0.0.1:1/{issuer}")
    }

    fn come(input: &mut Input, issuer: &str, set: &str) -> bool {
        input.on_event(Event::Fetched(Fetched {
            url: url(issuer),
            outcome: Ok(set.as_bytes().to_vec()),
        }))
    }

    fn changes(before: &Made, after: &Made) -> bool {
        !Changes::between(&before.snapshot, &after.snapshot).is_empty()
    }

    #[test]
    fn a_bad_key_set_neither_replaces_a_good_one_nor_holds_back_another() {
        let folder = tempfile::tempdir().unwrap();
        let mut input = input(folder.path());
        let without = input.make().unwrap();
        assert!(come(&mut input, "a", GOOD));
        let with_a = input.make().unwrap();
        assert_eq!(with_a.warnings, [""; 0]);
        assert!(changes(&without, &with_a));

        assert!(come(&mut input, "a", BAD));
        assert!(come(&mut input, "b", GOOD));
        let with_both = input.make().unwrap();
        let [warning] = with_both.warnings.as_slice() else { panic!("{:?}", with_both.warnings) };
        assert!(warning.contains(": identity.jwt.a.jwks.url: "), "{warning}");
        assert!(changes(&with_a, &with_both));

        assert!(come(&mut input, "a", GOOD));
        let again = input.make().unwrap();
        assert_eq!(again.warnings, [""; 0]);
        assert!(!changes(&with_both, &again));
        assert!(!come(&mut input, "a", GOOD), "nothing new");
    }

    #[test]
    fn files_are_looked_at_however_much_comes() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("tollgate.yaml");
        fs::write(&config, "").unwrap();
        let (events, inbox) = channel();
        let module = Module::AtEnvoy("/gateway.wasm".into());
        let mut input = Input::new(&config, module, Fronts::empty(), events.clone(), inbox);
        let failed =
            || Event::Fetched(Fetched { url: url("a"), outcome: Err(FetchFailed::TooLate) });
        std::thread::spawn(move || {
            while events.send(failed()).is_ok() {
                std::thread::sleep(LOOK_EVERY / 5);
            }
        });
        fs::write(&config, "changed").unwrap();
        assert!((0..100).any(|_| input.changed()));
    }

    #[test]
    fn keys_of_an_issuer_that_is_gone_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut input = input(folder.path());
        input.make().unwrap();
        fs::write(&input.config, include_str!("../tests/good.yaml")).unwrap();
        input.make().unwrap();
        assert!(!come(&mut input, "a", GOOD));
        assert_eq!(input.keys.newest(), Bodies::new());
    }
}
