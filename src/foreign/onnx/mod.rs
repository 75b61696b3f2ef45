//! ONNX: a graph of operations with its weights, brought to ours.
//!
//! The bytes are read as protocol buffers ([`wire`], [`model`], [`tensor`], [`external`]) and the names of the graph are
//! checked ([`check`]). Then the image is followed through the nodes at its extents ([`trace`]): what hangs on nothing but
//! constants is computed ([`fold`]), what only moves values is kept in mind ([`layout`]), and what several nodes mean
//! together becomes one step ([`step`]). In front of the probabilities the logits are found ([`cut`]); the steps they hang
//! on become a graph ([`build`]) with names ([`names`]) and blocks ([`blocks`]). Everything that is not read is told at once
//! ([`refusal`]).

#![allow(clippy::float_cmp, reason = "constants of a file are compared with what they must be exactly")]
#![allow(clippy::cast_possible_wrap, reason = "extents and counts stay below 2^31; readers check them first")]

mod blocks;
mod build;
mod check;
mod classes;
mod cut;
mod external;
mod fold;
mod layout;
mod model;
mod names;
mod refusal;
mod shape;
mod step;
mod tensor;
mod trace;
mod weights;
mod wire;

use std::path::Path;

use self::cut::{Cut, NoLogits};
use self::model::{Model, Node, Port};
use self::tensor::element;
use self::trace::{Image, Trace};
use super::Foreign;
use super::bytes::Damage;
use super::error::{Error, Result};
use super::tensors::SINGLE_OUTPUT;
use crate::network::{Scaling, class_count};

/// Side of the images of a file that leaves it open, in pixels.
const USUAL_SIDE_PX: usize = 320;

fn damaged(Damage(problem): Damage) -> Error {
    Error::Damaged { format: "ONNX", problem }
}

/// Whether a file begins as those of exporters do: its first field is the version of the format, and one of the fields
/// that may follow comes next.
pub(super) fn looks_like_onnx(head: &[u8]) -> bool {
    // opset_import may also come first.
    matches!(head, [0x08, 1..=0x20, 0x12 | 0x1a | 0x22 | 0x28 | 0x32 | 0x3a | 0x42 | 0x72, ..])
        || matches!(head, [0x42, 2..=0x20, 0x0a | 0x10, ..])
}

/// Reads a model for images of `input_size`, where that is asked for; values beside it lie in `folder`.
pub(super) fn read(bytes: &[u8], folder: Option<&Path>, input_size: Option<[usize; 2]>) -> Result<Foreign> {
    let parsed = Model::parse(bytes).map_err(damaged)?;
    let files = external::read(&parsed, folder)?;
    let mut model = parsed;
    external::attach(&mut model, &files).map_err(damaged)?;
    let checked = check::check(&model)?;
    let mut refused = None;
    for image in images(&model, checked.image, input_size)? {
        let trace = Trace::run(&model, &checked.order, checked.image.name, image);
        let cut = match cut::choose(&trace, &checked) {
            Ok((cut, more)) => Cut { notes: more.into_iter().chain(cut.notes).collect(), ..cut },
            Err(NoLogits::Problems(problems)) => {
                refused = refused.or(Some(refusal::refusal(&problems)));
                continue;
            }
            Err(NoLogits::Other(problem)) => {
                let whole =
                    format!("the ONNX graph is no classifier: {problem}; export the model up to its class scores");
                refused = refused.or(Some(Error::Unsupported(whole)));
                continue;
            }
        };
        return finish(&model, checked.image, image, &trace, cut, input_size);
    }
    Err(refused.unwrap_or_else(|| Error::Unsupported("the ONNX graph reads no image".to_owned())))
}

