//! RetinaNet (Lin et al. 2017) on ResNet-50 (He et al. 2016), in torchvision's naming.

use super::super::graph::{Graph, ModelKind, NodeId, Start};
use super::super::graph_builder::{GraphBuilder, scaled_channels};
use super::super::op::{BatchNorm, Conv2d, Pool};

/// What may vary between two networks of this kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Channels of the image.
    pub input_channels: usize,
    /// Kinds of findings; the background is none of them.
    pub classes: usize,
    /// Multiplier on every layer's channels; 1.0 is the published network.
    pub width: f64,
    /// Added to the variance of batch normalization; published weights of torchvision's detector were made with 0.
    pub norm_eps: f64,
    /// Whether level P6 reads the backbone's C5 as in the article, or P5 as torchvision's first RetinaNet does.
    pub p6_from_c5: bool,
}

impl Default for Config {
    /// 3 channels, one finding, full width, the article's pyramid.
    fn default() -> Self {
        Self { input_channels: 3, classes: 1, width: 1.0, norm_eps: 1e-5, p6_from_c5: true }
    }
}

/// The smallest image side the network accepts, in pixels.
pub const MIN_INPUT_PX: usize = 32;

/// Boxes that start at every pixel of a level: three sizes in three shapes.
pub const ANCHORS_PER_PIXEL: usize = 9;

/// Levels of the pyramid, P3 to P7.
pub const LEVELS: usize = 5;

const PYRAMID_CHANNELS: usize = 256;
/// Bottlenecks of each stage and their inner channels.
const STAGES: [(usize, usize); 4] = [(3, 64), (4, 128), (6, 256), (3, 512)];
const EXPANSION: usize = 4;
const HEAD_LAYERS: usize = 4;

/// Describes RetinaNet. Its ten outputs are the class logits of levels P3 to P7, `[n, 9 * classes, h, w]`, then the box
/// offsets of levels P3 to P7, `[n, 9 * 4, h, w]`; channel `anchor * classes + class`, or `anchor * 4 + coordinate`.
/// Blocks: `stem`, `layer1` ... `layer4`, `fpn`, `classification_head`, `regression_head`.
pub fn retina_net(config: &Config) -> Graph {
    let (builder, image) = GraphBuilder::new(config.input_channels, "stem");
    let mut net = RetinaNet { builder, width: config.width, eps: config.norm_eps };
    let [c3, c4, c5] = net.backbone(image);
    let pyramid = net.pyramid([c3, c4, c5], config.p6_from_c5);
    let mut outputs = net.head("classification_head", "cls_logits", &pyramid, config.classes, Start::RareScore);
    outputs.extend(net.head("regression_head", "bbox_reg", &pyramid, 4, Start::Head));
    net.builder.finish_as(ModelKind::Detection, "retina_net", &outputs, config.classes, c5, MIN_INPUT_PX)
}

struct RetinaNet {
    builder: GraphBuilder,
    width: f64,
    eps: f64,
}

impl RetinaNet {
    fn scaled(&self, channels: usize) -> usize {
        scaled_channels(channels, self.width)
    }

    /// Square convolution that halves or keeps the extent, without bias, and batch normalization.
    fn conv_norm(
        &mut self,
        [conv, norm]: [&str; 2],
        input: NodeId,
        out_channels: usize,
        kernel: usize,
        stride: usize,
    ) -> NodeId {
        let conv_shape = Conv2d::new(out_channels, [kernel; 2]).stride([stride; 2]).padding([kernel / 2; 2]);
        let x = self.builder.conv(conv, input, conv_shape);
        self.builder.batch_norm(norm, x, BatchNorm { eps: self.eps, scale: true })
    }

    /// ResNet-50 to C3, C4 and C5.
    fn backbone(&mut self, image: NodeId) -> [NodeId; 3] {
        let body = |name: &str| format!("backbone.body.{name}");
        let stem = self.scaled(64);
        let mut x = self.conv_norm([&body("conv1"), &body("bn1")], image, stem, 7, 2);
        x = self.builder.relu(&body("relu"), x);
        x = self.builder.max_pool(&body("maxpool"), x, Pool::square(3, 2, 1));
        let mut ends = [x; 4];
        for (stage, (blocks, inner)) in STAGES.into_iter().enumerate() {
            let layer = format!("layer{}", stage + 1);
            self.builder.block(&layer);
            for block in 0..blocks {
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                x = self.bottleneck(&body(&format!("{layer}.{block}")), x, inner, stride, block == 0);
            }
            ends[stage] = x;
        }
        [ends[1], ends[2], ends[3]]
    }

