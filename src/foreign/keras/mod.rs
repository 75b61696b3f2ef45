//! Keras' models: `.keras`, `.h5` with the model's configuration, and files of weights alone.
//!
//! A configuration is read layer by layer into a graph; where that is a network known here by name, it gets its name and its
//! tensors. Files of weights alone hold no layers: they are read where names or numbers of layers tell one of two networks.

mod applications;
mod archive;
mod blocks;
mod config;
mod densenet_121;
mod ending;
mod function;
mod fused;
mod import;
mod inception_v3;
mod layer;
mod named;
mod refusal;
mod shape;
mod store;
mod tensor;
mod weighted;
mod weights_alone;

use serde_json::Value;

use super::Foreign;
use super::error::{Error, Result};
use super::hdf5::File;
use super::tensors::{SINGLE_OUTPUT, counted, fill};
use crate::limits;
use crate::network::Scaling;
pub(super) use archive::is_keras;
use config::{Call, Model};
use ending::Ending;
use import::Imported;
use layer::{Conv, ConvKind, Layer, Layout, Setting};
use store::{Store, of_hdf5};

/// What kind of file it was.
const HDF5_FILE: &str = "Keras weights (HDF5)";
const KERAS_FILE: &str = "a Keras model (.keras)";

/// Reads a file of HDF5, or a `.keras` archive. `asked` are the rows and columns of the images of a model that leaves them
/// open.
pub(super) fn read(bytes: &[u8], asked: Option<[usize; 2]>) -> Result<Foreign> {
    if !bytes.starts_with(super::hdf5::SIGNATURE) {
        let archive = archive::read(bytes)?;
        let file = File::new(&archive.weights).map_err(of_hdf5)?;
        let store = Store::new(file)?;
        let version = archive.version.as_deref();
        let what = Described { version, store: &store, asked, origin: KERAS_FILE, weights_alone: false };
        return described(&parsed(&archive.config)?, what);
    }
    let file = File::new(bytes).map_err(of_hdf5)?;
    let store = Store::new(file)?;
    let text = |name: &str| file.text_attribute(name).map_err(of_hdf5);
    match text("model_config")? {
        Some(config) => {
            let version = text("keras_version")?;
            let what = Described {
                version: version.as_deref(),
                store: &store,
                asked,
                origin: HDF5_FILE,
                weights_alone: false,
            };
            described(&parsed(&config)?, what)
        }
        None => weights_alone::read(&store, asked),
    }
}

fn parsed(config: &str) -> Result<Value> {
    let damaged = |problem: String| Error::Damaged { format: "Keras", problem };
    if config.len() > limits::KERAS_CONFIG_BYTES {
        return Err(damaged(format!("its configuration has {} bytes", config.len())));
    }
    serde_json::from_str(config).map_err(|error| damaged(format!("its configuration is no JSON: {error}")))
}

/// What belongs to a configuration.
#[derive(Clone, Copy)]
struct Described<'s, 'a> {
    version: Option<&'s str>,
    store: &'s Store<'a>,
    /// Rows and columns of the images, where the configuration leaves them open.
    asked: Option<[usize; 2]>,
    origin: &'static str,
    /// Whether the configuration is not of the file, and has placeholders for numbers of channels.
    weights_alone: bool,
}

impl<'s, 'a> Described<'s, 'a> {
    fn weights_alone(store: &'s Store<'a>, asked: Option<[usize; 2]>) -> Self {
        Self { version: None, store, asked, origin: HDF5_FILE, weights_alone: true }
    }
}