fn finish(
    model: &Model<'_>,
    port: &Port<'_>,
    image: Image,
    trace: &Trace<'_>,
    cut: Cut,
    asked: Option<[usize; 2]>,
) -> Result<Foreign> {
    let built = build::build(trace, &cut)?;
    let [_, rows, columns] = image.shape;
    let mut notes = cut.notes;
    notes.extend(built.notes);
    if asked.is_none() && fixed(port, image.channels_last).1.contains(&None) {
        notes.push(format!(
            "the file leaves the size of images open: {rows} x {columns} is assumed; --input-size says another"
        ));
    }
    if image.batch > 1 {
        notes.push(format!("the file reads {} images at once; here each is read alone", image.batch));
    }
    if has_half(model) || matches!(port.element, element::FLOAT16 | element::BFLOAT16 | element::DOUBLE) {
        notes.push("numbers of half or double precision are computed in single precision".to_owned());
    }
    if built.norm_folded {
        notes.push(
            "batch normalization was folded into the convolutions when the file was written: a cascade cannot randomize it as \
             the study does"
                .to_owned(),
        );
    }
    let whole = port.element == element::UINT8;
    if whole {
        notes.push("the network reads gray levels of 0 to 255".to_owned());
    }
    let logits = built.graph.logit_count();
    if logits == 1 {
        notes.push(SINGLE_OUTPUT.to_owned());
    }
    let (classes, note) = classes::classes(&model.metadata, class_count(logits));
    notes.extend(note);
    Ok(Foreign {
        output: cut.output,
        classes,
        input_size: Some([rows, columns]),
        scaling: whole.then_some(Scaling::Range([0.0, 255.0])),
        norm_folded: built.norm_folded,
        notes,
        ..Foreign::imported(built.graph, built.weights, "an ONNX model")
    })
}

/// Whether any number is converted to half precision or stored in it.
fn has_half(model: &Model<'_>) -> bool {
    let half = [element::FLOAT16, element::BFLOAT16, element::DOUBLE];
    let cast = |node: &Node<'_>| {
        node.operation == "Cast" && matches!(node.integer("to"), Ok(Some(to)) if half[..2].contains(&to))
    };
    model.initializers.iter().any(|tensor| half.contains(&tensor.element)) || model.nodes.iter().any(cast)
}

/// Channels, and rows and columns, as far as the file fixes them.
fn fixed(port: &Port<'_>, channels_last: bool) -> (Option<usize>, [Option<usize>; 2]) {
    match port.dims.as_deref() {
        Some([_, rows, columns, channels]) if channels_last => (*channels, [*rows, *columns]),
        Some([_, channels, rows, columns]) => (*channels, [*rows, *columns]),
        _ => (None, [None, None]),
    }
}

/// The images that the graph may be meant for, the likeliest first.
fn images(model: &Model<'_>, port: &Port<'_>, asked: Option<[usize; 2]>) -> Result<Vec<Image>> {
    let dims = port.dims.as_deref().unwrap_or(&[None; 4]);
    let batch = match dims {
        [batch, _, _, _] => batch.unwrap_or(1),
        [_, _, _, _, _] => {
            return Err(Error::Unsupported(
                "the ONNX graph reads volumes (five axes); only flat images are read: export a network of two dimensions".to_owned(),
            ));
        }
        _ => {
            return Err(Error::Unsupported(format!(
                "the ONNX graph reads {} axes where an image has four (batch, channels, rows, columns); export the model with \
                 such an input",
                dims.len()
            )));
        }
    };
    let mut found = Vec::new();
    let mut contradiction = None;
    for channels_last in layouts(model, port) {
        let (channels, sides) = fixed(port, channels_last);
        let size = [0, 1].map(|axis| sides[axis].unwrap_or_else(|| asked.map_or(USUAL_SIDE_PX, |asked| asked[axis])));
        let [height, width] = size;
        if let Some([rows, columns]) = asked.filter(|asked| *asked != size) {
            contradiction = contradiction.or(Some(Error::Unsupported(format!(
                "the ONNX graph reads images of {height} x {width} pixels, not {rows} x {columns}; give --input-size \
                 {height}x{width}, or export the model with open extents (dynamic_axes)"
            ))));
            continue;
        }
        let range = 1..=crate::limits::INPUT_SIDE_PX;
        if !size.iter().all(|side| range.contains(side)) {
            continue;
        }
        let guesses: &[usize] = if channels.is_some() { &[] } else { &[3, 1] };
        let channels = channels.iter().chain(guesses).copied();
        found.extend(channels.map(|channels| Image { batch, shape: [channels, size[0], size[1]], channels_last }));
    }
    match contradiction {
        Some(contradiction) if found.is_empty() => Err(contradiction),
        _ => Ok(found),
    }
}

/// Whether channels are the last axis, the likelier answer first: a network with channels first behind a transposition reads
/// the others.
fn layouts(model: &Model<'_>, port: &Port<'_>) -> [bool; 2] {
    let few = |dim: Option<usize>| matches!(dim, Some(1..=4));
    let last = match port.dims.as_deref() {
        Some([_, first, _, last]) if few(*first) != few(*last) => few(*last),
        _ => {
            let reader = model.nodes.iter().find(|node| node.inputs.contains(&port.name));
            reader.is_some_and(|node| {
                node.operation == "Transpose" && matches!(node.integers("perm"), Ok(Some([0, 3, 1, 2])))
            })
        }
    };
    [last, !last]
}
