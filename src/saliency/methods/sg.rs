//! SG: `SmoothGrad`, gradients at noisy copies (Smilkov et al. 2017).

use super::spec::{Colour, Cost, FromSums, MethodSpec, Reads, Scale, Sign, Way};
use super::{Card, Method};
use crate::saliency::canvas::magnitudes;
use crate::saliency::parameters::{MethodParameters, ParameterGroup, check_noise};
use crate::saliency::plan::Recipe;

pub(super) static SPEC: MethodSpec = MethodSpec {
    name: "SG",
    title: "SmoothGrad",
    caption: "Squared gradient, mean over noisy copies",
    card: Card {
        shows: "Pixels to which the score stays sensitive when the image is slightly noisy.",
        made: "Noise is added to 25 copies of the image; the squared slopes are averaged.",
        cannot: "Direction: squares have no sign. Fine marks smaller than the noise disappear. The picture hangs on how \
                 much noise is added.",
        cost: "25 evaluations.",
        study: "Maps of two networks trained alike were least alike of all methods (SSIM 0.18 and 0.27), and for pneumonia \
                untrained networks scored higher than trained ones (AUPRC 0.29 against 0.17).",
    },
    colour: Colour { on_dark: [160, 160, 255], on_light: [88, 86, 190] },
    reads: &[Reads::Noise],
    sign: Sign::Channels,
    scale: Scale::Clipped,
    factors: &[],
    way: Way::Sums(FromSums {
        recipes: |parameters, _| Ok(vec![Recipe { method: Method::Sg, noise: Some(parameters.sg), path: None }]),
        flatten: magnitudes,
        make: |canvas, attribution| {
            let suffix = canvas.parameters().sg.aggregate.array_suffix();
            Ok(canvas.blank_without_gradient(canvas.attribution(Method::Sg, suffix, attribution)))
        },
        is_complete: false,
    }),
    // And the image itself goes forward, for its class.
    cost: |parameters, _| {
        let samples = parameters.sg.samples;
        Cost { needed: samples, with_gradient: samples, forward_alone: 1 }
    },
    check: |parameters| check_noise(&parameters.sg, "sg.samples", "sg.sigma_fraction"),
    used: |parameters| MethodParameters::SmoothGrad {
        noise: parameters.sg,
        clip_percentile: parameters.clip_percentile,
    },
    groups: |parameters| vec![ParameterGroup::Noise(&mut parameters.sg)],
};
