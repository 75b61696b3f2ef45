//! A model's configuration (`model_config` of `.h5`, `config.json` of `.keras`) as one list of calls of layers: models that
//! are layers of others are laid out in their places, and both spellings of connections are read, those of Keras 2
//! (`[["name", 0, 0, {}]]`) and of Keras 3 (`{"args": [...], "kwargs": {...}}`).

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::super::error::{Error, Result};
use crate::limits;

/// Models in models are looked into so deep; Keras' own are two deep.
const MAX_DEPTH: usize = 8;
/// Arguments in lists in lists are looked into so deep.
const MAX_ARGUMENT_DEPTH: usize = 6;
/// What Keras 2 writes in place of a layer's name where the first argument is no tensor.
const CONSTANT: &str = "_CONSTANT_VALUE";

/// All calls of layers, those that are read before those that read them.
#[derive(Debug)]
pub(super) struct Model<'a> {
    pub(super) calls: Vec<Call<'a>>,
    /// The call whose result the model gives.
    pub(super) output: usize,
}

/// One use of a layer.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// Names of the models around the layer and its own, the outermost first.
    pub(super) path: Vec<&'a str>,
    /// Where a file of Keras 3 has the layer's variables: `layers/functional/layers/conv2d_1`.
    pub(super) place: String,
    pub(super) class: &'a str,
    pub(super) config: &'a Value,
    pub(super) arguments: Vec<Argument>,
    /// How often the same layer was called before.
    pub(super) again: usize,
}

/// What a layer is called with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Argument {
    /// The result of an earlier call.
    Call(usize),
    /// A number.
    Number(f64),
}

impl<'a> Call<'a> {
    /// The layer's own name.
    pub(super) fn name(&self) -> &'a str {
        self.path.last().copied().unwrap_or_default()
    }

    /// The calls whose results it reads.
    pub(super) fn inputs(&self) -> impl Iterator<Item = usize> + '_ {
        self.arguments.iter().filter_map(|argument| match argument {
            Argument::Call(call) => Some(*call),
            Argument::Number(_) => None,
        })
    }
}

/// Lays out a whole model.
pub(super) fn model(config: &Value) -> Result<Model<'_>> {
    let mut reader = Reader { calls: Vec::new(), uses: HashMap::new() };
    let around = Around { path: Vec::new(), place: String::new(), depth: 0 };
    let outputs = reader.model(config, &around, None)?;
    let [output] = outputs[..] else {
        return Err(Error::Unsupported(format!(
            "the model has {} outputs; save one of them alone (keras.Model(model.input, model.outputs[0]))",
            outputs.len()
        )));
    };
    Ok(Model { calls: reader.calls, output })
}

struct Reader<'a> {
    calls: Vec<Call<'a>>,
    /// Calls of each layer by its place.
    uses: HashMap<String, usize>,
}

/// The models around a layer.
#[derive(Clone)]
struct Around<'a> {
    path: Vec<&'a str>,
    place: String,
    depth: usize,
}

/// A layer of a functional model, one entry of its list.
struct Layer<'a> {
    name: &'a str,
    class: &'a str,
    content: &'a Value,
    place: String,
    /// What it is called with, once for each call.
    nodes: Vec<Vec<Read<'a>>>,
    /// Where its calls begin to count: models count themselves as their first.
    first: usize,
}

/// An argument as the file writes it.
#[derive(Clone, Copy, Debug)]
enum Read<'a> {
    Layer { name: &'a str, node: usize, tensor: usize },
    Number(f64),
}

