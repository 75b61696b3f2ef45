//! Operations that together are one of ours: activations, normalizations, factors.

use super::super::step::{Channels, Kind, Loose, StepId};
use super::{Outcome, Trace};
use crate::network::{Nonlinearity, Op};

/// How far a constant of a formula may lie from its value, relative to it: half precision has 0.0005.
const TOLERANCE: f64 = 5e-4;

fn is_near(value: f64, expected: f64) -> bool {
    (value - expected).abs() <= TOLERANCE * expected.abs()
}

impl Trace<'_> {
    /// A factor and an offset for all channels.
    pub(super) fn shifted(&mut self, step: StepId, factor: f64, offset: f64) -> Outcome<StepId> {
        let count = self.steps[step].shape[0];
        self.channels(step, Channels { picked: None, factors: vec![factor; count], offsets: vec![offset; count] })
    }

    /// Channels of a step, after what was done to its channels before.
    pub(super) fn channels(&mut self, step: StepId, mut wanted: Channels) -> Outcome<StepId> {
        self.folding.spend(&[wanted.factors.len(), 4])?;
        if let Some(input) = self.as_hard_sigmoid(step, &wanted) {
            return input;
        }
        let mut step = step;
        if let Kind::Channels(before) = &self.steps[step].kind {
            // Others stay apart: what reads a normalized value is to be recognized by that value.
            let one = before.uniform().is_some() && wanted.uniform().is_some();
            if one || self.steps[step].inputs == [0] {
                wanted = wanted.after(before);
                step = self.steps[step].inputs[0];
            }
        }
        let [channels, rows, columns] = self.steps[step].shape;
        if wanted.picked.as_ref().is_some_and(|picked| picked.iter().copied().eq(0..channels)) {
            wanted.picked = None;
        }
        if wanted.factors.iter().chain(&wanted.offsets).any(|value| !value.is_finite()) {
            return Err("a number in it is not finite".to_owned());
        }
        if wanted.uniform() == Some((1.0, 0.0)) {
            return Ok(step);
        }
        let count = wanted.factors.len();
        self.push(Kind::Channels(wanted), &[step], [count, rows, columns])
    }

    /// `clip(x * s + o, 0, h) / h`.
    fn as_hard_sigmoid(&mut self, step: StepId, wanted: &Channels) -> Option<Outcome<StepId>> {
        let (factor, 0.0) = wanted.uniform()? else { return None };
        let Kind::Plain(Op::Nonlinearity(Nonlinearity::Clip { low: 0.0, high })) = self.steps[step].kind else {
            return None;
        };
        let high = f64::from(high);
        if !is_near(factor * high, 1.0) {
            return None;
        }
        let (input, slope, offset) = self.uniform(self.steps[step].inputs[0]);
        let function = Nonlinearity::HardSigmoid { slope: (slope / high) as f32, offset: (offset / high) as f32 };
        Some(self.nonlinear(input, function))
    }

    /// A function of each value.
    pub(super) fn nonlinear(&mut self, step: StepId, function: Nonlinearity) -> Outcome<StepId> {
        self.push(Kind::Plain(Op::Nonlinearity(function)), &[step], self.steps[step].shape)
    }

    /// What a step is a multiple of, with factor and offset; itself where it is none.
    fn uniform(&self, step: StepId) -> (StepId, f64, f64) {
        match &self.steps[step].kind {
            Kind::Channels(channels) => match channels.uniform() {
                Some((factor, offset)) => (self.steps[step].inputs[0], factor, offset),
                None => (step, 1.0, 0.0),
            },
            _ => (step, 1.0, 0.0),
        }
    }

    fn function(&self, step: StepId) -> Option<Nonlinearity> {
        match self.steps[step].kind {
            Kind::Plain(Op::Nonlinearity(function)) => Some(function),
            _ => None,
        }
    }

    fn is_loose(&self, step: StepId, loose: Loose) -> bool {
        matches!(self.steps[step].kind, Kind::Loose(found) if found == loose)
    }

    /// The product of two steps where it is a function of one of them; none elsewhere.
    pub(super) fn product(&mut self, first: StepId, second: StepId) -> Option<Outcome<StepId>> {
        if first == second {
            let shape = self.steps[first].shape;
            return Some(self.push_loose(Loose::Power(2), first, shape));
        }
        for (value, gate) in [(first, second), (second, first)] {
            if self.is_loose(gate, Loose::Power(2)) && self.steps[gate].inputs == [value] {
                let shape = self.steps[value].shape;
                return Some(self.push_loose(Loose::Power(3), value, shape));
            }
            if self.is_loose(gate, Loose::Reciprocal)
                && let Some(found) = self.quotient(value, self.steps[gate].inputs[0])
            {
                return Some(found);
            }
            // The factor may stand before either of them.
            let (multiple, factor, offset) = self.uniform(value);
            let alone = (value, 1.0);
            let candidates = if offset == 0.0 { vec![alone, (multiple, factor)] } else { vec![alone] };
            for (input, factor) in candidates {
                if let Some((function, more)) = self.gated(input, gate) {
                    let gated = self.nonlinear(input, function);
                    return Some(gated.and_then(|step| self.shifted(step, factor * more, 0.0)));
                }
            }
        }
        None
    }

    /// Factor and offset by which `step` follows from `of`; none where it does not.
    fn relation(&self, step: StepId, of: StepId) -> Option<(f64, f64)> {
        if step == of {
            return Some((1.0, 0.0));
        }
        let (base, factor, offset) = self.uniform(step);
        if base == of {
            return Some((factor, offset));
        }
        let (of_base, of_factor, of_offset) = self.uniform(of);
        (base == of_base && of_factor != 0.0).then(|| {
            let factor = factor / of_factor;
            (factor, offset - factor * of_offset)
        })
    }

    /// The function that `input` times `gate` is, and a factor.
    fn gated(&self, input: StepId, gate: StepId) -> Option<(Nonlinearity, f64)> {
        let (gate, factor, offset) = self.uniform(gate);
        let reads = self.steps[gate].inputs.first().copied()?;
        match self.function(gate) {
            Some(Nonlinearity::Sigmoid) if offset == 0.0 && reads == input => {
                return Some((Nonlinearity::Silu, factor));
            }
            Some(Nonlinearity::HardSigmoid { slope, offset: middle })
                if offset == 0.0
                    && reads == input
                    && is_near(slope.into(), 1.0 / 6.0)
                    && is_near(middle.into(), 0.5) =>
            {
                return Some((Nonlinearity::HardSwish, factor));
            }
            Some(Nonlinearity::RELU6) if offset == 0.0 => {
                let (slope, shift) = self.relation(reads, input)?;
                return (is_near(slope, 1.0) && is_near(shift, 3.0)).then_some((Nonlinearity::HardSwish, 6.0 * factor));
            }
            Some(Nonlinearity::Tanh) if is_near(offset, factor) && self.is_gelu_argument(reads, input) => {
                return Some((Nonlinearity::GeluTanh, 2.0 * factor));
            }
            _ => {}
        }
        if !self.is_loose(gate, Loose::Erf) || !is_near(offset, factor) {
            return None;
        }
        let (slope, shift) = self.relation(reads, input)?;
        let gelu = is_near(slope, std::f64::consts::FRAC_1_SQRT_2) && shift.abs() < TOLERANCE;
        gelu.then_some((Nonlinearity::Gelu, 2.0 * factor))
    }

    /// Whether a step is `sqrt(2 / pi) * (x + 0.044715 x^3)`.
    fn is_gelu_argument(&self, step: StepId, x: StepId) -> bool {
        let (sum, factor, offset) = self.uniform(step);
        if !is_near(factor, (2.0 / std::f64::consts::PI).sqrt()) || offset != 0.0 {
            return false;
        }
        let found = &self.steps[sum];
        let [first, second] = found.inputs[..] else { return false };
        let cube = |step: StepId| {
            let (power, factor, offset) = self.uniform(step);
            let of_x = self.is_loose(power, Loose::Power(3)) && self.steps[power].inputs == [x];
            of_x && is_near(factor, 0.044_715) && offset == 0.0
        };
        matches!(found.kind, Kind::Plain(Op::Add)) && ((first == x && cube(second)) || (second == x && cube(first)))
    }

    /// `first / second` where that is a layer normalization; none elsewhere.
    pub(super) fn quotient(&mut self, first: StepId, second: StepId) -> Option<Outcome<StepId>> {
        if !self.is_loose(first, Loose::Centered) || !self.is_loose(second, Loose::SquareRoot) {
            return None;
        }
        let (variance, factor, eps) = self.uniform(self.steps[second].inputs[0]);
        let square = *self.steps[variance].inputs.first()?;
        let fits = factor == 1.0
            && self.is_loose(variance, Loose::ChannelMean)
            && self.is_loose(square, Loose::Power(2))
            && self.steps[square].inputs == [first];
        let eps = super::layers::as_written(eps as f32);
        fits.then(|| self.plain_layer_norm(self.steps[first].inputs[0], eps))
    }
}
