//! How large files may be, in bytes.

/// Files that people write by hand: protocols, parameters, specifications of figures.
pub const TEXT_BYTES: u64 = 1 << 20;

/// A model card; a name for each of a thousand classes takes 30 KB.
pub const CARD_BYTES: u64 = 4 << 20;

/// Weights in safetensors: the largest network here has 0.1 GiB at its published width, and 1.6 GiB at four times that.
pub const WEIGHTS_BYTES: u64 = 4 << 30;

/// The header of safetensors: names and shapes, no values.
pub const SAFETENSORS_HEADER_BYTES: u64 = 100_000_000;

/// The state of a training: four times the weights, in single precision.
pub const CHECKPOINT_BYTES: u64 = 4 * WEIGHTS_BYTES;

/// Weights of another program.
pub const FOREIGN_WEIGHTS_BYTES: u64 = 2 << 30;

/// An image. The largest that is decoded has [`super::PIXELS`] samples of 16 bits, several frames of which may lie in a
/// DICOM file.
pub const IMAGE_BYTES: u64 = 384 << 20;

/// A mask that was saved as a picture.
pub const MASK_BYTES: u64 = 256 << 20;

/// A DICOMDIR: a thousand times that of a CD with ten images.
pub const MEDIA_DIRECTORY_BYTES: u64 = 64 << 20;

/// The directory of a zip archive of images, wherever in it that lies: 100,000 files with names of 500 letters.
pub const ZIP_DIRECTORY_BYTES: u64 = 64 << 20;

/// What is read of a DICOM file for an index of many: everything before the pixels.
pub const DICOM_HEADER_BYTES: u64 = 8 << 20;

/// A list of images: 600 bytes for each of [`super::LISTED_IMAGES`].
pub const IMAGE_LIST_BYTES: u64 = 64 << 20;

/// A table in CSV: twenty times the largest of the known data sets.
pub const TABLE_BYTES: u64 = 256 << 20;

/// Noise that is given as an array: 800 copies of an image of 320 x 320 pixels and 3 channels.
pub const NOISE_BYTES: u64 = 1 << 30;

/// A sample that a model is compared with: 64 inputs of 320 x 320 pixels and 3 channels take 79 MB.
pub const SAMPLE_BYTES: u64 = 1 << 30;

/// Maps that another program made of one image.
pub const EXTERNAL_MAPS_BYTES: u64 = 1 << 30;

/// Maps of an earlier run: a cascade of eight methods and sixteen states at 4096 x 4096 pixels has as much.
pub const MAPS_BYTES: u64 = 4 << 30;

/// The report of an earlier run, and the record of a figure.
pub const REPORT_BYTES: u64 = 64 << 20;

/// The report of a benchmark with its pictures, looked into before it is replaced.
pub const HTML_REPORT_BYTES: u64 = 512 << 20;

/// Trust cards of a run.
pub const TRUST_BYTES: u64 = 16 << 20;

/// Session and settings of the window: two million long paths.
pub const SESSION_BYTES: u64 = 512 << 20;
