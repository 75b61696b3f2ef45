//! Where a convolution finds its pixels when images lie channel by channel in long lines.
//!
//! A batch is `[c, n, h, w]`. With the padding written out between rows and images, pixel (y, x) of image i has position
//! `p = (i * rows + y) * columns + x` on a line, and a tap of the kernel is the same line shifted: a convolution becomes
//! products of whole lines with single weights, whatever its kernel. A stride of s splits every channel into s * s lines
//! (phases), each holding every s-th pixel. Padding is shared: the zeros right of a row are those left of the next. Dilation
//! shifts taps further; each group of channels reads the lines of its own channels.

use super::super::simd::LANES;

/// A convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Channels written.
    pub out_channels: usize,
    /// Kernel `[height, width]` in pixels.
    pub kernel: [usize; 2],
    /// Step `[vertical, horizontal]` in input pixels.
    pub stride: [usize; 2],
    /// Zeros above and left of the image, in pixels.
    pub before: [usize; 2],
    /// Zeros below and right of the image, in pixels.
    pub after: [usize; 2],
    /// Input pixels from one tap to the next `[vertical, horizontal]`.
    pub dilation: [usize; 2],
    /// Parts into which both kinds of channels are cut.
    pub groups: usize,
}

/// A convolution of one batch shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Images.
    pub images: usize,
    /// Channels read.
    pub in_channels: usize,
    /// Channels written.
    pub out_channels: usize,
    /// Height and width read, in pixels.
    pub in_px: [usize; 2],
    /// Height and width written, in pixels.
    pub out_px: [usize; 2],
    /// Parts into which both kinds of channels are cut.
    pub(super) groups: usize,
    kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    dilation: [usize; 2],
    /// Zeros above and left of the image, in pixels.
    before: [usize; 2],
    /// Zeros below and right of the image, in pixels.
    after: [usize; 2],
    /// Rows and columns of one image on a line.
    pub(super) plane: [usize; 2],
    /// Largest shift of a tap.
    pub(super) reach: usize,
}

/// A tap of the kernel: which phase it reads, how far shifted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tap {
    pub(super) phase: usize,
    pub(super) shift: usize,
}

impl Geometry {
    /// Of a convolution of `images` images of `in_channels` channels.
    pub fn new(conv: Convolution, images: usize, in_channels: usize, in_px: [usize; 2]) -> Self {
        let Convolution { out_channels, kernel, stride, before, after, dilation, groups } = conv;
        let span = [0, 1].map(|axis| (kernel[axis] - 1) * dilation[axis] + 1);
        let room = |axis: usize| in_px[axis] + before[axis] + after[axis] - span[axis];
        let out_px = [0, 1].map(|axis| room(axis) / stride[axis] + 1);
        // What lies behind a row is the border in front of the next one: as wide as either needs it.
        let border = [0, 1].map(|axis| before[axis].max(after[axis]));
        let plane = [0, 1].map(|axis| (in_px[axis] + border[axis]).div_ceil(stride[axis]).max(out_px[axis]));
        let reach = (span[0] - 1) / stride[0] * plane[1] + (span[1] - 1) / stride[1];
        Self {
            images,
            in_channels,
            out_channels,
            in_px,
            out_px,
            groups,
            kernel,
            stride,
            dilation,
            before,
            after,
            plane,
            reach,
        }
    }

    /// Whether the tensors themselves are the lines: a 1x1 kernel that visits every pixel.
    pub(super) fn is_plain(&self) -> bool {
        let every_pixel = self.stride == [1, 1] && self.before == [0, 0] && self.after == [0, 0];
        self.kernel == [1, 1] && every_pixel && self.positions() >= LANES
    }

    /// Lines a channel is split into.
    pub(super) fn phases(&self) -> usize {
        self.stride[0] * self.stride[1]
    }

    /// Positions of one image on a line.
    pub(super) fn image_positions(&self) -> usize {
        self.plane[0] * self.plane[1]
    }

    /// Positions of all images on a line.
    pub(super) fn positions(&self) -> usize {
        self.images * self.image_positions()
    }

    /// Values from one line to the next in memory: room for shifts on one side and for whole vectors.
    pub(super) fn line_stride(&self) -> usize {
        if self.is_plain() { self.positions() } else { (self.positions() + self.reach).next_multiple_of(LANES) + LANES }
    }

    /// The taps, row-major as in the weight.
    pub(super) fn taps(&self) -> Vec<Tap> {
        let [sy, sx] = self.stride;
        let [dy, dx] = self.dilation;
        let tap = |y: usize, x: usize| Tap { phase: y % sy * sx + x % sx, shift: y / sy * self.plane[1] + x / sx };
        (0..self.kernel[0]).flat_map(|ky| (0..self.kernel[1]).map(move |kx| tap(ky * dy, kx * dx))).collect()
    }

