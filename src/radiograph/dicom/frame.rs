//! One decoded frame and the stages from its stored values to gray.

use dicom_dictionary_std::tags;

use super::dataset::DataSet;
use super::error::{Error, Result};
use super::layout::Photometric;
use super::lookup::{self, Inputs, LookupTable};
use super::modality::Modality;
use super::stored::Stored;
use super::voi::{Percentiles, Ramp, VoiChoice, Window};
use crate::radiograph::raster::LUMA;

/// Channels may differ by this part of white and still be gray that was coded as colour.
const GRAY_TOLERANCE: f64 = 3.0 / 255.0;

/// A decoded frame with everything that its gray depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The stored values.
    pub stored: Stored,
    /// The stage before windows.
    pub modality: Modality,
    /// Windows that the file offers, in its order.
    pub windows: Vec<Window>,
    /// VOI lookup tables that the file offers, in its order.
    pub tables: Vec<LookupTable>,
    /// What was odd about this frame.
    pub warnings: Vec<String>,
    /// The palette, or what is to be said of one that cannot be read.
    pub(super) palette: Option<std::result::Result<Palette, &'static str>>,
    /// Whole words of the pixels, where overlays lie in bits that the values do not use.
    pub(super) overlay_words: Option<Vec<i32>>,
    pub(super) padding: Option<[i64; 2]>,
    pub(super) photometric: Photometric,
    pub(super) bits_allocated: u32,
    /// Bits of the values: those of the attributes, unless the pixels have more.
    pub(super) bits_stored: u32,
}

/// How values of the modality become gray.
enum Stage<'a> {
    Table(&'a LookupTable),
    Window(&'a Window),
    Ramp(Ramp),
}

impl Stage<'_> {
    fn at(&self, value: f64) -> f64 {
        match self {
            Self::Table(table) => table.gray(value),
            Self::Window(window) => window.at(value),
            Self::Ramp(ramp) => ramp.at(value),
        }
    }
}

impl Frame {
    /// Leaves out the VOI lookup tables, windows and the palette that would show values that differ as one gray level: the
    /// next one is taken. `warnings` hears of each.
    pub(super) fn drop_what_shows_nothing(&mut self) {
        let inverted = self.is_inverted();
        let Self { stored, modality, windows, tables, warnings, palette, padding, .. } = self;
        let padding = *padding;
        let shown = |gray: f64| 255.0 * if inverted { 1.0 - gray } else { gray };
        tables.retain(|table| {
            let is_flat = stored.is_flattened(padding, |value| shown(table.gray(modality.at(value))));
            if is_flat {
                warnings
                    .push("a VOI lookup table that would show all pixels as one gray level was left out".to_owned());
            }
            !is_flat
        });
        windows.retain(|window| {
            let is_flat = stored.is_flattened(padding, |value| shown(window.level(modality.at(value))));
            if is_flat {
                let Window { center, width, .. } = window;
                warnings.push(format!(
                    "a window (centre {center}, width {width}) beyond the values, which would show all pixels as one gray \
                     level, was left out"
                ));
            }
            !is_flat
        });
        let is_flat = |palette: &Palette| stored.is_flattened(None, |index| luma(palette.at(index as i64)));
        if palette.as_ref().is_some_and(|palette| palette.as_ref().is_ok_and(is_flat)) {
            warnings.push(
                "the palette would show all pixels as one gray level and was left out: gray is the index".to_owned(),
            );
            *palette = None;
        }
    }

    /// Forgets the overlays that lie in its pixels, once they have been taken out.
    pub fn forget_overlays(&mut self) {
        self.overlay_words = None;
    }

    /// Values of the modality (after its lookup table or rescale), in the order of the stored values.
    pub fn modality_values(&self) -> Vec<f32> {
        self.stored.map(|value| self.modality.at(value))
    }

    /// Gray `[rows, columns]`, 0 (black) to 1 (white), for viewing. Colour becomes its luma, whatever the choice.
    ///
    /// # Errors
    /// When the window or table chosen is not there, or the colours cannot be reduced to gray.
    pub fn display(&self, choice: &VoiChoice) -> Result<Vec<f32>> {
        self.gray(choice, 1.0).map(|(gray, _)| gray)
    }

