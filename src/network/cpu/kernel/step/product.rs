//! Convolutions as matrix products, direct or filtered.

use rayon::prelude::*;

use super::super::direct::{Direct, Panel, Source, Tap};
use super::super::epilogue::Epilogue;
use super::super::isa::Kernels;
use super::super::memory::{Aligned, Pointers};
use super::super::winograd::{self, Winograd};
use super::{Mode, Packed, Shared, Step, TASK_VALUES, TASKS_PER_THREAD, chunk, normalize, parallel, with_scratch};

impl Step {
    pub(super) unsafe fn run_direct(&self, kernels: &Kernels, memory: &Pointers, mode: Mode) {
        let Self::Direct { sources, taps, table, columns, listed, packed, targets, before } = self else {
            return;
        };
        // SAFETY: `Step::run` checked that sources and targets lie in memory; a plan's table and weights fit them,
        // scratch is this thread's own, and tasks write pixels or channels of their own.
        unsafe {
            let taps: Vec<Tap> = taps.iter().map(|(source, column)| Tap { source: *source, column: *column }).collect();
            let described: Vec<Source> = sources
                .iter()
                .map(|tensor| Source {
                    values: tensor.pointer(memory),
                    stride: tensor.stride,
                    channels: tensor.channels,
                    image_pixels: tensor.pixels(),
                })
                .collect();
            let panels = address(packed);
            let epilogues: Vec<Epilogue> =
                targets.iter().map(|target| target.epilogue(kernels, memory, mode)).collect();
            let zeros = Aligned::zeros(sources.iter().map(|tensor| tensor.channels).max().unwrap_or(0));
            let target_pixels = targets[0].tensor.pixels();
            let listed_pixels = if listed.is_empty() { target_pixels } else { listed.len() };
            let conv = Direct {
                sources: &described,
                taps: &taps,
                table,
                columns: *columns,
                targets: listed,
                listed_pixels,
                target_pixels,
                panels: &panels,
                epilogues: &epilogues,
                zeros: zeros.as_slice().as_ptr(),
            };
            let total = memory.batch * listed_pixels;
            let channels: usize = sources.iter().map(|tensor| tensor.channels).sum();
            let len = chunk(channels).next_multiple_of(kernels.rows);
            if let Some(spec) = before {
                let source = &sources[0];
                let step = Shared(normalize(source, spec, memory));
                let conv = Shared(conv);
                parallel(total, kernels.rows, len, |first, last| {
                    with_scratch((last - first) * source.channels, |rows| {
                        (kernels.normalize_rows)(step.get(), first, last, rows.as_mut_ptr());
                        rows_product(kernels, conv.get(), rows.as_ptr(), source.channels, first, last);
                    });
                });
                return;
            }
            let conv = Shared(conv);
            // Few pixels: the panels are split as well.
            let fair = rayon::current_num_threads() * TASKS_PER_THREAD;
            let splits = fair.div_ceil(total.div_ceil(len)).min(panels.len()).max(1);
            let per_split = panels.len().div_ceil(splits);
            let len = if splits > 1 { len } else { len.min(total.div_ceil(fair).next_multiple_of(kernels.rows)) };
            let chunks = total.div_ceil(len);
            (0..chunks * splits).into_par_iter().for_each(|task| {
                let (chunk, split) = (task % chunks, task / chunks);
                let count = conv.get().panels.len();
                let panels = (split * per_split).min(count)..((split + 1) * per_split).min(count);
                (kernels.direct)(conv.get(), chunk * len, ((chunk + 1) * len).min(total), panels);
            });
        }
    }

    pub(super) unsafe fn run_winograd(&self, kernels: &Kernels, memory: &Pointers, mode: Mode) {
        let Self::Winograd { source, target, shape, axes, padding, packed } = self else { return };
        // SAFETY: as above; scratch has the length that the kernel asks for.
        unsafe {
            let tiles = [0, 1].map(|axis| target.tensor.px[axis].div_ceil(axes[axis].output));
            let panels = address(packed);
            let conv = Shared(Winograd {
                source: source.pointer(memory),
                source_stride: source.stride,
                channels: source.channels,
                source_px: source.px,
                target_px: target.tensor.px,
                padding: *padding,
                tiles,
                panels: &panels,
                epilogue: target.epilogue(kernels, memory, mode),
            });
            let positions = axes[0].input * axes[1].input;
            let wanted = (2 * TASK_VALUES / (positions * source.channels)).clamp(2 * kernels.rows, 8 * kernels.rows);
            let widest = panels.iter().map(|panel| panel.vectors).max().unwrap_or(1);
            let run = kernels.winograd(*shape);
            let total = memory.batch * tiles[0] * tiles[1];
            parallel(total, kernels.rows, wanted, |first, last| {
                let len = winograd::scratch_len(positions, last - first, kernels.rows, source.channels, widest);
                with_scratch(len, |scratch| run(conv.get(), first, last, 0..conv.get().panels.len(), scratch));
            });
        }
    }
}

pub(super) fn address(packed: &Packed) -> Vec<Panel> {
    packed
        .panels
        .iter()
        .map(|panel| Panel {
            weights: packed.values.as_slice()[panel.offset..].as_ptr(),
            vectors: panel.vectors,
            epilogue: panel.target,
            group: panel.group,
            window: panel.window,
        })
        .collect()
}

/// A matrix product of `rows` (pixels `first..last`, `width` values each) with all panels of `conv`.
pub(super) unsafe fn rows_product(
    kernels: &Kernels,
    conv: &Direct<'_>,
    rows: *const f32,
    width: usize,
    first: usize,
    last: usize,
) {
    // SAFETY: the caller gives `last - first` rows of `width` values; addresses before the first are only formed, never
    // touched.
    unsafe {
        let source = [Source {
            // The rows hold pixel `first` on, the kernel counts from pixel 0.
            values: rows.wrapping_sub(first * width),
            stride: width,
            channels: width,
            image_pixels: conv.target_pixels,
        }];
        let taps = [Tap { source: 0, column: None }];
        let conv = Direct { sources: &source, taps: &taps, table: &[], columns: 0, targets: &[], ..*conv };
        (kernels.direct)(&conv, first, last, 0..conv.panels.len());
    }
}

/// A matrix product whose rows are filled in by the caller.
pub(super) fn rows_only<'a>(panels: &'a [Panel], epilogues: &'a [Epilogue], pixels: usize) -> Direct<'a> {
    Direct {
        sources: &[],
        taps: &[],
        table: &[],
        columns: 0,
        targets: &[],
        listed_pixels: pixels,
        target_pixels: pixels,
        panels,
        epilogues,
        zeros: std::ptr::null(),
    }
}
