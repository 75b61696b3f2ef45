// What a view is: uniforms, the rectangle, and places on grids. Twin: src/display/viewport.rs and sampling.rs.

struct View {
    // Image pixels by screen pixels, row by row.
    matrix: vec4<f32>,
    // The image point in the middle of the view; the middle of the view in its own pixels.
    center: vec4<f32>,
    // Upper left corner of the view on the target, in pixels; width and height of the image.
    origin: vec4<f32>,
    // Middle and radius of the lens in the view's pixels; 1 where it is round, 2 where it is square, 0 without.
    lens: vec4<f32>,
    // Origin, slope and offset of the ramp; 1 where gray is inverted.
    ramp: vec4<f32>,
    // First value of the range, one over its width, threshold, opacity.
    paint: vec4<f32>,
    // Cascade: first magnitude and one over the width of the range, of the lower and of the upper state.
    ranges: vec4<f32>,
    // Cascade: the same of the trained network; blending of the two maps, 0 to 1.
    original: vec4<f32>,
    // Curve (0 clamp, 1 step, 2 logistic, 3 table); 1 where the plane is interpolated; maps shown (0, 1, 2);
    // 1 where the map is interpolated.
    flags: vec4<u32>,
    // 1 where opacity goes by value; 1 where the colour map is diverging; cascade: 0 over the radiograph, 1 alone,
    // 2 difference.
    style: vec4<u32>,
    // Cascade: layers of the lower, the upper and the trained network's map.
    layers: vec4<u32>,
}

@group(0) @binding(0) var<uniform> view: View;

@vertex
fn corner(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    // One triangle over everything; the viewport and the scissor cut it.
    let x = f32(index & 1u) * 4.0 - 1.0;
    let y = f32(index >> 1u) * 4.0 - 1.0;
    return vec4<f32>(x, y, 0.0, 1.0);
}

// Place in the view, in its pixels. Taken from the target and not from the triangle: a view that is partly outside
// the window has a smaller viewport.
fn screen_of(position: vec4<f32>) -> vec2<f32> {
    return position.xy - view.origin.xy;
}

fn image_of(screen: vec2<f32>) -> vec2<f32> {
    let d = screen - view.center.zw;
    return view.center.xy + vec2<f32>(dot(view.matrix.xy, d), dot(view.matrix.zw, d));
}

fn is_inside(image: vec2<f32>) -> bool {
    return all(image >= vec2<f32>(0.0)) && all(image < view.origin.zw);
}

fn is_outside_lens(screen: vec2<f32>) -> bool {
    let d = abs(screen - view.lens.xy);
    let is_round = view.lens.w == 1.0;
    return view.lens.w > 0.0 && select(max(d.x, d.y), length(d), is_round) > view.lens.z;
}

// The four pixels around a place on a grid, and the weights of the right and the lower ones.
struct Taps {
    near: vec2<i32>,
    far: vec2<i32>,
    part: vec2<f32>,
}

fn taps_at(image: vec2<f32>, size: vec2<u32>, is_linear: bool) -> Taps {
    let place = image * (vec2<f32>(size) / view.origin.zw);
    let last = vec2<f32>(size) - 1.0;
    let zero = vec2<f32>(0.0);
    if is_linear {
        let near = floor(place - 0.5);
        return Taps(
            vec2<i32>(clamp(near, zero, last)),
            vec2<i32>(clamp(near + 1.0, zero, last)),
            (place - 0.5) - near,
        );
    }
    let pixel = vec2<i32>(clamp(floor(place), zero, last));
    return Taps(pixel, pixel, zero);
}

fn mixed(corners: vec4<f32>, part: vec2<f32>) -> f32 {
    let upper = corners.x + (corners.y - corners.x) * part.x;
    let lower = corners.z + (corners.w - corners.z) * part.x;
    return upper + (lower - upper) * part.y;
}
