//! IG: integrated gradients (Sundararajan et al. 2017).

use super::spec::{Colour, Cost, FromSums, MethodSpec, Reads, Scale, Sign, Way};
use super::{Card, Method};
use crate::saliency::canvas::magnitudes;
use crate::saliency::parameters::{MethodParameters, ParameterGroup, check_path};
use crate::saliency::plan::Recipe;

pub(super) static SPEC: MethodSpec = MethodSpec {
    name: "IG",
    title: "Integrated gradients",
    caption: "Gradients added up on the way from black",
    card: Card {
        shows: "How much each pixel adds to the score on the way from a black image to this one.",
        made: "Slopes are averaged over 10 steps from black to the image and multiplied by the difference.",
        cannot: "Dark findings: what is as black as the baseline gets 0, whatever it means - the air of a pneumothorax is \
                 nearly black. The picture hangs on the baseline.",
        cost: "10 evaluations.",
        study: "Training made little difference for pneumonia (AUPRC 0.32 trained, 0.29 untrained).",
    },
    colour: Colour { on_dark: [240, 228, 66], on_light: [140, 120, 0] },
    reads: &[Reads::Gradient, Reads::Path],
    sign: Sign::Channels,
    scale: Scale::Clipped,
    factors: &[],
    way: Way::Sums(FromSums {
        recipes: |parameters, image| {
            let path = image.path(parameters.ig.steps, &parameters.ig.baseline)?;
            Ok(vec![Recipe { method: Method::Ig, noise: None, path: Some(path) }])
        },
        flatten: magnitudes,
        make: |canvas, attribution| Ok(canvas.blank_without_way(canvas.attribution(Method::Ig, "signed", attribution))),
        is_complete: true,
    }),
    cost: |parameters, _| {
        let steps = parameters.ig.steps;
        Cost { needed: steps, with_gradient: steps, forward_alone: 0 }
    },
    check: |parameters| check_path(parameters.ig.steps, "ig.steps", &parameters.ig.baseline, "ig.baseline"),
    used: |parameters| MethodParameters::IntegratedGradients {
        path: parameters.ig.clone(),
        clip_percentile: parameters.clip_percentile,
    },
    groups: |parameters| vec![ParameterGroup::Path(&mut parameters.ig)],
};
