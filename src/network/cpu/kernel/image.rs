//! The first convolution, which reads an image of few channels: patches are laid out as rows of a matrix product, so
//! that no channel is wasted on padding.

/// A convolution of an image without channel padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patches {
    pub channels: usize,
    pub input_px: [usize; 2],
    pub output_px: [usize; 2],
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [usize; 2],
}

impl Patches {
    /// Values of one patch, ordered kernel row, kernel column, channel.
    pub(crate) fn patch_len(&self) -> usize {
        self.channels * self.kernel[0] * self.kernel[1]
    }

    /// For one kernel row of one output pixel: where it starts in the patch row, where in the image, and how many
    /// values lie inside; `None` when the whole row lies outside.
    fn overlap(&self, y: usize, x: usize, kernel_row: usize) -> Option<(usize, usize, usize)> {
        let row = (y * self.stride[0] + kernel_row).checked_sub(self.padding[0])?;
        if row >= self.input_px[0] {
            return None;
        }
        let left = (x * self.stride[1]) as isize - self.padding[1] as isize;
        let first = (-left).max(0);
        let last = (self.input_px[1] as isize - left).min(self.kernel[1] as isize);
        if first >= last {
            return None;
        }
        let start = kernel_row * self.kernel[1] * self.channels + first as usize * self.channels;
        let image = (row * self.input_px[1] + (left + first) as usize) * self.channels;
        Some((start, image, (last - first) as usize * self.channels))
    }

    /// Fills `rows` with the patches of output pixels `first..last`, counted over all images of `images`
    /// (`[n, h, w, c]`).
    pub fn gather(&self, images: &[f32], first: usize, last: usize, rows: &mut [f32]) {
        let (outputs, inputs) = (self.output_px[0] * self.output_px[1], self.input_px[0] * self.input_px[1]);
        for (pixel, patch) in (first..last).zip(rows.chunks_exact_mut(self.patch_len())) {
            let image = &images[pixel / outputs * inputs * self.channels..][..inputs * self.channels];
            let (y, x) = (pixel % outputs / self.output_px[1], pixel % self.output_px[1]);
            patch.fill(0.0);
            for kernel_row in 0..self.kernel[0] {
                if let Some((start, at, len)) = self.overlap(y, x, kernel_row) {
                    patch[start..start + len].copy_from_slice(&image[at..at + len]);
                }
            }
        }
    }

    /// Adds patch gradients of the output pixels of row `y` from column `x` on (`rows`, one every `stride` values) to
    /// the image rows `band`, whose memory is `target`.
    pub fn scatter(
        &self,
        rows: &[f32],
        stride: usize,
        (y, x): (usize, usize),
        band: &std::ops::Range<usize>,
        target: &mut [f32],
    ) {
        let origin = band.start * self.input_px[1] * self.channels;
        for (column, patch) in rows.chunks_exact(stride).enumerate() {
            for kernel_row in 0..self.kernel[0] {
                let Some((start, at, len)) = self.overlap(y, x + column, kernel_row) else { continue };
                if !band.contains(&(y * self.stride[0] + kernel_row - self.padding[0])) {
                    continue;
                }
                let at = at - origin;
                for (sum, value) in target[at..at + len].iter_mut().zip(&patch[start..start + len]) {
                    *sum += value;
                }
            }
        }
    }

    /// Output rows whose patches touch the image rows `band`.
    pub fn touching(&self, band: &std::ops::Range<usize>) -> std::ops::Range<usize> {
        let first = (band.start + self.padding[0] + 1).saturating_sub(self.kernel[0]).div_ceil(self.stride[0]);
        let last = (band.end + self.padding[0]).div_ceil(self.stride[0]).min(self.output_px[0]);
        first.min(last)..last
    }
}
