//! GGCAM: guided Grad-CAM, the product of the display maps of GBP and GCAM (Selvaraju et al. 2017).

use super::spec::{Colour, Cost, FromPass, MethodSpec, Reads, Scale, Sign, Way};
use super::{Card, Method};
use crate::saliency::canvas::Made;
use crate::saliency::display::DisplayMap;
use crate::saliency::grad_cam::Grid;
use crate::saliency::parameters::{MethodParameters, ParameterGroup};

pub(super) static SPEC: MethodSpec = MethodSpec {
    name: "GGCAM",
    title: "Guided Grad-CAM",
    caption: "Guided backpropagation times Grad-CAM",
    card: Card {
        shows: "Edges of the image within the regions that speak for the class.",
        made: "The product of the maps of guided backpropagation and Grad-CAM.",
        cannot: "More than its two parts: the edges are the image's, the region is as coarse as Grad-CAM's. Where either \
                 is 0 the map is empty.",
        cost: "None of its own once both parts are there.",
        study: "Training mattered: AUPRC 0.09 against 0.03 untrained for pneumothorax, 0.32 against 0.19 for pneumonia.",
    },
    colour: Colour { on_dark: [230, 130, 190], on_light: [170, 60, 120] },
    reads: &[Reads::GuidedGradient, Reads::Activation],
    sign: Sign::None,
    scale: Scale::Maximum,
    factors: &[Method::Gbp, Method::Gcam],
    way: Way::Pass(FromPass {
        make: |canvas, pass| {
            let guided = canvas.gradient(Method::Gbp, pass.guided_gradient?).display;
            let grid = Grid::new(pass.activation?, pass.index);
            let cam = canvas.class_activation_display(Method::Gcam, &grid.resized(canvas.size()));
            Some(product(&guided, &cam))
        },
    }),
    cost: |_, _| Cost::of_image(2),
    check: |_| Ok(()),
    used: |parameters| MethodParameters::GradCam {
        gcam: parameters.gcam.clone(),
        clip_percentile: parameters.clip_percentile,
    },
    groups: |parameters| vec![ParameterGroup::Node(&mut parameters.gcam)],
};

/// The product of two display maps.
fn product(guided: &DisplayMap, cam: &DisplayMap) -> Made {
    let raw: Vec<f32> = guided.values.iter().zip(&cam.values).map(|(g, c)| g * c).collect();
    let product = DisplayMap::min_max(&raw);
    // The factors are zeros where they are degenerate, so the product is blank for their reason.
    let display = match [(Method::Gbp, guided), (Method::Gcam, cam)]
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