/// A model whose layers a configuration tells.
fn described(config: &Value, what: Described<'_, '_>) -> Result<Foreign> {
    let Described { version, store, asked, origin, weights_alone } = what;
    let mut model = config::model(config)?;
    let setting = Setting { layout: layout(&model)?, major: major(version, &model) };
    let mut layers = refusal::layers(config, &model, setting)?;
    fused::fuse(&mut model, &mut layers);
    let channels = if weights_alone { Some(channels_of_weights(&model, &mut layers, store)?) } else { None };
    let ending = Ending::of_model(&model, &layers)?;
    let (mut shape, open) = input(&model, &layers, setting.layout, asked)?;
    shape[2] = channels.unwrap_or(shape[2]);
    let unsaid = open && asked.is_none();
    let imported = import::import(&model, &layers, &ending, setting, shape, store);
    let imported = imported.map_err(|error| if unsaid { size_unsaid() } else { error })?;
    let mut notes = notes(&model, &imported);
    let output = ending.output;
    let read = |_: &str, tensor: &tensor::Tensor<'_>| tensor.read(store.file());
    let scaling = imported.first.as_ref().and_then(|(scale, offset)| gray_levels(scale, offset));
    if scaling.is_some() {
        notes.push("its first layer scales gray levels of 0 to 255, so these are its input".to_owned());
    }
    let mut foreign = match named::find(&imported) {
        Some((architecture, variant, tensors)) => {
            let weights = fill(&architecture.graph(&variant), tensors, read)?;
            Foreign::named(architecture, variant, weights, origin)
        }
        None if unsaid => return Err(size_unsaid()),
        None => {
            if let Some([rows, columns]) = asked.filter(|asked| *asked != imported.input_size) {
                let [height, width] = imported.input_size;
                return Err(Error::Unsupported(format!(
                    "the model reads images of {height} x {width} pixels, not of {rows} x {columns}; leave the size out"
                )));
            }
            let weights = fill(&imported.graph, imported.tensors, read)?;
            Foreign::imported(imported.graph, weights, origin)
        }
    };
    if foreign.variant.classes == 1 {
        notes.push(SINGLE_OUTPUT.to_owned());
    }
    foreign.input_size = (!open).then_some(imported.input_size);
    foreign.output = output;
    foreign.scaling = scaling;
    foreign.notes = notes;
    Ok(foreign)
}

/// Puts the numbers of channels in that the weights have, and gives those of the image.
fn channels_of_weights(model: &Model<'_>, layers: &mut [Layer], store: &Store<'_>) -> Result<usize> {
    let mut first = None;
    for (call, layer) in model.calls.iter().zip(layers) {
        let outputs = match layer {
            Layer::Conv(Conv { kind: ConvKind::Full { filters, .. }, .. }) => filters,
            Layer::Dense { units, .. } => units,
            _ => continue,
        };
        let kernel = store.variables(call, &["kernel"])?.remove(0);
        if let [.., inputs, written] = kernel.shape[..]
            && (1..=limits::CLASSES).contains(&written)
            && (1..=limits::CLASSES).contains(&inputs)
        {
            *outputs = written;
            first = first.or(Some(inputs));
        }
    }
    first.ok_or_else(|| Error::Unsupported("the file holds no kernels".to_owned()))
}

/// A side that every network of keras.applications accepts, to see which one it is.
const ANY_SIDE_PX: usize = 320;

fn size_unsaid() -> Error {
    Error::Unsupported("the model reads images of any size; say the one it was trained on (--input-size)".to_owned())
}

/// What was left out or changed.
fn notes(model: &Model<'_>, imported: &Imported<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if !imported.dropped.is_empty() {
        let count: usize = imported.dropped.values().sum();
        let classes: Vec<&str> = imported.dropped.keys().map(String::as_str).collect();
        notes.push(format!(
            "{} that {} in training alone left out ({})",
            counted(count, "layer"),
            if count == 1 { "acts" } else { "act" },
            classes.join(", ")
        ));
    }
    if let [first, ..] = imported.copied.as_slice() {
        notes.push(format!(
            "{} used in several places ({first}): each place has a copy of its weights, and a cascade randomizes each by \
             itself",
            counted(imported.copied.len(), "layer")
        ));
    }
    let policy = |call: &Call<'_>| {
        let dtype = &call.config["dtype"];
        let name = dtype.as_str().or_else(|| dtype["config"]["name"].as_str()).or_else(|| dtype["name"].as_str());
        name.filter(|name| name.contains("float16")).map(str::to_owned)
    };
    if let Some(policy) = model.calls.iter().filter(|call| call.class != "InputLayer").find_map(policy) {
        notes.push(format!("Keras computes it in {policy}, this program in single precision: logits differ a little"));
    }
    notes
}

/// The scaling of images whose gray levels of 0 to 255 the first layer brings to a small range: what its input is.
fn gray_levels(scale: &[f64], offset: &[f64]) -> Option<Scaling> {
    let fits = |scale: &f64, offset: &f64| {
        let (black, white) = (*offset, scale * 255.0 + offset);
        (-4.0..=0.0).contains(&black) && (0.9..=4.0).contains(&white)
    };
    let count = scale.len().max(offset.len());
    let fits = (0..count).all(|at| fits(&scale[at % scale.len()], &offset[at % offset.len()]));
    fits.then_some(Scaling::Range([0.0, 255.0]))
}

