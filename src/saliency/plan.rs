//! Which inputs the wanted methods need, and which of them coincide.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::{Error, Result};
use super::methods::{ChangedInputs, Method, MethodSet, Way};
use super::parameters::{Aggregate, Baseline, Parameters, SmoothGrad};
use crate::network::ModelCard;

/// A constant image by the bits of its value in each channel.
pub(super) type Constant = Arc<[u32]>;

/// One noisy copy of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NoisyCopy {
    /// Number of the noise sample.
    pub(super) sample: usize,
    /// Bits of the standard deviation as a fraction of the image's range.
    pub(super) sigma_fraction_bits: u64,
}

/// An input of the network in relation to its image. Equal points are equal inputs, bit for bit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Point {
    /// The image itself.
    Image,
    /// A noisy copy of it.
    Copy(NoisyCopy),
    /// A constant image, the same for all images.
    Constant(Constant),
    /// On the straight line from a constant to the image or a copy, ends excluded.
    Between {
        /// Where the line begins.
        baseline: Constant,
        /// Where it ends: a copy, or the image.
        end: Option<NoisyCopy>,
        /// Position on the line as a fraction in lowest terms, so that k/9 and 11k/99 are one point.
        fraction: [usize; 2],
    },
    /// A changed copy of the image, of which logits alone are asked.
    Changed {
        /// The method that changes it.
        method: Method,
        /// Number of the copy.
        index: usize,
    },
}

impl Point {
    /// Whether a gradient is asked of it.
    pub(super) fn needs_gradient(&self) -> bool {
        !matches!(self, Self::Changed { .. })
    }
}

/// What plans need to know of an image.
#[derive(Clone, Copy, Debug)]
pub(super) struct ImageFacts<'a> {
    /// `[c, h, w]`.
    pub(super) shape: [usize; 3],
    /// Smallest and largest value.
    pub(super) range: [f32; 2],
    /// Its values, `[c, h, w]`.
    pub(super) image: &'a [f32],
    /// How gray levels become the model's input, where that is known.
    pub(super) card: Option<&'a ModelCard>,
}

impl ImageFacts<'_> {
    /// The path of so many steps from `baseline`.
    pub(super) fn path(&self, steps: usize, baseline: &Baseline) -> Result<Path> {
        Ok(Path { steps, baseline: self.constant(baseline)? })
    }

    /// The constant image that `baseline` means.
    pub(super) fn constant(&self, baseline: &Baseline) -> Result<Constant> {
        let [channels, ..] = self.shape;
        let [min, max] = self.range;
        match baseline {
            Baseline::Value(value) => Ok(vec![value.to_bits(); channels].into()),
            Baseline::ImageMinimum => Ok(vec![min.to_bits(); channels].into()),
            Baseline::ImageMaximum => Ok(vec![max.to_bits(); channels].into()),
            Baseline::ImageMean => {
                let plane = self.image.len() / channels;
                let mean = |channel: &[f32]| channel.iter().map(|value| *value as f64).sum::<f64>() / plane as f64;
                Ok(self.image.chunks_exact(plane).map(|channel| (mean(channel) as f32).to_bits()).collect())
            }
            Baseline::Gray(gray) => match self.card {
                Some(card) => Ok((0..channels).map(|channel| card.scale(*gray, channel).to_bits()).collect()),
                None => Err(Error::Parameter {
                    parameter: "baseline",
                    value: format!("gray {gray}"),
                    accepted: "in the scale of the input, because nothing says how gray levels become it".to_owned(),
                }),
            },
            Baseline::Channels(values) if values.len() == channels => {
                Ok(values.iter().map(|value| value.to_bits()).collect())
            }
            Baseline::Channels(values) => Err(Error::Parameter {
                parameter: "baseline",
                value: format!("{values:?}"),
                accepted: "one value for each channel of the image".to_owned(),
            }),
        }
    }
}

/// The points of a path.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path {
    /// Number of points, both ends included.
    pub(super) steps: usize,
    /// Where it begins.
    pub(super) baseline: Constant,
}

