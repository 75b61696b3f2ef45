//! Logistic functions that neither overflow nor lose their gradient.

use candle_core::{Result, Tensor};

/// `ln(1 + exp(x))`, elementwise. Its gradient is `sigmoid(x)` everywhere, 1/2 at 0 whatever derivative `|x|` is given
/// there.
pub(super) fn softplus(x: &Tensor) -> Result<Tensor> {
    let magnitude = x.abs()?;
    let positive_part = ((x + &magnitude)? * 0.5)?;
    positive_part + (magnitude.neg()?.exp()? + 1.0)?.log()?
}

/// `1 / (1 + exp(-x))`, elementwise, as `exp(x - softplus(x))`, whose exponent is never above 0.
pub(super) fn sigmoid(x: &Tensor) -> Result<Tensor> {
    (x - softplus(x)?)?.exp()
}

/// Binary cross-entropy of logits `x` with targets `t` in 0..=1, elementwise.
pub(super) fn binary_cross_entropy(x: &Tensor, t: &Tensor) -> Result<Tensor> {
    softplus(x)? - (x * t)?
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn values_and_gradients_are_those_of_the_formulas_even_far_out() {
        let points = [-1e30_f64, -200.0, -20.0, -1.5, -0.0, 0.0, 1e-3, 3.0, 40.0, 1e30];
        let x = Var::new(&points, &Device::Cpu).unwrap();
        let gradient =
            |y: &Tensor| -> Vec<f64> { y.sum_all().unwrap().backward().unwrap().get(&x).unwrap().to_vec1().unwrap() };
        let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
        let y = softplus(&x).unwrap();
        let values: Vec<f64> = y.to_vec1().unwrap();
        for ((x, value), slope) in points.iter().zip(values).zip(gradient(&y)) {
            let expected = x.max(0.0) + (-x.abs()).exp().ln_1p();
            assert!((value - expected).abs() <= 1e-12 * expected.max(1e-3), "{value} instead of {expected}");
            assert!((slope - logistic(*x)).abs() < 1e-15, "slope {slope} at {x}");
        }
        let y = sigmoid(&x).unwrap();
        let values: Vec<f64> = y.to_vec1().unwrap();
        for ((x, value), slope) in points.iter().zip(values).zip(gradient(&y)) {
            let expected = logistic(*x);
            assert!((value - expected).abs() < 1e-15, "{value} instead of {expected}");
            assert!((slope - expected * (1.0 - expected)).abs() < 1e-15, "slope {slope} at {x}");
        }
    }
}
