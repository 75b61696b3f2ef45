//! The course of a training as a picture: losses above, the validation score below.

use super::error::Result;
use super::log::Epoch;
use crate::figure::{Anchor, NOT_FOR_DIAGNOSIS, Rgb, Scene, TextStyle, paint};

const WIDTH: f64 = 760.0;
const PLOT_HEIGHT: f64 = 220.0;
const LEFT: f64 = 74.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 62.0;
const GAP: f64 = 56.0;
const BOTTOM: f64 = 84.0;

const BACKGROUND: Rgb = [255, 255, 255];
const INK: Rgb = [28, 32, 38];
const QUIET: Rgb = [110, 118, 128];
const GRID: Rgb = [226, 229, 233];
const TRAIN: Rgb = [31, 119, 180];
const VALIDATION: Rgb = [214, 96, 20];

const TITLE: TextStyle = TextStyle::medium(18.0, INK);
const LABEL: TextStyle = TextStyle::regular(13.0, INK);
const TICK: TextStyle = TextStyle::regular(12.0, QUIET);

/// Pixels of the picture for each scene pixel.
const SCALE: f64 = 2.0;

/// A line of a plot.
struct Line<'a> {
    name: &'a str,
    colour: Rgb,
    values: Vec<f64>,
}

/// The epochs as a PNG; `title` says what was trained on what, `score` is the name of the validation score.
///
/// # Errors
/// When the picture cannot be painted.
pub fn curve(epochs: &[Epoch], best_epoch: usize, title: &str, score: &str) -> Result<Vec<u8>> {
    let height = TOP + 2.0 * PLOT_HEIGHT + GAP + BOTTOM;
    let mut scene = Scene::new(WIDTH, height, BACKGROUND);
    scene.text([LEFT, 34.0], Anchor::Start, TITLE, title);
    let values = |pick: fn(&Epoch) -> f64| epochs.iter().map(pick).collect();
    let losses = [
        Line { name: "training loss", colour: TRAIN, values: values(|epoch| epoch.train_loss) },
        Line { name: "validation loss", colour: VALIDATION, values: values(|epoch| epoch.validation_loss) },
    ];
    let name = format!("validation {score}");
    let scores = [Line { name: &name, colour: VALIDATION, values: values(|epoch| epoch.validation_score) }];
    plot(&mut scene, TOP, &losses, best_epoch, [0.0, f64::NAN]);
    plot(&mut scene, TOP + PLOT_HEIGHT + GAP, &scores, best_epoch, [f64::NAN, 1.0]);
    let base = TOP + 2.0 * PLOT_HEIGHT + GAP;
    let middle = LEFT + (WIDTH - LEFT - RIGHT) / 2.0;
    scene.text([middle, base + 38.0], Anchor::Middle, LABEL, "epoch");
    let kept = format!("dashed: epoch {best_epoch}, whose weights were kept");
    scene.text([LEFT, base + 66.0], Anchor::Start, TICK, &kept);
    scene.text([WIDTH - 20.0, base + 66.0], Anchor::End, TICK, NOT_FOR_DIAGNOSIS);
    Ok(paint(&scene, SCALE)?.to_png()?)
}

/// One plot; `limits` fixes ends of its axis where they are numbers.
fn plot(scene: &mut Scene, top: f64, lines: &[Line<'_>], best_epoch: usize, limits: [f64; 2]) {
    let count = lines[0].values.len();
    let width = WIDTH - LEFT - RIGHT;
    let finite = || lines.iter().flat_map(|line| &line.values).copied().filter(|value| value.is_finite());
    let lowest = limits[0].min(finite().fold(f64::INFINITY, f64::min));
    let highest = limits[1].max(finite().fold(f64::NEG_INFINITY, f64::max));
    let (low, high, step) = axis(lowest, highest);
    let x = |epoch: usize| LEFT + width * (epoch as f64 - 0.5) / count.max(1) as f64;
    let y = |value: f64| top + PLOT_HEIGHT * (1.0 - (value - low) / (high - low));
    let ticks = ((high - low) / step).round() as usize;
    for tick in 0..=ticks {
        let value = low + step * tick as f64;
        scene.line([LEFT, y(value)], [LEFT + width, y(value)], 1.0, GRID);
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        scene.text([LEFT - 8.0, y(value) + 4.0], Anchor::End, TICK, &format!("{value:.decimals$}"));
    }
    let every = count.div_ceil(15).max(1);
    for epoch in (1..=count).filter(|epoch| (epoch - 1) % every == 0) {
        scene.text([x(epoch), top + PLOT_HEIGHT + 18.0], Anchor::Middle, TICK, &epoch.to_string());
    }
    let dashes = 22;
    for dash in 0..dashes {
        let at = |part: f64| top + PLOT_HEIGHT * (dash as f64 + part) / dashes as f64;
        scene.line([x(best_epoch), at(0.0)], [x(best_epoch), at(0.55)], 1.0, QUIET);
    }
    for (index, line) in lines.iter().enumerate() {
        for (at, pair) in line.values.windows(2).enumerate() {
            if pair.iter().all(|value| value.is_finite()) {
                scene.line([x(at + 1), y(pair[0])], [x(at + 2), y(pair[1])], 2.0, line.colour);
            }
        }
        for (at, value) in line.values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            scene.rectangle([x(at + 1) - 2.5, y(*value) - 2.5], [5.0, 5.0], line.colour);
        }
        let legend = top + 14.0 + 20.0 * index as f64;
        scene.line([WIDTH - RIGHT + 10.0, legend - 4.0], [WIDTH - RIGHT + 28.0, legend - 4.0], 3.0, line.colour);
        scene.text([WIDTH - RIGHT + 34.0, legend], Anchor::Start, TICK, line.name);
    }
}

/// Round ends and step of an axis that holds both numbers.
fn axis(lowest: f64, highest: f64) -> (f64, f64, f64) {
    let (lowest, highest) = if lowest.is_finite() && highest.is_finite() { (lowest, highest) } else { (0.0, 1.0) };
    let span = (highest - lowest).max(1e-6);
    let rough = span / 4.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let (low, high) = ((lowest / step + 1e-9).floor() * step, (highest / step - 1e-9).ceil() * step);
    (low, high.max(low + step), step)
}

#[cfg(test)]
mod tests {
    use super::{Epoch, axis, curve};

    #[test]
    fn axes_end_at_round_numbers() {
        assert_eq!(axis(0.0, 0.93), (0.0, 1.0, 0.5));
        assert_eq!(axis(0.0, 3.0), (0.0, 3.0, 1.0));
        assert_eq!(axis(f64::NAN, f64::NAN), (0.0, 1.0, 0.5));
    }

    #[test]
    fn any_log_gives_a_picture() {
        let epoch = |epoch: usize, loss: f64| Epoch {
            epoch,
            steps: 1,
            learning_rate: 0.1,
            train_loss: loss,
            validation_loss: loss,
            validation_score: 0.5,
            validation_scores: Vec::new(),
            seconds: 1.0,
        };
        for epochs in [vec![epoch(1, 0.7)], vec![epoch(1, f64::NAN), epoch(2, 0.0)], vec![]] {
            assert!(curve(&epochs, 1, "title", "auc").unwrap().starts_with(b"\x89PNG"));
        }
    }
}
