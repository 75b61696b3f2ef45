//! The image files below a folder: which there are, and what their headers say without decoding a pixel.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::error::{Error, Result};
use super::notes::Warnings;
use crate::limits;
use crate::radiograph::Format;
use crate::radiograph::phantom_mark::png_is_phantom;
use crate::watch::Watch;

/// Extensions of images, and of nothing else.
const IMAGE_EXTENSIONS: [&str; 11] = ["dcm", "dicom", "dic", "ima", "png", "jpg", "jpeg", "jpe", "jfif", "tif", "tiff"];

/// An array file may be an image as well.
const ARRAY_EXTENSION: &str = "npy";

/// An image file that was found and looked at.
#[derive(Clone, Debug)]
pub(super) struct ImageFile {
    pub(super) path: PathBuf,
    /// Path below the cohort's folder with `/` between its parts.
    pub(super) relative: String,
    pub(super) header: Header,
}

/// What a file's first bytes tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// An image.
    Image {
        /// `[rows, columns]`, where the header tells it cheaply.
        size_px: Option<[usize; 2]>,
        /// Patient ID of a DICOM file.
        patient: Option<String>,
        /// Whether it is DICOM.
        dicom: bool,
        /// Whether it says that it is a generated image.
        is_phantom: bool,
    },
    /// The table of contents of DICOM media: no pixels.
    Dicomdir,
    /// Named like an image but none that can be read.
    Damaged,
    /// Something else.
    Other,
}

/// All files below a folder that are images.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// In the order of their relative paths.
    pub(super) images: Vec<ImageFile>,
    /// Files that were no images; the caller may add to it.
    pub(super) skipped: Skipped,
}

/// Files that are no images, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Skipped {
    /// Names that begin with a dot, thumbnails and other leavings of operating systems.
    pub hidden: usize,
    /// `DICOMDIR` files: tables of contents without pixels.
    pub dicomdir: usize,
    /// Anything else that is no image: texts, tables, archives.
    pub other: usize,
    /// Folders and links that could not be followed, loops among them.
    pub unreachable: usize,
}

/// Walks `folder` and reads the header of every image file in it, on all threads. Folders for which `leave_out` says so
/// (it is given their lower-case name) are not entered.
///
/// Links are followed, loops are not. Memory a file is its path and a few numbers.
pub(super) fn list(folder: &Path, leave_out: fn(&str) -> bool, watch: &dyn Watch) -> Result<Listing> {
    check_folder(folder)?;
    let mut skipped = Skipped::default();
    let mut paths = Vec::new();
    let mut walk = walkdir::WalkDir::new(folder).min_depth(1).follow_links(true).sort_by_file_name().into_iter();
    while let Some(entry) = walk.next() {
        if watch.is_cancelled() {
            return Err(Error::Interrupted);
        }
        let Ok(entry) = entry else {
            skipped.unreachable += 1;
            continue;
        };
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if entry.file_type().is_dir() {
            if is_leaving(&name) || leave_out(&name) {
                walk.skip_current_dir();
            }
        } else if is_leaving(&name) {
            skipped.hidden += 1;
        } else if entry.file_type().is_file() {
            paths.push(entry.into_path());
        } else {
            skipped.other += 1;
        }
    }
    let total = paths.len();
    let done = AtomicUsize::new(0);
    let read = |path: &PathBuf| {
        if watch.is_cancelled() {
            return Header::Other;
        }
        let header = read_header(path);
        watch.progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
        header
    };
    let headers: Vec<Header> = paths.par_iter().map(read).collect();
    if watch.is_cancelled() {
        return Err(Error::Interrupted);
    }
    let mut listing = Listing { images: Vec::new(), skipped };
    for (path, header) in paths.into_iter().zip(headers) {
        match header {
            Header::Image { .. } | Header::Damaged => {
                let relative = relative_name(folder, &path);
                listing.images.push(ImageFile { path, relative, header });
            }
            Header::Dicomdir => listing.skipped.dicomdir += 1,
            Header::Other => listing.skipped.other += 1,
        }
    }
    Ok(listing)
}

