use std::collections::{BTreeMap, BTreeSet};

use super::entry::{Entry, Split, Unsplit, all_split, split};
use super::general::General;
use super::{Part, Read, Workspace};
use crate::gateway::ASKED_MAX;
use crate::piece::segment_of_path;
use crate::yaml::Node;
use crate::{Fault, Gateway, Loaded, RoutePiece, Source};

/// What a change of some files comes to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Change {
    /// The pieces that may be others now, and the APIs to check for that.
    pub part: Part,
    /// The pieces that there are no longer.
    pub gone: BTreeSet<RoutePiece>,
    /// The APIs that there are no longer.
    pub removed: BTreeSet<String>,
    /// The pieces where callers ask for limits, if they are others only for what these
    /// APIs tell there.
    asked: BTreeSet<RoutePiece>,
    /// What the index was before, in case that what was written is at fault.
    before: BTreeMap<String, Option<Entry>>,
    general: Option<General>,
}

/// What a change may touch.
struct Extent {
    pieces: BTreeSet<RoutePiece>,
    /// Where callers ask for limits of these APIs, and of which all.
    asked: BTreeMap<RoutePiece, BTreeSet<String>>,
}

/// What is written in some files now.
#[derive(Default)]
struct Written {
    entries: BTreeMap<String, Entry>,
    /// What holds for all, of files in which that is another.
    general: BTreeMap<String, Option<(u64, Node)>>,
}

// === impl Change ===

impl Change {
    /// Whether backends or tiers are others, so that what holds for all has to be checked.
    pub const fn is_general(&self) -> bool {
        self.general.is_some()
    }
}

// === impl Workspace ===

impl Workspace {
    /// Takes files that have changed, of which those not there any more read as
    /// nothing. None, and nothing taken, if more has changed than APIs, backends and
    /// tiers; nor is anything taken if some of these files cannot be read, which is
    /// told.
    pub fn change(
        &mut self,
        files: &BTreeSet<String>,
        read: Read<'_>,
    ) -> Result<Option<Change>, Vec<Fault>> {
        match self.written_now(files, read) {
            Ok(written) => Ok(self.changed(files, written)),
            Err(Unsplit::Together) => Ok(None),
            Err(Unsplit::Unreadable(faults)) => Err(faults),
        }
    }

    fn changed(&mut self, files: &BTreeSet<String>, written: Written) -> Option<Change> {
        let Written { entries: after, general } = written;
        let general = if general.is_empty() { None } else { Some(self.general.with(general)?) };
        let mut touched = self.touched(files, &after);
        // Those that use another backend now are checked again as they are.
        if let Some(general) = &general {
            let users = self.users(general, &touched);
            touched.extend(users);
        }
        let around = self.around(&touched);
        let names: BTreeSet<String> = touched.keys().cloned().collect();
        let critical: Vec<String> = self.apis.critical().map(str::to_owned).collect();
        let (divided, before) = (self.divided(&around), self.extent(&around, &names));
        let undo = self.enter(touched);
        if !self.agree_around(&around, &names) {
            self.enter(undo);
            return None;
        }
        let general = general.map(|general| std::mem::replace(&mut self.general, general));
        let change = Change { before: undo, general, ..self.entered(&around, names, before) };
        // Where a host is divided otherwise, so is all that listeners know of it; and
        // what is kept of a backend, is kept from all.
        let is_kept = self.apis.critical().eq(critical.iter().map(String::as_str));
        if self.divides_otherwise(&around, &divided) || !is_kept {
            self.undo(change);
            return None;
        }
        Some(change)
    }

    /// What comes of it that some APIs have been entered.
    fn entered(&self, around: &Around, names: BTreeSet<String>, before: Extent) -> Change {
        let after = self.extent(around, &names);
        let pieces = self.touched_pieces(&before, &after);
        let asked = after.asked.into_keys().filter(|piece| !pieces.contains(piece)).collect();
        let gone = before.pieces.into_iter().chain(before.asked.into_keys());
        let gone = gone.filter(|piece| !self.has(piece)).collect();
        let (mut apis, removed): (BTreeSet<_>, _) =
            names.into_iter().partition(|api| self.apis.has(api));
        apis.extend(self.apis_in(&pieces));
        let (before, general) = (BTreeMap::new(), None);
        Change { part: Part { pieces, apis }, asked, gone, removed, before, general }
    }

