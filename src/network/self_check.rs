//! A model compared with what its own framework answers to the same inputs.

use candle_core::{DType, Device};
use serde::{Deserialize, Serialize};

use super::candle_executor::CandleExecutor;
use super::error::{Error, Result};
use super::executor::{Batch, Executor, Pass};
use super::model::Model;
use super::output::{sigmoid, softmax_f64};
use super::sample::{Answer, Sample};

/// Largest difference of answers that agree, as a part of the largest logit, or of a probability of 1. Single precision
/// leaves about a hundredth of it.
const AGREES: f64 = 1e-4;
/// Beyond this part the answers are those of another network; between the two something smaller differs.
const REFUSED: f64 = 1e-2;
/// Probabilities nearer to 0 or 1 tell nothing: every sure network has them.
const TELLING: std::ops::Range<f64> = 1e-3..0.999;

/// What a comparison with the framework of a model gave, as its card keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// The framework, such as `PyTorch`; none where the sample did not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework: Option<String>,
    /// What was compared: `logits` or `probabilities`.
    pub compared: String,
    /// Number of inputs.
    pub inputs: usize,
    /// Largest difference of a number from the framework's on the executor below.
    pub max_difference: f64,
    /// The same as a part of the largest logit; of probabilities it is `max_difference`.
    pub relative_difference: f64,
    /// Largest difference of a number that the reference gave in double precision from the framework's.
    pub reference_difference: f64,
    /// What ran it, in words.
    pub executor: String,
}

impl Checked {
    /// Whether the model is the framework's within rounding.
    pub fn agrees(&self) -> bool {
        self.relative_difference <= AGREES
    }

    /// What it says, for people: `agrees with PyTorch to 3e-6 of the largest logit`.
    pub fn words(&self) -> String {
        let framework = self.framework.as_deref().unwrap_or("the sample of its framework");
        // Logits have no scale of their own; probabilities have.
        let of = if self.compared == "probabilities" { "" } else { " of the largest logit" };
        let part = self.relative_difference;
        if self.agrees() {
            format!("agrees with {framework} to {part:.0e}{of}")
        } else {
            format!(
                "differs from {framework} by {part:.0e}{of}: more than rounding. Save the sample in single precision and \
                 evaluation mode, or convert again"
            )
        }
    }

    /// Why it cannot be what a comparison gave.
    pub(super) fn problem(&self) -> Option<String> {
        let numbers = [self.max_difference, self.relative_difference, self.reference_difference];
        let bad = numbers.into_iter().find(|number| !number.is_finite() || *number < 0.0);
        bad.map(|number| format!("has {number}, which is no difference: convert with --sample again"))
    }
}

/// A comparison and what was assumed for it, one sentence each.
#[derive(Clone, Debug, PartialEq)]
pub struct SelfCheck {
    /// The result.
    pub checked: Checked,
    /// What was assumed or found out.
    pub notes: Vec<String>,
}

/// Numbers of the framework and ours for the same inputs.
struct Comparison {
    compared: &'static str,
    difference: f64,
    relative: f64,
}