fn damaged(problem: impl Into<String>) -> Error {
    Error::Damaged { format: "Keras", problem: problem.into() }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Whether layers of this class are models.
fn is_model(class: &str) -> bool {
    matches!(class, "Functional" | "Model" | "Sequential")
}

impl<'a> Reader<'a> {
    /// Calls all layers of a model on `inputs` (none: it has inputs of its own) and gives its outputs.
    fn model(&mut self, model: &'a Value, around: &Around<'a>, inputs: Option<&[usize]>) -> Result<Vec<usize>> {
        if around.depth > MAX_DEPTH {
            return Err(damaged("its models are nested too deeply"));
        }
        match text(model, "class_name") {
            "Sequential" => self.sequential(model, around, inputs).map(|output| vec![output]),
            "Functional" | "Model" => self.functional(&model["config"], around, inputs),
            other => Err(Error::Unsupported(format!(
                "the model is of a class of its own, {other:?}, whose code the file does not hold; build it with \
                 keras.Sequential or keras.Model(inputs, outputs), load the weights and save that"
            ))),
        }
    }

    fn sequential(&mut self, model: &'a Value, around: &Around<'a>, inputs: Option<&[usize]>) -> Result<usize> {
        let config = &model["config"];
        // Early versions list the layers without a name around them.
        let layers = config["layers"].as_array().or_else(|| config.as_array());
        let layers = layers.ok_or_else(|| damaged("a sequential model lists no layers"))?;
        let mut last = match inputs {
            Some([input]) => Some(*input),
            Some(_) => return Err(damaged("a sequential model is called with several inputs")),
            None => None,
        };
        let mut counts = BTreeMap::new();
        for layer in layers {
            let class = text(layer, "class_name");
            let place = place(&around.place, class, &mut counts);
            if class == "InputLayer" {
                if last.is_none() {
                    last = Some(self.call(layer, around, place, Vec::new())?);
                }
                continue;
            }
            let input = match last {
                Some(input) => input,
                None => self.implied_input(model, layer, around)?,
            };
            last = Some(self.layer(layer, around, place, vec![Argument::Call(input)])?);
        }
        last.ok_or_else(|| damaged("a sequential model has no layers"))
    }

    /// The input of a model without an input layer, whose shape its first layer or the model itself tells.
    fn implied_input(&mut self, model: &'a Value, first: &'a Value, around: &Around<'a>) -> Result<usize> {
        let of = |value: &'a Value| {
            ["batch_input_shape", "batch_shape"].into_iter().find(|key| value[*key].is_array()).map(|_| value)
        };
        let mut found = of(&first["config"]);
        let mut inner = first;
        for _ in 0..MAX_DEPTH {
            if found.is_some() {
                break;
            }
            let Some(next) = inner["config"]["layers"].get(0) else { break };
            inner = next;
            found = of(&inner["config"]);
        }
        let built = [&model["config"]["build_input_shape"], &model["build_config"]["input_shape"]];
        let config = found.or_else(|| built.into_iter().find(|shape| shape.is_array())).unwrap_or(&Value::Null);
        let path = [around.path.as_slice(), &["input"]].concat();
        self.push(Call { path, place: String::new(), class: "InputLayer", config, arguments: Vec::new(), again: 0 })
    }

    fn functional(&mut self, config: &'a Value, around: &Around<'a>, inputs: Option<&[usize]>) -> Result<Vec<usize>> {
        let layers = layers(config, around)?;
        let by_name: HashMap<&str, usize> = layers.iter().enumerate().map(|(at, layer)| (layer.name, at)).collect();
        if by_name.len() != layers.len() {
            return Err(damaged("two layers of a model have the same name"));
        }
        // The calls of each layer that are done.
        let mut done: Vec<Vec<Option<Vec<usize>>>> = layers.iter().map(|layer| vec![None; layer.nodes.len()]).collect();
        let input_names = tensors(&config["input_layers"])?;
        if let Some(inputs) = inputs {
            if inputs.len() != input_names.len() {
                return Err(damaged("a model is called with another number of inputs than it has"));
            }
            for (name, input) in input_names.iter().zip(inputs) {
                let at = by_name.get(name.0).ok_or_else(|| damaged(format!("it has no input layer {:?}", name.0)))?;
                done[*at] = vec![Some(vec![*input])];
            }
        }
        let find =
            |done: &[Vec<Option<Vec<usize>>>], name: &str, node: usize, tensor: usize| -> Result<Option<usize>> {
                let at = *by_name.get(name).ok_or_else(|| damaged(format!("it has no layer {name:?}")))?;
                let calls = &done[at];
                let node = if calls.len() == 1 { 0 } else { node.wrapping_sub(layers[at].first) };
                let missing = || damaged(format!("layer {name:?} has no such result"));
                let Some(outputs) = calls.get(node).ok_or_else(missing)? else { return Ok(None) };
                outputs.get(tensor).copied().map(Some).ok_or_else(missing)
            };
        loop {
            let (mut waiting, mut progress) = (None, false);
            for (at, layer) in layers.iter().enumerate() {
                for node in 0..layer.nodes.len() {
                    if done[at][node].is_some() {
                        continue;
                    }
                    let mut arguments = Vec::new();
                    for read in &layer.nodes[node] {
                        match *read {
                            Read::Number(number) => arguments.push(Some(Argument::Number(number))),
                            Read::Layer { name, node, tensor } => {
                                arguments.push(find(&done, name, node, tensor)?.map(Argument::Call));
                            }
                        }
                    }
                    let Some(arguments) = arguments.into_iter().collect::<Option<Vec<_>>>() else {
                        waiting = Some(layer.name);
                        continue;
                    };
                    done[at][node] = Some(self.outputs(layer, around, arguments)?);
                    progress = true;
                }
            }
            match waiting {
                None => break,
                Some(name) if !progress => return Err(damaged(format!("layer {name:?} reads itself in a circle"))),
                Some(_) => {}
            }
        }
        let mut outputs = Vec::new();
        for (name, node, tensor) in tensors(&config["output_layers"])? {
            outputs.extend(find(&done, name, node, tensor)?);
        }
        Ok(outputs)
    }

    fn outputs(&mut self, layer: &Layer<'a>, around: &Around<'a>, arguments: Vec<Argument>) -> Result<Vec<usize>> {
        if is_model(layer.class) {
            let inputs = calls(&arguments)?;
            return self.model(layer.content, &inside(around, layer.name, &layer.place), Some(&inputs));
        }
        self.layer(layer.content, around, layer.place.clone(), arguments).map(|call| vec![call])
    }

    /// Calls a layer, which may be a model.
    fn layer(
        &mut self,
        layer: &'a Value,
        around: &Around<'a>,
        place: String,
        arguments: Vec<Argument>,
    ) -> Result<usize> {
        if is_model(text(layer, "class_name")) {
            let inputs = calls(&arguments)?;
            let outputs = self.model(layer, &inside(around, name(layer), &place), Some(&inputs))?;
            let [output] = outputs[..] else { return Err(damaged("a model in a model gives several results")) };
            return Ok(output);
        }
        self.call(layer, around, place, arguments)
    }

    fn call(
        &mut self,
        layer: &'a Value,
        around: &Around<'a>,
        place: String,
        arguments: Vec<Argument>,
    ) -> Result<usize> {
        let path = [around.path.as_slice(), &[name(layer)]].concat();
        // Variables are where the layer is, however often it is called.
        let uses = self.uses.entry(place.clone()).or_default();
        let again = std::mem::replace(uses, *uses + 1);
        let class = text(layer, "class_name");
        self.push(Call { path, place, class, config: &layer["config"], arguments, again })
    }

    fn push(&mut self, call: Call<'a>) -> Result<usize> {
        if self.calls.len() >= limits::KERAS_LAYERS {
            return Err(damaged(format!("it has more than {} layers", limits::KERAS_LAYERS)));
        }
        self.calls.push(call);
        Ok(self.calls.len() - 1)
    }
}