    /// Bottleneck whose 3x3 convolution strides, as torchvision's does.
    fn bottleneck(&mut self, name: &str, input: NodeId, inner: usize, stride: usize, project: bool) -> NodeId {
        let (inner, outer) = (self.scaled(inner), self.scaled(inner * EXPANSION));
        let part = |part: &str| format!("{name}.{part}");
        let x = self.conv_norm([&part("conv1"), &part("bn1")], input, inner, 1, 1);
        let x = self.builder.relu(&part("relu1"), x);
        let x = self.conv_norm([&part("conv2"), &part("bn2")], x, inner, 3, stride);
        let x = self.builder.relu(&part("relu2"), x);
        let x = self.conv_norm([&part("conv3"), &part("bn3")], x, outer, 1, 1);
        let skip = if project {
            self.conv_norm([&part("downsample.0"), &part("downsample.1")], input, outer, 1, stride)
        } else {
            input
        };
        let sum = self.builder.add(&part("add"), x, skip);
        self.builder.relu(&part("relu"), sum)
    }

    /// Feature pyramid network (Lin et al. 2017): P3 to P7.
    fn pyramid(&mut self, ends: [NodeId; 3], p6_from_c5: bool) -> [NodeId; LEVELS] {
        self.builder.block("fpn");
        let channels = self.scaled(PYRAMID_CHANNELS);
        let mut levels = ends;
        let mut above = None;
        for (index, end) in ends.into_iter().enumerate().rev() {
            let lateral = self.biased(&format!("backbone.fpn.inner_blocks.{index}.0"), end, channels, 1, 1);
            let inner = if let Some(above) = above {
                let up = self.builder.upsample_nearest(&format!("backbone.fpn.upsample.{index}"), above, lateral);
                self.builder.add(&format!("backbone.fpn.add.{index}"), lateral, up)
            } else {
                lateral
            };
            levels[index] = self.biased(&format!("backbone.fpn.layer_blocks.{index}.0"), inner, channels, 3, 1);
            above = Some(inner);
        }
        let [p3, p4, p5] = levels;
        let p6 = self.biased("backbone.fpn.extra_blocks.p6", if p6_from_c5 { ends[2] } else { p5 }, channels, 3, 2);
        let rectified = self.builder.relu("backbone.fpn.extra_blocks.relu", p6);
        let p7 = self.biased("backbone.fpn.extra_blocks.p7", rectified, channels, 3, 2);
        [p3, p4, p5, p6, p7]
    }

    /// Convolution with bias that no ReLU follows at once.
    fn biased(&mut self, name: &str, input: NodeId, out_channels: usize, kernel: usize, stride: usize) -> NodeId {
        let conv = Conv2d::new(out_channels, [kernel; 2]).stride([stride; 2]).padding([kernel / 2; 2]).bias(true);
        let id = self.builder.conv(name, input, conv);
        self.builder.start(Start::Linear);
        id
    }

    /// One head, the same for all levels; `per_anchor` values for each anchor.
    fn head(
        &mut self,
        head: &str,
        last: &str,
        pyramid: &[NodeId; LEVELS],
        per_anchor: usize,
        start: Start,
    ) -> Vec<NodeId> {
        self.builder.block(head);
        let channels = self.scaled(PYRAMID_CHANNELS);
        let mut layers: Vec<(String, usize, Start)> =
            (0..HEAD_LAYERS).map(|layer| (format!("head.{head}.conv.{layer}.0"), channels, Start::Head)).collect();
        layers.push((format!("head.{head}.{last}"), ANCHORS_PER_PIXEL * per_anchor, start));
        let mut owners = Vec::new();
        let mut outputs = Vec::new();
        for (level, features) in pyramid.iter().enumerate() {
            let mut x = *features;
            for (index, (name, out_channels, start)) in layers.iter().enumerate() {
                let at = format!("{name}@p{}", level + 3);
                if level == 0 {
                    let conv = Conv2d::new(*out_channels, [3, 3]).padding([1, 1]).bias(true);
                    x = self.builder.conv(name, x, conv);
                    self.builder.start(*start);
                    owners.push(x);
                } else {
                    x = self.builder.conv_shared(&at, x, owners[index]);
                }
                if index < HEAD_LAYERS {
                    x = self.builder.relu(&format!("{at}.relu"), x);
                }
            }
            outputs.push(x);
        }
        outputs
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, LEVELS, retina_net};

    #[test]
    fn heads_are_shared_and_levels_halve() {
        let graph = retina_net(&Config { classes: 2, ..Config::default() });
        let extents = graph.extents(320, 193).unwrap();
        assert_eq!(graph.outputs().len(), 2 * LEVELS);
        let expected = [[40, 25], [20, 13], [10, 7], [5, 4], [3, 2]];
        for (level, extent) in expected.into_iter().enumerate() {
            for (head, channels) in [(0, 18), (LEVELS, 36)] {
                let id = graph.outputs()[head + level];
                assert_eq!((extents[id.index()], graph.node(id).channels), (extent, channels));
            }
        }
        let names: Vec<String> = graph.parameters().into_iter().map(|parameter| parameter.name).collect();
        let unique: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(unique.len(), names.len(), "each tensor is listed once");
        // Of the heads' 50 convolutions 10 have parameters of their own.
        assert_eq!(names.iter().filter(|name| name.starts_with("head.")).count(), 20);
    }
}
