//! Functions of single values.

use super::super::model::Node;
use super::super::step::{Kind, Loose};
use super::super::tensor::{Constant, element};
use super::{Inputs, Map, Outcome, Trace};
use crate::network::{Nonlinearity, Op};

/// SELU's two constants (Klambauer et al. 2017), as ONNX has them.
const SELU_ALPHA: f32 = 1.673_263_2;
const SELU_GAMMA: f32 = 1.050_701;

impl<'a> Trace<'a> {
    pub(super) fn pointwise(
        &mut self,
        node: &Node<'a>,
        inputs: &Inputs<'a>,
        constants: &[Option<&Constant<'a>>],
    ) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        let step = map.step;
        let shape = self.shape(&map);
        let number = |name: &str, usual: f32| node.float(name).map(|value| value.unwrap_or(usual));
        let function = match node.operation {
            "Identity" => return Ok(map),
            "Dropout" => return Self::dropout(map, constants),
            "Cast" => {
                return match node.integer("to")? {
                    Some(to) if element::is_real(to) => Ok(map),
                    to => Err(format!("it makes values of type {} of what follows from the image", to.unwrap_or(0))),
                };
            }
            "CastLike" => {
                return match constants.get(1).copied().flatten() {
                    Some(constant) if constant.is_whole() => Err("it makes whole numbers".to_owned()),
                    _ => Ok(map),
                };
            }
            "Relu" => {
                let step = self.push(Kind::Plain(Op::Relu), &[step], shape)?;
                return Ok(Map { step, ..map });
            }
            "Clip" => {
                let bound = |name: &str, index: usize| -> Outcome<Option<f32>> {
                    match (node.float(name)?, Self::constant(inputs, index, name)?) {
                        (Some(bound), _) => Ok(Some(bound)),
                        (None, Some(bound)) => bound.scalar().map(Some),
                        (None, None) => Ok(None),
                    }
                };
                let (low, high) = (bound("min", 1)?, bound("max", 2)?);
                return Ok(Map { step: self.clipped(step, low, high)?, ..map });
            }
            "Neg" => return Ok(Map { step: self.shifted(step, -1.0, 0.0)?, ..map }),
            "Softmax" | "LogSoftmax" => {
                let usual = if self.model.opset < 13 { 1 } else { -1 };
                let axis = node.integer("axis")?.unwrap_or(usual);
                let axis = super::super::shape::axis(axis, map.layout.0.len())?;
                let fits = shape[1..] == [1, 1] && shape[0] > 1 && map.layout.is_channels(axis, shape[0]);
                if !fits {
                    return Err("it is not over the classes of an image (attention is not read)".to_owned());
                }
                return Ok(Map { step: self.push_loose(Loose::Softmax, step, shape)?, ..map });
            }
            "Sqrt" => return Ok(Map { step: self.push_loose(Loose::SquareRoot, step, shape)?, ..map }),
            "Reciprocal" => return Ok(Map { step: self.push_loose(Loose::Reciprocal, step, shape)?, ..map }),
            "Erf" => return Ok(Map { step: self.push_loose(Loose::Erf, step, shape)?, ..map }),
            "Selu" => {
                let (alpha, gamma) = (number("alpha", SELU_ALPHA)?, number("gamma", SELU_GAMMA)?);
                let step = self.nonlinear(step, Nonlinearity::Elu { alpha })?;
                return Ok(Map { step: self.shifted(step, gamma.into(), 0.0)?, ..map });
            }
            "PRelu" => {
                let slopes = constants.get(1).copied().flatten().ok_or("its slopes are no constants")?.reals()?;
                match slopes[..] {
                    [slope, ref others @ ..] if others.iter().all(|other| *other == slope) => {
                        Nonlinearity::LeakyRelu { slope }
                    }
                    _ => return Err("its slopes differ by channel; one slope is read".to_owned()),
                }
            }
            "Swish" => {
                let alpha = number("alpha", 1.0)?;
                if alpha != 1.0 {
                    return Err(format!("its alpha is {alpha}; 1 is read"));
                }
                Nonlinearity::Silu
            }
            "Gelu" => match node.text("approximate")?.unwrap_or("none") {
                "none" => Nonlinearity::Gelu,
                "tanh" => Nonlinearity::GeluTanh,
                other => return Err(format!("its approximation is {other}")),
            },
            "Sigmoid" => Nonlinearity::Sigmoid,
            "Tanh" => Nonlinearity::Tanh,
            "HardSigmoid" => Nonlinearity::HardSigmoid { slope: number("alpha", 0.2)?, offset: number("beta", 0.5)? },
            "HardSwish" => Nonlinearity::HardSwish,
            "LeakyRelu" => Nonlinearity::LeakyRelu { slope: number("alpha", 0.01)? },
            "Elu" => Nonlinearity::Elu { alpha: number("alpha", 1.0)? },
            _ => return Err("operations of this kind are not read".to_owned()),
        };
        let finite = match function {
            Nonlinearity::HardSigmoid { slope, offset } => slope.is_finite() && slope > 0.0 && offset.is_finite(),
            Nonlinearity::LeakyRelu { slope: value } | Nonlinearity::Elu { alpha: value } => value.is_finite(),
            _ => true,
        };
        if !finite {
            return Err("its numbers are out of range".to_owned());
        }
        Ok(Map { step: self.nonlinear(step, function)?, ..map })
    }

    /// Dropout, which does nothing once a network is trained.
    fn dropout(map: Map, constants: &[Option<&Constant<'a>>]) -> Outcome<Map> {
        let training = match constants.get(2).copied().flatten() {
            Some(training) => training.wholes()?.iter().any(|value| *value != 0),
            None => false,
        };
        if training {
            return Err("it was exported in training mode; call model.eval() and export it again".to_owned());
        }
        Ok(map)
    }
}