/// Which axis all layers take for that of the channels.
fn layout(model: &Model<'_>) -> Result<Layout> {
    let says = |format: &str| model.calls.iter().any(|call| call.config["data_format"] == format);
    match (says("channels_first"), says("channels_last")) {
        (true, true) => Err(Error::Unsupported(
            "some of its layers have data_format channels_first and some channels_last; export the model to ONNX"
                .to_owned(),
        )),
        (true, false) => Ok(Layout::ChannelsFirst),
        (false, _) => Ok(Layout::ChannelsLast),
    }
}

/// The first number of Keras' version; where the file does not tell it, as its input layer is spelled.
fn major(version: Option<&str>, model: &Model<'_>) -> u64 {
    let told = version.and_then(|version| version.split('.').next()?.parse().ok());
    let old = || model.calls.iter().any(|call| call.config["batch_input_shape"].is_array());
    told.unwrap_or_else(|| if old() { 2 } else { 3 })
}

/// Rows, columns and channels of the images, and whether the model leaves rows and columns open.
fn input(model: &Model<'_>, layers: &[Layer], layout: Layout, asked: Option<[usize; 2]>) -> Result<([usize; 3], bool)> {
    let mut inputs = model.calls.iter().zip(layers).filter(|(_, layer)| **layer == Layer::Input).map(|(call, _)| call);
    let (Some(input), None) = (inputs.next(), inputs.next()) else {
        return Err(Error::Unsupported("the model reads several inputs; a classifier here reads one image".to_owned()));
    };
    let config = input.config;
    let shape = [&config["batch_shape"], &config["batch_input_shape"], config].into_iter().find_map(Value::as_array);
    let refused = |said: &dyn std::fmt::Display| {
        Error::Unsupported(format!(
            "the model reads an input of shape {said}; images of rows, columns and channels are needed, at most {} pixels a \
             side",
            limits::INPUT_SIDE_PX
        ))
    };
    let Some([_, sides @ ..]) = shape.map(Vec::as_slice) else {
        return Err(refused(&"that it does not tell"));
    };
    let written = Value::Array(sides.to_vec());
    let [a, b, c] = sides else { return Err(refused(&written)) };
    let (rows, columns, channels) = match layout {
        Layout::ChannelsLast => (a, b, c),
        Layout::ChannelsFirst => (b, c, a),
    };
    let side = |side: &Value, asked: Option<usize>| -> Result<usize> {
        if side.is_null() {
            return Ok(asked.unwrap_or(ANY_SIDE_PX));
        }
        let number = side.as_u64().and_then(|side| usize::try_from(side).ok());
        number.filter(|side| (1..=limits::INPUT_SIDE_PX).contains(side)).ok_or_else(|| refused(&written))
    };
    let open = rows.is_null() || columns.is_null();
    let channels = channels.as_u64().and_then(|count| usize::try_from(count).ok());
    let channels = channels.filter(|count| (1..=limits::CLASSES).contains(count)).ok_or_else(|| refused(&written))?;
    Ok(([side(rows, asked.map(|asked| asked[0]))?, side(columns, asked.map(|asked| asked[1]))?, channels], open))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_layer_tells_what_it_reads() {
        let raw = Some(Scaling::Range([0.0, 255.0]));
        assert_eq!(gray_levels(&[1.0 / 255.0], &[0.0]), raw);
        assert_eq!(gray_levels(&[1.0 / 127.5], &[-1.0]), raw);
        assert_eq!(gray_levels(&[0.017_125], &[-2.117_904]), raw);
        // What reads 0 to 1 already.
        assert_eq!(gray_levels(&[2.0], &[-1.0]), None);
        assert_eq!(gray_levels(&[1.0], &[0.0]), None);
    }

    #[test]
    fn versions_are_told_by_a_number_or_by_the_spelling() {
        let of = |config: &str, version| {
            let config: Value = serde_json::from_str(config).unwrap();
            major(version, &config::model(&config).unwrap())
        };
        let input = |key: &str| {
            format!(
                r#"{{"class_name": "Sequential", "config": {{"layers": [{{"class_name": "InputLayer",
                "config": {{"name": "x", "{key}": [null, 8, 8, 1]}}}}]}}}}"#
            )
        };
        assert_eq!(of(&input("batch_shape"), Some("2.15.0")), 2);
        assert_eq!(of(&input("batch_shape"), None), 3);
        assert_eq!(of(&input("batch_input_shape"), None), 2);
    }
}
