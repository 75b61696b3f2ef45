//! Which multiplier gives every layer the channels it has.

use super::super::families::{convnext, divisible, mobilenet_v2, mobilenet_v3};
use super::super::graph::NodeId;
use super::super::op::Op;
use super::{Architecture, Design};
use crate::limits;

/// A kernel whose channels the width scales.
struct Scaled {
    name: String,
    /// Channels it writes at full width, in each of its groups.
    full: usize,
    groups: usize,
}

/// How scaled channels become whole numbers.
enum Rounding {
    /// `max(1, round(full * width))`.
    Nearest,
    /// A multiple of 8 near `full * (factor * width)`.
    Divisible { factor: f64 },
}

impl Architecture {
    /// The roundest width that gives every layer its channels; `size` tells the extent of a tensor's axis.
    pub(super) fn infer_width(self, size: &impl Fn(&str, usize) -> Option<usize>) -> Option<f64> {
        let (kernels, rounding) = self.scaled_kernels();
        let needed = kernels.len();
        let mut found = Vec::with_capacity(needed);
        for Scaled { name, full, groups } in kernels {
            // Some may be missing: a very narrow MobileNetV3 has blocks that expand nothing.
            let Some(channels) = size(&name, 0) else { continue };
            if channels % groups != 0 {
                return None;
            }
            found.push((full, channels / groups));
        }
        if 2 * found.len() < needed {
            return None;
        }
        match rounding {
            Rounding::Nearest => nearest_width(&found),
            Rounding::Divisible { factor } => divisible_width(&found, factor),
        }
    }

    fn scaled_kernels(self) -> (Vec<Scaled>, Rounding) {
        let plain = |(name, full)| Scaled { name, full, groups: 1 };
        let graph = match self.design() {
            Design::DenseNet(plan) => {
                return (plan.scaled_kernels().into_iter().map(plain).collect(), Rounding::Nearest);
            }
            Design::EfficientNet(plan) => {
                let kernels = plan.scaled_kernels().into_iter().map(plain).collect();
                return (kernels, Rounding::Divisible { factor: plan.width() });
            }
            _ => self.graph(&self.usual_variant()),
        };
        let scales = |name: &str| match self.design() {
            Design::MobileNetV2 => mobilenet_v2::is_scaled(name),
            Design::MobileNetV3(_) => mobilenet_v3::is_scaled(name),
            Design::ConvNext(_) => convnext::is_scaled(name),
            // The first convolution of a bottleneck follows the groups of the second.
            Design::ResNet(plan) if plan.has_groups() => !name.starts_with("layer") || !name.ends_with(".conv1.weight"),
            // All others follow the groups of the 3x3 convolutions, of which there may be one.
            Design::RegNet(_) => name == self.first_kernel() || name.ends_with(".f.b.0.weight"),
            _ => true,
        };
        let mut kernels = Vec::new();
        for (index, node) in graph.nodes().iter().enumerate() {
            let id = NodeId(index);
            // Outputs have as many channels as there are classes, whatever the width.
            let Op::Conv2d(conv) = node.op else { continue };
            if node.shares.is_some() || graph.outputs().contains(&id) {
                continue;
            }
            let name = graph.parameter_name(id, "weight");
            // A convolution channel by channel has a group for each.
            let groups = if conv.groups == node.channels { 1 } else { conv.groups };
            if scales(&name) {
                kernels.push(Scaled { name, full: node.channels / groups, groups });
            }
        }
        let rounding = match self.design() {
            Design::MobileNetV2 | Design::MobileNetV3(_) => Rounding::Divisible { factor: 1.0 },
            _ => Rounding::Nearest,
        };
        (kernels, rounding)
    }
}

/// Denominators of the fractions that are tried, the roundest first.
const DENOMINATORS: [f64; 12] = [1.0, 2.0, 4.0, 8.0, 10.0, 16.0, 32.0, 100.0, 1e3, 1e4, 1e5, 1e6];

/// For pairs of full and found channels.
fn nearest_width(found: &[(usize, usize)]) -> Option<f64> {
    // channels = max(1, round(full * width)) bounds the width from both sides.
    let (mut low, mut high) = (0.0_f64, f64::INFINITY);
    for (full, channels) in found {
        let (full, channels) = (*full as f64, *channels as f64);
        if channels > 1.0 {
            low = low.max((channels - 0.5) / full);
        }
        high = high.min((channels + 0.5) / full);
    }
    if low >= high || low > limits::WIDTH {
        return None;
    }
    let middle = f64::midpoint(low, high);
    let inside = |width: &f64| low < *width && *width < high;
    let rounded = |denominator: f64| (middle * denominator).round() / denominator;
    Some(DENOMINATORS.into_iter().map(rounded).find(inside).unwrap_or(middle))
}

/// The same where channels are multiples of 8.
fn divisible_width(found: &[(usize, usize)], factor: f64) -> Option<f64> {
    /// Finest steps tried: the channels of no published network need more.
    const FINEST: f64 = 1e4;
    // Rounding moves channels by half a step, and by a whole one more where they would shrink by a tenth.
    let (mut low, mut high) = (0.0_f64, limits::WIDTH);
    for (full, channels) in found {
        let (full, channels) = (*full as f64 * factor, *channels as f64);
        if channels > 8.0 {
            low = low.max((channels - 12.0) / full);
        }
        high = high.min((channels + 4.0) / full);
    }
    let fits =
        |width: f64| found.iter().all(|(full, channels)| divisible(*full as f64 * (factor * width)) == *channels);
    for denominator in DENOMINATORS.into_iter().take_while(|denominator| *denominator <= FINEST) {
        let mut numerator = (low * denominator).ceil().max(1.0);
        while numerator / denominator <= high {
            if fits(numerator / denominator) {
                return Some(numerator / denominator);
            }
            numerator += 1.0;
        }
    }
    None
}
