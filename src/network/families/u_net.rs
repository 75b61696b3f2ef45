//! U-Net (Ronneberger et al. 2015) with padded convolutions, batch normalization and nearest upsampling.

use super::super::graph::{Graph, ModelKind, NodeId, Start};
use super::super::graph_builder::{GraphBuilder, scaled_channels};
use super::super::op::{BatchNorm, Conv2d, Pool};

/// What may vary between two U-Nets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Channels of the image.
    pub input_channels: usize,
    /// Logit maps.
    pub classes: usize,
    /// Multiplier on every layer's channels; 1.0 has 64 at full size and 1024 at the bottom.
    pub width: f64,
    /// Added to the variance of batch normalization.
    pub norm_eps: f64,
}

impl Default for Config {
    /// 3 channels, one map, full width.
    fn default() -> Self {
        Self { input_channels: 3, classes: 1, width: 1.0, norm_eps: 1e-5 }
    }
}

/// The smallest image side the network accepts, in pixels: one pixel at the bottom.
pub const MIN_INPUT_PX: usize = 1 << (LEVELS - 1);

/// Extents from full size down to a sixteenth.
const LEVELS: usize = 5;
const BASE_CHANNELS: usize = 64;

/// Describes U-Net; its output is the logit map `output`, `[n, classes, h, w]`, at the size of the image, whatever that
/// is. Blocks: `encoder0` ... `encoder4`, `decoder3` ... `decoder0`, `output`.
///
/// Unlike the first U-Net's, convolutions keep the extent, and upsampling repeats pixels up to the extent of the skip
/// connection before a 3x3 convolution, which leaves no checkerboard.
pub fn u_net(config: &Config) -> Graph {
    let (builder, image) = GraphBuilder::new(config.input_channels, "encoder0");
    let mut net = UNet { builder, eps: config.norm_eps };
    let channels = |level: usize| scaled_channels(BASE_CHANNELS << level, config.width);
    let mut skips = Vec::with_capacity(LEVELS);
    let mut x = image;
    for level in 0..LEVELS {
        let name = format!("encoder{level}");
        if level > 0 {
            net.builder.block(&name);
            x = net.builder.max_pool(&format!("{name}.pool"), x, Pool::square(2, 2, 0));
        }
        x = net.basic(&name, 1, x, channels(level));
        x = net.basic(&name, 2, x, channels(level));
        skips.push(x);
    }
    let bottom = x;
    for level in (0..LEVELS - 1).rev() {
        let name = format!("decoder{level}");
        net.builder.block(&name);
        x = net.builder.upsample_nearest(&format!("{name}.upsample"), x, skips[level]);
        x = net.basic(&name, 0, x, channels(level));
        x = net.builder.concat(&format!("{name}.concat"), &[skips[level], x]);
        x = net.basic(&name, 1, x, channels(level));
        x = net.basic(&name, 2, x, channels(level));
    }
    net.builder.block("output");
    let output = Conv2d::new(config.classes, [1, 1]).bias(true);
    let logits = net.builder.conv("output", x, output);
    net.builder.start(Start::Linear);
    net.builder.finish_as(ModelKind::Segmentation, "u_net", &[logits], config.classes, bottom, MIN_INPUT_PX)
}

struct UNet {
    builder: GraphBuilder,
    eps: f64,
}

impl UNet {
    /// 3x3 convolution without bias, batch normalization, ReLU.
    fn basic(&mut self, block: &str, number: usize, input: NodeId, out_channels: usize) -> NodeId {
        let conv = Conv2d::new(out_channels, [3, 3]).padding([1, 1]);
        let x = self.builder.conv(&format!("{block}.conv{number}"), input, conv);
        let x = self.builder.batch_norm(&format!("{block}.bn{number}"), x, BatchNorm { eps: self.eps, scale: true });
        self.builder.relu(&format!("{block}.relu{number}"), x)
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, u_net};

    #[test]
    fn the_logit_map_has_the_size_of_the_image() {
        let graph = u_net(&Config { width: 0.125, classes: 2, ..Config::default() });
        for (height, width) in [(320, 320), (16, 31), (97, 50)] {
            assert_eq!(graph.extents(height, width).unwrap()[graph.logits().index()], [height, width]);
        }
        assert_eq!(graph.node(graph.logits()).channels, 2);
        assert!(graph.extents(15, 32).is_err());
    }
}
