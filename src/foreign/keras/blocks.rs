//! Blocks of a network for the cascade, in the order of the data: by the names that Keras' networks give their layers, else
//! by resolution.

use std::collections::HashSet;

use super::config::{Call, Model};
use super::ending::Ending;
use super::layer::Layer;
use crate::network::GraphBuilder;

/// Decides where a block ends.
#[derive(Debug)]
pub(super) struct Blocks {
    /// The block of each call, where names tell it.
    labels: Vec<Option<String>>,
    /// Whether names tell no blocks, so that each resolution is one.
    by_resolution: bool,
    /// Pixels of the block that is being built.
    pixels: usize,
    /// Resolutions so far.
    stages: usize,
    used: HashSet<String>,
}

const STEM: &str = "stem";

impl Blocks {
    pub(super) fn new(model: &Model<'_>, layers: &[Layer], ending: &Ending) -> Self {
        let mut labels: Vec<Option<String>> = model.calls.iter().map(label).collect();
        let distinct: HashSet<&String> = labels.iter().flatten().filter(|label| *label != STEM).collect();
        let by_resolution = distinct.len() < 2;
        if by_resolution {
            labels.fill(None);
        } else {
            spread_ends(model, layers, &mut labels);
        }
        let deep = ending.is_deep(layers);
        for (at, label) in labels.iter_mut().enumerate() {
            if ending.is_last(at) {
                *label = Some("logits".to_owned());
            } else if ending.is_head(at) {
                *label = Some(if deep { "head" } else { "logits" }.to_owned());
            }
        }
        Self { labels, by_resolution, pixels: usize::MAX, stages: 0, used: HashSet::from([STEM.to_owned()]) }
    }

    /// The block that the image belongs to.
    #[expect(clippy::unused_self, reason = "a block belongs to blocks")]
    pub(super) fn first(&self) -> &'static str {
        STEM
    }

    /// Begins the block of a call that reads `extent` rows and columns, where it is another one.
    pub(super) fn enter(&mut self, at: usize, layer: &Layer, extent: [usize; 2], builder: &mut GraphBuilder) {
        if let Some(label) = self.labels[at].take() {
            if self.used.insert(label.clone()) {
                builder.block(&label);
            }
            return;
        }
        let Layer::Conv(conv) = layer else { return };
        if !self.by_resolution || extent == [1, 1] {
            return;
        }
        let written = extent[0].div_ceil(conv.stride[0]) * extent[1].div_ceil(conv.stride[1]);
        // A border that a kernel leaves is no other resolution.
        if self.pixels == usize::MAX {
            self.pixels = written;
        } else if written * 2 < self.pixels {
            self.pixels = written;
            self.stages += 1;
            let label = format!("stage{}", self.stages);
            self.used.insert(label.clone());
            builder.block(&label);
        }
    }
}

/// The block that the name of a layer tells, or that of a model around it.
fn label(call: &Call<'_>) -> Option<String> {
    call.path.iter().rev().find_map(|name| of_name(name))
}

/// Names of keras.applications.
fn of_name(name: &str) -> Option<String> {
    let name = name.replace('/', "_");
    let number = |rest: &str| -> Option<(String, String)> {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then(|| (digits.clone(), rest[digits.len()..].to_owned()))
    };
    // Stem and top of ResNet, DenseNet, EfficientNet, MobileNet.
    if ["conv1_", "pool1_", "stem_", "rescaling", "normalization"].iter().any(|begin| name.starts_with(begin))
        || ["Conv1", "conv1", "pool1", "bn_Conv1", "Conv1_relu"].contains(&name.as_str())
    {
        return Some(STEM.to_owned());
    }
    if ["top_", "Conv_1"].iter().any(|begin| name.starts_with(begin))
        || ["out_relu", "post_bn", "post_relu"].contains(&name.as_str())
    {
        return Some("top".to_owned());
    }
    if name == "bn" || name == "relu" {
        return Some("norm5".to_owned());
    }
    if let Some(rest) = name.strip_prefix("mixed") {
        return Some(format!("mixed{rest}"));
    }
    // ResNet and DenseNet: conv2_block1_1_conv, pool2_conv.
    if let Some((stage, rest)) = name.strip_prefix("conv").and_then(number)
        && rest.starts_with("_block")
    {
        return Some(format!("conv{stage}"));
    }
    if let Some((stage, rest)) = name.strip_prefix("pool").and_then(number)
        && rest.starts_with('_')
    {
        return Some(format!("pool{stage}"));
    }
    // MobileNet: conv_dw_1, conv_pw_1_bn.
    for begin in ["conv_dw_", "conv_pw_"] {
        if let Some((block, _)) = name.strip_prefix(begin).and_then(number) {
            return Some(format!("conv_{block}"));
        }
    }
    // MobileNetV2 and V3: block_3_expand, expanded_conv_project, expanded_conv_3_squeeze_excite_conv.
    if let Some((block, rest)) = name.strip_prefix("block_").and_then(number)
        && rest.starts_with('_')
    {
        return Some(format!("block_{block}"));
    }
    if let Some(rest) = name.strip_prefix("expanded_conv") {
        let block = rest.strip_prefix('_').and_then(number).map_or(String::new(), |(block, _)| format!("_{block}"));
        return Some(format!("expanded_conv{block}"));
    }
    // VGG, Xception, EfficientNet: block1_conv1, block2_sepconv1, block3a_expand_conv.
    if let Some((block, rest)) = name.strip_prefix("block").and_then(number) {
        let letters = rest.trim_start_matches(|letter: char| letter.is_ascii_lowercase());
        if letters.starts_with('_') {
            return Some(format!("block{block}"));
        }
    }
    // ConvNeXt and RegNet: convnext_tiny_stage_0_block_0_layernorm, convnext_tiny_downsampling_block_0.
    for part in ["stage_", "Stage_", "downsampling_block_"] {
        if let Some((stage, _)) = name.split_once(part).and_then(|(_, rest)| number(rest)) {
            return Some(format!("{}{stage}", part.to_lowercase()));
        }
    }
    None
}

/// Networks that name the end of a block alone (`mixed0` joins what was computed before): layers without a name of a block
/// belong to the one that ends next. What comes before the last pool in front of the first is the stem.
fn spread_ends(model: &Model<'_>, layers: &[Layer], labels: &mut [Option<String>]) {
    let is_end = |label: &Option<String>| label.as_ref().is_some_and(|label| label.starts_with("mixed"));
    let Some(first) = labels.iter().position(is_end) else { return };
    let is_trunk = |at: &usize| {
        matches!(layers[*at], Layer::Pool { .. }) && !model.calls[first].inputs().any(|input| input == *at)
    };
    let halving = |at: &usize| matches!(layers[*at], Layer::Pool { stride, .. } if stride != [1, 1]);
    let stem = (0..first).rev().filter(is_trunk).find(halving);
    let mut next: Option<String> = None;
    for at in (0..labels.len()).rev() {
        if is_end(&labels[at]) {
            next.clone_from(&labels[at]);
        } else if labels[at].is_none() {
            labels[at] = if stem.is_some_and(|stem| at <= stem) { Some(STEM.to_owned()) } else { next.clone() };
        }
    }
}
