//! DenseNet-121 (Huang et al. 2017) in torchvision's naming.

use super::graph::{Graph, NodeId};
use super::graph_builder::{GraphBuilder, scaled_channels};
use super::op::{BatchNorm, Conv2d, Pool};

/// What may vary between two DenseNet-121 networks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Channels of the image.
    pub input_channels: usize,
    /// Number of logits.
    pub classes: usize,
    /// Multiplier on the stem's channels and the growth rate; 1.0 is the published network.
    pub width: f64,
    /// Added to the variance: 1e-5 in torchvision, 1.001e-5 in Keras.
    pub norm_eps: f64,
}

impl Default for Config {
    /// The network of the study: 3 channels, 2 classes, full width, torchvision's epsilon.
    fn default() -> Self {
        Self { input_channels: 3, classes: 2, width: 1.0, norm_eps: 1e-5 }
    }
}

/// The smallest image side the network accepts, in pixels.
pub const MIN_INPUT_PX: usize = 32;

const LAYERS: [usize; 4] = [6, 12, 24, 16];
const BOTTLENECK: usize = 4;

/// Describes DenseNet-121. Blocks: `stem`, `denseblock1`, `transition1`, ... `denseblock4`, `norm5`, `logits`.
pub fn densenet_121(config: &Config) -> Graph {
    let (builder, image) = GraphBuilder::new(config.input_channels, "stem");
    let mut net = DenseNet { builder, eps: config.norm_eps };
    let growth = scaled_channels(32, config.width);
    let mut x = net.conv("features.conv0", image, scaled_channels(64, config.width), 7, 2, 3);
    x = net.norm_relu("features.norm0", "features.relu0", x);
    x = net.builder.max_pool("features.pool0", x, Pool::square(3, 2, 1));
    for (stage, layers) in LAYERS.iter().enumerate() {
        let stage = stage + 1;
        net.builder.block(&format!("denseblock{stage}"));
        for layer in 1..=*layers {
            let name = format!("features.denseblock{stage}.denselayer{layer}");
            let y = net.norm_relu(&format!("{name}.norm1"), &format!("{name}.relu1"), x);
            let y = net.conv(&format!("{name}.conv1"), y, BOTTLENECK * growth, 1, 1, 0);
            let y = net.norm_relu(&format!("{name}.norm2"), &format!("{name}.relu2"), y);
            let y = net.conv(&format!("{name}.conv2"), y, growth, 3, 1, 1);
            x = net.builder.concat(&format!("{name}.concat"), &[x, y]);
        }
        if stage < LAYERS.len() {
            let name = format!("transition{stage}");
            net.builder.block(&name);
            let name = format!("features.{name}");
            let y = net.norm_relu(&format!("{name}.norm"), &format!("{name}.relu"), x);
            let half = net.builder.channels(x) / 2;
            let y = net.conv(&format!("{name}.conv"), y, half.max(1), 1, 1, 0);
            x = net.builder.avg_pool(&format!("{name}.pool"), y, Pool::square(2, 2, 0), true);
        }
    }
    net.builder.block("norm5");
    let features = net.norm_relu("features.norm5", "features.relu5", x);
    net.builder.block("logits");
    let pooled = net.builder.global_avg_pool("avgpool", features);
    net.builder.linear("classifier", pooled, config.classes);
    net.builder.finish("densenet_121", features, MIN_INPUT_PX)
}

struct DenseNet {
    builder: GraphBuilder,
    eps: f64,
}

impl DenseNet {
    fn conv(
        &mut self,
        name: &str,
        input: NodeId,
        out_channels: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> NodeId {
        let conv = Conv2d::new(out_channels, [kernel; 2]).stride([stride; 2]).padding([padding; 2]);
        self.builder.conv(name, input, conv)
    }

    fn norm_relu(&mut self, norm: &str, relu: &str, input: NodeId) -> NodeId {
        let x = self.builder.batch_norm(norm, input, BatchNorm { eps: self.eps, scale: true });
        self.builder.relu(relu, x)
    }
}
