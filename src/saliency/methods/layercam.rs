//! LAYERCAM: Layer-CAM (Jiang et al. 2021), as pytorch-grad-cam's `LayerCAM` makes it.

use super::spec::{Colour, Cost, FromPass, MethodSpec, Reads, Scale, Sign, Way};
use super::{Card, Method};
use crate::saliency::grad_cam::Grid;
use crate::saliency::parameters::{MethodParameters, ParameterGroup};

pub(super) static SPEC: MethodSpec = MethodSpec {
    name: "LAYERCAM",
    title: "Layer-CAM",
    caption: "Features that speak for the class, cell by cell",
    card: Card {
        shows: "Places whose features speak for the class, each place judged by itself.",
        made: "Every cell of the last feature maps is weighted by its own slope where that is positive, added up over the \
               maps, and enlarged to the size of the image.",
        cannot: "What speaks against the class: negative slopes are dropped before anything is added up, so a place can be \
                 bright while the score owes nothing to it. Of the last layer it is as coarse as Grad-CAM.",
        cost: "1 evaluation.",
        study: "It was not tested.",
    },
    colour: Colour { on_dark: [255, 90, 110], on_light: [165, 25, 45] },
    reads: &[Reads::Activation],
    sign: Sign::None,
    scale: Scale::Clipped,
    factors: &[],
    way: Way::Pass(FromPass {
        make: |canvas, pass| {
            let grid = Grid::elementwise(pass.activation?, pass.index, positive);
            let raw = grid.enlarged(canvas.size());
            Some(canvas.class_activation(Method::LayerCam, &grid, raw))
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

/// The positive part; NaN stays NaN, so that a broken network stays visible.
fn positive(gradient: f64) -> f64 {
    if gradient <= 0.0 { 0.0 } else { gradient }
}
