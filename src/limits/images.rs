//! Images, and the codes of their files.

use super::range::{Real, Whole};

/// Longest side of an image, in pixels: four times that of the largest detectors.
pub const SIDE_PX: u32 = 16_384;

/// Most samples (pixels times channels) of an image: with 4 bytes each, a few copies stay below 1 GiB.
pub const PIXELS: usize = 50_000_000;

/// Most memory a decoder may take, in bytes.
pub const DECODED_BYTES: u64 = 256 << 20;

/// Most bytes a deflated DICOM data set may become.
pub const INFLATED_BYTES: u64 = 256 << 20;

/// Images that are kept from when they are read to when they are drawn, in bytes together.
pub const KEPT_IMAGES_BYTES: usize = 1 << 30;

/// Most files of a folder or a zip archive that are looked at for images.
pub const COLLECTED_FILES: usize = 100_000;

/// Most images of a folder, a DICOMDIR or a zip archive that are opened together.
pub const COLLECTED_IMAGES: usize = 10_000;

/// Most paths of a list of images; each may be a folder or an archive.
pub const LISTED_IMAGES: usize = 100_000;

/// Most bytes that all files of a zip archive of images unpack to. They are unpacked one by one, in memory.
pub const ARCHIVE_BYTES: u64 = 64 << 30;

/// Bytes that a zip archive of images may unpack to however small it is: a black image becomes a thousandth of its size.
pub const ARCHIVE_TRUSTED_BYTES: u64 = 1 << 30;

/// How many times its size a zip archive of images may unpack to beyond [`ARCHIVE_TRUSTED_BYTES`]; of radiographs it is 1 to 5.
pub const ARCHIVE_RATIO: u64 = 200;

/// Most frames of a DICOM file.
pub const FRAMES: usize = 10_000;

/// Most samples of one coded DICOM frame, all components together.
pub const CODED_SAMPLES: usize = 100_000_000;

/// Deepest nesting of DICOM sequences; those of real files have 6.
pub const DICOM_DEPTH: usize = 16;

/// Most items of a DICOM sequence.
pub const DICOM_ITEMS: usize = 10_000;

/// Most elements and items of a DICOM file, nested ones included.
pub const DICOM_ELEMENTS: usize = 1_000_000;

/// Most fragments of coded DICOM pixels.
pub const DICOM_FRAGMENTS: usize = 100_000;

/// Longest text of a DICOM element, in bytes.
pub const DICOM_TEXT_BYTES: usize = 1 << 16;

/// Largest slope and intercept of a DICOM rescale: beyond, values of 16 bits lose their last digits.
pub const DICOM_RESCALE: f64 = 1e15;

/// Most samples of a JPEG frame, times its scans: ten scans of the largest frame, as progressive files have them.
pub const JPEG_SCANNED_SAMPLES: usize = 10 * PIXELS;

/// Most tiles of a JPEG 2000 picture; each takes some kilobytes in the decoder, however small it is.
pub const JPEG_2000_TILES: u64 = 16_384;

/// Most code blocks and precincts of a JPEG 2000 picture; each takes a hundred bytes and more in the decoder.
pub const JPEG_2000_BLOCKS: u64 = 1_000_000;

/// The same of all its tiles, which are decoded one after the other: a second or two.
pub const JPEG_2000_BLOCKS_OF_ALL_TILES: u64 = 8_000_000;

/// Most packets of a tile of a JPEG 2000 picture: two bytes each.
pub const JPEG_2000_PACKETS: u64 = 50_000_000;

/// The same of all its tiles.
pub const JPEG_2000_PACKETS_OF_ALL_TILES: u64 = 200_000_000;

/// Most chunks of a PNG that are searched for the mark of phantoms.
pub const PNG_CHUNKS: usize = 1000;

/// Pixels of a map that is kept in a database.
pub const KEPT_MAP_PIXELS: usize = 1 << 28;

/// Pixels a side of a radiograph that is kept in a database: as large as a figure shows it, too small for most writing.
pub const THUMBNAIL_PX: usize = 128;

/// Radiographs that a run keeps in small, the first of its sample: 32 MiB at most, and less for being compressed.
pub const THUMBNAILS: usize = 2000;

/// Width of a figure in mm: text of 6 points still finds room on the narrowest, the widest is a sheet of A0 upright.
pub const FIGURE_WIDTH_MM: Real = Real::new(60.0, 841.0);

/// Dots an inch of a figure: from those of a screen to those of a line drawing in print.
pub const FIGURE_DPI: Whole = Whole::new(72, 1200);

/// Columns of a figure's grid: of more, none would be 5 mm wide on the widest sheet.
pub const FIGURE_COLUMNS: Whole = Whole::new(1, 160);

/// Contours in a figure, each of which is traced over the whole map.
pub const CONTOURS: usize = 100;

/// Boxes in a figure.
pub const BOXES: usize = 10_000;

/// Pixels painted at once: 800 MB of memory.
pub const PAINTED_PX: u64 = 200_000_000;

/// Rows and columns of a phantom: below, ribs are thinner than a pixel; beyond, one takes minutes.
pub const PHANTOM_SIDE_PX: Whole = Whole::new(128, 2048);

/// Phantoms in a cohort or an export.
pub const PHANTOMS: Whole = Whole::new(1, 1_000_000);

/// Longest side of a map in an animation, in pixels.
pub const TILE_PX: Real = Real::new(64.0, 1024.0);

/// Frames a second of an animation: GIF counts in hundredths of a second.
pub const FRAMES_PER_SECOND: Real = Real::new(1.0, 50.0);

/// Seconds for which a state of an animation stands still.
pub const HOLD_SECS: Real = Real::new(0.05, 60.0);

/// Seconds of a cross-fade.
pub const FADE_SECS: Real = Real::new(0.0, 10.0);

/// Images that are animated in one run: each keeps the maps of all its states.
pub const ANIMATED: Whole = Whole::new(0, 8);
