//! Convolutions, dense layers and pools as nodes.

use super::config::Call;
use super::function::{Fault, Function};
use super::import::{Importer, Step, sum};
use super::layer::{Conv, ConvKind, Layout};
use super::shape::{Form, Value};
use super::tensor::Tensor;
use crate::limits;
use crate::network::{Border, Conv2d, Pool};

impl<'a> Importer<'_, 'a> {
    pub(super) fn conv(&mut self, call: &Call<'_>, name: &str, value: Value, conv: &Conv, at: usize) -> Step<Value> {
        value.image_or_fault()?;
        let inputs = self.builder.channels(value.node);
        let border = if conv.same { same(value.padded_extent(), conv.span(), conv.stride)? } else { Border::NONE };
        let node = Conv2d {
            stride: conv.stride,
            padding: sum(value.border, border),
            dilation: conv.dilation,
            bias: conv.bias,
            ..Conv2d::new(1, conv.kernel)
        };
        let bias = if conv.bias { Some("bias") } else { None };
        let result = match conv.kind {
            ConvKind::Full { filters, groups } => {
                if !inputs.is_multiple_of(groups) || filters % groups != 0 {
                    return Err(format!("cuts {inputs} channels into {groups} groups").into());
                }
                let names: Vec<&str> = ["kernel"].into_iter().chain(bias).collect();
                let mut variables = self.store.variables(call, &names)?.into_iter();
                let node = Conv2d { out_channels: filters, groups, ..node };
                let pixel = value.extent == [1, 1] && conv.kernel == [1, 1] && node.padding == Border::NONE;
                if groups == 1 && pixel && self.ending.is_last(at) {
                    // Logits are a fully connected layer, whoever wrote it as a convolution.
                    let id = self.builder.flatten_linear(name, value.node, [1, 1], filters, conv.bias);
                    let kernel = variables.next().map(Tensor::kernel).map(Tensor::without_pixels);
                    self.put(name, "weight", kernel);
                    self.put(name, "bias", variables.next().map(Tensor::vector));
                    value.at(id, false)
                } else {
                    self.put(name, "weight", variables.next().map(Tensor::kernel));
                    self.put(name, "bias", variables.next().map(Tensor::vector));
                    self.convolved(name, value, node)?
                }
            }
            ConvKind::Depthwise { multiplier } => {
                let names: Vec<&str> = ["depthwise_kernel|kernel"].into_iter().chain(bias).collect();
                let mut variables = self.store.variables(call, &names)?.into_iter();
                self.put(name, "weight", variables.next().map(Tensor::depthwise));
                self.put(name, "bias", variables.next().map(Tensor::vector));
                self.convolved(name, value, depthwise(node, inputs, multiplier)?)?
            }
            ConvKind::Separable { multiplier, filters } => {
                let names: Vec<&str> = ["depthwise_kernel", "pointwise_kernel"].into_iter().chain(bias).collect();
                let mut variables = self.store.variables(call, &names)?.into_iter();
                let [first, second] = ["depthwise", "pointwise"].map(|part| self.fresh(&format!("{name}.{part}")));
                self.put(&first, "weight", variables.next().map(Tensor::depthwise));
                let node = Conv2d { bias: false, ..depthwise(node, inputs, multiplier)? };
                let value = self.convolved(&first, value, node)?;
                self.put(&second, "weight", variables.next().map(Tensor::kernel));
                self.put(&second, "bias", variables.next().map(Tensor::vector));
                self.convolved(&second, value, Conv2d::new(filters, [1, 1]).bias(conv.bias))?
            }
        };
        self.activated(name, result, conv.activation)
    }

    /// Keeps a parameter of the node called `name`; none where it has none.
    pub(super) fn put(&mut self, name: &str, suffix: &str, tensor: Option<Tensor<'a>>) {
        let named = tensor.map(|tensor| (format!("{name}.{suffix}"), (tensor.shape.clone(), tensor)));
        self.tensors.extend(named);
    }

    fn convolved(&mut self, name: &str, value: Value, node: Conv2d) -> Step<Value> {
        let extent = node.output(value.extent).ok_or_else(|| does_not_fit(node.span(), value))?;
        let id = self.builder.conv(name, value.node, node);
        Ok(Value { extent, ..value.at(id, false) }.checked()?)
    }

    pub(super) fn dense(
        &mut self,
        call: &Call<'_>,
        name: &str,
        value: Value,
        units: usize,
        bias: bool,
        activation: Function,
    ) -> Step<Value> {
        let names: Vec<&str> = ["kernel"].into_iter().chain(bias.then_some("bias")).collect();
        let mut variables = self.store.variables(call, &names)?.into_iter();
        let (kernel, offset) = (variables.next(), variables.next().map(Tensor::vector));
        let channels = self.builder.channels(value.node);
        let result = match value.form {
            // On images it works on each pixel by itself.
            Form::Image if self.setting.layout == Layout::ChannelsFirst => {
                return Err("works on columns instead of channels".to_owned().into());
            }
            Form::Image => {
                self.put(name, "weight", kernel.map(|kernel| Tensor::dense(kernel, true)));
                self.convolved(name, value, Conv2d::new(units, [1, 1]).bias(bias))?
            }
            Form::Vector | Form::Flat => {
                let kernel = kernel.map(|kernel| match value.form {
                    Form::Flat => Tensor::flattened(kernel, value.extent, channels),
                    _ => Tensor::dense(kernel, false),
                });
                self.put(name, "weight", kernel);
                let id = self.builder.flatten_linear(name, value.node, value.extent, units, bias);
                Value { extent: [1, 1], form: Form::Vector, ..value.at(id, false) }
            }
        };
        self.put(name, "bias", offset);
        self.activated(name, result, activation)
    }

    pub(super) fn pool(
        &mut self,
        name: &str,
        value: Value,
        max: bool,
        kernel: [usize; 2],
        stride: [usize; 2],
        is_same: bool,
    ) -> Step<Value> {
        value.image_or_fault()?;
        // Zeros are part of an average, and of a maximum where no value is below them; borders of a pool are neither.
        let narrow =
            [0, 1].iter().all(|axis| value.border.before[*axis].max(value.border.after[*axis]) < kernel[*axis]);
        let value = if narrow && !is_same && (!max || value.rectified) { value } else { self.padded(value)? };
        let counts = value.border != Border::NONE;
        let border = if is_same { same(value.extent, kernel, stride)? } else { value.border };
        let pool = Pool { kernel, stride, padding: border, ceil_mode: false };
        let extent = pool.output(value.extent).ok_or_else(|| does_not_fit(kernel, value))?;
        let id = if max {
            self.builder.max_pool(name, value.node, pool)
        } else {
            self.builder.avg_pool(name, value.node, pool, counts || border == Border::NONE)
        };
        Ok(Value { extent, ..value.at(id, value.rectified) })
    }
}