impl Skipped {
    /// Says what was skipped that a user may not expect.
    pub(super) fn warn(self, warnings: &Warnings) {
        if self.unreachable > 0 {
            let count = self.unreachable;
            warnings.note(format!("folders or links that could not be followed, or lead in a circle: {count}"));
        }
    }
}

/// Fails unless `folder` is a folder that can be read.
pub(super) fn check_folder(folder: &Path) -> Result<()> {
    let fail = |problem: String| Err(Error::Folder { problem, path: folder.to_owned() });
    match std::fs::read_dir(folder) {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            std::io::ErrorKind::NotFound => fail("there is no such folder".to_owned()),
            std::io::ErrorKind::NotADirectory => fail("this is no folder".to_owned()),
            _ => fail(format!("the folder cannot be read ({error})")),
        },
    }
}

/// What operating systems and viewers leave behind; `name` is lower-case.
fn is_leaving(name: &str) -> bool {
    name.starts_with('.')
        || ["thumbs.db", "desktop.ini", "ehthumbs.db", "__macosx", "@eadir", "thumbs", "thumbnails"].contains(&name)
}

/// A file name without the extensions of images, and without the folders before it. Other dots stay: the ids of DICOM
/// are full of them.
pub(super) fn stem(name: &str) -> &str {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    without_extension(name)
}

/// A path without the extensions of images.
pub(super) fn without_extension(mut name: &str) -> &str {
    while let Some((before, extension)) = name.rsplit_once('.') {
        if before.is_empty() || !is_image_extension(extension) {
            break;
        }
        name = before;
    }
    name
}

fn is_image_extension(extension: &str) -> bool {
    IMAGE_EXTENSIONS.iter().chain([&ARRAY_EXTENSION]).any(|known| extension.eq_ignore_ascii_case(known))
}

fn relative_name(folder: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(folder).unwrap_or(path);
    let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// Reads what the first bytes of a file tell. The content decides; the name only tells damaged images from other files.
fn read_header(path: &Path) -> Header {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
    let claims = |extensions: &[&str]| extensions.contains(&extension.as_str());
    let damaged = || if claims(&IMAGE_EXTENSIONS) { Header::Damaged } else { Header::Other };
    let Ok(mut file) = crate::files::open(path) else { return damaged() };
    let mut start = [0; 1024];
    let Ok(length) = read_up_to(&mut file, &mut start) else { return damaged() };
    let start = &start[..length];
    match Format::of_content(start) {
        Some(Format::Npy) => Header::Image { size_px: None, patient: None, dicom: false, is_phantom: false },
        Some(Format::Dicom) => super::dicom_header::read(file, start),
        Some(format @ (Format::Png | Format::Jpeg | Format::Tiff)) => {
            let is_phantom = format == Format::Png && png_is_phantom(start);
            raster_size(file, format).map_or(Header::Damaged, |size_px| Header::Image {
                size_px: Some(size_px),
                patient: None,
                dicom: false,
                is_phantom,
            })
        }
        None => damaged(),
    }
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

/// `[rows, columns]` of an image whose pixels are not decoded.
fn raster_size(mut file: File, format: Format) -> Option<[usize; 2]> {
    file.rewind().ok()?;
    let format = match format {
        Format::Png => image::ImageFormat::Png,
        Format::Jpeg => image::ImageFormat::Jpeg,
        Format::Tiff => image::ImageFormat::Tiff,
        Format::Npy | Format::Dicom => return None,
    };
    let reader = image::ImageReader::with_format(BufReader::new(file), format);
    // Decoders of untrusted files may panic.
    let size = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| reader.into_dimensions().ok())).ok()??;
    let inside = |side: u32| (1..=limits::SIDE_PX).contains(&side).then_some(side as usize);
    Some([inside(size.1)?, inside(size.0)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_extensions_of_images_are_no_part_of_an_id() {
        for (name, expected) in [
            ("1.2.276.0.72.519", "1.2.276.0.72.519"),
            ("1.2.276.0.72.519.dcm", "1.2.276.0.72.519"),
            ("a.png", "a"),
            ("a.DCM.png", "a"),
            ("sub/b.JPG", "b"),
            ("sub\\b.jpeg", "b"),
            (".png", ".png"),
            ("IM0001", "IM0001"),
        ] {
            assert_eq!(stem(name), expected);
        }
    }
}
