//! Where a file keeps the variables of a layer.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::super::bytes::Damage;
use super::super::error::{Error, Result};
use super::super::hdf5::{Dataset, File, Objects};
use super::config::Call;

/// The datasets of a file.
#[derive(Debug)]
pub(super) struct Store<'a> {
    file: File<'a>,
    /// Addresses by path.
    datasets: BTreeMap<String, u64>,
    groups: BTreeMap<String, u64>,
    layout: Layout,
    /// Folders that were looked into.
    read: RefCell<HashMap<String, Rc<Group>>>,
}

/// Variables by name, by the path of their layer.
type Group = BTreeMap<String, BTreeMap<String, u64>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// A group for each layer of the outermost model, in it `<layer>/<variable>:0`; of `.h5` by Keras 2 and 3.
    Named {
        /// Folder of all groups.
        folder: &'static str,
        /// Whether a layer may be in any group, because nobody says in which.
        anywhere: bool,
    },
    /// Layers counted by class, variables by number; of `.keras` and `.weights.h5`.
    Numbered {
        /// What stands in place of `layers`.
        folder: &'static str,
    },
}

/// The folder of a whole model's weights in `.h5`.
const WHOLE_MODEL: &str = "model_weights/";
/// What early versions wrote in place of `layers`.
const EARLY_LAYERS: &str = "_layer_checkpoint_dependencies";

impl<'a> Store<'a> {
    pub(super) fn new(file: File<'a>) -> Result<Self> {
        let Objects { datasets, groups } = file.objects().map_err(of_hdf5)?;
        let begins = |folder: &str| datasets.keys().any(|path| path.starts_with(folder));
        let layout = if begins(WHOLE_MODEL) {
            Layout::Named { folder: WHOLE_MODEL, anywhere: false }
        } else if datasets.keys().any(|path| path.contains("/vars/")) {
            Layout::Numbered { folder: if begins(EARLY_LAYERS) { EARLY_LAYERS } else { "layers" } }
        } else {
            Layout::Named { folder: "", anywhere: false }
        };
        Ok(Self { file, datasets, groups, layout, read: RefCell::default() })
    }

    /// The same, where no configuration tells the models around a layer.
    pub(super) fn anywhere(&self) -> Self {
        let layout = match self.layout {
            Layout::Named { folder, .. } => Layout::Named { folder, anywhere: true },
            numbered @ Layout::Numbered { .. } => numbered,
        };
        Self {
            file: self.file,
            datasets: self.datasets.clone(),
            groups: self.groups.clone(),
            layout,
            read: RefCell::default(),
        }
    }

    /// Whether layers have numbers in place of names.
    pub(super) fn is_numbered(&self) -> bool {
        matches!(self.layout, Layout::Numbered { .. })
    }

    /// How many layers of a class with variables a numbered model has, which is itself in the folder `model`.
    pub(super) fn count(&self, model: &str, class: &str) -> usize {
        let is_layer = |path: &&String| {
            let layer = path.strip_prefix(model).and_then(|rest| rest.strip_suffix("/vars/0"));
            let number = layer.and_then(|layer| layer.strip_prefix(class));
            number.is_some_and(|number| {
                number.is_empty() || number.strip_prefix('_').is_some_and(|digits| digits.parse::<usize>().is_ok())
            })
        };
        self.datasets.keys().filter(is_layer).count()
    }