impl Model {
    /// Compares the model with a sample, on the reference in double precision and on `executor`.
    ///
    /// # Errors
    /// When the sample does not fit the model, when the answers are those of another network, with what would explain it,
    /// and when a pass fails.
    pub fn check_sample(&self, sample: &Sample, executor: &dyn Executor) -> Result<SelfCheck> {
        self.require_classifier()?;
        let mut notes = Vec::new();
        let (input, channels_last) = sample.input(self.card.channels, self.card.input_size)?;
        if channels_last {
            notes.push("the sample has its channels last; they were brought to the front".to_owned());
        }
        let reference = CandleExecutor::new(self.graph.clone(), &self.weights, Device::Cpu, DType::F64)?;
        let exact = |input: &Batch| Ok::<_, Error>(reference.run_f64(&Pass::logits(input))?.logits);
        let mut input = input;
        let mut logits = exact(&input)?;
        let mut found = self.compare(sample, &logits)?;
        if found.relative > REFUSED {
            // A layer in front that scales is part of the card's scaling, not of the network.
            let scaled = self.scaled(&input);
            let of_scaled = exact(&scaled)?;
            let again = self.compare(sample, &of_scaled)?;
            if again.relative > REFUSED {
                return Err(Error::Sample(self.explain(sample, &input, &logits, &found, &exact)?));
            }
            notes.push(
                "the inputs of the sample are gray levels of 0 to 255: they were scaled as the card says".to_owned(),
            );
            (input, logits, found) = (scaled, of_scaled, again);
        }
        let single: Vec<f64> = executor.run(&Pass::logits(&input))?.logits.into_iter().map(f64::from).collect();
        let own = self.compare(sample, &single)?;
        if own.relative > REFUSED {
            let largest = logits.iter().zip(&single).fold(0.0_f64, |most, (a, b)| most.max((a - b).abs()));
            return Err(Error::Sample(format!(
                "the reference agrees with it, and {} is off by {largest:.1e}: take another device",
                executor.describe()
            )));
        }
        let checked = Checked {
            framework: sample.framework.map(str::to_owned),
            compared: own.compared.to_owned(),
            inputs: sample.len(),
            max_difference: own.difference,
            relative_difference: own.relative,
            reference_difference: found.difference,
            executor: executor.describe(),
        };
        Ok(SelfCheck { checked, notes })
    }

    /// The largest difference between what the sample says and our `logits`.
    fn compare(&self, sample: &Sample, logits: &[f64]) -> Result<Comparison> {
        let as_logits = || self.difference_of_logits(sample, logits);
        let as_probabilities = || self.difference_of_probabilities(sample, logits);
        match sample.answer {
            Answer::Logits => as_logits(),
            Answer::Probabilities => as_probabilities(),
            Answer::Either => {
                let is_probability = sample.outputs.iter().all(|value| (0.0..=1.0).contains(value));
                match as_logits() {
                    Err(_) if is_probability => as_probabilities(),
                    Ok(found) if found.relative > AGREES && is_probability => match as_probabilities() {
                        Ok(other) if other.relative < found.relative => Ok(other),
                        _ => Ok(found),
                    },
                    other => other,
                }
            }
        }
    }

    fn difference_of_logits(&self, sample: &Sample, logits: &[f64]) -> Result<Comparison> {
        let outputs = sample.outputs.len() / sample.len();
        if outputs != self.card.logits {
            let own = self.card.logits;
            return Err(Error::Sample(format!("it has {outputs} outputs an input, and the model has {own}")));
        }
        let largest = sample.outputs.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let difference = largest_difference(&sample.outputs, logits);
        let scale = if largest > 0.0 { largest } else { 1.0 };
        Ok(Comparison { compared: "logits", difference, relative: difference / scale })
    }

    fn difference_of_probabilities(&self, sample: &Sample, logits: &[f64]) -> Result<Comparison> {
        let own = self.probabilities_f64(logits, sample.outputs.len() / sample.len())?;
        if !sample.outputs.iter().any(|value| TELLING.contains(value)) {
            return Err(Error::Sample(
                "its probabilities are all nearly 0 or 1, which any sure network gives: save the logits, or other inputs"
                    .to_owned(),
            ));
        }
        let difference = largest_difference(&sample.outputs, &own);
        Ok(Comparison { compared: "probabilities", difference, relative: difference })
    }

    /// Probabilities `[n, outputs]`: one a class, or of a single logit that of the finding alone.
    fn probabilities_f64(&self, logits: &[f64], outputs: usize) -> Result<Vec<f64>> {
        let own = self.card.logits;
        let output = self.card.known_output()?;
        if outputs != own && !(own == 1 && outputs == 2) {
            return Err(Error::Sample(format!("it has {outputs} outputs an input, and the model has {own}")));
        }
        let rows = logits.chunks_exact(own).map(|row| match (output, outputs) {
            (super::output::Output::Softmax, _) => softmax_f64(row),
            (_, 2) if own == 1 => vec![sigmoid(-row[0]), sigmoid(row[0])],
            _ => row.iter().map(|logit| sigmoid(*logit)).collect(),
        });
        Ok(rows.flatten().collect())
    }

