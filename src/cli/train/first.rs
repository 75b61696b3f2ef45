//! The weights that `--init` names.

use std::path::Path;

use super::super::console;
use super::super::error::{Error, Result};
use crate::network::{Architecture, ModelCard, Tensor, Variant, WeightsFile};
use crate::training::Inherited;

/// Channels of an image that first weights may read: gray, or the same gray three times.
const CHANNELS: [usize; 2] = [1, 3];

/// A file of weights to begin with.
pub(super) struct First {
    pub(super) tensors: Vec<(String, Tensor)>,
    /// The variant that tensors and card tell.
    variant: Variant,
    card: Option<ModelCard>,
}

impl First {
    pub(super) fn open(path: &Path, architecture: Architecture) -> Result<Self> {
        let file = WeightsFile::open(path)?;
        let card = file.card()?.filter(|card| card.architecture == architecture);
        let variant = match &card {
            Some(card) => card.variant(),
            None => architecture.infer(&file.shapes()?),
        };
        Ok(Self { tensors: file.tensors()?, variant, card })
    }

    /// Says what was taken over and what not, and whether the images are scaled as they were for these weights.
    pub(super) fn tell(&self, inherited: &Inherited, variant: &Variant, architecture: Architecture) -> Result<()> {
        let words = inherited.words();
        if inherited.taken == 0 {
            let text = format!(
                "--init: not one tensor of the file fits this network by name and shape ({words}); give weights of \
                 {architecture} at this --width, or convert them first (saliscope convert)"
            );
            return Err(Error::Usage(text));
        }
        if inherited.is_little() {
            console::tell(format_args!(
                "warning: --init: less than 90 % of the network is taken over, so that most of what the file has learnt may be \
                 lost: {words}"
            ));
        } else {
            console::tell(format_args!("--init: {words}"));
        }
        let scaling = architecture.usual_scaling(variant.input_channels);
        let differs = |card: &&ModelCard| {
            let ends = [0.0, 255.0].into_iter().flat_map(|gray| (0..card.channels).map(move |channel| (gray, channel)));
            ends.into_iter()
                .any(|(gray, channel)| (card.scale(gray, channel) - scaling.apply(gray, channel)).abs() > 0.02)
        };
        if let Some(card) = self.card.as_ref().filter(|card| card.channels == variant.input_channels).filter(differs) {
            console::tell(format_args!(
                "warning: --init: these weights learned from images scaled by {}, and go on with images scaled by {}",
                card.scaling_words(),
                scaling.words()
            ));
        }
        Ok(())
    }
}

/// The variant of `architecture` that is trained: the usual one, with what first weights fix.
pub(super) fn variant(first: Option<&First>, architecture: Architecture) -> Variant {
    let usual = architecture.usual_variant();
    let Some(First { variant, .. }) = first else { return usual };
    Variant {
        input_channels: Some(variant.input_channels)
            .filter(|channels| CHANNELS.contains(channels))
            .unwrap_or(usual.input_channels),
        count_include_pad: variant.count_include_pad,
        norm_scale: variant.norm_scale,
        norm_eps: variant.norm_eps,
        p6_from_c5: variant.p6_from_c5,
        ..usual
    }
}