    /// Checks what a change comes to. `told`: by what an API told callers before how their
    /// limits stand, as [`Gateway::asked_id`]. If that is another now, so is where callers
    /// ask for it, and the change touches that too.
    pub fn compile_change(
        &self,
        change: &mut Change,
        told: &dyn Fn(&str) -> Option<String>,
        read: Read<'_>,
        loaded: &Loaded,
    ) -> Result<Gateway, Vec<Fault>> {
        let everything = change.is_general();
        let gateway = self.compile(&change.part.apis, everything, read, loaded)?;
        let is_other = |api: &String| gateway.asked_id(api) != told(api);
        if change.asked.is_empty() || !change.part.apis.iter().any(is_other) {
            return Ok(gateway);
        }
        change.part.pieces.append(&mut change.asked);
        change.part.apis.extend(self.apis_in(&change.part.pieces));
        self.compile(&change.part.apis, everything, read, loaded)
    }

    /// Forgets a change.
    pub fn undo(&mut self, change: Change) {
        self.enter(change.before);
        if let Some(general) = change.general {
            self.general = general;
        }
    }

    fn written_now(&self, files: &BTreeSet<String>, read: Read<'_>) -> Result<Written, Unsplit> {
        let mut written = Written::default();
        let nothing = |file: &String| Source { name: file.clone(), bytes: b"{}".to_vec() };
        let splits = files.iter().map(|file| split(&read(file).unwrap_or_else(|| nothing(file))));
        for (file, split) in files.iter().zip(all_split(splits)?) {
            let Split { mark, general, apis } = split;
            if !self.general.has(file, mark) {
                let general = mark.map(|mark| (mark, general));
                written.general.insert(file.clone(), general);
            }
            for (api, node) in apis {
                let entry = Entry::of(file, &node);
                let elsewhere = self.apis.get(&api).filter(|known| !files.contains(&known.file));
                if elsewhere.is_some() || written.entries.insert(api, entry).is_some() {
                    return Err(Unsplit::Together);
                }
            }
        }
        Ok(written)
    }

    /// The APIs that go to a backend that is another with what holds for all then, but for
    /// those that are others themselves.
    fn users(
        &self,
        next: &General,
        touched: &BTreeMap<String, Option<Entry>>,
    ) -> BTreeMap<String, Option<Entry>> {
        let others = next.other_backends(&self.general);
        let users = self.apis.iter().filter(|(api, entry)| {
            !touched.contains_key(*api) && !entry.backends.is_disjoint(&others)
        });
        users.map(|(api, entry)| (api.clone(), Some(entry.clone()))).collect()
    }

    /// The APIs of these files that are others than before, or gone.
    fn touched(
        &self,
        files: &BTreeSet<String>,
        after: &BTreeMap<String, Entry>,
    ) -> BTreeMap<String, Option<Entry>> {
        let known = files.iter().flat_map(|file| self.apis.in_file(file));
        let gone = known.filter(|api| !after.contains_key(*api));
        let gone = gone.map(|api| (api.clone(), None));
        let others = after.iter().filter(|(api, entry)| self.apis.get(api) != Some(entry));
        gone.chain(others.map(|(api, entry)| (api.clone(), Some(entry.clone())))).collect()
    }

    /// Puts entries in the place of others; returns those.
    fn enter(
        &mut self,
        entries: BTreeMap<String, Option<Entry>>,
    ) -> BTreeMap<String, Option<Entry>> {
        let put = |(api, entry): (String, _)| {
            let before = self.apis.put(&api, entry);
            (api, before)
        };
        entries.into_iter().map(put).collect()
    }

    /// The hosts and first segments of APIs, as they are and as they will be.
    fn around(&self, touched: &BTreeMap<String, Option<Entry>>) -> Around {
        let mut around = Around::new();
        for (api, entry) in touched {
            for entry in self.apis.get(api).into_iter().chain(entry) {
                for host in &entry.hosts {
                    let segments = entry.segments.keys().cloned();
                    around.entry(host.clone()).or_default().extend(segments);
                }
            }
        }
        around
    }

