//! Decoding of one scan between two restarts: contexts, regular mode, run mode (T.87, annex A). Variables bear the
//! letters of the standard.

use super::bits::{BitReader, Stop};
use super::coding::Coding;

/// Number of regular contexts after merging signs.
const CONTEXTS: usize = 365;

/// Order of the run-length codes, by run index (T.87, A.7.1.1).
const J: [u32; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Errors beyond this come from damaged codes; valid ones are at most half of RANGE.
const MAX_ERROR: i64 = 65_535;
/// Golomb parameters of valid streams stay below this.
const MAX_K: u32 = 24;

#[derive(Clone, Copy, Debug)]
struct Context {
    a: i64,
    b: i32,
    c: i32,
    n: i32,
}

#[derive(Clone, Copy, Debug)]
struct RunContext {
    a: i64,
    n: i32,
    /// Number of negative errors.
    nn: i32,
}

/// The adaptive state of a scan; a restart begins with a new one.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    coding: Coding,
    bits: BitReader<'a>,
    regular: [Context; CONTEXTS],
    run: [RunContext; 2],
    /// `RUNindex`, one a component in line interleave and one otherwise.
    run_index: Vec<usize>,
}

/// The four neighbours of a sample: left, above, above left, above right.
#[derive(Clone, Copy, Debug)]
struct Neighbours {
    ra: i32,
    rb: i32,
    rc: i32,
    rd: i32,
}

/// Two lines of samples that are decoded alternately, `components` samples a pixel, with one pixel of margin on either
/// side.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    previous: Vec<i32>,
    current: Vec<i32>,
    components: usize,
}

impl Lines {
    pub(super) fn new(columns: usize, components: usize) -> Self {
        let zeros = vec![0; (columns + 2) * components];
        Self { previous: zeros.clone(), current: zeros, components }
    }

    /// As before the first line, whose neighbours above are 0.
    pub(super) fn clear(&mut self) {
        self.previous.fill(0);
        self.current.fill(0);
    }

    /// Makes room for the next line and fills the margins: the left one with the sample above the first, the right one
    /// of the line above with its last sample.
    fn begin(&mut self) {
        std::mem::swap(&mut self.previous, &mut self.current);
        let n = self.components;
        self.current[..n].copy_from_slice(&self.previous[n..2 * n]);
        let last = self.previous.len() - 2 * n;
        self.previous.copy_within(last..last + n, last + n);
    }

    fn columns(&self) -> usize {
        self.current.len() / self.components - 2
    }

    /// The samples of the line decoded last.
    pub(super) fn samples(&self) -> &[i32] {
        &self.current[self.components..self.current.len() - self.components]
    }

    /// Neighbours of a component of the pixel at `column`.
    fn neighbours(&self, column: usize, component: usize) -> Neighbours {
        let at = (column + 1) * self.components + component;
        let left = at - self.components;
        Neighbours {
            ra: self.current[left],
            rb: self.previous[at],
            rc: self.previous[left],
            rd: self.previous[at + self.components],
        }
    }

    fn set(&mut self, column: usize, component: usize, value: i32) {
        self.current[(column + 1) * self.components + component] = value;
    }

    /// Repeats the pixel before `column` over `count` pixels.
    fn repeat_left(&mut self, column: usize, count: usize) {
        let n = self.components;
        if n == 1 {
            let value = self.current[column];
            self.current[column + 1..=column + count].fill(value);
            return;
        }
        for target in column + 1..=column + count {
            self.current.copy_within(column * n..(column + 1) * n, target * n);
        }
    }
}

impl<'a> Decoder<'a> {
    pub(super) fn new(coding: Coding, segment: &'a [u8], run_indices: usize) -> Self {
        let a = i64::from(((coding.range + 32) / 64).max(2));
        Self {
            coding,
            bits: BitReader::new(segment),
            regular: [Context { a, b: 0, c: 0, n: 1 }; CONTEXTS],
            run: [RunContext { a, n: 1, nn: 0 }; 2],
            run_index: vec![0; run_indices],
        }
    }

