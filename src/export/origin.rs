//! Where maps come from, in the words of a figure.

use super::{ClassFound, VERSION, score_lines};
use crate::display::{ColourMap, MapDisplay, MapPlane, Opacity};
use crate::figure::template::{ColourBar, Labels, MapTile, Picture};
use crate::metrics::MapScores;
use crate::network::ModelCard;
use crate::saliency::methods::Scale;
use crate::saliency::{Explanation, Method, Preset, Provenance, SaliencyMap};

/// A model and how it was asked.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Its name.
    pub model_name: &'a str,
    /// What it is.
    pub card: &'a ModelCard,
    /// SHA-256 of its weights.
    pub sha256: &'a str,
    /// The preset of the parameters.
    pub preset: Preset,
    /// Seed of the noise.
    pub seed: u64,
    /// What was odd about the image.
    pub warnings: &'a [String],
    /// What has to be said because the network never saw a patient; see [`crate::network::caution`].
    pub caution: Option<&'static str>,
}

impl Origin<'_> {
    /// Headline and details of a figure about one explanation.
    ///
    /// # Panics
    /// When the explanation is not this model's.
    pub fn labels(&self, explanation: &Explanation) -> Labels {
        let explained = ClassFound::new(self.card, &explanation.logits, explanation.class);
        let predicted = ClassFound::predicted(self.card, &explanation.logits);
        let relation = if explained.index == predicted.index {
            "the class that the model predicts".to_owned()
        } else {
            format!("the model predicts {} ({})", predicted.label(), predicted.probability_words())
        };
        let mut details = vec![
            format!("The maps show what the score (logit) of this class reacts to; {relation}."),
            format!("{}  ·  preset {}  ·  seed {}  ·  saliscope {VERSION}", self.model(), self.preset, self.seed),
        ];
        details.extend(self.warnings.iter().map(|warning| format!("Note: {warning}.")));
        Labels {
            headline: format!("Explained: {}, {}", explained.label(), explained.probability_words()),
            caution: self.caution.map(str::to_owned),
            details,
            identity: None,
        }
    }

    /// Name, architecture and hash of the model.
    pub fn model(&self) -> String {
        let hash = self.sha256.get(..8).unwrap_or_default();
        format!("Model “{}”, {}, SHA-256 {hash}…", self.model_name, self.card.architecture)
    }
}

/// A map with its words, over `radiograph` and shown as `display` says; values `[h, w]` from 0 to 1.
pub fn map_tile(map: &SaliencyMap, radiograph: &Picture, display: MapDisplay, scores: Option<&MapScores>) -> MapTile {
    let plane = MapPlane::over_image(map, &map.display.values);
    MapTile {
        name: map.method.name().to_owned(),
        title: map.method.title().to_owned(),
        caption: map.method.spec().caption.to_owned(),
        parameters: parameters_in_short(&map.provenance),
        picture: radiograph.with_map(plane, display),
        scores: scores.map(score_lines).unwrap_or_default(),
        remark: map.display.reason.clone(),
    }
}

/// The parameters that a map was made with, in a few words.
pub fn parameters_in_short(provenance: &Provenance) -> String {
    provenance.parameters.in_short(provenance.tensor.as_deref())
}

/// The colour bar of maps from 0 to 1, whose top is the `clip_percentile`-th percentile of the raw map.
pub fn map_bar(display: &MapDisplay, clip_percentile: f64) -> ColourBar {
    let top = if clip_percentile < 100.0 { format!("{clip_percentile}th percentile") } else { "maximum".to_owned() };
    let products = Method::ALL.into_iter().filter(|method| method.spec().scale == Scale::Maximum);
    let products = products.map(Method::name).collect::<Vec<_>>().join(" and ");
    ColourBar {
        label: format!("Map value, 0 to 1 for each map: 0 is its minimum, 1 its {top} (of {products} its maximum)"),
        ..bar(display)
    }
}

/// The colour bar of whatever values `display` shows, without a label.
pub fn bar(display: &MapDisplay) -> ColourBar {
    ColourBar {
        colour_map: display.colour_map,
        label: String::new(),
        ends: display.range.map(f64::from),
        threshold: display.threshold,
        opacity: display.opacity,
    }
}

/// How maps are shown on pages: strong values in the colours of the bar, the radiograph where the map is weak.
pub fn page_display(colour_map: ColourMap) -> MapDisplay {
    MapDisplay { colour_map, opacity: Opacity::ByValue(1.0), ..MapDisplay::default() }
}