fn does_not_fit(span: [usize; 2], value: Value) -> Fault {
    let [rows, columns] = value.padded_extent();
    format!("has a window of {} x {} pixels for {rows} x {columns}", span[0], span[1])
}

fn depthwise(node: Conv2d, channels: usize, multiplier: usize) -> Result<Conv2d, Fault> {
    let out_channels = channels.checked_mul(multiplier).filter(|channels| *channels <= limits::CLASSES);
    let out_channels = out_channels.ok_or_else(|| format!("makes {multiplier} of each of {channels} channels"))?;
    Ok(Conv2d { out_channels, groups: channels, ..node })
}

impl Conv {
    /// Pixels between the first and the last tap, both counted.
    fn span(&self) -> [usize; 2] {
        [0, 1].map(|axis| (self.kernel[axis] - 1).saturating_mul(self.dilation[axis]).saturating_add(1))
    }
}

/// The zeros that give `ceil(extent / stride)` pixels; an odd one stands behind (TensorFlow's rule).
fn same(extent: [usize; 2], span: [usize; 2], stride: [usize; 2]) -> Result<Border, Fault> {
    let mut border = Border::NONE;
    for axis in 0..2 {
        let steps = extent[axis].div_ceil(stride[axis]).saturating_sub(1);
        let sum = steps.saturating_mul(stride[axis]).saturating_add(span[axis]).saturating_sub(extent[axis]);
        if sum > limits::INPUT_SIDE_PX {
            return Err(format!("needs {sum} pixels of padding"));
        }
        border.before[axis] = sum / 2;
        border.after[axis] = sum - sum / 2;
    }
    Ok(border)
}

#[cfg(test)]
mod tests {
    use super::{Border, same};

    #[test]
    fn an_odd_pixel_of_padding_stands_behind() {
        let border = |extent, span, stride| same([extent; 2], [span; 2], [stride; 2]).unwrap();
        assert_eq!(border(224, 3, 2), Border { before: [0; 2], after: [1; 2] });
        assert_eq!(border(225, 3, 2), Border::equal([1; 2]));
        assert_eq!(border(7, 3, 1), Border::equal([1; 2]));
        assert_eq!(border(8, 2, 2), Border::NONE);
        assert_eq!(border(9, 1, 2), Border::NONE);
        assert_eq!(border(5, 4, 1), Border { before: [1; 2], after: [2; 2] });
    }
}
