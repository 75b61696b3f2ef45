//! The learning rate over a training.

/// Rises in a straight line, then falls along half a cosine (Loshchilov and Hutter 2017) to a hundredth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Highest learning rate.
    pub peak: f64,
    /// Steps until it is reached.
    pub warmup_steps: u64,
    /// Steps of the whole training.
    pub total_steps: u64,
}

/// The last learning rate, as a share of the highest.
const FLOOR: f64 = 0.01;

impl Schedule {
    /// The learning rate of step `step`, counted from 0.
    pub fn learning_rate(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return self.peak * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let rest = self.total_steps.saturating_sub(self.warmup_steps).max(1);
        let done = ((step - self.warmup_steps) as f64 / rest as f64).min(1.0);
        let wave = f64::midpoint(1.0, (std::f64::consts::PI * done).cos());
        self.peak * (FLOOR + (1.0 - FLOOR) * wave)
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn it_rises_falls_and_never_stops() {
        let schedule = Schedule { peak: 0.1, warmup_steps: 10, total_steps: 110 };
        assert_eq!(schedule.learning_rate(0), 0.1 / 10.0);
        assert_eq!(schedule.learning_rate(10), 0.1);
        assert!((schedule.learning_rate(60) - 0.1 * 0.505).abs() < 1e-12);
        assert!((schedule.learning_rate(110) - 0.001).abs() < 1e-12);
        assert!((schedule.learning_rate(999) - 0.001).abs() < 1e-12);
        assert!((1..120).all(|step| {
            let change = schedule.learning_rate(step) - schedule.learning_rate(step - 1);
            if step <= 9 { change > 0.0 } else { change <= 0.0 }
        }));
    }
}
