//! What each method shows and what it cannot, in plain language.

use super::method::Method;

/// A method in plain language.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    /// What bright places mean.
    pub shows: &'static str,
    /// How it is computed, without formulas.
    pub made: &'static str,
    /// What must not be read from it.
    pub cannot: &'static str,
    /// Evaluations of the network with the study's parameters.
    pub cost: &'static str,
    /// What Arun et al. found.
    pub study: &'static str,
}

impl Card {
    /// Where the findings come from, and how far they go.
    pub const STUDY: &str = "Arun et al., Radiology: Artificial Intelligence 2021, on pneumothorax (SIIM-ACR) and \
        pneumonia (RSNA) with InceptionV3 and DenseNet-121: AUPRC against the experts' marks, and structural similarity \
        (SSIM) between maps. Findings about other networks say little about yours; the benchmark tests yours.";

    /// The card as text, one paragraph a section.
    pub fn text(&self, method: Method) -> String {
        let Self { shows, made, cannot, cost, study } = self;
        format!(
            "{} ({})\n\nWhat it shows: {shows}\n\nHow it is made: {made}\n\nWhat it cannot show: {cannot}\n\n\
             What it costs: {cost}\n\nWhat the study found: {study}\n\n{}\n",
            method.title(),
            method.name(),
            Self::STUDY
        )
    }
}

impl Method {
    /// The method in plain language.
    pub fn card(self) -> Card {
        match self {
            Self::Grad => Card {
                shows: "Pixels at which a tiny change of gray would move the score of the class most.",
                made: "One pass back through the network gives the slope of the score by every pixel; its size is shown, \
                       its sign is dropped.",
                cannot: "How much a pixel contributes to the score: a region can decide it and still have slope 0. Noise \
                         of the network looks like structure. It says nothing about why, or whether the answer is right.",
                cost: "1 evaluation.",
                study: "Training mattered for pneumonia (AUPRC 0.34 against 0.26 untrained). Maps of two architectures were least alike of all methods for \
                        pneumothorax (SSIM 0.17).",
            },
            Self::Sg => Card {
                shows: "Pixels to which the score stays sensitive when the image is slightly noisy.",
                made: "Noise is added to 25 copies of the image; the squared slopes are averaged.",
                cannot: "Direction: squares have no sign. Fine marks smaller than the noise disappear. The picture hangs \
                         on how much noise is added.",
                cost: "25 evaluations.",
                study: "Maps of two networks trained alike were least alike of all methods (SSIM 0.18 and 0.27), and for \
                        pneumonia untrained networks scored higher than trained ones (AUPRC 0.29 against 0.17).",
            },
            Self::Ig => Card {
                shows: "How much each pixel adds to the score on the way from a black image to this one.",
                made: "Slopes are averaged over 10 steps from black to the image and multiplied by the difference.",
                cannot: "Dark findings: what is as black as the baseline gets 0, whatever it means - the air of a \
                         pneumothorax is nearly black. The picture hangs on the baseline.",
                cost: "10 evaluations.",
                study: "Training made little difference for pneumonia (AUPRC 0.32 trained, 0.29 untrained).",
            },
            Self::Sig => Card {
                shows: "The same as integrated gradients, where it stays when the image is slightly noisy.",
                made: "Integrated gradients of 25 noisy copies, squared and averaged.",
                cannot: "What integrated gradients and SmoothGrad cannot show: dark findings, direction, fine marks.",
                cost: "250 evaluations, half of all eight methods.",
                study: "The worst place to look for the finding in both data sets (AUPRC 0.03 and 0.16); for pneumonia \
                        untrained networks scored higher (0.30 against 0.16).",
            },
            Self::Gcam => Card {
                shows: "Regions whose features speak for the class.",
                made: "The last feature maps are weighted by how much each moves the score, added up, and enlarged to the \
                       size of the image.",
                cannot: "Where exactly: a whole chest has 8x8 places (10x10 in DenseNet-121), so edges of the colours are \
                         not edges of anything. What speaks against the class is cut off.",
                cost: "1 evaluation.",
                study: "Training mattered: AUPRC 0.09 against 0.02 untrained for pneumothorax, 0.41 against 0.15 for \
                        pneumonia.",
            },
            Self::Xrai => Card {
                shows: "Whole regions of similar gray, ranked by how much their pixels add to the score.",
                made: "The image is cut into segments at six scales; those with the largest mean of integrated gradients, \
                       taken from black and from white, come first.",
                cannot: "Anything smaller or differently shaped than its segments. Where no edge of the image follows the \
                         finding, no edge of the map does. Regions look sure because they are filled.",
                cost: "200 evaluations, and the segments once an image.",
                study: "The best of the eight at finding the marks (AUPRC 0.15 and 0.52), yet no better than the mean of \
                        all marks, one map for all patients, for pneumothorax (0.15). The most alike between networks \
                        trained alike (SSIM 0.64 and 0.84).",
            },
            Self::Gbp => Card {
                shows: "Edges of the image that the network passes on towards the class.",
                made: "One pass back in which every ReLU lets through only what speaks for it.",
                cannot: "What the network learned: such maps hardly change when its upper layers are randomized (Adebayo \
                         et al. 2018). A sharp picture is no sign of a good answer.",
                cost: "1 evaluation.",
                study: "One of the eight methods tested, most of which failed most of the tests.",
            },
            Self::Ggcam => Card {
                shows: "Edges of the image within the regions that speak for the class.",
                made: "The product of the maps of guided backpropagation and Grad-CAM.",
                cannot: "More than its two parts: the edges are the image's, the region is as coarse as Grad-CAM's. Where \
                         either is 0 the map is empty.",
                cost: "None of its own once both parts are there.",
                study: "Training mattered: AUPRC 0.09 against 0.03 untrained for pneumothorax, 0.32 against 0.19 for \
                        pneumonia.",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_method_says_something_of_its_own() {
        let mut seen = HashSet::new();
        for method in Method::ALL {
            let card = method.card();
            for text in [card.shows, card.made, card.cannot, card.cost, card.study] {
                assert!(text.ends_with('.') && !text.contains("  "), "{method:?}: {text}");
            }
            assert!(seen.insert(card.shows) && seen.insert(card.cannot), "{method:?}");
            let text = card.text(method);
            assert!(text.contains(method.title()) && text.is_ascii(), "{text}");
        }
    }
}