fn inside<'a>(around: &Around<'a>, name: &'a str, place: &str) -> Around<'a> {
    Around { path: [around.path.as_slice(), &[name]].concat(), place: place.to_owned(), depth: around.depth + 1 }
}

fn calls(arguments: &[Argument]) -> Result<Vec<usize>> {
    let calls = arguments.iter().map(|argument| match argument {
        Argument::Call(call) => Ok(*call),
        Argument::Number(_) => Err(damaged("a model is called with a number")),
    });
    calls.collect()
}

fn name(layer: &Value) -> &str {
    layer["name"].as_str().unwrap_or_else(|| text(&layer["config"], "name"))
}

/// Where Keras 3 keeps the variables of the next layer of a class: counted by class among the layers of its model.
fn place(around: &str, class: &str, counts: &mut BTreeMap<String, usize>) -> String {
    let class = snake_case(if class == "Model" { "Functional" } else { class });
    let count = counts.entry(class.clone()).or_default();
    let number = std::mem::replace(count, *count + 1);
    let name = if number == 0 { class } else { format!("{class}_{number}") };
    if around.is_empty() { format!("layers/{name}") } else { format!("{around}/layers/{name}") }
}

/// `DepthwiseConv2D` as `depthwise_conv2d`, by the rules of Keras.
fn snake_case(class: &str) -> String {
    let letters: Vec<char> = class.chars().filter(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    let mut words = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let begins_word = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase()
            && before.is_some_and(|before| before.is_ascii_lowercase() || (begins_word && before != '_'))
        {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// The layers of a functional model.
fn layers<'a>(config: &'a Value, around: &Around<'a>) -> Result<Vec<Layer<'a>>> {
    let list = config["layers"].as_array().ok_or_else(|| damaged("a model lists no layers"))?;
    if list.len() > limits::KERAS_LAYERS {
        return Err(damaged(format!("it has more than {} layers", limits::KERAS_LAYERS)));
    }
    let mut counts = BTreeMap::new();
    let mut layers = Vec::new();
    for content in list {
        let class = text(content, "class_name");
        let nodes = content["inbound_nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let old = nodes.iter().all(Value::is_array);
        let mut nodes = nodes.iter().map(node).collect::<Result<Vec<_>>>()?;
        if class == "InputLayer" {
            nodes = vec![Vec::new()];
        }
        // Sequential models are functional ones in Keras 2 alone.
        let first = usize::from(matches!(class, "Functional" | "Model") || (class == "Sequential" && old));
        layers.push(Layer {
            name: name(content),
            class,
            content,
            place: place(&around.place, class, &mut counts),
            nodes,
            first,
        });
    }
    Ok(layers)
}

/// The tensors of `input_layers` or `output_layers`: one, a list, or named ones.
fn tensors(value: &Value) -> Result<Vec<(&str, usize, usize)>> {
    if let Some(tensor) = tensor(value) {
        return Ok(vec![tensor]);
    }
    let listed: Vec<&Value> = match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(named) => named.values().collect(),
        _ => Vec::new(),
    };
    let found =
        listed.into_iter().map(|value| tensor(value).ok_or_else(|| damaged("its inputs or outputs are no tensors")));
    found.collect()
}

/// `["name", node, tensor]`
fn tensor(value: &Value) -> Option<(&str, usize, usize)> {
    let list = value.as_array()?;
    let number = |at: usize| list.get(at).map_or(Some(0), |value| value.as_u64().and_then(|n| usize::try_from(n).ok()));
    Some((list.first()?.as_str()?, number(1)?, number(2)?))
}

/// What a layer reads in one call.
fn node(node: &Value) -> Result<Vec<Read<'_>>> {
    let mut read = Vec::new();
    if node.is_object() {
        arguments(&node["args"], MAX_ARGUMENT_DEPTH, &mut read)?;
        arguments(&node["kwargs"], MAX_ARGUMENT_DEPTH, &mut read)?;
    } else {
        old_node(node, &mut read)?;
    }
    Ok(read)
}

/// The arguments of a call as Keras 3 writes them.
fn arguments<'a>(value: &'a Value, depth: usize, read: &mut Vec<Read<'a>>) -> Result<()> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(damaged("the arguments of a layer are nested too deeply"));
    };
    match value {
        Value::Object(object) if text(value, "class_name") == "__keras_tensor__" => {
            let history = tensor(&object["config"]["keras_history"]);
            let (name, node, tensor) = history.ok_or_else(|| damaged("a layer reads no tensor of the model"))?;
            read.push(Read::Layer { name, node, tensor });
        }
        Value::Object(object) => {
            for value in object.values() {
                arguments(value, depth, read)?;
            }
        }
        Value::Array(list) => {
            for value in list {
                arguments(value, depth, read)?;
            }
        }
        Value::Number(number) => read.extend(number.as_f64().map(Read::Number)),
        _ => {}
    }
    Ok(())
}

