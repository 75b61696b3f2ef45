//! How much is asked for at once.

use super::range::{Real, Whole};

/// Images a pass through a network: activations of more fill the memory of any machine.
pub const BATCH: Whole = Whole::new(1, 4096);

/// Threads: twice as many as the largest machines have cores.
pub const THREADS: Whole = Whole::new(1, 1024);

/// Jobs at the same time, each with networks of its own.
pub const WORKERS: Whole = Whole::new(1, 256);

/// Parts of a benchmark, more than any cluster shares out; each makes a file.
pub const SHARDS: Whole = Whole::new(1, 100_000);

/// Sensitivity or specificity that a threshold is to keep; one that keeps none calls nothing or everything.
pub const CALLED_SHARE: Real = Real::new(0.001, 1.0);

/// Noisy copies behind a map; the error of their mean falls with the root of their number.
pub const SAMPLES: Whole = Whole::new(1, PASSES);

/// Points on a path from a baseline to the image; their sum is that of the integral long before.
pub const PATH_STEPS: Whole = Whole::new(2, 100_000);

/// Passes through a network for one map, which take a day on a fast machine. Bounds the product of copies and points.
pub const PASSES: usize = 1_000_000;

/// Side of the patch that covers an image, in pixels: no model reads a larger image.
pub const PATCH_PX: Whole = Whole::new(1, 4096);

/// Places of a patch on one image; each is a pass through the network.
pub const PATCHES: usize = 100_000;

/// Standard deviation of noise as a part of the image's range: beyond, copies show nothing of the image.
pub const SIGMA_FRACTION: Real = Real::new(0.0, 1000.0);

/// Paths of XRAI's attribution.
pub const BASELINES: Whole = Whole::new(1, 64);

/// Scales of a segmentation: each takes as long as the others and adds segments of its own.
pub const SCALES: Whole = Whole::new(1, 32);

/// Largest scale of a segmentation, at gray levels from 0 to 255: the whole image is one segment long before.
pub const SCALE: Real = Real::new(0.0, 1e9);

/// Standard deviation of the blur before a segmentation, in pixels.
pub const SEGMENT_SIGMA_PX: Real = Real::new(0.0, 1000.0);

/// Radius by which segments are dilated, in pixels.
pub const DILATION_PX: usize = 1000;

/// Ends of the range that an image is scaled to before a segmentation, on either side of 0.
pub const SEGMENT_VALUE: Real = Real::new(-1e6, 1e6);

/// Pixels of the largest image that XRAI segments.
pub const XRAI_PIXELS: usize = 1 << 24;

/// Pixels of the size it segments at: the sorted edges of one pixel take some hundred bytes.
pub const SEGMENTED_PIXELS: usize = 1 << 22;

/// Images of a cascade, each of which keeps a file open.
pub const CASCADE_IMAGES: usize = 500;
