//! The files that the Hugging Face hub keeps beside weights: `config.json` of timm and of transformers, and
//! `preprocessor_config.json`.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::Foreign;
use super::error::{Error, Result};
use crate::network::{Scaling, class_count};
use crate::{files, limits};

/// What the files say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Config {
    /// What the network is called.
    pub(super) architecture: Option<String>,
    /// Images, `[height, width]` in pixels.
    pub(super) input_size: Option<[usize; 2]>,
    /// How gray levels of 0 to 1 become the input.
    pub(super) scaling: Option<Scaling>,
    /// Names of the outputs.
    pub(super) classes: Option<Vec<String>>,
    /// What does not fit the fields of a card, one sentence each.
    pub(super) notes: Vec<String>,
}

/// `config.json`, of either program.
#[derive(Debug, Deserialize)]
struct File {
    architecture: Option<String>,
    global_pool: Option<String>,
    label_names: Option<Vec<String>>,
    pretrained_cfg: Option<Pretrained>,
    #[serde(default)]
    model_args: serde_json::Map<String, Value>,
    model_type: Option<String>,
    id2label: Option<serde_json::Map<String, Value>>,
    downsample_in_bottleneck: Option<bool>,
    downsample_in_first_stage: Option<bool>,
    hidden_act: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Pretrained {
    input_size: Option<[usize; 3]>,
    mean: Option<Vec<f32>>,
    std: Option<Vec<f32>>,
    crop_pct: Option<f64>,
    crop_mode: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Preprocessor {
    do_normalize: Option<bool>,
    image_mean: Option<Vec<f32>>,
    image_std: Option<Vec<f32>>,
    size: Option<Value>,
    crop_pct: Option<f64>,
}

/// Arguments of timm's models that leave the network as it is.
const HARMLESS: [&str; 6] = ["num_classes", "in_chans", "drop_rate", "drop_path_rate", "pretrained", "img_size"];

/// Reads the files in the folder of `weights`; one that is of another kind says nothing.
///
/// # Errors
/// When they say that the network differs from what its tensors tell.
pub(super) fn beside(weights: &Path) -> Result<Config> {
    let mut config = match read::<File>(&weights.with_file_name("config.json")) {
        Some(file) => file.config()?,
        None => return Ok(Config::default()),
    };
    if let Some(preprocessor) = read::<Preprocessor>(&weights.with_file_name("preprocessor_config.json")) {
        preprocessor.add_to(&mut config);
    }
    Ok(config)
}

/// A file of JSON. One that is missing, unreadable or something else is no error: the weights are what was asked for, and
/// whoever needs what it would have said is told that nobody stated it.
fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Option<T> {
    let bytes = files::read(path, limits::CARD_BYTES).ok()?;
    serde_json::from_slice(&bytes).ok()
}

impl File {
    fn config(self) -> Result<Config> {
        let refuse = |what: &str| {
            Err(Error::Unsupported(format!(
                "config.json beside the file says that the network {what}; export it to ONNX (torch.onnx.export) and convert \
                 that file"
            )))
        };
        if self.architecture.is_none() && self.model_type.is_none() {
            return Ok(Config::default());
        }
        if let Some(pool) = self.global_pool.as_deref().filter(|pool| !matches!(*pool, "avg" | "fast")) {
            return refuse(&format!("pools its features by {pool:?}, not by their average"));
        }
        if let Some(argument) = self.model_args.keys().find(|name| !HARMLESS.contains(&name.as_str())) {
            return refuse(&format!("was made with {argument:?}, which is not known"));
        }
        if self.model_type.as_deref() == Some("resnet") {
            if self.downsample_in_bottleneck == Some(true) || self.downsample_in_first_stage == Some(true) {
                return refuse("steps in other layers than torchvision's");
            }
            if self.hidden_act.as_deref().is_some_and(|name| name != "relu") {
                return refuse("has another function than the ReLU");
            }
        }
        let mut config = Config { architecture: self.architecture.or(self.model_type), ..Config::default() };
        config.classes = self.label_names.or_else(|| labels(&self.id2label?));
        if let Some(Pretrained { input_size, mean, std, crop_pct, crop_mode }) = self.pretrained_cfg {
            config.input_size = input_size.map(|[_, height, width]| [height, width]);
            config.scaling = mean.zip(std).map(|(mean, std)| Scaling::MeanStd { mean, std });
            note_crop(&mut config, crop_pct, crop_mode.as_deref());
        }
        Ok(config)
    }
}

impl Config {
    /// Adds to a model what it does not say itself and what fits it.
    pub(super) fn complete(self, foreign: &mut Foreign) {
        let outputs = foreign.variant.classes;
        foreign.input_size = foreign.input_size.or(self.input_size);
        if let Some(names) = self.classes {
            if class_count(outputs) == names.len() || outputs == names.len() {
                foreign.classes.get_or_insert(names);
            } else {
                foreign.notes.push(format!(
                    "config.json beside the file names {} classes, the network has {outputs} outputs: the names were not taken",
                    names.len()
                ));
            }
        }
        if let Some(scaling) = self.scaling {
            match scaling.problem(foreign.variant.input_channels) {
                None => {
                    foreign.scaling.get_or_insert(scaling);
                }
                Some((_, problem)) => {
                    foreign
                        .notes
                        .push(format!("the scaling in config.json beside the file {problem}: it was not taken"));
                }
            }
        }
        foreign.notes.extend(self.notes);
    }
}

/// Names by number, where the numbers are those of the outputs.
fn labels(map: &serde_json::Map<String, Value>) -> Option<Vec<String>> {
    let names = (0..map.len()).map(|number| map.get(&number.to_string())?.as_str().map(str::to_owned));
    names.collect()
}

fn note_crop(config: &mut Config, share: Option<f64>, mode: Option<&str>) {
    if let Some(share) = share.filter(|share| *share < 1.0) {
        let mode = mode.unwrap_or("center");
        config.notes.push(format!(
            "config.json says that images are enlarged by 1 / {share} and cut ({mode}) before the network reads them; whole \
             images are read here unless the model card says otherwise"
        ));
    }
}

impl Preprocessor {
    fn add_to(self, config: &mut Config) {
        let Self { do_normalize, image_mean, image_std, size, crop_pct } = self;
        let scaling = image_mean.zip(image_std).map(|(mean, std)| Scaling::MeanStd { mean, std });
        let said = if do_normalize == Some(false) { Some(Scaling::UNIT) } else { scaling };
        config.scaling = config.scaling.take().or(said);
        let side = |value: &Value| value.as_u64().and_then(|side| usize::try_from(side).ok());
        let size = size.and_then(|size| match &size {
            Value::Object(map) => {
                let of = |name: &str| map.get(name).and_then(side);
                of("height")
                    .zip(of("width"))
                    .map(|(height, width)| [height, width])
                    .or_else(|| of("shortest_edge").map(|edge| [edge; 2]))
            }
            other => side(other).map(|edge| [edge; 2]),
        });
        config.input_size = config.input_size.or(size);
        note_crop(config, crop_pct, None);
    }
}
