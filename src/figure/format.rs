//! File formats of figures, and their sizes on paper.

use std::fmt;
use std::str::FromStr;

use super::paint::paint_sized;
use super::{Error, Result, Scene, pdf};
use crate::limits;

/// Millimetres in an inch.
pub(in crate::figure) const MM_PER_INCH: f64 = 25.4;

/// What a figure is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Pixels, with their size.
    Png {
        /// Pixels an inch; journals ask for 300 (pictures) or 600 (pictures with lettering).
        dpi: u32,
    },
    /// Text and lines as such, pictures embedded as PNG, the fonts embedded.
    Svg,
    /// The same, the fonts reduced to the letters in use. Holds no date and no name.
    Pdf,
}

impl Format {
    /// The format that a file name's extension asks for.
    pub fn of_extension(extension: &str, dpi: u32) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "png" => Some(Self::Png { dpi }),
            "svg" => Some(Self::Svg),
            "pdf" => Some(Self::Pdf),
            _ => None,
        }
    }

    /// The usual extension of a file name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png { .. } => "png",
            Self::Svg => "svg",
            Self::Pdf => "pdf",
        }
    }

    /// `scene` as the content of a file, `width_mm` wide on paper.
    ///
    /// # Errors
    /// When the width is no size, the picture is too large or cannot be encoded.
    pub fn encode(self, scene: &Scene, width_mm: f64) -> Result<Vec<u8>> {
        if !limits::FIGURE_WIDTH_MM.contains(width_mm) {
            return Err(Error::Width { width_mm });
        }
        match self {
            Self::Png { dpi } => {
                let width_px = (width_mm / MM_PER_INCH * f64::from(dpi)).round().max(1.0);
                let [width, height] = scene.size_px();
                let height_px = (height * width_px / width).round().max(1.0);
                paint_sized(scene, [width_px as u32, height_px as u32])?.to_png_at(dpi)
            }
            Self::Svg => Ok(scene.to_svg_file(width_mm).into_bytes()),
            Self::Pdf => pdf::encode(scene, width_mm),
        }
    }
}

/// Widths that journals give figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnWidth {
    /// 85 mm: one column.
    Single,
    /// 89 mm: one column of the wider kind.
    WideSingle,
    /// 120 mm: one and a half columns.
    OneAndAHalf,
    /// 178 mm: two columns.
    Double,
    /// 183 mm: two columns of the wider kind.
    WideDouble,
}

impl ColumnWidth {
    /// All, the narrowest first.
    pub const ALL: [Self; 5] = [Self::Single, Self::WideSingle, Self::OneAndAHalf, Self::Double, Self::WideDouble];

    /// In millimetres.
    pub fn mm(self) -> f64 {
        match self {
            Self::Single => 85.0,
            Self::WideSingle => 89.0,
            Self::OneAndAHalf => 120.0,
            Self::Double => 178.0,
            Self::WideDouble => 183.0,
        }
    }

    /// Its name in files and lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::WideSingle => "wide_single",
            Self::OneAndAHalf => "one_and_a_half",
            Self::Double => "double",
            Self::WideDouble => "wide_double",
        }
    }
}

impl fmt::Display for ColumnWidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ColumnWidth {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|width| width.name() == text)
            .ok_or_else(|| Error::UnknownWidth { name: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_widths_read_back() {
        for format in [Format::Png { dpi: 300 }, Format::Svg, Format::Pdf] {
            assert_eq!(Format::of_extension(&format.extension().to_uppercase(), 300), Some(format));
        }
        assert_eq!(Format::of_extension("jpg", 300), None);
        for width in ColumnWidth::ALL {
            assert_eq!(width.name().parse::<ColumnWidth>().unwrap(), width);
        }
        assert!("broad".parse::<ColumnWidth>().is_err());
    }

    #[test]
    fn a_width_that_is_none_is_refused() {
        let scene = Scene::new(10.0, 10.0, [255; 3]);
        for width_mm in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e6] {
            assert!(Format::Svg.encode(&scene, width_mm).is_err(), "{width_mm}");
        }
        assert!(matches!(Format::Png { dpi: 100_000 }.encode(&scene, 800.0), Err(Error::Size { .. })));
    }

    #[test]
    fn a_png_knows_its_size_on_paper() {
        let scene = Scene::new(30.0, 10.0, [255; 3]);
        let png = Format::Png { dpi: 300 }.encode(&scene, 76.2).unwrap();
        let reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap();
        let info = reader.info();
        assert_eq!((info.width, info.height), (900, 300));
        let size = info.pixel_dims.unwrap();
        assert_eq!((size.xppu, size.yppu, size.unit), (11811, 11811, png::Unit::Meter));
    }
}
