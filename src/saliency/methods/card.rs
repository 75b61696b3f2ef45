//! What a method shows and what it cannot, in plain language.

use super::Method;

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
