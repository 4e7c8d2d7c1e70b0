//! Changes of one object by the admin API.

use tollgate_callers::Differences;
use tollgate_model::{Gateway, Site};
use tollgate_xds::Deployment;

use super::Table;
use super::kept::Kept;
use super::reader::Instead;
use super::step::Step;
use crate::edit::{Edit, Edited, NotEdited};
use crate::ledger::Ledger;
use crate::news::News;

impl Table {
    /// Checks a change, keeps it and serves it; or only tells what it would change.
    pub(crate) fn edit(
        &mut self,
        edit: &Edit,
        ledger: &Ledger,
        deployment: &Deployment,
    ) -> Result<Edited, NotEdited> {
        let objects = [(edit.key.clone(), edit.body.clone())].into();
        let mut news = News { objects, sequence: self.index.sequence, ..News::default() };
        let step = match self.step(&news, Some(&Instead::new())) {
            Ok(Some(step)) => step,
            Ok(None) => return Err(self.refused(edit, self.elsewhere(edit))),
            Err(faults) => return Err(self.refused(edit, NotEdited::Faults(faults))),
        };
        let differences = match self.judged(edit, &step) {
            Ok(differences) if !edit.is_dry_run => differences,
            told => {
                self.take_back(step);
                return told.map(|differences| Edited { revision: None, differences });
            }
        };
        match self.committed(edit, &differences, ledger) {
            Ok(number) => {
                news.sequence = ledger.sequence_of(edit, news.sequence);
                self.take(&news, step, "", deployment);
                self.kept.iter_mut().for_each(|kept| kept.is_kept_as(number));
                ledger.remember(&news);
                Ok(Edited { revision: Some(number), differences })
            }
            Err(why) => {
                self.take_back(step);
                Err(why)
            }
        }
    }

    /// Whose it is, is told before what is wrong.
    fn refused(&self, edit: &Edit, why: NotEdited) -> NotEdited {
        let Some(sites) = edit.sites.as_ref().filter(|_| edit.is_of_api()) else { return why };
        let apis = [edit.key.1.clone()].into();
        let Ok(before) = self.index.compile(&apis, false, &self.loaded) else { return why };
        may_write(sites, &before, edit).err().unwrap_or(why)
    }

    /// That it is written in a file, or else that all has to be looked at.
    fn elsewhere(&self, edit: &Edit) -> NotEdited {
        let place = self.place_of(&edit.key.1).filter(|_| edit.is_of_api());
        place.map_or(NotEdited::Together, NotEdited::Elsewhere)
    }

    /// What a change that may be made changes for callers.
    fn judged(&self, edit: &Edit, step: &Step) -> Result<Differences, NotEdited> {
        let before = step.before().ok_or(NotEdited::Together)?;
        if let Some(sites) = edit.sites.as_ref().filter(|_| edit.is_of_api()) {
            may_write(sites, before, edit)?;
            may_write(sites, &step.after, edit)?;
        }
        let guarded = self.routes().may_follow(step.routes.count);
        guarded.map_err(|fault| NotEdited::Faults(vec![fault]))?;
        Ok(self.differences(step))
    }

    fn committed(
        &mut self,
        edit: &Edit,
        differences: &Differences,
        ledger: &Ledger,
    ) -> Result<u64, NotEdited> {
        let kept: Option<&mut Kept> = self.kept.as_mut();
        let revision = kept.and_then(|kept| kept.revision_with(&edit.key, edit.body.as_deref()));
        let mut revision = revision.ok_or(NotEdited::Together)?;
        (revision.author, revision.difference) = (edit.author.clone(), differences.to_string());
        let edited = ledger.edit(edit, self.index.sequence, &revision);
        edited.unwrap_or(Err(NotEdited::Together))
    }
}

fn may_write(sites: &[Site], gateway: &Gateway, edit: &Edit) -> Result<(), NotEdited> {
    match Site::outside_of(sites, gateway, &edit.key.1) {
        Some(route) => Err(NotEdited::Outside(route)),
        None => Ok(()),
    }
}
