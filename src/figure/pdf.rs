//! A scene as a PDF of one page.

use krilla::Document;
use krilla::SerializeSettings;
use krilla::geom::Size;
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla_svg::{SurfaceExt, SvgSettings};

use super::format::MM_PER_INCH;
use super::paint::tree_of;
use super::{Error, Result, Scene};

/// Points in an inch.
const PT_PER_INCH: f64 = 72.0;

/// `scene` as a page `width_mm` wide: text as text in embedded fonts, lines as lines, pictures as images. The same scene
/// gives the same bytes; no date, author or path is written.
pub(super) fn encode(scene: &Scene, width_mm: f64) -> Result<Vec<u8>> {
    let failed = |reason: &str| Error::Pdf { reason: reason.to_owned() };
    let [width, height] = scene.size_px();
    let width_pt = width_mm / MM_PER_INCH * PT_PER_INCH;
    let size = Size::from_wh(width_pt as f32, (width_pt * height / width) as f32)
        .ok_or_else(|| failed("the page has no size"))?;
    let settings = PageSettings::from_wh(size.width(), size.height()).ok_or_else(|| failed("the page has no size"))?;
    let tree = tree_of(&scene.to_svg())?;
    // XMP would repeat the few entries below with an identifier of its own.
    let mut document = Document::new_with(SerializeSettings { xmp_metadata: false, ..SerializeSettings::default() });
    document.set_metadata(Metadata::new().creator("saliscope".to_owned()));
    let mut page = document.start_page_with(settings);
    let mut surface = page.surface();
    let drawn = surface.draw_svg(&tree, size, SvgSettings::default());
    surface.finish();
    page.finish();
    drawn.ok_or_else(|| failed("the figure could not be drawn"))?;
    document.finish().map_err(|error| Error::Pdf { reason: format!("{error:?}") })
}
