//! Makes finished maps out of gradients, attributions and grids.

use std::sync::Arc;

use super::display::{DisplayMap, Outcome, extremes};
use super::error::Result;
use super::explanation::{ArrayValues, NamedArray, SaliencyMap};
use super::grad_cam::Grid;
use super::method::Method;
use super::parameters::{Aggregate, Parameters, Preset};
use super::provenance::{Completeness, Evaluations, NoiseOrigin, Provenance};
use super::request::ClassChoice;
use super::xrai;

/// What the maps of one request have in common.
#[derive(Clone, Debug)]
pub(super) struct Common {
    /// Wanted methods in the study's order.
    pub(super) methods: Vec<Method>,
    pub(super) parameters: Parameters,
    pub(super) preset: Preset,
    pub(super) class_choice: ClassChoice,
    pub(super) noise: NoiseOrigin,
    pub(super) executor: String,
    /// Name of the node that Grad-CAM reads.
    pub(super) tensor: String,
    pub(super) intermediates: bool,
    /// Segments of XRAI made before.
    pub(super) segments: Option<Arc<xrai::SegmentCache>>,
}

/// A map without its provenance.
pub(super) struct Made {
    pub(super) raw: Vec<f32>,
    display: DisplayMap,
    intermediates: Vec<NamedArray>,
}

/// Makes the maps of one image and keeps them.
pub(super) struct Maker {
    common: Arc<Common>,
    maps: Vec<SaliencyMap>,
}

impl Maker {
    pub(super) fn new(common: Arc<Common>) -> Self {
        Self { common, maps: Vec::new() }
    }

    pub(super) fn methods(&self) -> &[Method] {
        &self.common.methods
    }

    /// The finished maps in the study's order.
    pub(super) fn into_maps(mut self) -> Vec<SaliencyMap> {
        self.maps.sort_by_key(|map| map.method);
        self.maps
    }

    /// GRAD or GBP from its gradient `[c, h, w]`.
    pub(super) fn gradient(&self, method: Method, gradient: &[f32], shape: [usize; 3]) -> Made {
        let raw = magnitude(gradient, shape[0], |value| *value as f64);
        let display = self.clipped(&raw);
        let signed = || vec![f32_array(format!("{method}_signed"), &shape, gradient.to_vec())];
        Made { raw, display, intermediates: self.kept(signed) }
    }

    /// SG, IG or SIG from its attribution `[c, h, w]`.
    pub(super) fn attribution(&self, method: Method, attribution: &[f64], shape: [usize; 3]) -> Made {
        let raw = flattened(method, attribution, shape[0]);
        let display = self.clipped(&raw);
        let aggregate = match method {
            Method::Sg => Some(self.common.parameters.sg.aggregate),
            Method::Sig => Some(self.common.parameters.sig.noise.aggregate),
            _ => None,
        };
        let suffix = match aggregate {
            None => "signed",
            Some(Aggregate::MeanSquare) => "mean_square",
            Some(Aggregate::Mean) => "mean",
        };
        let values = || vec![f32_array(format!("{method}_{suffix}"), &shape, narrowed(attribution))];
        Made { raw, display, intermediates: self.kept(values) }
    }

    /// XRAI from its attribution `[c, h, w]` and the image it explains.
    pub(super) fn xrai(&self, attribution: &[f64], image: &[f32], shape: [usize; 3]) -> Result<Made> {
        let [c, h, w] = shape;
        let flat = flattened(Method::Xrai, attribution, c);
        let mut arrays = self.kept(|| {
            vec![
                f32_array("XRAI_attribution_channels".to_owned(), &shape, narrowed(attribution)),
                f32_array("XRAI_attribution".to_owned(), &[h, w], flat.clone()),
            ]
        });
        if flat.iter().any(|value| !value.is_finite()) {
            return Ok(Made { display: self.clipped(&flat), raw: flat, intermediates: arrays });
        }
        let [min, max] = extremes(image);
        if min >= max {
            let display =
                self.clipped(&flat).because("the image is constant, so it has neither segments nor attribution");
            return Ok(Made { raw: flat, display, intermediates: arrays });
        }
        let parameters = &self.common.parameters.xrai.segments;
        let segmentation = match &self.common.segments {
            Some(cache) => cache.segment(image, shape, parameters)?,
            None => Arc::new(xrai::segment(image, shape, parameters)?),
        };
        let merged = xrai::merge(&flat, &segmentation, parameters)?;
        if self.common.intermediates {
            let labels = segmentation.labels();
            arrays.push(NamedArray {
                name: "XRAI_segments".to_owned(),
                shape: vec![labels.len(), h, w],
                values: ArrayValues::I32(labels.concat()),
            });
        }
        Ok(Made { display: self.clipped(&merged.map), raw: merged.map, intermediates: arrays })
    }

    /// GCAM on an image of `size` (`[h, w]`).
    pub(super) fn grad_cam(&self, grid: &Grid, size: [usize; 2], class: usize) -> Made {
        let (raw, display) = self.cam(grid, size, class);
        let values = || vec![f32_array("GCAM_grid".to_owned(), &grid.size, grid.values.clone())];
        Made { raw, display, intermediates: self.kept(values) }
    }