/// A sum of gradients: over the points of a path, or at the end point alone, for one image or many noisy copies.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Recipe {
    /// The method it serves; it may have several, such as one a baseline.
    pub(super) method: Method,
    /// Noisy copies; the image itself when `None`.
    pub(super) noise: Option<SmoothGrad>,
    /// The path to each copy; the copy alone when `None`.
    pub(super) path: Option<Path>,
}

impl Recipe {
    /// Number of copies.
    pub(super) fn samples(&self) -> usize {
        self.noise.map_or(1, |noise| noise.samples)
    }

    /// Gradients summed for one copy.
    pub(super) fn steps(&self) -> usize {
        self.path.as_ref().map_or(1, |path| path.steps)
    }

    /// Gradients summed in all.
    pub(super) fn len(&self) -> usize {
        self.samples() * self.steps()
    }

    /// How copies are combined.
    pub(super) fn aggregate(&self) -> Aggregate {
        self.noise.map_or(Aggregate::Mean, |noise| noise.aggregate)
    }

    /// The copy with this number, or `None` for the image itself.
    pub(super) fn copy(&self, sample: usize) -> Option<NoisyCopy> {
        self.noise.map(|noise| NoisyCopy { sample, sigma_fraction_bits: noise.sigma_fraction.to_bits() })
    }

    /// The input whose gradient is the `position`-th summand: sample by sample, each from baseline to end.
    pub(super) fn point(&self, position: usize) -> Point {
        let end = self.copy(position / self.steps());
        let at_end = end.map_or(Point::Image, Point::Copy);
        let Some(path) = &self.path else { return at_end };
        let step = position % path.steps;
        let last = path.steps - 1;
        if step == 0 {
            return Point::Constant(path.baseline.clone());
        }
        if step == last {
            return at_end;
        }
        let divisor = greatest_common_divisor(step, last);
        Point::Between { baseline: path.baseline.clone(), end, fraction: [step / divisor, last / divisor] }
    }
}

/// How often and by which methods one gradient is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Use {
    /// The methods.
    pub(super) methods: MethodSet,
    /// Number of summands it is.
    pub(super) summands: usize,
}

/// The changed copies that a method asks about.
#[derive(Clone)]
pub(super) struct Changes {
    pub(super) method: Method,
    pub(super) inputs: Arc<dyn ChangedInputs>,
}

/// Everything that one image needs.
pub(super) struct Plan {
    /// The sums to make.
    pub(super) recipes: Vec<Recipe>,
    /// The changed copies to ask about.
    pub(super) changes: Vec<Changes>,
    /// Every different input with its uses, in the order of evaluation; the image itself comes first.
    pub(super) points: Vec<(Point, Use)>,
}

impl Plan {
    /// Plans `methods` for an image.
    ///
    /// Cheap methods come first, so that a window has something to show early.
    pub(super) fn new(methods: &[Method], parameters: &Parameters, image: &ImageFacts) -> Result<Self> {
        let (mut recipes, mut changes) = (Vec::new(), Vec::new());
        let mut points = vec![(Point::Image, Use::default())];
        let mut found = HashMap::from([(Point::Image, 0)]);
        for method in Method::by_cost(methods).concat() {
            match &method.spec().way {
                Way::Pass(_) => points[0].1.methods.insert(method),
                Way::Sums(way) => {
                    for recipe in (way.recipes)(parameters, image)? {
                        for position in 0..recipe.len() {
                            let point = recipe.point(position);
                            let at = *found.entry(point.clone()).or_insert_with(|| {
                                points.push((point, Use::default()));
                                points.len() - 1
                            });
                            points[at].1.methods.insert(method);
                            points[at].1.summands += 1;
                        }
                        recipes.push(recipe);
                    }
                }
                Way::Changes(way) => {
                    // What speaks for the class in the image itself is what the copies are compared with.
                    points[0].1.methods.insert(method);
                    let inputs = (way.inputs)(parameters, image)?;
                    let uses = Use { methods: MethodSet::of(method), summands: 0 };
                    points.extend((0..inputs.len()).map(|index| (Point::Changed { method, index }, uses)));
                    changes.push(Changes { method, inputs });
                }
            }
        }
        Ok(Self { recipes, changes, points })
    }