    pub(super) fn file(&self) -> File<'a> {
        self.file
    }

    /// The variables of a layer, `names` being those of all that it has, in Keras' order; other spellings of a name stand
    /// behind `|`, and `*` is the only one, whatever its name.
    pub(super) fn variables(&self, call: &Call<'_>, names: &[&str]) -> Result<Vec<Dataset<'a>>> {
        let missing = |name: &str| {
            let name = name.split('|').next().unwrap_or(name);
            Error::Unsupported(format!(
                "the file holds no {name} of layer {:?}; save the model again (model.save(\"model.keras\"))",
                call.path.join("/")
            ))
        };
        let places: Vec<u64> = match self.layout {
            Layout::Numbered { folder } => {
                let place = call.place.replace("layers/", &format!("{folder}/"));
                let of = |(at, name): (usize, &&str)| {
                    self.datasets.get(&format!("{place}/vars/{at}")).copied().ok_or_else(|| missing(name))
                };
                names.iter().enumerate().map(of).collect::<Result<_>>()?
            }
            Layout::Named { folder, anywhere } => {
                let found = self.named(call, folder, anywhere)?;
                if let (["*"], 1) = (names, found.len()) {
                    return found.values().map(|place| self.file.dataset(*place).map_err(of_hdf5)).collect();
                }
                let of = |name: &&str| {
                    let place = name.split('|').find_map(|name| found.get(name));
                    place.copied().ok_or_else(|| missing(name))
                };
                names.iter().map(of).collect::<Result<_>>()?
            }
        };
        places.into_iter().map(|place| self.file.dataset(place).map_err(of_hdf5)).collect()
    }

    /// Every variable of a network: the path of its layer, its name, and where it is. What belongs to an optimizer is passed
    /// over.
    pub(super) fn all(&self) -> Result<Vec<(String, String, Dataset<'a>)>> {
        let mut all = Vec::new();
        for (path, place) in &self.datasets {
            let found = match self.layout {
                Layout::Named { folder, .. } => {
                    let Some(path) = path.strip_prefix(folder) else { continue };
                    path.rsplit_once('/')
                        .map(|(layer, name)| (layer.to_owned(), name.split(':').next().unwrap_or(name)))
                }
                Layout::Numbered { .. } => self.numbered(path)?,
            };
            let Some((layer, name)) = found.filter(|(layer, _)| !layer.starts_with("optimizer")) else { continue };
            // Seeds and counters are whole numbers.
            let Ok(dataset) = self.file.dataset(*place) else { continue };
            all.push((layer, name.to_owned(), dataset));
        }
        Ok(all)
    }

    /// The layer and the name of a variable that has a number: the layer's own name where the file holds it.
    fn numbered<'p>(&self, path: &'p str) -> Result<Option<(String, &'p str)>> {
        let Some((place, number)) = path.split_once("/vars/") else { return Ok(None) };
        let class =
            place.rsplit('/').next().unwrap_or(place).trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
        let siblings =
            (0..self.datasets.len()).take_while(|at| self.datasets.contains_key(&format!("{place}/vars/{at}"))).count();
        let names: &[&'static str] = match (class, siblings) {
            ("conv2d" | "dense", _) => &["kernel", "bias"],
            ("batch_normalization", 4) => &["gamma", "beta", "moving_mean", "moving_variance"],
            ("batch_normalization", 3) => &["beta", "moving_mean", "moving_variance"],
            _ => return Ok(None),
        };
        let name = number.parse::<usize>().ok().and_then(|at| names.get(at));
        let group = self.groups.get(&format!("{place}/vars"));
        let own =
            group.map(|group| self.file.text_attribute_of(*group, "name")).transpose().map_err(of_hdf5)?.flatten();
        Ok(name.map(|name| (own.unwrap_or_else(|| place.to_owned()), *name)))
    }

    /// The variables of a layer in a file that names them.
    fn named(&self, call: &Call<'_>, folder: &str, anywhere: bool) -> Result<BTreeMap<String, u64>> {
        let first = call.path.first().copied().unwrap_or_default();
        let group = self.group(&if anywhere { folder.to_owned() } else { format!("{folder}{first}/") });
        let name = call.name();
        // Keras 2 has `conv1/conv` where Keras 3 has `conv1_conv`.
        let other = if anywhere { name.replacen('_', "/", 1) } else { name.to_owned() };
        let fitting: Vec<&String> =
            group.keys().filter(|layer| ends(layer, name) || ends(layer, other.as_str())).collect();
        let least = |layers: &[&String]| -> Vec<String> {
            let depth = |layer: &str| layer.matches('/').count();
            // The shortest, because `bn` also ends `conv1/bn`.
            let least = layers.iter().map(|layer| depth(layer)).min();
            layers.iter().filter(|layer| Some(depth(layer)) == least).map(|layer| (*layer).clone()).collect()
        };
        let mut found = least(&fitting);
        if let (true, [.., around, _]) = (found.len() > 1, &call.path[..]) {
            // Of models in models that of the model around it.
            let inside = |layer: &&&String| layer.split('/').any(|part| part == *around);
            found = least(&fitting.iter().filter(inside).copied().collect::<Vec<_>>());
        }
        match &found[..] {
            [layer] => Ok(group[layer].clone()),
            // A layer of the outermost model has its group for itself, whatever its variables are called.
            [] if call.path.len() == 1 && group.len() == 1 => Ok(group.values().next().cloned().unwrap_or_default()),
            [] => Ok(BTreeMap::new()),
            [_, ..] => Err(Error::Unsupported(format!(
                "the file holds the weights of several layers called {name:?}; save the model as .keras \
                 (model.save(\"model.keras\"))"
            ))),
        }
    }

    /// What lies in a folder, read once.
    fn group(&self, folder: &str) -> Rc<Group> {
        if let Some(group) = self.read.borrow().get(folder) {
            return Rc::clone(group);
        }
        let mut group = Group::new();
        let from = self.datasets.range(folder.to_owned()..);
        for (path, place) in from.take_while(|(path, _)| path.starts_with(folder)) {
            let inside = &path[folder.len()..];
            let (layer, variable) = inside.rsplit_once('/').unwrap_or(("", inside));
            let variable = variable.split(':').next().unwrap_or(variable);
            group.entry(layer.to_owned()).or_default().insert(variable.to_owned(), *place);
        }
        let group = Rc::new(group);
        self.read.borrow_mut().insert(folder.to_owned(), Rc::clone(&group));
        group
    }
}

/// Whether a path is a layer's name behind names of models.
pub(super) fn ends(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

pub(super) fn of_hdf5(Damage(problem): Damage) -> Error {
    Error::Damaged { format: "HDF5", problem }
}
