//! Transfer syntaxes: how a data set and its pixels are coded (PS3.5 section 10, PS3.6 table A-1).

use super::signature::Signature;

/// How the elements of a data set are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    /// Elements carry their value representation.
    pub(super) explicit: bool,
    /// Least significant byte first.
    pub(super) little_endian: bool,
}

impl Encoding {
    /// Implicit VR, little endian.
    pub(super) const IMPLICIT: Self = Self { explicit: false, little_endian: true };
    /// Explicit VR, little endian.
    pub(super) const EXPLICIT: Self = Self { explicit: true, little_endian: true };
    /// Explicit VR, big endian.
    pub(super) const BIG_ENDIAN: Self = Self { explicit: true, little_endian: false };

    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        if self.little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
    }

    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        if self.little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
    }
}

/// How pixels are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PixelCoding {
    /// As they are, in the byte order of the data set.
    Native,
    /// As they are, in fragments.
    EncapsulatedNative,
    /// Each frame deflated.
    DeflatedFrames,
    /// Run lengths.
    Rle,
    /// JPEG (ISO 10918-1), lossy or lossless.
    Jpeg,
    /// JPEG-LS (ISO 14495-1).
    JpegLs,
    /// JPEG 2000 (ISO 15444-1, -2, -15).
    Jpeg2000,
    /// Not read.
    Unsupported,
}

/// One transfer syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferSyntax {
    uid: String,
    name: &'static str,
    pub(super) encoding: Encoding,
    pub(super) deflated: bool,
    pub(super) pixels: PixelCoding,
    /// The file did not say it; it was inferred from the bytes.
    pub(super) inferred: bool,
}

use PixelCoding::{DeflatedFrames, EncapsulatedNative, Jpeg, Jpeg2000, JpegLs, Native, Rle, Unsupported};

/// What follows `1.2.840.10008.1.2` in the UIDs of the standard, with the standard's names.
const KNOWN: [(&str, &str, PixelCoding); 37] = [
    ("", "Implicit VR Little Endian", Native),
    (".1", "Explicit VR Little Endian", Native),
    (".1.98", "Encapsulated Uncompressed Explicit VR Little Endian", EncapsulatedNative),
    (".1.99", "Deflated Explicit VR Little Endian", Native),
    (".2", "Explicit VR Big Endian", Native),
    (".4.50", "JPEG Baseline (Process 1)", Jpeg),
    (".4.51", "JPEG Extended (Process 2 and 4)", Jpeg),
    (".4.53", "JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8)", Jpeg),
    (".4.55", "JPEG Full Progression, Non-Hierarchical (Process 10 and 12)", Jpeg),
    (".4.57", "JPEG Lossless, Non-Hierarchical (Process 14)", Jpeg),
    (".4.70", "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14, Selection Value 1)", Jpeg),
    (".4.80", "JPEG-LS Lossless Image Compression", JpegLs),
    (".4.81", "JPEG-LS Lossy (Near-Lossless) Image Compression", JpegLs),
    (".4.90", "JPEG 2000 Image Compression (Lossless Only)", Jpeg2000),
    (".4.91", "JPEG 2000 Image Compression", Jpeg2000),
    (".4.92", "JPEG 2000 Part 2 Multi-component Image Compression (Lossless Only)", Jpeg2000),
    (".4.93", "JPEG 2000 Part 2 Multi-component Image Compression", Jpeg2000),
    (".4.94", "JPIP Referenced", Unsupported),
    (".4.95", "JPIP Referenced Deflate", Unsupported),
    (".4.100", "MPEG2 Main Profile / Main Level (video)", Unsupported),
    (".4.101", "MPEG2 Main Profile / High Level (video)", Unsupported),
    (".4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1 (video)", Unsupported),
    (".4.103", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1 (video)", Unsupported),
    (".4.104", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video (video)", Unsupported),
    (".4.105", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video (video)", Unsupported),
    (".4.106", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2 (video)", Unsupported),
    (".4.107", "HEVC/H.265 Main Profile / Level 5.1 (video)", Unsupported),
    (".4.108", "HEVC/H.265 Main 10 Profile / Level 5.1 (video)", Unsupported),
    (".4.110", "JPEG XL Lossless", Unsupported),
    (".4.111", "JPEG XL JPEG Recompression", Unsupported),
    (".4.112", "JPEG XL", Unsupported),
    (".4.201", "High-Throughput JPEG 2000 Image Compression (Lossless Only)", Jpeg2000),
    (".4.202", "High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)", Jpeg2000),
    (".4.203", "High-Throughput JPEG 2000 Image Compression", Jpeg2000),
    (".4.204", "JPIP HTJ2K Referenced", Unsupported),
    (".5", "RLE Lossless", Rle),
    (".8.1", "Deflated Image Frame Compression", DeflatedFrames),
];

const STEM: &str = "1.2.840.10008.1.2";

impl TransferSyntax {
    /// The transfer syntax with that UID; an unknown one is taken as explicit VR little endian, which all additions to
    /// the standard since 1995 are, with pixels that are not read.
    pub(super) fn of_uid(uid: &str) -> Self {
        let rest = uid.strip_prefix(STEM);
        let (name, pixels) = KNOWN
            .iter()
            .find(|(suffix, ..)| rest == Some(suffix))
            .map_or(("unknown transfer syntax", Unsupported), |(_, name, pixels)| (*name, *pixels));
        let encoding = match rest {
            Some("") => Encoding::IMPLICIT,
            Some(".2") => Encoding::BIG_ENDIAN,
            _ => Encoding::EXPLICIT,
        };
        let deflated = matches!(rest, Some(".1.99" | ".4.95"));
        Self { uid: uid.to_owned(), name, encoding, deflated, pixels, inferred: false }
    }

    /// Native pixels in a data set whose file does not name a transfer syntax.
    pub(super) fn inferred(encoding: Encoding) -> Self {
        let suffix = match (encoding.explicit, encoding.little_endian) {
            (false, _) => "",
            (true, true) => ".1",
            (true, false) => ".2",
        };
        Self { encoding, inferred: true, ..Self::of_uid(&format!("{STEM}{suffix}")) }
    }

    /// The compression that the first bytes of a fragment betray, where the transfer syntax named none or another.
    pub(super) fn inferred_from_fragment(fragment: &[u8], encoding: Encoding) -> Self {
        let suffix = match Signature::of(fragment).and_then(|signature| signature.coding) {
            Some(JpegLs) => ".4.80",
            Some(Jpeg) => ".4.50",
            Some(Jpeg2000) => ".4.90",
            Some(Rle) => ".5",
            _ => ".1.98",
        };
        Self { encoding, inferred: true, ..Self::of_uid(&format!("{STEM}{suffix}")) }
    }

    /// Its UID.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Whether its compression loses something by definition; some others may or may not.
    pub fn is_lossy(&self) -> bool {
        let lossy = [".4.50", ".4.51", ".4.53", ".4.55", ".4.81"];
        self.uid.strip_prefix(STEM).is_some_and(|suffix| lossy.contains(&suffix))
    }

    /// Its name in the standard.
    pub fn name(&self) -> &'static str {
        self.name
    }
}
