//! GCAM: Grad-CAM (Selvaraju et al. 2017).

use super::spec::{Colour, Cost, FromPass, MethodSpec, Reads, Scale, Sign, Way};
use super::{Card, Method};
use crate::saliency::grad_cam::Grid;
use crate::saliency::parameters::{MethodParameters, ParameterGroup};

pub(super) static SPEC: MethodSpec = MethodSpec {
    name: "GCAM",
    title: "Grad-CAM",
    caption: "Coarse features of the last layer for the class",
    card: Card {
        shows: "Regions whose features speak for the class.",
        made: "The last feature maps are weighted by how much each moves the score, added up, and enlarged to the size of \
               the image.",
        cannot: "Where exactly: a whole chest has 8x8 places (10x10 in DenseNet-121), so edges of the colours are not \
                 edges of anything. What speaks against the class is cut off.",
        cost: "1 evaluation.",
        study: "Training mattered: AUPRC 0.09 against 0.02 untrained for pneumothorax, 0.41 against 0.15 for pneumonia.",
    },
    colour: Colour { on_dark: [255, 130, 60], on_light: [200, 80, 0] },
    reads: &[Reads::Activation],
    sign: Sign::None,
    scale: Scale::Clipped,
    factors: &[],
    way: Way::Pass(FromPass {
        make: |canvas, pass| {
            let grid = Grid::new(pass.activation?, pass.index);
            let raw = grid.resized(canvas.size());
            Some(canvas.class_activation(Method::Gcam, &grid, raw))
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
