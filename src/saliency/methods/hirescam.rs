//! HIRESCAM: `HiResCAM` (Draelos and Carin 2020), as pytorch-grad-cam's `HiResCAM` makes it.

use super::spec::{Colour, Cost, FromPass, MethodSpec, Reads, Scale, Sign, Way};
use super::{Card, Method};
use crate::saliency::grad_cam::Grid;
use crate::saliency::parameters::{MethodParameters, ParameterGroup};

pub(super) static SPEC: MethodSpec = MethodSpec {
    name: "HIRESCAM",
    title: "HiResCAM",
    caption: "What each cell of the last layer adds",
    card: Card {
        shows: "Places of the last feature maps that add to the score of the class.",
        made: "Every cell of the last feature maps is multiplied by its own slope; the products are added up over the maps, \
               what is below 0 is cut off, and the rest is enlarged to the size of the image.",
        cannot: "Where exactly: each cell covers a large part of a chest, so edges of the colours are not edges of anything. \
                 Where the last layer is averaged before the score, as in both networks of the study, it is Grad-CAM at \
                 that layer, on another scale.",
        cost: "1 evaluation.",
        study: "It was not tested.",
    },
    colour: Colour { on_dark: [150, 110, 240], on_light: [110, 30, 170] },
    reads: &[Reads::Activation],
    sign: Sign::None,
    scale: Scale::Clipped,
    factors: &[],
    way: Way::Pass(FromPass {
        make: |canvas, pass| {
            let grid = Grid::elementwise(pass.activation?, pass.index, |gradient| gradient);
            let raw = grid.enlarged(canvas.size());
            Some(canvas.class_activation(Method::HiResCam, &grid, raw))
        },
    }),
    cost: |_, _| Cost::of_image(1),
    check: |_| Ok(()),
    used: |parameters| MethodParameters::GradCam {
        gcam: parameters.gcam.clone(),
        clip_percentile: parameters.clip_percentile,
    },
    groups: |parameters| vec![ParameterGroup::Node(&mut parameters.gcam)],
};