    /// GGCAM from the guided gradient `[c, h, w]` and the grid of Grad-CAM.
    pub(super) fn guided_grad_cam(&self, guided: &[f32], shape: [usize; 3], grid: &Grid, class: usize) -> Made {
        let guided = self.gradient(Method::Gbp, guided, shape).display;
        let (_, cam) = self.cam(grid, [shape[1], shape[2]], class);
        let raw: Vec<f32> = guided.values.iter().zip(&cam.values).map(|(g, c)| g * c).collect();
        let product = DisplayMap::min_max(&raw);
        // The factors are zeros where they are degenerate, so the product is blank for their reason.
        let display = match [(Method::Gbp, &guided), (Method::Gcam, &cam)]
            .into_iter()
            .find_map(|(method, factor)| factor.reason.as_ref().map(|reason| (method, factor.outcome, reason)))
        {
            Some((method, outcome, reason)) => {
                let reason = format!("its factor {method} has no display map: {reason}");
                DisplayMap { outcome, ..product.because(reason) }
            }
            None => product.because("GBP and GCAM have no pixel in common"),
        };
        Made { raw, display, intermediates: Vec::new() }
    }

    /// Keeps a finished map and shows it.
    #[expect(clippy::too_many_arguments, reason = "each is one field of the provenance")]
    pub(super) fn finish(
        &mut self,
        method: Method,
        made: Made,
        [height, width]: [usize; 2],
        class: usize,
        evaluations: Evaluations,
        seconds: f64,
        completeness: Option<Completeness>,
    ) -> &SaliencyMap {
        let common = &self.common;
        let reads_noise = matches!(method, Method::Sg | Method::Sig);
        let reads_tensor = matches!(method, Method::Gcam | Method::Ggcam);
        let provenance = Provenance {
            method,
            preset: common.preset,
            parameters: common.parameters.used_by(method),
            class,
            class_choice: common.class_choice,
            noise: reads_noise.then_some(common.noise),
            executor: common.executor.clone(),
            evaluations,
            seconds,
            completeness,
            tensor: reads_tensor.then(|| common.tensor.clone()),
        };
        let Made { raw, display, intermediates } = made;
        let display = explained(display, method, class);
        let map = SaliencyMap { method, raw, height, width, display, provenance, intermediates };
        self.maps.push_mut(map)
    }

    fn cam(&self, grid: &Grid, size: [usize; 2], class: usize) -> (Vec<f32>, DisplayMap) {
        let raw = grid.resized(size);
        let mut display = self.clipped(&raw);
        if display.outcome == Outcome::Blank {
            display = display.because(format!(
                "Grad-CAM found no positive evidence for class {class}: every weighted activation is <= 0"
            ));
        }
        (raw, display)
    }

    fn clipped(&self, raw: &[f32]) -> DisplayMap {
        DisplayMap::clipped(raw, self.common.parameters.clip_percentile)
    }

    fn kept(&self, arrays: impl FnOnce() -> Vec<NamedArray>) -> Vec<NamedArray> {
        if self.common.intermediates { arrays() } else { Vec::new() }
    }
}

/// The raw map `[h, w]` of an attribution `[c, h, w]`: the signed maximum over channels for XRAI, the sum of
/// magnitudes for the others.
pub(super) fn flattened(method: Method, attribution: &[f64], channels: usize) -> Vec<f32> {
    if method != Method::Xrai {
        return magnitude(attribution, channels, |value| *value);
    }
    let plane = attribution.len() / channels;
    (0..plane)
        .map(|pixel| {
            let values = (0..channels).map(|channel| attribution[channel * plane + pixel]);
            // NaN must win, as it does in NumPy.
            values.reduce(|a, b| if a.is_nan() || a >= b { a } else { b }).unwrap_or(f64::NAN) as f32
        })
        .collect()
}

/// Says why a map of gradients is blank; other maps know more themselves.
fn explained(display: DisplayMap, method: Method, class: usize) -> DisplayMap {
    let of_gradients = matches!(method, Method::Grad | Method::Sg | Method::Gbp);
    let of_paths = matches!(method, Method::Ig | Method::Sig);
    match display.outcome {
        Outcome::Blank if of_gradients => display.because(format!("the gradient of class {class} is 0 at every pixel")),
        Outcome::Blank if of_paths => display
            .because(format!("every pixel equals the baseline or has no gradient of class {class} on the way from it")),
        _ => display,
    }
}

/// Sum over channels of the magnitudes of `[c, h, w]`.
fn magnitude<T>(values: &[T], channels: usize, widen: impl Fn(&T) -> f64) -> Vec<f32> {
    let plane = values.len() / channels;
    let mut sums = vec![0.0; plane];
    for channel in values.chunks_exact(plane) {
        for (sum, value) in sums.iter_mut().zip(channel) {
            *sum += widen(value).abs();
        }
    }
    narrowed(&sums)
}

fn narrowed(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

fn f32_array(name: String, shape: &[usize], values: Vec<f32>) -> NamedArray {
    NamedArray { name, shape: shape.to_vec(), values: ArrayValues::F32(values) }
}
