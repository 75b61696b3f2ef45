//! GBP: guided backpropagation (Springenberg et al. 2015).

use super::spec::{Colour, Cost, FromPass, MethodSpec, Reads, Scale, Sign, Way};
use super::{Card, Method};
use crate::saliency::parameters::MethodParameters;

pub(super) static SPEC: MethodSpec = MethodSpec {
    name: "GBP",
    title: "Guided backpropagation",
    caption: "Gradient through active, supportive units only",
    card: Card {
        shows: "Edges of the image that the network passes on towards the class.",
        made: "One pass back in which every ReLU lets through only what speaks for it.",
        cannot: "What the network learned: such maps hardly change when its upper layers are randomized (Adebayo et al. \
                 2018). A sharp picture is no sign of a good answer.",
        cost: "1 evaluation.",
        study: "One of the eight methods tested, most of which failed most of the tests.",
    },
    colour: Colour { on_dark: [0, 200, 150], on_light: [0, 120, 90] },
    reads: &[Reads::GuidedGradient],
    sign: Sign::Channels,
    scale: Scale::Clipped,
    factors: &[],
    way: Way::Pass(FromPass {
        make: |canvas, pass| {
            let made = canvas.gradient(Method::Gbp, pass.guided_gradient?);
            Some(canvas.blank_without_gradient(made))
        },
    }),
    cost: |_, _| Cost::of_image(1),
    check: |_| Ok(()),
    used: |parameters| MethodParameters::Plain { clip_percentile: parameters.clip_percentile },
    groups: |_| Vec::new(),
};
