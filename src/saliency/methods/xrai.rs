//! XRAI: segments ranked by their integrated gradients (Kapishnikov et al. 2019).

use std::sync::Arc;

use super::spec::{Colour, Cost, FromSums, MethodSpec, Reads, Scale, Sign, Way};
use super::{Card, Method};
use crate::limits;
use crate::saliency::canvas::{Canvas, Made, f32_array, narrowed};
use crate::saliency::display::extremes;
use crate::saliency::error::Result;
use crate::saliency::explanation::{ArrayValues, NamedArray};
use crate::saliency::parameters::{MethodParameters, ParameterGroup, Parameters, check_passes, check_path, refuse};
use crate::saliency::plan::Recipe;
use crate::saliency::xrai;

pub(super) static SPEC: MethodSpec = MethodSpec {
    name: "XRAI",
    title: "XRAI",
    caption: "Whole regions, ranked by integrated gradients",
    card: Card {
        shows: "Whole regions of similar gray, ranked by how much their pixels add to the score.",
        made: "The image is cut into segments at six scales; those with the largest mean of integrated gradients, taken \
               from black and from white, come first.",
        cannot: "Anything smaller or differently shaped than its segments. Where no edge of the image follows the finding, \
                 no edge of the map does. Regions look sure because they are filled.",
        cost: "200 evaluations, and the segments once an image.",
        study: "The best of the eight at finding the marks (AUPRC 0.15 and 0.52), yet no better than the mean of all marks, \
                one map for all patients, for pneumothorax (0.15). The most alike between networks trained alike (SSIM \
                0.64 and 0.84).",
    },
    colour: Colour { on_dark: [220, 220, 220], on_light: [60, 60, 60] },
    reads: &[Reads::Gradient, Reads::Path],
    sign: Sign::Raw,
    scale: Scale::Clipped,
    factors: &[],
    way: Way::Sums(FromSums {
        recipes: |parameters, image| {
            let recipe = |baseline| {
                let path = image.path(parameters.xrai.ig_steps, baseline)?;
                Ok(Recipe { method: Method::Xrai, noise: None, path: Some(path) })
            };
            parameters.xrai.baselines.iter().map(recipe).collect()
        },
        flatten: largest,
        make: merged,
        is_complete: false,
    }),
    // All paths end at the image.
    cost: |parameters, _| {
        let (baselines, steps) = (&parameters.xrai.baselines, parameters.xrai.ig_steps);
        let is_first = |index: &usize| !baselines[..*index].contains(&baselines[*index]);
        let paths = (0..baselines.len()).filter(is_first).count();
        Cost {
            needed: baselines.len().saturating_mul(steps),
            with_gradient: paths.saturating_mul(steps.saturating_sub(1)).saturating_add(1),
            forward_alone: 0,
        }
    },
    check,
    used: |parameters| MethodParameters::Xrai {
        xrai: parameters.xrai.clone(),
        clip_percentile: parameters.clip_percentile,
    },
    groups: |parameters| vec![ParameterGroup::Segments(&mut parameters.xrai)],
};

fn check(parameters: &Parameters) -> Result<()> {
    let xrai = &parameters.xrai;
    let paths = xrai.baselines.len();
    if !limits::BASELINES.contains(paths) {
        return Err(refuse("the number of xrai.baselines", paths, limits::BASELINES));
    }
    check_passes("xrai.ig_steps times the number of xrai.baselines", xrai.ig_steps, paths)?;
    for baseline in &xrai.baselines {
        check_path(xrai.ig_steps, "xrai.ig_steps", baseline, "xrai.baselines")?;
    }
    xrai.segments.check()?;
    Ok(())
}

/// The signed maximum over channels.
fn largest(attribution: &[f64], channels: usize) -> Vec<f32> {
    let plane = attribution.len() / channels;
    (0..plane)
        .map(|pixel| {
            let values = (0..channels).map(|channel| attribution[channel * plane + pixel]);
            // NaN must win, as it does in NumPy.
            values.reduce(|a, b| if a.is_nan() || a >= b { a } else { b }).unwrap_or(f64::NAN) as f32
        })
        .collect()
}

/// Whether an image `[c, h, w]` shows nothing: one value a channel. A scaling gives channels values of their own.
fn is_constant(image: &[f32], channels: usize) -> bool {
    let mut planes = image.chunks(image.len() / channels);
    planes.all(|plane| {
        let [min, max] = extremes(plane);
        min >= max
    })
}

/// The map of the attribution `[c, h, w]`, merged by segments of the image.
fn merged(canvas: &Canvas<'_>, attribution: &[f64]) -> Result<Made> {
    let [c, h, w] = canvas.shape;
    let flat = largest(attribution, c);
    let mut arrays = canvas.kept(|| {
        vec![
            f32_array("XRAI_attribution_channels".to_owned(), &canvas.shape, narrowed(attribution)),
            f32_array("XRAI_attribution".to_owned(), &[h, w], flat.clone()),
        ]
    });
    if flat.iter().any(|value| !value.is_finite()) {
        return Ok(Made { display: canvas.clipped(&flat), raw: flat, intermediates: arrays });
    }
    if is_constant(canvas.image, c) {
        // All of it is one segment, whatever path the attribution was taken along.
        let mean = flat.iter().map(|value| f64::from(*value)).sum::<f64>() / flat.len() as f64;
        let raw = vec![mean as f32; flat.len()];
        let display = canvas.clipped(&raw).because("the image is constant, so it has no segments to rank");
        return Ok(Made { raw, display, intermediates: arrays });
    }
    let parameters = &canvas.parameters().xrai.segments;
    let segmentation = match canvas.segments() {
        Some(cache) => cache.segment(canvas.image, canvas.shape, parameters)?,
        None => Arc::new(xrai::segment(canvas.image, canvas.shape, parameters)?),
    };
    let merged = xrai::merge(&flat, &segmentation, parameters)?;
    if canvas.keeps_intermediates() {
        let labels = segmentation.labels();
        arrays.push(NamedArray {
            name: "XRAI_segments".to_owned(),
            shape: vec![labels.len(), h, w],
            values: ArrayValues::I32(labels.concat()),
        });
    }
    Ok(Made { display: canvas.clipped(&merged.map), raw: merged.map, intermediates: arrays })
}
