//! From a plan to a model: values are read once their shapes are known to fit.

use super::error::{Error, Result};
use super::names::{Plan, SamePadding};
use super::tensors::SINGLE_OUTPUT;
use super::{Asked, Foreign};
use crate::limits;
use crate::network::{ModelKind, STUDY_INPUT_PX, Tensor, Weights};

/// Reads the values of a plan's tensors.
pub(super) fn assemble(
    plan: Plan,
    asked: &Asked,
    origin: &str,
    read: impl Fn(&str) -> Result<Vec<f32>>,
) -> Result<Foreign> {
    let Plan { architecture, variant, tensors, mut notes, .. } = plan;
    if let Some(asked) = asked.architecture.filter(|asked| *asked != architecture) {
        let problem = format!("they are of {architecture}");
        return Err(Error::OtherNetwork { architecture: asked, problem });
    }
    let count = |shape: &[usize]| shape.iter().fold(1_usize, |count, side| count.saturating_mul(*side));
    let counts = tensors.iter().map(|(parameter, _)| count(&parameter.shape));
    if counts.fold(0, usize::saturating_add) > limits::FOREIGN_VALUES {
        return Err(Error::Unsupported(
            "the weights take more than 2 GiB in single precision; no network that large is read".to_owned(),
        ));
    }
    let mut weights = Weights::default();
    for (parameter, source) in tensors {
        let values = read(&source)?;
        if values.len() != count(&parameter.shape) {
            let problem = format!("tensor {source:?} has {} values", values.len());
            return Err(Error::Damaged { format: "file of weights", problem });
        }
        weights.insert(parameter.name, Tensor { shape: parameter.shape, values });
    }
    weights.check_finite()?;
    if architecture.kind() == ModelKind::Classifier && variant.classes == 1 {
        notes.push(SINGLE_OUTPUT.to_owned());
    }
    let graph = architecture.graph(&variant);
    let mut foreign = match plan.same_padding {
        None => Foreign::named(architecture, variant, weights, origin),
        Some(SamePadding::OfInput) => {
            let size = asked.input_size.unwrap_or([STUDY_INPUT_PX; 2]);
            let [height, width] = size;
            notes.push(format!(
                "the network pads by the size of the image, as TensorFlow does: its graph was made for images of \
                 {height}x{width} pixels (--input-size) and lies in the card"
            ));
            let graph = graph.with_same_borders(size)?;
            Foreign { input_size: Some(size), ..Foreign::imported(graph, weights, origin) }
        }
        Some(SamePadding::Of(side_px)) => {
            notes.push(format!(
                "the network pads as TensorFlow does for images of {side_px}x{side_px} pixels, whatever it reads: its graph \
                 lies in the card"
            ));
            Foreign::imported(graph.with_same_borders([side_px; 2])?, weights, origin)
        }
    };
    foreign.output = plan.output;
    foreign.classes = plan.classes;
    foreign.usual_scaling = plan.usual_scaling;
    foreign.transform_input = plan.transform_input;
    foreign.head_assumed = plan.head_assumed;
    foreign.notes = notes;
    Ok(foreign)
}
