//! The maps that a run kept, as NumPy's archives by image.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::store::{KeptMap, Store};
use super::super::tables::csv_cell;
use super::super::unit::Unit;
use super::{Error, Pseudonyms, Result};
use crate::array_file::NpzWriter;
use crate::cascade::ORIGINAL;
use crate::watch::Watch;

/// Folder of the maps below that of an export.
const FOLDER: &str = "maps";

/// Which kept maps are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapStates {
    /// Those of networks as they were trained, of localizers, and the average mask.
    Trained,
    /// Those of randomized networks as well.
    All,
}

/// What was written, and what was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MapsWritten {
    /// Maps written.
    pub maps: usize,
    /// Maps of randomized networks that were not asked for.
    pub of_random_networks: usize,
    /// Maps of images without a score or a failure, which have no name without identity; the run is not finished.
    pub of_unnamed_images: usize,
}

/// Writes kept maps as `maps/NETWORK/IMAGE.npz`, those of randomized networks as `maps/NETWORK/STATE/IMAGE.npz`, the average mask
/// as `maps/AVG.npz`, each with one `float32` array `[h, w]` a method, 0 to 1 as shown, rounded to 11 bits as they are kept; and
/// `maps/index.csv`, a row a map. `create` makes each file; images are called as in `names`.
///
/// # Errors
/// When the run kept no map, an image's id is no name of a file, a map is damaged, a file cannot be written, or `watch` cancels.
pub fn write_maps(
    store: &Store,
    names: &Pseudonyms,
    states: MapStates,
    create: &mut dyn FnMut(&Path) -> std::io::Result<File>,
    watch: &dyn Watch,
) -> Result<MapsWritten> {
    let units = store.kept_maps()?;
    if units.is_empty() {
        return Err(Error::NoMaps);
    }
    let mut written = MapsWritten::default();
    let mut index = "file,array,image,network,state,method,class,outcome,height_px,width_px\n".to_owned();
    let mut folders = Folders::default();
    let is_same_file = |a: &Unit, b: &Unit| (&a.model, &a.state, &a.image) == (&b.model, &b.state, &b.image);
    for of_file in units.chunk_by(is_same_file) {
        if watch.is_cancelled() {
            return Err(Error::Interrupted);
        }
        let Unit { image, model, state, .. } = &of_file[0];
        let is_random = !state.is_empty() && state != ORIGINAL;
        if is_random && states == MapStates::Trained {
            written.of_random_networks += of_file.len();
            continue;
        }
        // The average mask is of no image.
        let name = if image.is_empty() { Some(String::new()) } else { names.known(image) };
        let Some(name) = name else {
            written.of_unnamed_images += of_file.len();
            continue;
        };
        let path = folders.path(model, if is_random { state } else { "" }, &name, &of_file[0].method)?;
        let mut archive = NpzWriter::new(create(&path)?);
        for unit in of_file {
            let Some(KeptMap { height, width, class, outcome, values }) = store.map(unit)? else { continue };
            archive.add_f32(&unit.method, &[height, width], &values)?;
            let file = path.strip_prefix(FOLDER).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let cells = [&file, &unit.method, &name, model, state, &unit.method].map(|cell| csv_cell(cell)).join(",");
            let class = class.map(|class| class.to_string()).unwrap_or_default();
            // Writing into a string cannot fail.
            let _ = writeln!(index, "{cells},{class},{outcome},{height},{width}");
            written.maps += 1;
        }
        archive.finish()?;
    }
    create(&Path::new(FOLDER).join("index.csv"))?.write_all(index.as_bytes())?;
    Ok(written)
}

/// Folders of the states, which may have names that no folder can have.
#[derive(Debug, Default)]
struct Folders {
    states: HashMap<String, String>,
}

impl Folders {
    /// Where the maps of an image go; those of no image are called by their method.
    fn path(&mut self, model: &str, state: &str, image: &str, method: &str) -> Result<PathBuf> {
        let name = if image.is_empty() { method } else { image };
        if !is_file_name(name) {
            return Err(Error::NoFileName);
        }
        let mut path = PathBuf::from(FOLDER);
        if !model.is_empty() {
            path.push(model);
        }
        if !state.is_empty() {
            let number = self.states.len() + 1;
            let folder = self
                .states
                .entry(state.to_owned())
                .or_insert_with(|| if is_file_name(state) { state.to_owned() } else { format!("state {number}") });
            path.push(&*folder);
        }
        path.push(format!("{name}.npz"));
        Ok(path)
    }
}

/// Whether a name stays in its folder, on every system.
fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0'])
}