    /// Whether these APIs are for the same Envoys as the others of their hosts, one
    /// of which stands for all.
    fn agree_around(&self, around: &Around, apis: &BTreeSet<String>) -> bool {
        around.keys().filter_map(|host| self.hosts().get(host)).all(|division| {
            let there = apis.iter().map(String::as_str).filter(|api| division.has(api));
            let enough = apis.len().saturating_add(1);
            self.agree(division.first_apis(enough).into_iter().chain(there))
        })
    }

    /// Whether the routes come in pieces, and which hosts have several.
    fn divided(&self, around: &Around) -> (bool, BTreeMap<String, bool>) {
        let hosts = around
            .keys()
            .filter_map(|host| Some((host.clone(), self.hosts().get(host)?.is_divided())));
        (self.is_divided(), hosts.collect())
    }

    /// Whether a host that was there is divided otherwise now, or all are.
    fn divides_otherwise(
        &self,
        around: &Around,
        (was, hosts): &(bool, BTreeMap<String, bool>),
    ) -> bool {
        let (is, now) = self.divided(around);
        is != *was || hosts.iter().any(|(host, was)| now.get(host).is_some_and(|is| is != was))
    }

    /// All pieces of hosts that have no more APIs than `count`: those may come or go.
    fn pieces_around(&self, around: &Around, count: usize) -> BTreeSet<RoutePiece> {
        let mut pieces = BTreeSet::new();
        for (host, segments) in around {
            let Some(division) = self.hosts().get(host) else { continue };
            let is_small = division.apis() <= count;
            if is_small || !division.is_divided() || segments.contains(&None) {
                pieces.extend(self.pieces_of(host, division));
            } else {
                pieces
                    .extend(segments.iter().filter_map(|one| division.piece(host, one.as_deref())));
            }
        }
        pieces
    }

    fn extent(&self, around: &Around, apis: &BTreeSet<String>) -> Extent {
        let asked = around.keys().filter_map(|host| self.asked_at(host, apis));
        Extent { pieces: self.pieces_around(around, apis.len()), asked: asked.collect() }
    }

    /// Where callers of a divided host ask for their limits, if they do for one of these
    /// APIs; and for which they do.
    fn asked_at(
        &self,
        host: &str,
        apis: &BTreeSet<String>,
    ) -> Option<(RoutePiece, BTreeSet<String>)> {
        let division = self.hosts().get(host).filter(|division| division.is_divided())?;
        let segment = segment_of_path(self.limits_path.as_deref()?);
        let asked = division.first_apis(ASKED_MAX);
        let piece = RoutePiece { host: host.to_owned(), segment, is_whole: false };
        let is_any = apis.iter().any(|api| asked.contains(api.as_str()));
        is_any.then(|| (piece, asked.into_iter().map(str::to_owned).collect()))
    }

    /// The pieces that may be others, whatever the APIs say: also those where callers
    /// asked for the limits of other APIs than they do now.
    fn touched_pieces(&self, before: &Extent, after: &Extent) -> BTreeSet<RoutePiece> {
        let asked = before.asked.keys().chain(after.asked.keys());
        let others = asked.filter(|piece| before.asked.get(piece) != after.asked.get(piece));
        let others = others.filter(|piece| self.has(piece));
        after.pieces.iter().chain(others).cloned().collect()
    }

    /// Whether there is such a piece.
    fn has(&self, piece: &RoutePiece) -> bool {
        let Some(division) = self.hosts().get(&piece.host) else { return false };
        if piece.is_whole || !division.is_divided() {
            return piece.is_whole != division.is_divided();
        }
        let asked = self.limits_path.as_deref().map(segment_of_path);
        asked.is_some_and(|asked| asked == piece.segment)
            || division.piece(&piece.host, piece.segment.as_deref()).is_some()
    }

    fn apis_in(&self, pieces: &BTreeSet<RoutePiece>) -> BTreeSet<String> {
        pieces.iter().flat_map(|piece| self.apis_of(piece)).map(str::to_owned).collect()
    }
}

type Around = BTreeMap<String, BTreeSet<Option<String>>>;