    /// Gray levels `[rows, columns]`, 0 to 255, as a model reads them, with what is to be told about them.
    ///
    /// Always [`VoiChoice::AsStored`]: what somebody chose to look at never changes what a model says. 8-bit values
    /// without window and rescale are kept exactly.
    ///
    /// # Errors
    /// When the colours cannot be reduced to gray.
    pub fn gray_levels(&self) -> Result<(Vec<f32>, Vec<String>)> {
        self.gray(&VoiChoice::AsStored, 255.0)
    }

    /// Whether pixels are colours, or indices of them.
    pub fn is_colour(&self) -> bool {
        self.palette.is_some() || self.stored.samples_per_pixel != 1
    }

    /// Whether large values are dark (MONOCHROME1).
    pub fn is_inverted(&self) -> bool {
        self.photometric == Photometric::Monochrome1
    }

    /// Stored values between which, both inclusive, pixels hold no image.
    pub fn padding(&self) -> Option<[i64; 2]> {
        self.padding
    }

    /// The largest stored value, where stored values are gray levels as they are: 8 bits or fewer, without rescale.
    pub fn plain_white(&self) -> Option<f64> {
        self.is_plain().then(|| ((1_u64 << self.bits_stored) - 1) as f64)
    }

    /// Whether the stored values are gray levels as they are: 8 bits or fewer and nothing said about their contrast.
    fn is_plain(&self) -> bool {
        self.bits_stored <= 8 && !self.stored.signed && self.modality == Modality::Identity
    }

    fn gray(&self, choice: &VoiChoice, white: f64) -> Result<(Vec<f32>, Vec<String>)> {
        if let Some(palette) = &self.palette {
            let palette = palette.as_ref().map_err(|what| Error::unsupported(*what))?;
            return Ok(self.colour(white, |pixel| palette.at(self.stored.value(pixel[0]))));
        }
        let full = ((1_u64 << self.bits_stored) - 1) as f64;
        match self.stored.samples_per_pixel {
            1 => {}
            3 => {
                let unit = |sample: i32| (self.stored.value(sample) as f64 / full).clamp(0.0, 1.0);
                let is_ybr = matches!(
                    self.photometric,
                    Photometric::YbrFull | Photometric::YbrFull422 | Photometric::YbrPartial422
                );
                // Colour differences of 8 bits were turned into colours by the codecs; others are left aside.
                return Ok(if is_ybr && self.bits_allocated != 8 {
                    self.colour(white, |pixel| [unit(pixel[0]); 3])
                } else {
                    self.colour(white, |pixel| [unit(pixel[0]), unit(pixel[1]), unit(pixel[2])])
                });
            }
            _ => return Err(Error::unsupported("an image of four samples a pixel")),
        }
        let mut warnings = Vec::new();
        let stage = self.stage(choice, full, &mut warnings)?;
        let inverted = self.photometric == Photometric::Monochrome1;
        let gray = self.stored.map(|value| {
            let gray = stage.at(self.modality.at(value));
            white * if inverted { 1.0 - gray } else { gray }
        });
        Ok((gray, warnings))
    }

