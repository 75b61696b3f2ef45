//! What is said about a method in its own file.

use std::sync::Arc;

use super::{Card, Method};
use crate::saliency::canvas::{Canvas, FirstPass, Made};
use crate::saliency::error::Result;
use crate::saliency::parameters::{MethodParameters, ParameterGroup, Parameters};
use crate::saliency::plan::{ImageFacts, Recipe};

/// Everything about a method. Each is a static in the file of its method, and everybody else asks it.
pub struct MethodSpec {
    /// Abbreviation in capitals, such as `SIG`: its name on the command line, in files and on screen.
    pub name: &'static str,
    /// The name in words, such as `Smooth integrated gradients`.
    pub title: &'static str,
    /// One line below its name for a reader who has never heard of it, at most 48 characters.
    pub caption: &'static str,
    /// The method in plain language.
    pub card: Card,
    /// Its colour in plots.
    pub colour: Colour,
    /// What it asks of the network.
    pub reads: &'static [Reads],
    /// Whether its maps have a sign, and where it is kept.
    pub sign: Sign,
    /// What of a raw map becomes 1 in its display map.
    pub scale: Scale,
    /// The methods whose maps it multiplies; none for most.
    pub factors: &'static [Method],
    /// How a map comes about.
    pub way: Way,
    /// Work for one image of the size `[h, w]`, nothing else being wanted.
    pub(in crate::saliency) cost: fn(&Parameters, [usize; 2]) -> Cost,
    /// Refuses parameters outside their range.
    pub(in crate::saliency) check: fn(&Parameters) -> Result<()>,
    /// The part of the parameters that it reads.
    pub(in crate::saliency) used: fn(&Parameters) -> MethodParameters,
    /// The same parameters, to be changed.
    pub(in crate::saliency) groups: fn(&mut Parameters) -> Vec<ParameterGroup<'_>>,
}

impl MethodSpec {
    /// Whether it asks for this.
    pub fn reads(&self, what: Reads) -> bool {
        self.reads.contains(&what)
    }

    /// Work for one image of the size `[h, w]`, nothing else being wanted.
    pub fn cost(&self, parameters: &Parameters, size: [usize; 2]) -> Cost {
        (self.cost)(parameters, size)
    }

    /// The parameters that it reads, to be changed.
    pub fn groups<'a>(&self, parameters: &'a mut Parameters) -> Vec<ParameterGroup<'a>> {
        (self.groups)(parameters)
    }
}

/// What a method asks of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// The gradient at the image itself.
    Gradient,
    /// The same gradient by guided backpropagation.
    GuidedGradient,
    /// A node's output and the gradient by it.
    Activation,
    /// Gradients at noisy copies.
    Noise,
    /// Gradients on the way from a baseline.
    Path,
    /// Logits of changed images, without a gradient.
    Forward,
}

/// Whether maps have a sign, and where it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// They have none.
    None,
    /// The raw map has it.
    Raw,
    /// The raw map is of magnitudes; an array kept beside it (`<METHOD>_signed` or `<METHOD>_mean`, `[c, h, w]`) has it,
    /// unless the parameters ask for squares.
    Channels,
}

/// What of a raw map becomes 1 in its display map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// The clipping percentile of its magnitudes.
    Clipped,
    /// Its maximum: a product of maps that were clipped is not clipped again.
    Maximum,
}

/// A colour for plots, red, green, blue; told apart by eyes that confuse red and green too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// On a dark ground.
    pub on_dark: [u8; 3],
    /// On a light ground.
    pub on_light: [u8; 3],
}

/// Work for one image, in inputs through a network. What inputs of an image happen to coincide, because a constant image
/// equals its darkest value or the image itself is one, is not foreseen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Inputs that the method's definition names, each time it does.
    pub needed: usize,
    /// Inputs that go forward and back, each once.
    pub with_gradient: usize,
    /// Inputs that go forward alone, each once.
    pub forward_alone: usize,
}

impl Cost {
    /// The pass of the image itself, from which `needed` results are read.
    pub(in crate::saliency) const fn of_image(needed: usize) -> Self {
        Self { needed, with_gradient: 1, forward_alone: 0 }
    }
}

/// How a map comes about.
pub enum Way {
    /// From the pass of the image itself.
    Pass(FromPass),
    /// From gradients at many inputs.
    Sums(FromSums),
    /// From the logits of changed images.
    Changes(FromChanges),
}

/// A map from the pass of the image itself.
pub struct FromPass {
    /// The map; nothing where the pass did not give what it reads.
    pub(in crate::saliency) make: fn(&Canvas<'_>, &FirstPass<'_>) -> Option<Made>,
}

/// A map from sums of gradients.
pub struct FromSums {
    /// The sums to make.
    pub(in crate::saliency) recipes: fn(&Parameters, &ImageFacts<'_>) -> Result<Vec<Recipe>>,
    /// The raw map `[h, w]` of an attribution `[c, h, w]` that may be unfinished.
    pub(in crate::saliency) flatten: fn(&[f64], channels: usize) -> Vec<f32>,
    /// The map of the finished attribution, `[c, h, w]`: the mean of the sums.
    pub(in crate::saliency) make: fn(&Canvas<'_>, &[f64]) -> Result<Made>,
    /// Whether the attribution should add up to the difference of logits between image and baseline.
    pub(in crate::saliency) is_complete: bool,
}

/// A map from the logits of changed images.
pub struct FromChanges {
    /// The changed images of one image.
    pub(in crate::saliency) inputs: fn(&Parameters, &ImageFacts<'_>) -> Result<Arc<dyn ChangedInputs>>,
}

/// Changed copies of one image, of which the network is asked for logits alone.
pub(in crate::saliency) trait ChangedInputs: Send + Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Writes the copy with this number; all `[c, h, w]`.
    fn write(&self, index: usize, image: &[f32], out: &mut [f32]);

    /// The raw map `[h, w]`, given what speaks for the class in the image itself and in the first copies.
    fn raw(&self, of_image: f32, of_copies: &[f32]) -> Vec<f32>;

    /// The finished map, given its raw one.
    fn make(&self, canvas: &Canvas<'_>, raw: Vec<f32>) -> Made;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_method_reads_is_what_its_parameters_and_its_way_say() {
        let mut parameters = Parameters::default();
        for method in Method::ALL {
            let spec = method.spec();
            let used = parameters.used_by(method);
            assert_eq!(spec.reads(Reads::Noise), used.noise().is_some(), "{method}");
            assert_eq!(
                spec.reads(Reads::Path),
                matches!(spec.way, Way::Sums(_)) && !used.baselines().is_empty(),
                "{method}"
            );
            assert_eq!(spec.reads(Reads::Forward), matches!(spec.way, Way::Changes(_)), "{method}");
            let reads_parameters = !matches!(used, MethodParameters::Plain { .. });
            assert_eq!(spec.groups(&mut parameters).is_empty(), !reads_parameters, "{method}");
            assert!(parameters.check(&[method]).is_ok(), "{method}");
            assert!(spec.factors.iter().all(|factor| factor.spec().factors.is_empty()), "{method}");
        }
    }
}