    /// The inputs scaled as the card says, as if they were gray levels.
    fn scaled(&self, input: &Batch) -> Batch {
        let [_, channels, height, width] = input.shape();
        let mut scaled = input.clone();
        for (index, value) in scaled.values_mut().iter_mut().enumerate() {
            *value = self.card.scale(*value, index / (height * width) % channels);
        }
        scaled
    }

    /// What is wrong, in a sentence.
    fn explain(
        &self,
        sample: &Sample,
        input: &Batch,
        logits: &[f64],
        found: &Comparison,
        exact: &dyn Fn(&Batch) -> Result<Vec<f64>>,
    ) -> Result<String> {
        let told = format!("the model's {} differ from it by {:.1e}", found.compared, found.difference);
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Ok(
                "the model gives NaN or infinite logits for its inputs: save inputs scaled as in training".to_owned()
            );
        }
        let near = |a: &[f64], b: &[f64]| {
            let largest = a.iter().fold(1e-12_f64, |most, value| most.max(value.abs()));
            a.len() == b.len() && largest_difference(a, b) <= AGREES.sqrt() * largest.min(1.0)
        };
        let outputs = self.card.logits;
        if found.compared == "logits" {
            let softmax: Vec<f64> = logits.chunks_exact(outputs).flat_map(softmax_f64).collect();
            let sigmoids: Vec<f64> = logits.iter().map(|logit| sigmoid(*logit)).collect();
            for (name, values) in [("softmax", softmax), ("sigmoid", sigmoids)] {
                if near(&sample.outputs, &values) {
                    return Ok(format!(
                        "{told}, and its numbers are the model's probabilities ({name}): save them as `probabilities`, or the \
                         numbers before the last activation as `logits`"
                    ));
                }
            }
            if let Some(order) = permutation(&sample.outputs, logits, outputs) {
                return Ok(format!(
                    "{told}, and agree in another order of the classes ({}): the head was taken from another model",
                    order.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
                ));
            }
        }
        if self.card.channels == 3 {
            let mut reversed = input.clone();
            for index in 0..reversed.len() {
                let image = reversed.image_mut(index);
                let plane = image.len() / 3;
                let (first, rest) = image.split_at_mut(plane);
                first.swap_with_slice(&mut rest[plane..]);
            }
            if self.compare(sample, &exact(&reversed)?)?.relative <= REFUSED {
                return Ok(format!(
                    "{told}, and agree where its channels are reversed: save the input in the order in which the network's \
                     first layer reads it"
                ));
            }
        }
        Ok(format!(
            "{told}: another network, or one in training mode (model.eval() in PyTorch, training=False in Keras); save the \
             sample from the very model that was converted"
        ))
    }
}

/// The largest difference of two lists of equal length; infinite where one holds what is no number.
fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(
        0.0,
        |most, next| {
            if next.is_nan() { f64::INFINITY } else { most.max(next) }
        },
    )
}

/// For each output of the sample the output of ours that it is, where every one is another and not all stand in place.
fn permutation(theirs: &[f64], ours: &[f64], outputs: usize) -> Option<Vec<usize>> {
    let largest = theirs.iter().fold(1e-12_f64, |most, value| most.max(value.abs()));
    let column = |values: &[f64], at: usize| values.iter().skip(at).step_by(outputs).copied().collect::<Vec<f64>>();
    let mut order = Vec::with_capacity(outputs);
    for at in 0..outputs {
        let wanted = column(theirs, at);
        let is_it =
            |own: &usize| !order.contains(own) && largest_difference(&wanted, &column(ours, *own)) <= AGREES * largest;
        order.push((0..outputs).find(is_it)?);
    }
    Some(order)
}
