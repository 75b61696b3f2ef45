//! What is written beside the maps of a cascade: `cascade.csv`, `cascade.json` and the words of the figures.

use std::collections::BTreeMap;

use serde::Serialize;

use super::caution;
use super::report::{ClassFound, VERSION};
use super::study_image::StudyImage;
use crate::cascade::{
    BetweenImages, CONTROL_BLUR_FRACTION, Cascade, Curve, MethodBaseline, Order, PairMean, Plan, Randomizer,
    Similarity, Verdict, verdict,
};
use crate::figure::{CascadeCurve, CascadeCurves, CascadeTile, CascadeTiles, NOT_FOR_DIAGNOSIS};
use crate::metrics::SSIM_WINDOW_PX;
use crate::network::{ForwardWork, Model, ModelCard};
use crate::saliency::methods::Sign;
use crate::saliency::{ClassChoice, Method, MethodParameters, Parameters, Preset};

/// What the report tells about.
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) model: &'a Model,
    pub(super) plan: &'a Plan,
    pub(super) order: Order,
    pub(super) images: &'a [StudyImage],
    pub(super) found: &'a Cascade,
    /// Of each image in each state.
    pub(super) logits: &'a [Vec<Vec<f32>>],
    pub(super) seconds: f64,
}

#[derive(Serialize)]
pub(super) struct Report<'a> {
    notice: &'static str,
    /// What has to be known before any of it is believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    caution: Option<&'static str>,
    saliscope: &'static str,
    model: ModelReport<'a>,
    preset: Preset,
    order: Order,
    randomizer: Randomizer,
    noise_seed: u64,
    states: Vec<StateReport<'a>>,
    methods: &'a [Method],
    class_choice: ClassChoice,
    parameters: &'a Parameters,
    /// Of methods that the study did not test.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    beyond_study: BTreeMap<Method, MethodParameters>,
    similarity: SimilarityReport,
    images: Vec<ImageReport<'a>>,
    means: Means,
    baselines: &'a [MethodBaseline],
    /// Positions of the images behind the baselines.
    pairs: &'a [[usize; 2]],
    control: Option<ControlReport>,
    verdicts: Vec<VerdictReport>,
    /// Multiply-adds of all forward passes; those that are reused were done once for several states.
    forward_multiply_adds: Option<ForwardWork>,
    executor: &'a str,
    seconds: f64,
}

/// The study's methods without a sign, and those of `methods` beyond it.
fn without_sign(methods: &[Method]) -> String {
    let is_named = |method: &Method| method.is_of_study() || methods.contains(method);
    let has_none = |method: &Method| method.spec().sign == Sign::None;
    let names = Method::ALL.into_iter().filter(|method| is_named(method) && has_none(method)).map(Method::name);
    names.collect::<Vec<_>>().join(", ")
}

#[derive(Serialize)]
struct ModelReport<'a> {
    name: &'a str,
    #[serde(flatten)]
    card: &'a ModelCard,
}

#[derive(Serialize)]
struct StateReport<'a> {
    name: &'a str,
    blocks: Vec<BlockReport<'a>>,
}

#[derive(Serialize)]
struct BlockReport<'a> {
    name: &'a str,
    /// What the block's new weights are drawn from, with the name of each tensor.
    seed: u64,
}

/// How maps are compared.
#[derive(Serialize)]
struct SimilarityReport {
    window_px: usize,
    k1: f64,
    k2: f64,
    /// The range of the figures.
    figure_range: u8,
    maps: &'static str,
    undefined: String,
}

#[derive(Serialize)]
struct ImageReport<'a> {
    index: usize,
    height_px: usize,
    width_px: usize,
    content_seed: u64,
    explained: ClassFound,
    predicted: ClassFound,
    /// One list a state.
    logits: &'a [Vec<f32>],
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Means {
    ssim_range_1: Vec<Curve>,
    ssim_range_2: Vec<Curve>,
    signed_ssim: Vec<Curve>,
    spearman: Vec<Curve>,
}

#[derive(Serialize)]
struct VerdictReport {
    method: Method,
    #[serde(flatten)]
    verdict: Verdict,
}

#[derive(Serialize)]
struct ControlReport {
    blur_sigma_fraction: f64,
    #[serde(flatten)]
    mean: PairMean,
}

