//! GRAD: the gradient of the logit by the input (Simonyan et al. 2013).

use super::spec::{Colour, Cost, FromPass, MethodSpec, Reads, Scale, Sign, Way};
use super::{Card, Method};
use crate::saliency::parameters::MethodParameters;

pub(super) static SPEC: MethodSpec = MethodSpec {
    name: "GRAD",
    title: "Gradient",
    caption: "How strongly the score reacts to each pixel",
    card: Card {
        shows: "Pixels at which a tiny change of gray would move the score of the class most.",
        made: "One pass back through the network gives the slope of the score by every pixel; its size is shown, its sign \
               is dropped.",
        cannot: "How much a pixel contributes to the score: a region can decide it and still have slope 0. Noise of the \
                 network looks like structure. It says nothing about why, or whether the answer is right.",
        cost: "1 evaluation.",
        study: "Training mattered for pneumonia (AUPRC 0.34 against 0.26 untrained). Maps of two architectures were least \
                alike of all methods for pneumothorax (SSIM 0.17).",
    },
    colour: Colour { on_dark: [86, 180, 233], on_light: [0, 114, 178] },
    reads: &[Reads::Gradient],
    sign: Sign::Channels,
    scale: Scale::Clipped,
    factors: &[],
    way: Way::Pass(FromPass {
        make: |canvas, pass| {
            let made = canvas.gradient(Method::Grad, pass.gradient?);
            Some(canvas.blank_without_gradient(made))
        },
    }),
    cost: |_, _| Cost::of_image(1),
    check: |_| Ok(()),
    used: |parameters| MethodParameters::Plain { clip_percentile: parameters.clip_percentile },
    groups: |_| Vec::new(),
};