/// The arguments of a call as Keras 2 writes them: `[["name", 0, 0, {}], ...]`, or `["name", 0, 0, {"y": 3.0}]` of an
/// operation.
fn old_node<'a>(node: &'a Value, read: &mut Vec<Read<'a>>) -> Result<()> {
    let list = node.as_array().ok_or_else(|| damaged("a connection is no list"))?;
    if list.first().is_some_and(Value::is_array) {
        for tensor in list {
            old_tensor(tensor, read)?;
        }
        return Ok(());
    }
    old_tensor(node, read)
}

fn old_tensor<'a>(value: &'a Value, read: &mut Vec<Read<'a>>) -> Result<()> {
    if value[0].as_str() == Some(CONSTANT) {
        read.extend(value[2].as_f64().map(Read::Number));
    } else {
        let (name, node, tensor) = tensor(value).ok_or_else(|| damaged("a connection names no layer"))?;
        read.push(Read::Layer { name, node, tensor });
    }
    for argument in value[3].as_object().into_iter().flatten().map(|(_, argument)| argument) {
        if let Some((name, node, tensor)) = tensor(argument) {
            read.push(Read::Layer { name, node, tensor });
        } else {
            read.extend(argument.as_f64().map(Read::Number));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn classes_are_spelled_as_keras_spells_them() {
        for (class, spelled) in [
            ("Conv2D", "conv2d"),
            ("BatchNormalization", "batch_normalization"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"),
            ("ReLU", "re_lu"),
            ("PReLU", "p_re_lu"),
            ("LeakyReLU", "leaky_re_lu"),
            ("ELU", "elu"),
            ("ZeroPadding2D", "zero_padding2d"),
            ("Functional", "functional"),
        ] {
            assert_eq!(snake_case(class), spelled);
        }
    }
}
