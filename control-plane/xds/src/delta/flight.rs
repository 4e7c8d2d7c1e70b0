use crate::delta::Named;

/// The responses that have no verdict yet.
#[derive(Debug, Default)]
pub(super) struct Flight(Vec<(String, Load)>);

/// What a response said.
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) resources: Vec<Sent>,
    pub(super) removed: Vec<String>,
}

/// A resource in a response.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) named: Named,
    pub(super) needs: Vec<String>,
    /// Whether it went out once more since, on which there is no verdict yet.
    pub(super) is_superseded: bool,
    /// Whether it was taken away since.
    pub(super) is_withdrawn: bool,
}

impl Flight {
    pub(super) fn depart(&mut self, nonce: String, load: Load) {
        self.0.push((nonce, load));
    }

    /// A verdict on what went out before its removal no longer says that it runs.
    pub(super) fn withdraw(&mut self, name: &str) {
        let sent = self.0.iter_mut().flat_map(|(_, load)| &mut load.resources);
        for sent in sent.filter(|sent| sent.named.name == name) {
            sent.is_withdrawn = true;
        }
    }

    /// Only the nonce says which response a verdict is about. One that is not
    /// known, for example from the stream before, says nothing.
    pub(super) fn land(&mut self, nonce: &str) -> Option<Load> {
        let index = self.0.iter().position(|(departed, _)| departed == nonce)?;
        let (_, mut load) = self.0.remove(index);
        for sent in &mut load.resources {
            sent.is_superseded = self.carries_since(index, &sent.named.name);
        }
        Some(load)
    }

    fn carries_since(&self, index: usize, name: &str) -> bool {
        let later = self.0.iter().skip(index).flat_map(|(_, load)| &load.resources);
        later.into_iter().any(|sent| sent.named.name == name)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
