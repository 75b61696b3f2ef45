//! Formats that are known and not read, by their first bytes, each with what to do.

use std::io::Read;

use super::Problem;

/// What to do with the volumes and arrays of other programs.
const SAVE_SLICE: &str = "save the image in it as NPY or PNG, for example with Python";

/// What to do with pictures.
const SAVE_PNG: &str = "open it in a program for pictures and save it as PNG";

/// What to do with archives.
const UNPACK: &str = "unpack it and open the image in it";

/// A mark of a format: bytes at a place.
struct Mark {
    at: usize,
    bytes: &'static [u8],
    name: &'static str,
    advice: &'static str,
}

const fn mark(at: usize, bytes: &'static [u8], name: &'static str, advice: &'static str) -> Mark {
    Mark { at, bytes, name, advice }
}

/// The first that fits counts: longer and rarer marks stand before shorter ones.
const MARKS: [Mark; 49] = [
    mark(344, b"n+1\0", "a NIfTI volume", SAVE_SLICE),
    mark(344, b"ni1\0", "the header of a NIfTI volume (.hdr with .img)", SAVE_SLICE),
    mark(4, b"n+2\0\r\n\x1a\n", "a NIfTI volume", SAVE_SLICE),
    mark(4, b"ni2\0\r\n\x1a\n", "the header of a NIfTI volume (.hdr with .img)", SAVE_SLICE),
    mark(0, b"\x5c\x01\0\0", "the header of an Analyze volume (.hdr with .img)", SAVE_SLICE),
    mark(0, b"\0\0\x01\x5c", "the header of an Analyze volume (.hdr with .img)", SAVE_SLICE),
    mark(0, b"NRRD000", "an NRRD volume", SAVE_SLICE),
    mark(0, b"ObjectType", "a MetaImage volume (.mha or .mhd)", SAVE_SLICE),
    mark(0, b"NDims", "a MetaImage volume (.mha or .mhd)", SAVE_SLICE),
    mark(0, b"MATLAB ", "a file of MATLAB (.mat)", SAVE_SLICE),
    mark(0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", SAVE_SLICE),
    mark(512, b"\x89HDF\r\n\x1a\n", "an HDF5 file", SAVE_SLICE),
    mark(0, b"SIMPLE  =", "a FITS image", SAVE_SLICE),
    mark(0, b"\x0eMINC", "a MINC volume", SAVE_SLICE),
    mark(0, b"CDF\x01", "a NetCDF file", SAVE_SLICE),
    mark(0, b"CDF\x02", "a NetCDF file", SAVE_SLICE),
    mark(0, b"\x80\x02", "a Python pickle", SAVE_SLICE),
    mark(0, b"\x80\x03", "a Python pickle", SAVE_SLICE),
    mark(0, b"\x80\x04", "a Python pickle", SAVE_SLICE),
    mark(0, b"\x80\x05", "a Python pickle", SAVE_SLICE),
    mark(0, b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture (JP2)", SAVE_PNG),
    mark(0, b"\xff\x4f\xff\x51", "a JPEG 2000 codestream (J2K)", SAVE_PNG),
    mark(0, b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture", SAVE_PNG),
    mark(0, b"\xff\x0a", "a JPEG XL picture", SAVE_PNG),
    mark(4, b"ftypavif", "an AVIF picture", SAVE_PNG),
    mark(4, b"ftyphei", "an HEIC picture", SAVE_PNG),
    mark(4, b"ftyphev", "an HEIC picture", SAVE_PNG),
    mark(4, b"ftypmif1", "an HEIF picture", SAVE_PNG),
    mark(4, b"ftypmsf1", "an HEIF picture", SAVE_PNG),
    mark(4, b"ftyp", "a video", "save the frame to be looked at as PNG"),
    mark(8, b"WEBP", "a WebP picture", SAVE_PNG),
    mark(0, b"GIF8", "a GIF picture", SAVE_PNG),
    mark(0, b"8BPS", "a Photoshop picture", SAVE_PNG),
    mark(0, b"v/1\x01", "an OpenEXR picture", SAVE_PNG),
    mark(0, b"\0\0\x01\0", "an icon", SAVE_PNG),
    mark(0, b"<svg", "an SVG drawing", SAVE_PNG),
    mark(0, b"P5", "a PGM picture", SAVE_PNG),
    mark(0, b"P2", "a PGM picture", SAVE_PNG),
    mark(0, b"P6", "a PPM picture", SAVE_PNG),
    mark(0, b"%PDF-", "a PDF document", "save the image in it as PNG"),
    mark(0, b"BZh", "a bzip2 archive", UNPACK),
    mark(0, b"\xfd7zXZ\0", "an xz archive", UNPACK),
    mark(0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    mark(0, b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    mark(0, b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    mark(257, b"ustar", "a tar archive", UNPACK),
    mark(0, b"<!DOCTYPE html", "a page of the web", "download the image itself"),
    mark(0, b"<html", "a page of the web", "download the image itself"),
    mark(0, b"SQLite format 3\0", "a database", "choose the image itself"),
];

/// Sizes of the second header of a BMP, whose own mark is only two letters.
const BMP_HEADERS: [u8; 7] = [12, 40, 52, 56, 64, 108, 124];

/// What a file is that is of no format that is read, where it is known.
pub(super) fn of_content(bytes: &[u8]) -> Option<Problem> {
    if let Some(packed) = bytes.strip_prefix(b"PK\x03\x04") {
        return Some(archive(packed));
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Some(gzip(bytes));
    }
    if bytes.starts_with(b"BM") && bytes.get(14).is_some_and(|size| BMP_HEADERS.contains(size)) {
        return Some(Problem::OtherFormat { name: "a BMP picture", advice: SAVE_PNG });
    }
    let found = MARKS.iter().find(|mark| bytes.get(mark.at..).is_some_and(|rest| rest.starts_with(mark.bytes)))?;
    Some(Problem::OtherFormat { name: found.name, advice: found.advice })
}

/// A zip by the name of its first file.
fn archive(behind_mark: &[u8]) -> Problem {
    let length = behind_mark.get(22..24).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u16::from_le_bytes(*bytes));
    let name = behind_mark.get(26..26 + usize::from(length)).unwrap_or_default();
    if name.ends_with(b".npy") {
        let advice = "save one of its arrays alone as NPY (numpy.save)";
        return Problem::OtherFormat { name: "an archive of NumPy's arrays (NPZ)", advice };
    }
    Problem::OtherFormat { name: "a zip archive", advice: UNPACK }
}

/// What is packed by gzip, by its first bytes.
fn gzip(bytes: &[u8]) -> Problem {
    let mut start = Vec::new();
    // A damaged one is still one: what is there of its beginning is enough.
    let _ = flate2::read::GzDecoder::new(bytes).take(352).read_to_end(&mut start);
    let is_nifti = [b"n+1\0", b"ni1\0"].iter().any(|mark| start.get(344..348) == Some(*mark))
        || [b"n+2\0", b"ni2\0"].iter().any(|mark| start.get(4..8) == Some(*mark));
    if is_nifti {
        Problem::OtherFormat { name: "a NIfTI volume (packed by gzip)", advice: SAVE_SLICE }
    } else {
        Problem::OtherFormat { name: "a gzip archive", advice: UNPACK }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn told(bytes: &[u8]) -> String {
        of_content(bytes).map(|problem| problem.to_string()).unwrap_or_default()
    }

    fn at(place: usize, bytes: &[u8]) -> Vec<u8> {
        [&vec![b' '; place][..], bytes, &[0; 64]].concat()
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_mark_is_found_and_says_what_to_do() {
        for Mark { at: place, bytes, name, advice } in &MARKS {
            let told = told(&at(*place, bytes));
            assert!(told.contains("which is not read; ") && told.ends_with(advice), "{name}: {told}");
            assert!(told.contains(name) || name.contains("Analyze"), "{name}: {told}");
        }
    }

    #[test]
    fn archives_go_by_what_is_in_them() {
        let nifti = [&348_i32.to_le_bytes()[..], &[0; 340], b"n+1\0", &[0; 8]].concat();
        assert!(told(&nifti).contains("NIfTI"), "the mark of NIfTI goes before that of Analyze");
        assert!(told(&gzipped(&nifti)).contains("NIfTI"));
        assert!(told(&gzipped(b"text")).contains("a gzip archive"));
        assert!(told(&gzipped(&nifti)[..12]).contains("gzip"), "cut off");
        let mut arrays = crate::array_file::NpzWriter::new(std::io::Cursor::new(Vec::new()));
        arrays.add_f32("a", &[1], &[0.0]).unwrap();
        let arrays = arrays.finish().unwrap().into_inner();
        assert!(told(&arrays).contains("NPZ"), "{}", told(&arrays));
        assert!(told(b"PK\x03\x04").contains("a zip archive"));
        assert!(told(&[&b"BM"[..], &[0; 12], &[40, 0, 0, 0]].concat()).contains("BMP"));
        assert_eq!((told(b"BMW"), told(b"hello"), told(b"")), (String::new(), String::new(), String::new()));
    }
}