    /// Decodes one line into `lines`, with the run index at `slot`.
    pub(super) fn line(&mut self, lines: &mut Lines, slot: usize) -> Result<(), Stop> {
        lines.begin();
        if lines.components == 1 { self.plain_line(lines, slot) } else { self.pixel_line(lines, slot) }
    }

    /// A line of one component.
    fn plain_line(&mut self, lines: &mut Lines, slot: usize) -> Result<(), Stop> {
        let columns = lines.columns();
        let mut column = 0;
        while column < columns {
            let around = lines.neighbours(column, 0);
            let q = self.context(around);
            if q != 0 {
                let value = self.regular_sample(q, around)?;
                lines.set(column, 0, value);
                column += 1;
                continue;
            }
            let run = self.run_length(columns - column, slot)?;
            lines.repeat_left(column, run);
            column += run;
            if column < columns {
                let Neighbours { ra, rb, .. } = lines.neighbours(column, 0);
                let like_left = (ra - rb).abs() <= self.coding.near;
                let value = if like_left {
                    let error = self.interruption_error(1, slot)?;
                    self.reconstruct(ra, error)
                } else {
                    let error = self.interruption_error(0, slot)?;
                    self.reconstruct(rb, if ra > rb { -error } else { error })
                };
                lines.set(column, 0, value);
                column += 1;
                self.run_index[slot] = self.run_index[slot].saturating_sub(1);
            }
        }
        Ok(())
    }

    /// A line of whole pixels (sample interleave): runs are runs of pixels, and a run is always interrupted as if the
    /// sample above differed.
    fn pixel_line(&mut self, lines: &mut Lines, slot: usize) -> Result<(), Stop> {
        let columns = lines.columns();
        let components = lines.components;
        let mut column = 0;
        while column < columns {
            if (0..components).any(|component| self.context(lines.neighbours(column, component)) != 0) {
                for component in 0..components {
                    let around = lines.neighbours(column, component);
                    let value = self.regular_sample(self.context(around), around)?;
                    lines.set(column, component, value);
                }
                column += 1;
                continue;
            }
            let run = self.run_length(columns - column, slot)?;
            lines.repeat_left(column, run);
            column += run;
            if column < columns {
                for component in 0..components {
                    let Neighbours { ra, rb, .. } = lines.neighbours(column, component);
                    let error = self.interruption_error(0, slot)?;
                    lines.set(column, component, self.reconstruct(rb, if ra > rb { -error } else { error }));
                }
                column += 1;
                self.run_index[slot] = self.run_index[slot].saturating_sub(1);
            }
        }
        Ok(())
    }

    /// The signed number of the context, 0 for run mode (A.3).
    #[inline]
    fn context(&self, Neighbours { ra, rb, rc, rd }: Neighbours) -> i32 {
        let (d1, d2, d3) = (rd - rb, rb - rc, rc - ra);
        if d1 == 0 && d2 == 0 && d3 == 0 {
            return 0;
        }
        81 * self.quantize(d1) + 9 * self.quantize(d2) + self.quantize(d3)
    }

    #[inline]
    fn quantize(&self, gradient: i32) -> i32 {
        let [t1, t2, t3] = self.coding.thresholds;
        let size = gradient.abs();
        let level =
            i32::from(size > self.coding.near) + i32::from(size >= t1) + i32::from(size >= t2) + i32::from(size >= t3);
        if gradient < 0 { -level } else { level }
    }