    /// Uses of the image's own gradient.
    pub(super) fn image(&self) -> Use {
        self.points[0].1
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Architecture, Scaling};

    fn plan(methods: &[Method], min: f32) -> Plan {
        let image = ImageFacts { shape: [3, 4, 4], range: [min, 0.9], image: &[0.5; 48], card: None };
        Plan::new(methods, &Parameters::default(), &image).unwrap()
    }

    #[test]
    fn methods_alone_need_what_the_study_counts() {
        for (method, needed, distinct) in [
            (Method::Sg, 25, 25 + 1), // and the forward pass of the image
            (Method::Ig, 10, 10),
            (Method::Sig, 250, 25 * 9 + 1 + 1),
            (Method::Xrai, 200, 2 * 99 + 1),
        ] {
            let plan = plan(&[method], -0.8);
            assert_eq!(plan.recipes.iter().map(Recipe::len).sum::<usize>(), needed, "{method}");
            assert_eq!(plan.points.len(), distinct, "{method}");
        }
    }

    #[test]
    fn coinciding_inputs_are_evaluated_once() {
        // Image 1, black 1, IG 8 inside, SG 25 (ends of SIG's paths), SIG 25 x 8 inside, XRAI 2 x 98 inside + 2 constants.
        assert_eq!(plan(&Method::STUDY, -0.8).points.len(), 1 + 1 + 8 + 25 + 200 + 2 * 98 + 2);
        // An image whose minimum is IG's black: XRAI's first path holds all of IG's.
        assert_eq!(plan(&Method::STUDY, -1.0).points.len(), 1 + 1 + 25 + 200 + 2 * 98 + 1);
    }

    #[test]
    fn every_summand_is_counted() {
        let plan = plan(&Method::STUDY, -1.0);
        assert_eq!(plan.points.iter().map(|(_, uses)| uses.summands).sum::<usize>(), 25 + 10 + 250 + 200);
        assert_eq!(plan.image().summands, 3);
    }

    #[test]
    fn a_baseline_needs_a_value_a_channel() {
        let mut parameters = Parameters::default();
        parameters.ig.baseline = Baseline::Channels(vec![0.0; 2]);
        let image = ImageFacts { shape: [3, 4, 4], range: [0.0, 1.0], image: &[0.5; 48], card: None };
        assert!(matches!(Plan::new(&[Method::Ig], &parameters, &image), Err(Error::Parameter { .. })));
    }

    #[test]
    fn a_gray_level_is_scaled_as_the_card_says_and_a_mean_is_of_each_channel() {
        let architecture = Architecture::DenseNet121;
        let (variant, classes) = (architecture.usual_variant(), vec!["no".to_owned(), "yes".to_owned()]);
        let card = ModelCard::of_new_model(architecture, &variant, [320, 320], classes, "a test".to_owned(), None, &[]);
        let mut card = card.unwrap();
        card.scaling = Scaling::UnitToSymmetric;
        let values = [0.0, 1.0, -1.0, -0.5];
        let facts = ImageFacts { shape: [2, 1, 2], range: [-1.0, 1.0], image: &values, card: Some(&card) };
        let of = |facts: &ImageFacts<'_>, baseline| -> Vec<f32> {
            facts.constant(&baseline).unwrap().iter().map(|bits| f32::from_bits(*bits)).collect()
        };
        assert_eq!(of(&facts, Baseline::Gray(0.0)), [-1.0, -1.0]);
        assert_eq!(of(&facts, Baseline::Gray(255.0)), [1.0, 1.0]);
        assert_eq!(of(&facts, Baseline::ImageMean), [0.5, -0.75]);
        let unknown = ImageFacts { card: None, ..facts };
        let refused = unknown.constant(&Baseline::Gray(0.0)).unwrap_err().to_string();
        assert!(refused.contains("gray 0: it must be in the scale of the input"), "{refused}");
    }
}