    fn stage<'a>(&'a self, choice: &'a VoiChoice, full: f64, warnings: &mut Vec<String>) -> Result<Stage<'a>> {
        let table = |index: usize| {
            let count = self.tables.len();
            self.tables.get(index).ok_or(Error::Choice { what: "VOI lookup table", asked: index, count })
        };
        let window = |index: usize| {
            let count = self.windows.len();
            self.windows.get(index).ok_or(Error::Choice { what: "window", asked: index, count })
        };
        Ok(match choice {
            VoiChoice::Table(index) => Stage::Table(table(*index)?),
            VoiChoice::Window(index) => Stage::Window(window(*index)?),
            VoiChoice::Custom(window) => Stage::Window(window),
            VoiChoice::Percentiles(percentiles) => Stage::Ramp(self.ramp(*percentiles)),
            VoiChoice::AsStored => {
                let offered = self.tables.len() + self.windows.len();
                if offered > 1 {
                    warnings.push(format!("the file offers {offered} windows or lookup tables; the first was used"));
                }
                if let Some(table) = self.tables.first() {
                    Stage::Table(table)
                } else if let Some(window) = self.windows.first() {
                    Stage::Window(window)
                } else if self.is_plain() {
                    Stage::Ramp(Ramp { black: 0.0, white: full })
                } else {
                    warnings.push(
                        "the file gives no window; its percentiles 0.5 and 99.5 were taken as black and white"
                            .to_owned(),
                    );
                    let ramp = self.ramp(Percentiles::RADIOGRAPH);
                    // So few pixels may differ from the others that the percentiles do not see them.
                    Stage::Ramp(if ramp.black < ramp.white { ramp } else { self.ramp(Percentiles::WHOLE) })
                }
            }
        })
    }

    fn ramp(&self, percentiles: Percentiles) -> Ramp {
        let padding = self.padding.map(|limits| {
            let [a, b] = limits.map(|limit| self.modality.at(limit as f64) as f32);
            [a.min(b), a.max(b)]
        });
        percentiles.ramp(&self.modality_values(), padding)
    }

    /// Luma of colours between 0 and 1, with a warning where they are no gray.
    fn colour(&self, white: f64, colour: impl Fn(&[i32]) -> [f64; 3]) -> (Vec<f32>, Vec<String>) {
        let mut widest = 0.0_f64;
        let gray_of = |pixel: &[i32]| {
            let rgb = colour(pixel);
            let [low, high] = [rgb.iter().copied().fold(1.0, f64::min), rgb.iter().copied().fold(0.0, f64::max)];
            widest = widest.max(high - low);
            // Equal channels are that gray exactly, which their weighted sum need not be.
            (white * if high > low { luma(rgb) } else { rgb[0] }) as f32
        };
        let gray = self.stored.values.chunks_exact(self.stored.samples_per_pixel).map(gray_of).collect();
        let warnings =
            (widest > GRAY_TOLERANCE).then(|| "the image has colours and was reduced to its luma".to_owned());
        (gray, warnings.into_iter().collect())
    }
}

/// What a palette is called in warnings.
const WHAT: &str = "the colour palette";

/// The colours of palette indices (PS3.3 C.7.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Palette {
    red: LookupTable,
    green: LookupTable,
    blue: LookupTable,
}

fn luma(rgb: [f64; 3]) -> f64 {
    rgb.iter().zip(LUMA).map(|(level, weight)| level * f64::from(weight)).sum()
}

impl Palette {
    pub(super) fn read(
        data_set: &DataSet<'_>,
        inputs: Inputs,
        warnings: &mut Vec<String>,
    ) -> std::result::Result<Self, &'static str> {
        if data_set.element(tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA).is_some() {
            return Err("a segmented colour palette");
        }
        let mut table = |descriptor, data| {
            let found = lookup::Raw::read(data_set, [descriptor, data], WHAT, inputs, warnings);
            found.ok_or("an image of colours without their palette")
        };
        let red = table(tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA)?;
        let green =
            table(tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA)?;
        let blue = table(tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA)?;
        // One white for all three, or gray would get a colour; bytes and words have whites of their own.
        let largest = |is_packed: bool| {
            let alike = [&red, &green, &blue].into_iter().filter(|table| table.is_packed == is_packed);
            alike.map(lookup::Raw::largest).max().unwrap_or(0)
        };
        let whites = [false, true].map(largest);
        let [red, green, blue] = [red, green, blue].map(|table| {
            let white = whites[usize::from(table.is_packed)];
            table.settled(white, WHAT, warnings)
        });
        Ok(Self { red, green, blue })
    }

    /// Red, green and blue, 0 to 1.
    fn at(&self, index: i64) -> [f64; 3] {
        [&self.red, &self.green, &self.blue].map(|table| table.gray(index as f64))
    }
}
