//! Inputs of a network and what its own framework answered, as a user's script wrote them into an `.npz`.

use std::path::Path;

use super::error::{Error, Result};
use super::executor::Batch;
use crate::array_file::{NpyArray, NpzReader};
use crate::{files, limits};

/// What the numbers of a sample are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Logits: the array `logits`.
    Logits,
    /// Probabilities: the array `probabilities`.
    Probabilities,
    /// Either: the array `output`, which may lie behind the activation of a last layer.
    Either,
}

impl Answer {
    /// The array that holds it.
    fn array(self) -> &'static str {
        match self {
            Self::Logits => "logits",
            Self::Probabilities => "probabilities",
            Self::Either => "output",
        }
    }
}

/// Inputs as the network gets them, and the answers of the framework that it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Shape of the inputs as the file has it, four axes.
    shape: [usize; 4],
    /// Their values, row-major.
    values: Vec<f32>,
    /// What the numbers are.
    pub answer: Answer,
    /// The numbers, `[n, outputs]`.
    pub outputs: Vec<f64>,
    /// The framework that gave them, where the file names it by an array.
    pub framework: Option<&'static str>,
}

/// Frameworks by the array whose presence names them.
const FRAMEWORKS: [(&str, &str); 4] =
    [("pytorch", "PyTorch"), ("keras", "Keras"), ("tensorflow", "TensorFlow"), ("onnxruntime", "ONNX Runtime")];

impl Sample {
    /// Reads an `.npz` with `input` (`[n, c, h, w]`, or `[n, h, w, c]` of Keras) and one of `logits`, `probabilities` and
    /// `output` (`[n, outputs]`).
    ///
    /// # Errors
    /// When it cannot be read, an array is missing or of another shape, or a number is none; the path comes last.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = files::read(path, limits::SAMPLE_BYTES)
            .map_err(|problem| Error::Io { action: "reading the sample", problem }.in_file(path))?;
        Self::from_bytes(&bytes).map_err(|error| error.in_file(path))
    }

    /// Reads the content of such a file.
    ///
    /// # Errors
    /// As [`Sample::open`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let refuse = |problem: String| Err(Error::Sample(problem));
        let damaged =
            |error: crate::array_file::Error| Error::Sample(format!("it is no NPZ file that is read ({error})"));
        let mut archive = NpzReader::new(bytes).map_err(damaged)?;
        let names = archive.names();
        let Some(input) = archive.array("input").map_err(damaged)? else {
            return refuse("it holds no array `input`: save the network's input under this name".to_owned());
        };
        let answers = [Answer::Logits, Answer::Probabilities, Answer::Either];
        let there: Vec<Answer> =
            answers.into_iter().filter(|answer| names.iter().any(|name| name == answer.array())).collect();
        let [answer] = there[..] else {
            return refuse(format!(
                "it holds {} of the arrays `logits`, `probabilities` and `output`: save one of them",
                there.len()
            ));
        };
        let Some(outputs) = archive.array(answer.array()).map_err(damaged)? else {
            return refuse(format!("it holds no array `{}`", answer.array()));
        };
        let NpyArray { shape, values } = input;
        let shape: [usize; 4] = match shape[..] {
            [a, b, c] => [1, a, b, c],
            [a, b, c, d] => [a, b, c, d],
            _ => return refuse(format!("`input` has shape {shape:?}: [n, c, h, w] is needed")),
        };
        let n = shape[0];
        if !limits::SAMPLE_INPUTS.contains(n) {
            return refuse(format!("`input` holds {n} inputs, not {}", limits::SAMPLE_INPUTS));
        }
        let count: usize = outputs.shape.iter().product();
        let is_table = outputs.shape.first() == Some(&n) || n == 1;
        if !is_table || count == 0 || !count.is_multiple_of(n) {
            let name = answer.array();
            return refuse(format!("`{name}` has shape {:?}: [{n}, outputs] is needed", outputs.shape));
        }
        let (values, outputs) = (values.into_f32(), outputs.values.into_f64());
        if !values.iter().all(|value| value.is_finite()) {
            return refuse("`input` holds numbers that are none (NaN or infinite)".to_owned());
        }
        if !outputs.iter().all(|value| value.is_finite()) {
            let name = answer.array();
            return refuse(format!(
                "`{name}` holds numbers that are none (NaN or infinite): the framework itself gave no answer"
            ));
        }
        if answer == Answer::Probabilities && !outputs.iter().all(|value| (-1e-6..=1.000_001).contains(value)) {
            return refuse("`probabilities` holds numbers outside of 0 to 1: save them as `logits`".to_owned());
        }
        let named = FRAMEWORKS.iter().find(|(array, _)| names.iter().any(|name| name == array));
        Ok(Self { shape, values, answer, outputs, framework: named.map(|(_, framework)| *framework) })
    }

    /// Number of inputs.
    pub fn len(&self) -> usize {
        self.shape[0]
    }

    /// Whether there is none, which no sample has.
    pub fn is_empty(&self) -> bool {
        self.shape[0] == 0
    }

    /// Height and width of its inputs for a network that reads `channels` channels, where one order of axes fits.
    pub fn input_size(&self, channels: usize) -> Option<[usize; 2]> {
        let [_, a, b, c] = self.shape;
        if a == channels { Some([b, c]) } else { (c == channels).then_some([a, b]) }
    }

    /// Height and width where the smaller of the outer axes is taken for the channels.
    pub fn likely_input_size(&self) -> [usize; 2] {
        let [_, a, b, c] = self.shape;
        if a <= c { [b, c] } else { [a, b] }
    }

    /// The inputs `[n, c, h, w]` for a network that reads `channels` channels of `size` pixels, and whether the channels
    /// came last (Keras) and were brought to the front.
    ///
    /// # Errors
    /// When neither order of axes fits.
    pub fn input(&self, channels: usize, size: [usize; 2]) -> Result<(Batch, bool)> {
        let [n, a, b, c] = self.shape;
        let [height, width] = size;
        if [a, b, c] == [channels, height, width] {
            return Ok((Batch::new(self.shape, self.values.clone()), false));
        }
        if [a, b, c] != [height, width, channels] {
            return Err(Error::Sample(format!(
                "its inputs have shape {:?}, and the model reads [{channels}, {height}, {width}]: give the sample's size as \
                 the input size, or save a sample of this size",
                [a, b, c]
            )));
        }
        let mut batch = Batch::zeros([n, channels, height, width]);
        for index in 0..n {
            let pixels = &self.values[index * height * width * channels..][..height * width * channels];
            let image = batch.image_mut(index);
            for (place, pixel) in pixels.chunks_exact(channels).enumerate() {
                for (channel, value) in pixel.iter().enumerate() {
                    image[channel * height * width + place] = *value;
                }
            }
        }
        Ok((batch, true))
    }
}