impl<'a> Subject<'a> {
    /// The content of `cascade.json`; no path and no identifier.
    pub(super) fn report(&self) -> Report<'a> {
        let (plan, found) = (self.plan, self.found);
        let state = |state: &'a crate::cascade::State| StateReport {
            name: &state.name,
            blocks: state
                .blocks
                .iter()
                .map(|block| BlockReport { name: block, seed: plan.randomizer.block_seed(block) })
                .collect(),
        };
        Report {
            notice: NOT_FOR_DIAGNOSIS,
            caution: self.caution(),
            saliscope: VERSION,
            model: ModelReport { name: self.name, card: &self.model.card },
            preset: plan.request.preset,
            order: self.order,
            randomizer: plan.randomizer,
            noise_seed: plan.request.seed,
            states: found.states.iter().map(state).collect(),
            methods: &found.methods,
            class_choice: plan.request.class,
            parameters: &plan.request.parameters,
            beyond_study: plan.request.parameters.beyond_study(&found.methods),
            similarity: SimilarityReport {
                window_px: SSIM_WINDOW_PX,
                k1: 0.01,
                k2: 0.03,
                figure_range: self.range(),
                maps: "ssim_range_1, ssim_range_2 and spearman compare display maps; signed_ssim compares signed maps \
                       (sum over channels, divided by the clipping percentile of its magnitude) at range 2",
                undefined: format!(
                    "a map that is blank, constant, sparse or nan has no likeness and counts in no mean; {} and means of \
                     squares have no sign",
                    without_sign(&found.methods)
                ),
            },
            images: self.images.iter().enumerate().map(|(index, image)| self.image(index, image)).collect(),
            means: Means {
                ssim_range_1: found.curves(|similarity| similarity.ssim_range_1),
                ssim_range_2: found.curves(|similarity| similarity.ssim_range_2),
                signed_ssim: found.curves(|similarity| similarity.signed_ssim),
                spearman: found.curves(|similarity| similarity.spearman),
            },
            baselines: &found.baselines,
            pairs: &found.pairs,
            control: found.control.map(|mean| ControlReport { blur_sigma_fraction: CONTROL_BLUR_FRACTION, mean }),
            verdicts: self.verdicts(),
            forward_multiply_adds: found.forward_work,
            executor: &found.executor,
            seconds: self.seconds,
        }
    }

    /// What has to be said of the images together.
    pub(super) fn caution(&self) -> Option<&'static str> {
        caution::of_images(&self.model.card, self.images)
    }

    /// Of the order that ends in a network without anything learned; an independent order has none.
    fn verdicts(&self) -> Vec<VerdictReport> {
        if self.order == Order::Independent {
            return Vec::new();
        }
        let control = self.found.control.map(|mean| self.mean_of_range(mean));
        let curves = self.found.curves(|similarity| self.of_range(similarity));
        let judged = curves.iter().map(|curve| VerdictReport {
            method: curve.method,
            verdict: verdict(curve, self.baseline(curve.method), control),
        });
        judged.collect()
    }

    fn baseline(&self, method: Method) -> Option<BetweenImages> {
        let baseline = self.found.baselines.iter().find(|baseline| baseline.method == method);
        let mean = baseline.and_then(|baseline| baseline.mean)?;
        Some(BetweenImages { mean: self.mean_of_range(mean), pairs: mean.pairs })
    }

    /// What maps that have nothing to do with each other reach: of other images where there are any, else noise.
    pub(super) fn limit(&self, method: Method) -> Option<f64> {
        self.baseline(method)
            .map(|baseline| baseline.mean)
            .or_else(|| self.found.control.map(|mean| self.mean_of_range(mean)))
    }

    /// Likeness of the maps of one image to the original one, state by state.
    pub(super) fn likeness(&self, image: usize, method: Method) -> Vec<Option<f64>> {
        let rows = self.found.rows.iter().filter(|row| row.image == image && row.method == method);
        rows.map(|row| self.of_range(&row.similarity)).collect()
    }

    /// A line on class and model.
    pub(super) fn detail(&self, index: usize) -> String {
        let explained = ClassFound::new(&self.model.card, &self.logits[index][0], self.found.classes[index]);
        let Randomizer { seed, replicate } = self.plan.randomizer;
        format!(
            "Explained: {}  ·  model “{}”, {}  ·  preset {}  ·  seed {seed}, replicate {replicate}",
            explained.label(),
            self.name,
            self.model.card.architecture,
            self.plan.request.preset,
        )
    }

    fn image(&self, index: usize, image: &'a StudyImage) -> ImageReport<'a> {
        let [_, _, height_px, width_px] = image.input.shape();
        let logits = &self.logits[index];
        let card = &self.model.card;
        ImageReport {
            index,
            height_px,
            width_px,
            content_seed: image.content_seed,
            explained: ClassFound::new(card, &logits[0], self.found.classes[index]),
            predicted: ClassFound::predicted(card, &logits[0]),
            logits,
            warnings: &image.warnings,
        }
    }

    /// Figure 3A.
    pub(super) fn curves(&self) -> CascadeCurves<'a> {
        let found = self.found;
        let means = found.curves(|similarity| self.of_range(similarity));
        let images = match self.images.len() {
            1 => "one image".to_owned(),
            count => format!("{count} images"),
        };
        CascadeCurves {
            headline: format!("Similarity of maps to those of the trained network, {images}"),
            caution: self.caution().map(str::to_owned),
            details: self.details(),
            states: found.states.iter().map(|state| state.name.as_str()).collect(),
            curves: means
                .into_iter()
                .map(|curve| CascadeCurve {
                    name: curve.method.name(),
                    title: curve.method.title(),
                    points: curve.points.into_iter().map(|point| [point.mean, point.sd]).collect(),
                    baseline: self.baseline(curve.method).map(|baseline| baseline.mean),
                })
                .collect(),
            control: found.control.map(|mean| self.mean_of_range(mean)),
        }
    }

    /// Figure 3B of image `index`, whose tiles come by method and state.
    pub(super) fn tiles(&self, index: usize, tiles: Vec<Vec<Option<CascadeTile>>>) -> CascadeTiles<'a> {
        let found = self.found;
        let image = &self.images[index];
        let [_, _, height, width] = image.input.shape();
        let explained = ClassFound::new(&self.model.card, &self.logits[index][0], found.classes[index]);
        let rows = found.methods.iter().zip(tiles).map(|(method, tiles)| {
            let rows = found.rows.iter().filter(|row| row.image == index && row.method == *method);
            let caption = |row: &crate::cascade::Row| match self.of_range(&row.similarity) {
                Some(ssim) if row.state > 0 => format!("SSIM {ssim:.2}").replace("-0.00", "0.00"),
                _ => String::new(),
            };
            (method.name(), tiles.into_iter().zip(rows.map(caption)).collect())
        });
        let mut details = vec![format!("Explained in every state: {}.", explained.label())];
        details.extend(self.details());
        details.push("Each map is scaled by itself; colours tell where, not how much.".to_owned());
        let of = if self.images.len() == 1 { String::new() } else { format!(", image {index}") };
        CascadeTiles {
            headline: format!("Maps while the network is randomized{of}"),
            caution: self.model.card.caution(image.is_phantom).map(str::to_owned),
            details,
            radiograph: CascadeTile::new(&image.gray, [height, width], 255.0),
            states: found.states.iter().map(|state| state.name.as_str()).collect(),
            rows: rows.collect(),
        }
    }

    fn details(&self) -> Vec<String> {
        let meaning = match self.order {
            Order::TopDown => "each state randomizes its block and all above it",
            Order::BottomUp => "each state randomizes its block and all below it",
            Order::Independent => "each state randomizes its block alone",
        };
        let Randomizer { seed, replicate } = self.plan.randomizer;
        let mut details = vec![
            format!("Order {}: {meaning}. SSIM of display maps at a data range of {}.", self.order, self.range()),
            format!(
                "Model “{}”, {}, SHA-256 {}…  ·  preset {}  ·  seed {seed}, replicate {replicate}  ·  saliscope {VERSION}",
                self.name,
                self.model.card.architecture,
                self.model.sha256.get(..8).unwrap_or_default(),
                self.plan.request.preset,
            ),
        ];
        details.extend(self.model.card.folded_norm_note().map(str::to_owned));
        details
    }

    /// The data range that the preset compares at.
    pub(super) fn range(&self) -> u8 {
        match self.plan.request.preset {
            Preset::Arun2021 => 2,
            Preset::Recommended => 1,
        }
    }

    fn of_range(&self, similarity: &Similarity) -> Option<f64> {
        if self.range() == 2 { similarity.ssim_range_2 } else { similarity.ssim_range_1 }
    }

    fn mean_of_range(&self, mean: PairMean) -> f64 {
        if self.range() == 2 { mean.ssim_range_2 } else { mean.ssim_range_1 }
    }
}
