//! The numbers of a view, as `View` in `shaders/view.wgsl` lays them out.

use super::cascade_picture::CascadePicture;
use super::case_picture::CasePicture;
use crate::display::{
    CascadeMode, Curve, GrayDisplay, Interpolation, Lens, MapDisplay, Opacity, Plane, ReadyTone, Viewport, scale_of,
};

/// Four numbers of 32 bits each.
type Row = [u32; 4];

/// All numbers of a view.
pub(super) type Uniforms = [Row; 11];

/// Bytes of them.
pub(super) const UNIFORM_BYTES: u64 = size_of::<Uniforms>() as u64;

fn row(numbers: [f32; 4]) -> Row {
    numbers.map(f32::to_bits)
}

/// The numbers of a view before they are laid out.
#[derive(Default)]
struct View {
    matrix: [f32; 4],
    center: [f32; 4],
    origin: [f32; 4],
    lens: [f32; 4],
    ramp: [f32; 4],
    paint: [f32; 4],
    ranges: [f32; 4],
    original: [f32; 4],
    flags: Row,
    style: Row,
    layers: Row,
}

impl View {
    /// `origin_px`: the view's upper left corner on the target.
    fn of(viewport: &Viewport, plane: &Plane, gray: &GrayDisplay, origin_px: [f32; 2]) -> Self {
        let [[a, b], [c, d]] = viewport.matrix();
        let [x, y] = viewport.center_px;
        let [width, height] = viewport.size_px;
        let mut view = Self {
            matrix: [a as f32, b as f32, c as f32, d as f32],
            center: [x as f32, y as f32, width as f32 / 2.0, height as f32 / 2.0],
            origin: [origin_px[0], origin_px[1], plane.width_px() as f32, plane.height_px() as f32],
            ..Self::default()
        };
        match ReadyTone::of(&gray.tone, plane) {
            ReadyTone::Ramp(ramp) => {
                view.ramp = [ramp.origin, ramp.slope, ramp.offset, 0.0];
                view.flags[0] = match ramp.curve {
                    Curve::Clamp => 0,
                    Curve::Step => 1,
                    Curve::Logistic => 2,
                };
            }
            ReadyTone::Table(_) => view.flags[0] = 3,
        }
        view.ramp[3] = f32::from(u8::from(gray.inverted));
        view.flags[1] = u32::from(gray.interpolation == Interpolation::Linear);
        view
    }

    /// `maps`: how many maps are there to be seen.
    fn with_map(mut self, display: &MapDisplay, maps: u32) -> Self {
        self.paint = [display.range[0], display.scale(), display.threshold, display.opacity.most()];
        self.flags[2] = if display.visible { maps } else { 0 };
        self.flags[3] = u32::from(display.interpolation == Interpolation::Linear);
        self.style[0] = u32::from(matches!(display.opacity, Opacity::ByValue(_)));
        self.style[1] = u32::from(display.colour_map.is_diverging());
        self
    }

    fn laid_out(self) -> Uniforms {
        [
            row(self.matrix),
            row(self.center),
            row(self.origin),
            row(self.lens),
            row(self.ramp),
            row(self.paint),
            row(self.ranges),
            row(self.original),
            self.flags,
            self.style,
            self.layers,
        ]
    }
}

/// The numbers of a case, or of its magnifier.
pub(super) fn of_case(picture: &CasePicture, lens: Option<&Lens>, origin_px: [f32; 2]) -> Uniforms {
    let viewport = lens.map_or(picture.viewport, |lens| lens.viewport(&picture.viewport));
    let mut view = View::of(&viewport, &picture.plane, &picture.gray, origin_px);
    if let Some(lens) = lens {
        let [x, y] = lens.center_px;
        view.lens = [x as f32, y as f32, lens.radius_px as f32, if lens.is_round { 1.0 } else { 2.0 }];
    }
    if let Some(layer) = &picture.map {
        view = view.with_map(&layer.display, if layer.fade.is_some() { 2 } else { 1 });
        view.original[2] = layer.fade.as_ref().map_or(0.0, |(_, mix)| *mix);
    }
    view.laid_out()
}

/// The numbers of a cascade.
pub(super) fn of_cascade(picture: &CascadePicture, origin_px: [f32; 2]) -> Uniforms {
    let CascadePicture { plane, gray, stack, display, viewport, .. } = picture;
    let mut view = View::of(viewport, plane, gray, origin_px);
    view.style[2] = match display.mode {
        CascadeMode::OverRadiograph => 0,
        CascadeMode::MapAlone => 1,
        CascadeMode::Difference => 2,
    };
    let Some(mix) = display.layers(stack) else { return view.laid_out() };
    if display.mode == CascadeMode::Difference && stack.layers()[0].is_none() {
        return view.laid_out();
    }
    let mut view = view.with_map(&display.painting(), 2);
    let range = |state: usize| {
        let range = display.range(stack, state);
        [range[0], scale_of(range)]
    };
    let ([lower, lower_scale], [upper, upper_scale]) = (range(mix.lower), range(mix.upper));
    let [original, original_scale] = range(0);
    view.ranges = [lower, lower_scale, upper, upper_scale];
    view.original = [original, original_scale, mix.fraction, 0.0];
    view.layers = [mix.lower as u32, mix.upper as u32, 0, 0];
    view.laid_out()
}
