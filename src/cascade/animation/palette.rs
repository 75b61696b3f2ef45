//! 256 colours for an animation of many more, the same in every frame so that nothing flickers.

use image::RgbImage;

use crate::display::Rgb;

/// Bits of each channel that tell colours apart.
const BITS: u32 = 6;
const LEVELS: usize = 1 << BITS;

/// How often each colour, of [`BITS`] bits a channel, occurs.
pub(super) struct Histogram {
    counts: Vec<u32>,
}

/// Colours and, for every colour of [`BITS`] bits a channel, which of them is nearest.
pub(super) struct Palette {
    pub(super) colours: Vec<Rgb>,
    nearest: Vec<u8>,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self { counts: vec![0; LEVELS * LEVELS * LEVELS] }
    }

    pub(super) fn add(&mut self, frame: &RgbImage) {
        for pixel in frame.pixels() {
            let count = &mut self.counts[cell(pixel.0)];
            *count = count.saturating_add(1);
        }
    }

    /// Median cut (Heckbert 1982): the box of colours with the largest spread, weighted by the root of its pixels, is
    /// split at its median until there are 256.
    pub(super) fn palette(&self) -> Palette {
        let present: Vec<usize> = (0..self.counts.len()).filter(|cell| self.counts[*cell] > 0).collect();
        let mut boxes = vec![present];
        while boxes.len() < 256 {
            let widest = (0..boxes.len()).filter(|index| boxes[*index].len() > 1).max_by(|a, b| {
                let cost = |index: usize| self.cost(&boxes[index]);
                cost(*a).total_cmp(&cost(*b))
            });
            let Some(widest) = widest else { break };
            let (lower, upper) = self.split(std::mem::take(&mut boxes[widest]));
            boxes[widest] = lower;
            boxes.push(upper);
        }
        boxes.retain(|cells| !cells.is_empty());
        let colours: Vec<Rgb> = boxes.iter().map(|cells| self.mean(cells)).collect();
        let nearest = |cell: usize| {
            let colour = centre(cell);
            let distance = |other: &Rgb| {
                (0..3).map(|channel| (i32::from(colour[channel]) - i32::from(other[channel])).pow(2)).sum::<i32>()
            };
            (0..colours.len()).min_by_key(|index| distance(&colours[*index])).unwrap_or(0) as u8
        };
        let nearest = (0..self.counts.len()).map(nearest).collect();
        Palette { colours, nearest }
    }

    fn cost(&self, cells: &[usize]) -> f64 {
        let pixels: f64 = cells.iter().map(|cell| f64::from(self.counts[*cell])).sum();
        let spread = (0..3).map(|channel| spread(cells, channel)).max().unwrap_or(0);
        f64::from(spread) * pixels.sqrt()
    }

    fn split(&self, mut cells: Vec<usize>) -> (Vec<usize>, Vec<usize>) {
        let axis = (0..3).max_by_key(|channel| spread(&cells, *channel)).unwrap_or(0);
        cells.sort_by_key(|cell| (centre(*cell)[axis], *cell));
        let half = cells.iter().map(|cell| u64::from(self.counts[*cell])).sum::<u64>() / 2;
        let mut sum = 0;
        let median = cells.iter().position(|cell| {
            sum += u64::from(self.counts[*cell]);
            sum > half
        });
        let at = median.unwrap_or(0).clamp(1, cells.len() - 1);
        let upper = cells.split_off(at);
        (cells, upper)
    }

    fn mean(&self, cells: &[usize]) -> Rgb {
        let total: f64 = cells.iter().map(|cell| f64::from(self.counts[*cell])).sum();
        [0, 1, 2].map(|channel| {
            let sum: f64 =
                cells.iter().map(|cell| f64::from(self.counts[*cell]) * f64::from(centre(*cell)[channel])).sum();
            (sum / total).round() as u8
        })
    }
}

impl Palette {
    /// Which colour of the palette each pixel gets.
    pub(super) fn indices(&self, frame: &RgbImage) -> Vec<u8> {
        frame.pixels().map(|pixel| self.nearest[cell(pixel.0)]).collect()
    }
}

fn spread(cells: &[usize], channel: usize) -> u8 {
    let values = || cells.iter().map(|cell| centre(*cell)[channel]);
    values().max().unwrap_or(0) - values().min().unwrap_or(0)
}

fn cell(colour: Rgb) -> usize {
    colour.iter().fold(0, |cell, value| (cell << BITS) | usize::from(value >> (8 - BITS)))
}

/// The colour in the middle of a cell, black and white kept as they are.
fn centre(cell: usize) -> Rgb {
    [2, 1, 0].map(|channel| {
        let level = (cell >> (channel * BITS)) & (LEVELS - 1);
        (level * 255 / (LEVELS - 1)) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_colours_are_kept_apart_and_many_come_near() {
        let few = RgbImage::from_fn(10, 10, |x, y| {
            image::Rgb(if x < 3 { [0; 3] } else { [255, if y < 5 { 0 } else { 255 }, 0] })
        });
        let mut histogram = Histogram::new();
        histogram.add(&few);
        let palette = histogram.palette();
        assert_eq!(palette.colours.len(), 3);
        for (pixel, index) in few.pixels().zip(palette.indices(&few)) {
            assert_eq!(palette.colours[usize::from(index)], pixel.0);
        }
        let many = RgbImage::from_fn(256, 64, |x, y| {
            let [x, y] = [x as u8, (y * 4) as u8];
            image::Rgb([x, y, x / 2 + y / 2])
        });
        let mut histogram = Histogram::new();
        histogram.add(&many);
        let palette = histogram.palette();
        assert_eq!(palette.colours.len(), 256);
        let error = |(pixel, index): (&image::Rgb<u8>, u8)| {
            let found = palette.colours[usize::from(index)];
            (0..3).map(|channel| f64::from(pixel.0[channel].abs_diff(found[channel]))).sum::<f64>() / 3.0
        };
        let mean = many.pixels().zip(palette.indices(&many)).map(error).sum::<f64>() / f64::from(256 * 64);
        assert!(mean < 6.0, "mean error {mean}");
    }
}
