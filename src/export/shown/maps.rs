//! Raw maps of what is shown, for NumPy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tile::{ShownMap, image_record, model_record};
use crate::export::{ClassFound, Error, FileSet, MapRecord, MapsRecord, Result, maps_npz, refuse_foreign_record};
use crate::reading::OpenCase;
use crate::saliency::Explanation;

/// The maps of one model of one case.
#[derive(Clone)]
pub struct ShownMaps {
    /// The case.
    pub case: Arc<OpenCase>,
    /// The finished maps, all of one model and one question.
    pub maps: Vec<ShownMap>,
}

impl ShownMaps {
    /// Writes `<METHOD>_raw`, `<METHOD>` and `logits` as an archive, the arrays that `saliscope explain` writes, and the
    /// record beside it: both or neither.
    ///
    /// # Errors
    /// When there is no map, or the files cannot be written; what was there before then stays.
    pub fn write(&self, target: &Path) -> Result<Vec<PathBuf>> {
        let Some(first) = self.maps.first() else { return Err(Error::Maps("none is finished".to_owned())) };
        let prediction = &first.answer.prediction;
        let explanation = Explanation {
            logits: prediction.logits.clone(),
            class: first.answer.map.provenance.class,
            maps: self.maps.iter().map(|map| map.answer.map.clone()).collect(),
        };
        let logits = prediction.logits.clone();
        let (image, model) = (image_record(&self.case), model_record(&first.model));
        let mut record = MapsRecord::new(image, model, logits, first.question.seed);
        record.caution = first.caution.map(str::to_owned);
        for map in &self.maps {
            let class = map.answer.map.provenance.class;
            let explained = ClassFound::new(&map.model.model.card, &explanation.logits, class);
            record.maps.push(MapRecord::of(&map.answer.map, 0, explained, None));
        }
        let beside = target.with_extension("json");
        refuse_foreign_record(&beside)?;
        let mut files = FileSet::new();
        files.add(target, &maps_npz(&explanation)?)?;
        files.add(&beside, &record.to_json()?)?;
        files.publish()?;
        Ok(vec![target.to_owned(), beside])
    }
}
