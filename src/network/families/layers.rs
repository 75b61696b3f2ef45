//! Layers that several families are made of, named as torchvision names their parts.

use super::super::graph::NodeId;
use super::super::graph_builder::GraphBuilder;
use super::super::head::Function;
use super::super::nonlinearity::Nonlinearity;
use super::super::op::{BatchNorm, Conv2d};

/// A builder that normalizes behind its convolutions.
pub(super) struct Layers {
    pub builder: GraphBuilder,
    /// Every batch normalization.
    pub norm: BatchNorm,
}

/// Square convolution without bias that keeps the extent, or divides it by `stride`.
pub(super) fn same(out_channels: usize, kernel: usize, stride: usize) -> Conv2d {
    Conv2d::new(out_channels, [kernel; 2]).stride([stride; 2]).padding([(kernel - 1) / 2; 2])
}

impl Layers {
    /// Starts with an image of `channels` channels in the block `stem`; `eps` is added to every variance.
    pub(super) fn new(channels: usize, eps: f64) -> (Self, NodeId) {
        let (builder, image) = GraphBuilder::new(channels, "stem");
        (Self { builder, norm: BatchNorm { eps, scale: true } }, image)
    }

    /// Convolution and batch normalization.
    pub(super) fn conv_norm(&mut self, [conv, norm]: [&str; 2], input: NodeId, shape: Conv2d) -> NodeId {
        let x = self.builder.conv(conv, input, shape);
        self.builder.batch_norm(norm, x, self.norm)
    }

    /// torchvision's `Conv2dNormActivation`: convolution `<name>.0`, batch normalization `<name>.1`, and the function
    /// `<name>.2` where there is one.
    pub(super) fn conv_norm_function(
        &mut self,
        name: &str,
        input: NodeId,
        shape: Conv2d,
        function: Option<Function>,
    ) -> NodeId {
        let x = self.conv_norm([&format!("{name}.0"), &format!("{name}.1")], input, shape);
        match function {
            Some(function) => self.builder.function(&format!("{name}.2"), x, function),
            None => x,
        }
    }

    /// torchvision's `SqueezeExcitation` (Hu et al. 2018): every channel times a factor that two layers find from the means of
    /// all channels.
    pub(super) fn squeeze_excitation(
        &mut self,
        name: &str,
        input: NodeId,
        squeezed: usize,
        function: Function,
        gate: Nonlinearity,
    ) -> NodeId {
        let part = |part: &str| format!("{name}.{part}");
        let channels = self.builder.channels(input);
        let x = self.builder.global_avg_pool(&part("avgpool"), input);
        let x = self.builder.conv(&part("fc1"), x, Conv2d::new(squeezed, [1, 1]).bias(true));
        let x = self.builder.function(&part("activation"), x, function);
        let x = self.builder.conv(&part("fc2"), x, Conv2d::new(channels, [1, 1]).bias(true));
        let factors = self.builder.nonlinearity(&part("scale_activation"), x, gate);
        self.builder.mul(name, input, factors)
    }
}

/// torchvision's `_make_divisible` by 8: the nearest multiple, at least 8, and never less than 0.9 of `channels`.
pub(in super::super) fn divisible(channels: f64) -> usize {
    const STEP: usize = 8;
    let nearest = ((channels + STEP as f64 / 2.0) as usize / STEP * STEP).max(STEP);
    if (nearest as f64) < 0.9 * channels { nearest + STEP } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::divisible;

    #[test]
    fn channels_are_divisible_as_in_torchvision() {
        let found = [1.0, 8.4, 11.9, 12.0, 13.2, 16.0, 18.0, 19.2, 27.0, 320.0 * 1.1].map(divisible);
        assert_eq!(found, [8, 8, 16, 16, 16, 16, 24, 24, 32, 352]);
    }
}