    /// A sample in regular mode (A.4 to A.6); `signed` is the context with its sign.
    #[inline]
    fn regular_sample(&mut self, signed: i32, Neighbours { ra, rb, rc, .. }: Neighbours) -> Result<i32, Stop> {
        let Coding { maxval, near, limit, reset, .. } = self.coding;
        let context = &mut self.regular[signed.unsigned_abs() as usize];
        let sign = if signed < 0 { -1 } else { 1 };
        let (low, high) = (ra.min(rb), ra.max(rb));
        let median = if rc >= high {
            low
        } else if rc <= low {
            high
        } else {
            ra + rb - rc
        };
        let px = (median + sign * context.c).clamp(0, maxval);
        let k = golomb_parameter(context.a, context.n)?;
        let mapped = golomb(&mut self.bits, k, limit, self.coding.qbpp)?;
        let half = mapped >> 1;
        let mut error = if mapped & 1 == 0 { half } else { -half - 1 };
        if near == 0 && k == 0 && 2 * context.b <= -context.n {
            error = -error - 1;
        }
        if error.abs() > MAX_ERROR {
            return Err(Stop::Invalid);
        }
        context.a += error.abs();
        let error = error as i32;
        context.b += error * (2 * near + 1);
        if context.n == reset {
            context.a >>= 1;
            context.b >>= 1;
            context.n >>= 1;
        }
        context.n += 1;
        if context.b <= -context.n {
            context.b = (context.b + context.n).max(1 - context.n);
            context.c = (context.c - 1).max(-128);
        } else if context.b > 0 {
            context.b = (context.b - context.n).min(0);
            context.c = (context.c + 1).min(127);
        }
        Ok(self.reconstruct(px, sign * error))
    }

    /// The sample that `error` away from `px` stands for, modulo RANGE (A.4.5).
    #[inline]
    fn reconstruct(&self, px: i32, error: i32) -> i32 {
        let Coding { maxval, near, range, .. } = self.coding;
        let step = 2 * near + 1;
        let mut rx = px + error * step;
        if rx < -near {
            rx += range * step;
        } else if rx > maxval + near {
            rx -= range * step;
        }
        rx.clamp(0, maxval)
    }

    /// Length of a run of at most `left` pixels (A.7.1).
    fn run_length(&mut self, left: usize, slot: usize) -> Result<usize, Stop> {
        let mut length = 0;
        let index = &mut self.run_index[slot];
        while length < left {
            let order = J[*index];
            if self.bits.take(1)? == 0 {
                length += self.bits.take(order)? as usize;
                return if length > left { Err(Stop::Invalid) } else { Ok(length) };
            }
            let whole = 1 << order;
            if length + whole > left {
                return Ok(left);
            }
            length += whole;
            *index = (*index + 1).min(J.len() - 1);
        }
        Ok(length)
    }

    /// The error of the sample that ends a run (A.7.2); `kind` is `RItype`.
    fn interruption_error(&mut self, kind: usize, slot: usize) -> Result<i32, Stop> {
        let context = &mut self.run[kind];
        let kind = i64::from(kind == 1);
        let k = golomb_parameter(context.a + kind * i64::from(context.n >> 1), context.n)?;
        let limit = self.coding.limit - J[self.run_index[slot]] - 1;
        let mapped = golomb(&mut self.bits, k, limit, self.coding.qbpp)?;
        let map = (mapped + kind) & 1;
        let size = (mapped + kind + map) / 2;
        if size > MAX_ERROR {
            return Err(Stop::Invalid);
        }
        let flipped = k != 0 || 2 * context.nn >= context.n;
        let negative = size > 0 && flipped == (map == 1);
        if negative {
            context.nn += 1;
        }
        context.a += (mapped + 1 - kind) >> 1;
        if context.n == self.coding.reset {
            context.a >>= 1;
            context.n >>= 1;
            context.nn >>= 1;
        }
        context.n += 1;
        Ok(if negative { -(size as i32) } else { size as i32 })
    }
}

/// The smallest k with n * 2^k >= a (A.5.1).
#[inline]
fn golomb_parameter(a: i64, n: i32) -> Result<u32, Stop> {
    let n = i64::from(n);
    let mut k = 0;
    while n << k < a {
        k += 1;
    }
    if k > MAX_K { Err(Stop::Invalid) } else { Ok(k) }
}

/// A number in limited-length Golomb code (A.5.3).
#[inline]
fn golomb(bits: &mut BitReader<'_>, k: u32, limit: u32, qbpp: u32) -> Result<i64, Stop> {
    let escape = limit.saturating_sub(qbpp + 1);
    let zeros = bits.zeros(escape)?;
    if zeros < escape {
        Ok((i64::from(zeros) << k) + i64::from(bits.take(k)?))
    } else {
        Ok(i64::from(bits.take(qbpp)?) + 1)
    }
}
