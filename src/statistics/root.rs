//! Roots of functions of one variable.

/// Root of `f` in `[low, high]`, whose ends have opposite signs, by Brent's method (Brent 1973, chapter 4), to the last
/// bits.
pub(super) fn bracketed(low: f64, high: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
    let (mut a, mut b) = (low, high);
    let (mut fa, mut fb) = (f(a), f(b));
    let (mut c, mut fc) = (a, fa);
    let mut step = b - a;
    let mut before = step;
    for _ in 0..200 {
        if fb.signum() == fc.signum() {
            (c, fc) = (a, fa);
            step = b - a;
            before = step;
        }
        if fc.abs() < fb.abs() {
            (a, b, c) = (b, c, b);
            (fa, fb, fc) = (fb, fc, fb);
        }
        let tolerance = 2.0 * f64::EPSILON * b.abs();
        let half = 0.5 * (c - b);
        if fb == 0.0 || half.abs() <= tolerance {
            break;
        }
        let mut bisect = true;
        if before.abs() > tolerance && fa.abs() > fb.abs() {
            let ratio = fb / fa;
            let (mut p, mut q) = if a.total_cmp(&c).is_eq() {
                (2.0 * half * ratio, 1.0 - ratio)
            } else {
                let (q, r) = (fa / fc, fb / fc);
                (ratio * (2.0 * half * q * (q - r) - (b - a) * (r - 1.0)), (q - 1.0) * (r - 1.0) * (ratio - 1.0))
            };
            if p > 0.0 {
                q = -q;
            }
            p = p.abs();
            if 2.0 * p < (3.0 * half * q - (tolerance * q).abs()).min((before * q).abs()) {
                before = step;
                step = p / q;
                bisect = false;
            }
        }
        if bisect {
            step = half;
            before = half;
        }
        (a, fa) = (b, fb);
        b += if step.abs() > tolerance { step } else { tolerance.copysign(half) };
        fb = f(b);
    }
    b
}

/// The x > 0 at which a decreasing function equals `target`; infinite where it never falls so low.
pub(super) fn decreasing(target: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
    let mut high = 1.0;
    while f(high) > target {
        high *= 2.0;
        if high > 1e150 {
            return f64::INFINITY;
        }
    }
    let mut low = high / 2.0;
    while f(low) < target {
        low /= 2.0;
        if low < 1e-300 {
            return 0.0;
        }
    }
    bracketed(low, high, |x| f(x) - target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_found_to_the_last_bits() {
        assert!((bracketed(1.0, 2.0, |x| x * x - 2.0) - 2.0_f64.sqrt()).abs() < 1e-15);
        assert!((bracketed(0.0, 4.0, |x: f64| x.cos()) - std::f64::consts::FRAC_PI_2).abs() < 1e-15);
        assert!(bracketed(-1.0, 1.5, |x| x * x * x).abs() < 1e-5);
        assert!((decreasing(0.2, |x| (-x).exp()) - 5.0_f64.ln()).abs() < 1e-15);
        assert!((decreasing(0.999, |x| (-x).exp()) + 0.999_f64.ln()).abs() < 1e-15);
        assert_eq!(decreasing(0.5, |_| 1.0), f64::INFINITY);
    }
}
