// Maps of the states of a cascade, faded into each other. Twin: src/display/cascade.rs.

@group(0) @binding(4) var states: texture_2d_array<f32>;

fn magnitude(value: f32, range: vec2<f32>) -> f32 {
    return select(clamp((abs(value) - range.x) * range.y, 0.0, 1.0), MISSING, is_missing(value));
}

fn state_at(taps: Taps, layer: u32, range: vec2<f32>) -> f32 {
    let corners = vec4<f32>(
        magnitude(textureLoad(states, taps.near, i32(layer), 0).x, range),
        magnitude(textureLoad(states, vec2<i32>(taps.far.x, taps.near.y), i32(layer), 0).x, range),
        magnitude(textureLoad(states, vec2<i32>(taps.near.x, taps.far.y), i32(layer), 0).x, range),
        magnitude(textureLoad(states, taps.far, i32(layer), 0).x, range),
    );
    return present_mix(corners, taps.part);
}

@fragment
fn cascade_picture(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let image = image_of(screen_of(position));
    if !is_inside(image) {
        return vec4<f32>(0.0, 0.0, 0.0, 1.0);
    }
    var gray = 0.0;
    if view.style.z == 0u {
        gray = gray_at(image);
    }
    if view.flags.z == 0u {
        return vec4<f32>(vec3<f32>(gray), 1.0);
    }
    let taps = taps_at(image, textureDimensions(states), view.flags.w == 1u);
    var value = state_at(taps, view.layers.x, view.ranges.xy);
    if view.flags.z == 2u {
        value = faded(value, state_at(taps, view.layers.y, view.ranges.zw), view.original.z);
    }
    if view.style.z == 2u {
        let original = state_at(taps, view.layers.z, view.original.xy);
        if is_missing(original) || is_missing(value) {
            return vec4<f32>(vec3<f32>(gray), 1.0);
        }
        value = value - original;
    }
    return painted(gray, value);
}
