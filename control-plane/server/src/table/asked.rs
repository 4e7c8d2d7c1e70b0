//! What is asked of a large configuration, answered at the cost of what it is about.

use std::collections::BTreeMap;

use tollgate_model::{Gateway, Source};

use super::Table;
use super::reader::{Instead, Reader, called};
use crate::load::Fault;

impl Table {
    /// In which files APIs are written, as places call them.
    pub(crate) fn owners_of_apis(&self) -> BTreeMap<String, String> {
        let workspace = &self.index.workspace;
        let owner = |api: &str| Some(called(workspace.file_of(api)?).to_owned());
        let owners = workspace.apis().filter_map(|api| Some((api.to_owned(), owner(api)?)));
        owners.collect()
    }

    /// The place in a file where an API is written.
    pub(super) fn place_of(&self, api: &str) -> Option<String> {
        let (nothing, objects) = (Instead::new(), &self.index.objects);
        let reader = Reader { objects, instead: &nothing };
        let file = self.index.workspace.file_of(api).filter(|file| *file == called(file))?;
        let place = self.index.workspace.place_of(api, &|_| reader.read(file))?;
        Some(place.to_string())
    }

    /// What is written where an object of a section may stand, or any but APIs may.
    pub(crate) fn sources_of(&self, section: &str, name: Option<&str>) -> Vec<Source> {
        let workspace = &self.index.workspace;
        let (nothing, objects) = (Instead::new(), &self.index.objects);
        let reader = Reader { objects, instead: &nothing };
        let files: Vec<&str> = match name.filter(|_| section == "apis") {
            Some(api) => workspace.file_of(api).into_iter().collect(),
            None => workspace.general_files().collect(),
        };
        files.into_iter().filter_map(|file| reader.read(file)).collect()
    }

    /// The gateway as far as it has to do with requests to a host with this first segment
    /// of the path.
    pub(crate) fn at(&self, host: &str, segment: &str) -> Result<Gateway, Vec<Fault>> {
        self.index.compile(&self.index.workspace.apis_at(host, segment), true, &self.loaded)
    }
}
