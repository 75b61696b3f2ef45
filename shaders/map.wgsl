// A map's values and their paint. Twin: src/display/map.rs.

@group(0) @binding(3) var colours: texture_2d<f32>;

// Missing values are written as this; all others are at most 1e38 from 0.
const MISSING: f32 = -3e38;

fn is_missing(value: f32) -> bool {
    return value < -2e38;
}

// The value between four pixels. A missing pixel is missing on its whole area and takes the nearest one's value where
// it is only a neighbour.
fn present_mix(corners: vec4<f32>, part: vec2<f32>) -> f32 {
    let row = select(corners.xy, corners.zw, part.y >= 0.5);
    let nearest = select(row.x, row.y, part.x >= 0.5);
    if is_missing(nearest) {
        return MISSING;
    }
    let filled = select(corners, vec4<f32>(nearest), corners < vec4<f32>(-2e38));
    return mixed(filled, part);
}

fn faded(a: f32, b: f32, mix: f32) -> f32 {
    if is_missing(a) {
        return b;
    }
    if is_missing(b) {
        return a;
    }
    return a + (b - a) * mix;
}

fn colour_of(place: f32) -> vec3<f32> {
    let step = place * 255.0;
    let below = min(i32(step), 254);
    let a = textureLoad(colours, vec2<i32>(below, 0), 0).xyz;
    let b = textureLoad(colours, vec2<i32>(below + 1, 0), 0).xyz;
    return a + (b - a) * (step - f32(below));
}

fn painted(gray: f32, value: f32) -> vec4<f32> {
    if is_missing(value) {
        return vec4<f32>(vec3<f32>(gray), 1.0);
    }
    let place = clamp((value - view.paint.x) * view.paint.y, 0.0, 1.0);
    let strength = select(place, abs(2.0 * place - 1.0), view.style.y == 1u);
    var opacity = select(view.paint.w, view.paint.w * strength, view.style.x == 1u);
    if strength < view.paint.z {
        opacity = 0.0;
    }
    let base = vec3<f32>(gray);
    return vec4<f32>(base + (colour_of(place) - base) * opacity, 1.0);
}