    /// Values of the tensor read.
    pub fn in_len(&self) -> usize {
        self.in_channels * self.images * self.in_px[0] * self.in_px[1]
    }

    /// Values of the tensor written.
    pub fn out_len(&self) -> usize {
        self.out_channels * self.images * self.out_px[0] * self.out_px[1]
    }

    /// Values of the weight `[out, in / groups, kh, kw]`.
    pub fn weight_len(&self) -> usize {
        self.out_channels * self.in_group() * self.kernel[0] * self.kernel[1]
    }

    /// Channels of one group read.
    pub(super) fn in_group(&self) -> usize {
        self.in_channels / self.groups
    }

    /// Channels of one group written.
    pub(super) fn out_group(&self) -> usize {
        self.out_channels / self.groups
    }

    /// First row (or column) of the plane in `phase`, the pixel it holds, and how many follow.
    fn along(&self, axis: usize, phase: usize) -> (usize, usize, usize) {
        let (stride, padding) = (self.stride[axis], self.before[axis]);
        // Position t of the plane holds pixel t * stride + phase - padding.
        let first = padding.saturating_sub(phase).div_ceil(stride);
        let pixel = first * stride + phase - padding;
        let count = if pixel < self.in_px[axis] { (self.in_px[axis] - pixel).div_ceil(stride) } else { 0 };
        (first, pixel, count.min(self.plane[axis].saturating_sub(first)))
    }

    /// Writes one channel `[n, h, w]` of the tensor read to its lines, which must be zero elsewhere.
    pub(super) fn spread_input(&self, channel: &[f32], lines: &mut [f32]) {
        let [height, width] = self.in_px;
        for (phase, line) in lines.chunks_exact_mut(self.line_stride()).enumerate() {
            let (first_row, first_y, rows) = self.along(0, phase / self.stride[1]);
            let (first_column, first_x, columns) = self.along(1, phase % self.stride[1]);
            for image in 0..self.images {
                for row in 0..rows {
                    let y = first_y + row * self.stride[0];
                    let source = &channel[(image * height + y) * width..][..width];
                    let start = (image * self.plane[0] + first_row + row) * self.plane[1] + first_column;
                    let target = &mut line[start..start + columns];
                    if self.stride[1] == 1 {
                        target.copy_from_slice(&source[first_x..first_x + columns]);
                    } else {
                        let values = source[first_x..].iter().step_by(self.stride[1]);
                        target.iter_mut().zip(values).for_each(|(target, value)| *target = *value);
                    }
                }
            }
        }
    }

    /// Takes some images of one phase's line back into those images of a channel, `[images, h, w]`, adding where
    /// `accumulate`. `line` begins with the first of them.
    pub(super) fn gather_input(&self, phase: usize, line: &[f32], channel: &mut [f32], accumulate: bool) {
        let (first_row, first_y, rows) = self.along(0, phase / self.stride[1]);
        let (first_column, first_x, columns) = self.along(1, phase % self.stride[1]);
        let [height, width] = self.in_px;
        for (image, pixels) in channel.chunks_exact_mut(height * width).enumerate() {
            for row in 0..rows {
                let start = (image * self.plane[0] + first_row + row) * self.plane[1] + first_column;
                let source = &line[start..start + columns];
                let y = first_y + row * self.stride[0];
                let target = &mut pixels[y * width + first_x..(y + 1) * width];
                let values = target.iter_mut().step_by(self.stride[1]).zip(source);
                if accumulate {
                    values.for_each(|(target, value)| *target += *value);
                } else {
                    values.for_each(|(target, value)| *target = *value);
                }
            }
        }
    }

    /// Takes some images of an output line back, `[images, h, w]`. `line` begins with the first of them.
    pub(super) fn gather_output(&self, line: &[f32], channel: &mut [f32]) {
        let [height, width] = self.out_px;
        for (row, target) in channel.chunks_exact_mut(width).enumerate() {
            let start = (row / height * self.plane[0] + row % height) * self.plane[1];
            target.copy_from_slice(&line[start..start + width]);
        }
    }

    /// Writes one channel `[n, h, w]` of the tensor written to its line, which must be zero elsewhere.
    pub(super) fn spread_output(&self, channel: &[f32], line: &mut [f32]) {
        let [height, width] = self.out_px;
        for (row, source) in channel.chunks_exact(width).enumerate() {
            let start = (row / height * self.plane[0] + row % height) * self.plane[1];
            line[start..start + width].copy_from_slice(source);
        }
    }
}
